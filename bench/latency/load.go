package main

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// keys is how many keys the events have.
const keys = 10_007

// load sends events and takes their results.
type load struct {
	rate          int
	first, events int64 // events from first on are measured, of so many in all
	listenIn      int   // descriptors of sockets
	listenOut     int
	in            int
	out           []*receiver

	start    time.Time
	sent     int64  // events whose bytes are in pending or gone
	pending  []byte // bytes not taken by the socket yet
	buffer   []byte // of pending
	received int64
	counts   [keys]int64
	faults   int64
	fault    string // the first
	latency  histogram
	lateness histogram // of sending
}

// receiver is a connection that results come by.
type receiver struct {
	fd  int
	buf []byte
	n   int // bytes of an unfinished line at the start of buf
}

const (
	// mostAtOnce is how many events that are overdue are sent in one call.
	mostAtOnce = 2000
	bufferSize = 1 << 20
)

// newLoad returns a load of so many events a second, which are measured for a length of time after a warming up.
func newLoad(rate int, warm, length time.Duration) *load {
	events := func(d time.Duration) int64 { return int64(d) * int64(rate) / int64(time.Second) }
	return &load{rate: rate, first: events(warm), events: events(warm + length), listenIn: -1, listenOut: -1, in: -1, buffer: make([]byte, 0, bufferSize)}
}

// listen makes the sockets.
func (l *load) listen(in, out string) (err error) {
	if l.listenIn, err = listenOn(in); err != nil {
		return err
	}
	l.listenOut, err = listenOn(out)
	return err
}

func listenOn(path string) (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("making a socket: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		return -1, fmt.Errorf("binding %s: %w", path, err)
	}
	return fd, unix.Listen(fd, 16)
}

func (l *load) close() {
	for _, r := range l.out {
		_ = unix.Close(r.fd) // nobody uses it any more, as the others
	}
	for _, fd := range []int{l.in, l.listenIn, l.listenOut} {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
}

var errEnded = errors.New("the engine has ended before its time")

// accept waits for the engine to connect to the first socket.
func (l *load) accept(ended <-chan error) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	give := time.NewTimer(time.Minute)
	defer give.Stop()
	for {
		fd, _, err := unix.Accept4(l.listenIn, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err == nil {
			l.in = fd
			return nil
		}
		if !errors.Is(err, unix.EAGAIN) {
			return fmt.Errorf("waiting for the engine: %w", err)
		}
		select {
		case <-tick.C:
		case <-give.C:
			return errors.New("the engine has not connected")
		case err := <-ended:
			return errors.Join(errEnded, err)
		}
	}
}

const (
	// slack is how long results may come after the last event.
	slack = 10 * time.Second
	// acceptEvery is how many turns lie between two looks for new connections, once there is one.
	acceptEvery = 1 << 16
)

// spin is the loop.
func (l *load) spin() error {
	l.start = time.Now()
	end := time.Duration(l.events) * time.Second / time.Duration(l.rate)
	for turn := 0; l.received < l.events; turn++ {
		now := time.Since(l.start)
		if now > end+slack {
			return fmt.Errorf("only %d of %d results have come", l.received, l.events)
		}
		if err := l.send(now); err != nil {
			return err
		}
		if len(l.out) == 0 || turn%acceptEvery == 0 {
			if err := l.acceptOut(); err != nil {
				return err
			}
		}
		for _, r := range l.out {
			if err := l.receive(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// due returns when event i is.
func (l *load) due(i int64) time.Duration {
	return time.Duration(i * int64(time.Second) / int64(l.rate))
}

// send sends what is due, unless earlier events are still on their way into the socket.
func (l *load) send(now time.Duration) error {
	if len(l.pending) == 0 {
		due := min(int64(now)*int64(l.rate)/int64(time.Second)+1, l.events, l.sent+mostAtOnce)
		l.pending = l.buffer[:0]
		for ; l.sent < due; l.sent++ {
			at := l.due(l.sent)
			if l.sent >= l.first {
				l.lateness.add(now - at)
			}
			l.pending = strconv.AppendInt(l.pending, l.sent*7919%keys, 10)
			l.pending = append(l.pending, ',')
			l.pending = strconv.AppendInt(l.pending, int64(at), 10)
			l.pending = append(l.pending, '\n')
		}
		if len(l.pending) == 0 {
			return nil
		}
	}
	n, err := unix.Write(l.in, l.pending)
	if err != nil && !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("sending event %d: %w", l.sent, err)
	}
	l.pending = l.pending[max(n, 0):]
	return nil
}

// acceptOut takes the next connection for results, if one has been made.
func (l *load) acceptOut() error {
	fd, _, err := unix.Accept4(l.listenOut, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	switch {
	case err == nil:
		l.out = append(l.out, &receiver{fd: fd, buf: make([]byte, bufferSize)})
		return nil
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		return nil
	default:
		return fmt.Errorf("waiting for the engine to connect: %w", err)
	}
}

// receive takes what has come.
func (l *load) receive(r *receiver) error {
	n, err := unix.Read(r.fd, r.buf[r.n:])
	now := time.Since(l.start)
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		return nil
	case err != nil:
		return fmt.Errorf("reading results: %w", err)
	case n == 0:
		return errEnded
	}
	lines := r.buf[:r.n+n]
	for {
		end := bytes.IndexByte(lines, '\n')
		if end < 0 {
			break
		}
		l.take(lines[:end], now)
		lines = lines[end+1:]
	}
	r.n = copy(r.buf, lines)
	return nil
}

// take takes a result.
func (l *load) take(line []byte, now time.Duration) {
	l.received++
	key, rest := number(line)
	count, rest := number(rest)
	at, rest := number(rest)
	if key < 0 || key >= keys || len(rest) > 0 {
		l.fail("the result %q is not key,count,at", line)
		return
	}
	if l.counts[key]++; l.counts[key] != count {
		l.fail("result %d of key %d has the count %d", l.counts[key], key, count)
	}
	if time.Duration(at) >= l.due(l.first) {
		l.latency.add(now - time.Duration(at))
	}
}

func (l *load) fail(format string, args ...any) {
	if l.faults++; l.faults == 1 {
		l.fault = fmt.Sprintf(format, args...)
	}
}

// wrong is what was wrong with the results.
func (l *load) wrong() error {
	if l.faults == 0 {
		return nil
	}
	return fmt.Errorf("%d results are wrong; the first: %s", l.faults, l.fault)
}

// number cuts a number and the comma behind it off a line; -1: there is none.
func number(line []byte) (n int64, rest []byte) {
	for i, c := range line {
		if c == ',' && i > 0 {
			return n, line[i+1:]
		}
		if c < '0' || c > '9' {
			return -1, line
		}
		n = n*10 + int64(c-'0')
	}
	if len(line) == 0 {
		return -1, nil
	}
	return n, nil
}
