package sim

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/millrace/millrace/checkpoint"
	"github.com/millrace/millrace/runner/control"
	"github.com/millrace/millrace/runner/coordinator"
	"github.com/millrace/millrace/runner/worker"
	"github.com/millrace/millrace/stream"
)

// errCut is why attempts fail whose host cannot be reached any more.
var errCut = errors.New("sim: the link to the host was cut")

// link carries messages between the coordinator and the hosts that tasks are spread over. Those to one host, and from one host, keep their order, as
// on a connection; each takes its time. A trigger, an answer to one and the news of a completed checkpoint may be lost: the protocol
// has to do with that. A link may be cut: then the coordinator is told, some time after, that the host's attempts have failed, while they go on until
// the host finds out as well. What is on its way then, and what they say later, is lost.
//
// There is one real worker behind all hosts.
type link struct {
	script linkScript
	log    *slog.Logger
	end    func() // ends the process
	to     coordinator.Workers
	events worker.Events

	mu       sync.Mutex // guards all below
	rand     *rand.Rand
	down, up []*wire // by host: to it, and from it
	running  map[control.Attempt]bool
	lost     map[control.Attempt]bool // not reached any more
	messages int64
	dropped  int
	cuts     int
	restarts int // of the job
	ended    bool

	over   chan struct{}  // closed with the link
	ending sync.WaitGroup // for those who tell the ends of a link that it was cut
}

// linkScript is what messages of one run meet.
type linkScript struct {
	hosts int
	most  time.Duration           // a message is on its way for up to that long; 0: no time
	slow  map[int64]time.Duration // by number of a message: that long
	rate  float64                 // probability that one is lost that may be
	cuts  []int64                 // numbers of messages with which the link of their host is cut
	dieAt int64                   // the number of the message with which the process ends; 0: with none
	calm  time.Time               // from then on nothing goes wrong
	seed  uint64
}

func newLink(s linkScript, log *slog.Logger, end func()) *link {
	l := &link{
		script: s, log: log, end: end, rand: rand.New(rand.NewPCG(s.seed, 2)), running: map[control.Attempt]bool{}, lost: map[control.Attempt]bool{}, over: make(chan struct{}), //nolint:gosec // a seed
	}
	for range s.hosts {
		l.down, l.up = append(l.down, newWire()), append(l.up, newWire())
	}
	return l
}

// run delivers messages until close is called.
func (l *link) run() {
	var wires sync.WaitGroup
	for _, w := range slices.Concat(l.down, l.up) {
		wires.Go(w.run)
	}
	wires.Wait()
}

// close ends the link. Nothing is delivered any more when it has returned.
func (l *link) close() {
	l.mu.Lock()
	if !l.ended {
		l.ended = true
		close(l.over)
	}
	l.mu.Unlock()
	l.ending.Wait()
	for _, w := range slices.Concat(l.down, l.up) {
		w.close()
	}
}

func (l *link) host(a control.Attempt) int { return (a.Stage + a.Task) % l.script.hosts }

// send puts a message on the wire of an attempt's host.
func (l *link) send(wires []*wire, what string, a control.Attempt, mayBeLost bool, deliver func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.messages++; l.messages == l.script.dieAt {
		l.end()
	}
	var delay time.Duration
	if time.Now().Before(l.script.calm) {
		if slices.Contains(l.script.cuts, l.messages) {
			l.cut(l.host(a))
		}
		if mayBeLost && l.rand.Float64() < l.script.rate {
			l.dropped++
			l.log.Debug("lost", "message", what, "task", a)
			return
		}
		delay = l.script.slow[l.messages]
		if l.script.most > 0 {
			delay += time.Duration(l.rand.Int64N(int64(l.script.most)))
		}
	}
	if l.ended || l.lost[a] {
		return
	}
	wires[l.host(a)].send(delay, func() {
		l.mu.Lock()
		lost := l.lost[a]
		l.mu.Unlock()
		if !lost {
			l.log.Debug("delivered", "message", what, "task", a)
			deliver()
		}
	})
}

// longestAgony is how long the ends of a link that was cut may take to find out.
const longestAgony = time.Minute

// cut cuts the link to a host. mu is held.
func (l *link) cut(host int) {
	if l.ended {
		return
	}
	l.cuts++
	l.log.Debug("a link is cut", "host", host)
	found, stopped := time.Duration(l.rand.Int64N(int64(longestAgony))), time.Duration(l.rand.Int64N(int64(longestAgony)))
	for a := range l.running {
		if l.host(a) != host {
			continue
		}
		delete(l.running, a)
		l.lost[a] = true
		l.later(found, func() { l.events.Failed(a, fmt.Errorf("%s: %w", a, errCut)) })
		l.later(stopped, func() { l.to.Stop(a) })
	}
}

// later does something after some time, unless the link has been closed by then. mu is held.
func (l *link) later(after time.Duration, do func()) {
	l.ending.Go(func() { // ends with over
		timer := time.NewTimer(after)
		defer timer.Stop()
		select {
		case <-timer.C:
			do()
		case <-l.over:
		}
	})
}

// Workers implements runner.Link.
func (l *link) Workers(to coordinator.Workers) coordinator.Workers {
	l.to = to
	return (*toWorkers)(l)
}

// Events implements runner.Link.
func (l *link) Events(to worker.Events) worker.Events {
	l.events = to
	return worker.Events{
		Succeeded: func(a control.Attempt, r control.Report) {
			l.send(l.up, "succeeded", a, false, func() {
				l.gone(a)
				to.Succeeded(a, r)
			})
		},
		Failed: func(a control.Attempt, err error) {
			l.send(l.up, "failed", a, false, func() {
				l.gone(a)
				to.Failed(a, err)
			})
		},
		SplitsWanted: func(a control.Attempt) { l.send(l.up, "wants splits", a, false, func() { to.SplitsWanted(a) }) },
		Acked: func(a control.Attempt, ack control.Ack) {
			l.send(l.up, fmt.Sprint("acked ", ack.ID), a, true, func() { to.Acked(a, ack) })
		},
		Ended: func(a control.Attempt) { l.send(l.up, "ended", a, false, func() { to.Ended(a) }) },
		Paced: func(a control.Attempt, p control.Pace) { l.send(l.up, "paced", a, false, func() { to.Paced(a, p) }) },
		Backlogged: func(a control.Attempt, is bool) {
			l.send(l.up, "backlogged", a, false, func() { to.Backlogged(a, is) })
		},
	}
}

func (l *link) gone(a control.Attempt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.running, a)
}

// toWorkers is the coordinator's end of a link.
type toWorkers link

func (w *toWorkers) send(what string, a control.Attempt, mayBeLost bool, deliver func()) {
	l := (*link)(w)
	l.send(l.down, what, a, mayBeLost, deliver)
}

// Launch implements coordinator.Workers, as do the others.
func (w *toWorkers) Launch(a control.Assignment) {
	w.mu.Lock()
	w.running[a.Attempt] = true
	if a.Attempt.Stage == 0 && a.Attempt.Task == 0 && a.Attempt.Number > 0 {
		w.restarts++
	}
	w.mu.Unlock()
	w.send("launch", a.Attempt, false, func() { w.to.Launch(a) })
}

// Stop is a message like others: an attempt may do a lot until it comes.
func (w *toWorkers) Stop(a control.Attempt) { w.send("stop", a, false, func() { w.to.Stop(a) }) }

// Hand hands splits out.
func (w *toWorkers) Hand(a control.Attempt, h control.Handed) {
	w.send("hand", a, false, func() { w.to.Hand(a, h) })
}

// Drop takes no time: whoever wrote to the edge has ended, and whoever will has not been launched.
func (w *toWorkers) Drop(edge int) { w.to.Drop(edge) }

// Trigger tells each attempt by itself.
func (w *toWorkers) Trigger(attempts []control.Attempt, place checkpoint.Place) {
	for _, a := range attempts {
		w.send(fmt.Sprint("trigger ", place.ID), a, true, func() { w.to.Trigger([]control.Attempt{a}, place) })
	}
}

// Completed must reach those who end by it.
func (w *toWorkers) Completed(attempts, done []control.Attempt, cp stream.CheckpointID) {
	for _, a := range attempts {
		if slices.Contains(done, a) {
			w.send(fmt.Sprint("completed and done ", cp), a, false, func() { w.to.Completed([]control.Attempt{a}, []control.Attempt{a}, cp) })
		} else {
			w.send(fmt.Sprint("completed ", cp), a, true, func() { w.to.Completed([]control.Attempt{a}, nil, cp) })
		}
	}
}

// Aborted tells each attempt by itself.
func (w *toWorkers) Aborted(attempts []control.Attempt, cp stream.CheckpointID) {
	for _, a := range attempts {
		w.send(fmt.Sprint("aborted ", cp), a, false, func() { w.to.Aborted([]control.Attempt{a}, cp) })
	}
}

// Align tells each attempt by itself.
func (w *toWorkers) Align(attempts []control.Attempt, group string, least stream.Watermark) {
	for _, a := range attempts {
		w.send("align", a, false, func() { w.to.Align([]control.Attempt{a}, group, least) })
	}
}

// Close ends the link before the worker.
func (w *toWorkers) Close() {
	(*link)(w).close()
	w.to.Close()
}

// wire delivers messages in their order.
type wire struct {
	ended      chan struct{}
	ready      chan struct{}
	delivering chan struct{} // holds a token while a message is delivered

	mu   sync.Mutex // guards all below
	sent []message
	last time.Time // when the last of them comes
	done bool
}

type message struct {
	at      time.Time
	deliver func()
}

func newWire() *wire {
	return &wire{ended: make(chan struct{}), ready: make(chan struct{}, 1), delivering: make(chan struct{}, 1)}
}

func (w *wire) send(delay time.Duration, deliver func()) {
	w.mu.Lock()
	at := time.Now().Add(delay)
	if at.Before(w.last) {
		at = w.last
	}
	w.last = at
	w.sent = append(w.sent, message{at, deliver})
	w.mu.Unlock()
	select {
	case w.ready <- struct{}{}:
	default:
	}
}

// close drops what is on its way, and waits for a message that is being delivered.
func (w *wire) close() {
	w.mu.Lock()
	if !w.done {
		w.done = true
		close(w.ended)
	}
	w.mu.Unlock()
	w.delivering <- struct{}{}
	<-w.delivering
}

// run delivers until the wire is closed.
func (w *wire) run() {
	for {
		select {
		case <-w.ready:
		case <-w.ended:
			return
		}
		for {
			m, ok := w.next()
			if !ok {
				break
			}
			timer := time.NewTimer(time.Until(m.at))
			select {
			case <-timer.C:
			case <-w.ended:
				timer.Stop()
				return
			}
			w.deliver(m)
		}
	}
}

func (w *wire) next() (m message, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.sent) == 0 {
		return m, false
	}
	m, w.sent = w.sent[0], w.sent[1:]
	return m, true
}

func (w *wire) deliver(m message) {
	w.delivering <- struct{}{}
	defer func() { <-w.delivering }()
	select {
	case <-w.ended:
	default:
		m.deliver()
	}
}
