// Command latency measures how long an engine takes from an event to its result, from outside the engine:
//
//	latency [--rate N] [--seconds N] [--warm N] [--apart] COMMAND [ARGUMENTS]
//
// It listens on two unix sockets and starts the command with their paths as two more arguments. The engine connects to the first and gets lines
// "key,at"; it counts by key and writes, for each line, "key,count,at" to the second, over one connection or several. latency is one thread that
// never sleeps:
//
//	.-> send what is due -> look for results, without waiting -> take the time of those there are -.
//	'----------------------------------------------------------------------------------------------'
//
// So sending and receiving have one clock, nobody has to wake the receiver, and what is measured is the engine. Event i is due i/rate seconds after
// the beginning, and its latency counts from then, whether or not it could be sent in time: an engine that stops reading for a while is not let off
// the events that it kept waiting (Tene's coordinated omission). Each key's counts must come as 1, 2, 3, ...: each event is counted once.
//
// A sender that spins takes a processor. Of two, an engine with two threads at work wants the other one and a part of the sender's, and either waits for
// the other, for as long as the kernel's scheduler thinks fair. With --apart it does not get it: as if the sender were on another machine.
//
// Printed to stdout, beside what the engine prints:
//
//	BENCHLAT n=... rate=... p50=...ms p90=...ms p99=...ms p99.9=...ms max=...ms sent_p99.9=...ms sent_max=...ms
//	BENCHHIST 50:1234 100:5678 ...      events by latency: up to 50 us, over that up to 100 us, ...
//
// sent_ is how late events were sent: what the machine, or an engine that does not read, has done to the sender.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "latency:", err)
		os.Exit(1)
	}
}

func run(args []string) (err error) {
	f := flag.NewFlagSet("latency", flag.ContinueOnError)
	rate := f.Int("rate", 100_000, "events a `second`")
	seconds := f.Int("seconds", secondsFrom(os.Getenv("BENCH_SECONDS")), "`seconds` that are measured; default: BENCH_SECONDS, or 30")
	warm := f.Int("warm", 10, "`seconds` before them")
	apart := f.Bool("apart", os.Getenv("BENCH_APART") == "1", "leave the sender a processor to itself, and the engine the others; default: BENCH_APART is 1")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() == 0 || *rate <= 0 || *seconds <= 0 || *warm < 0 {
		return errors.New("usage: latency [--rate N] [--seconds N] [--warm N] [--apart] COMMAND [ARGUMENTS]")
	}
	dir, err := os.MkdirTemp("", "latency-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	l := newLoad(*rate, time.Duration(*warm)*time.Second, time.Duration(*seconds)*time.Second)
	if err := l.listen(in, out); err != nil {
		return err
	}
	defer l.close()
	engine := exec.Command(f.Arg(0), append(f.Args()[1:], in, out)...) //nolint:noctx,gosec // it is ended below; running what it is told is its purpose
	engine.Stdout, engine.Stderr = os.Stdout, os.Stderr
	runtime.LockOSThread() // for good: it is the only thread that matters
	if err := start(engine, *apart); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { // ends with the engine; whoever asks later is told at once
		ended <- engine.Wait()
		close(ended)
	}()
	err = errors.Join(l.measure(ended), end(engine, ended))
	if l.latency.n == 0 {
		return errors.Join(err, errors.New("nothing has been measured"))
	}
	return errors.Join(err, l.print())
}

// secondsFrom reads a number of seconds; what is none is 30.
func secondsFrom(text string) int {
	if n, err := strconv.Atoi(text); err == nil {
		return n
	}
	return 30
}

// measure sends and receives everything.
func (l *load) measure(ended <-chan error) error {
	if err := l.accept(ended); err != nil {
		return err
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	return l.spin()
}

// patience is how long an engine may take to end.
const patience = 20 * time.Second

// end tells the engine to end, and waits.
func end(engine *exec.Cmd, ended <-chan error) error {
	_ = engine.Process.Signal(syscall.SIGTERM) // one that has ended is waited for all the same
	select {
	case <-ended: //nolint:errcheck // how it ends when it is told to is its own affair
		return nil
	case <-time.After(patience):
		return engine.Process.Kill()
	}
}

// print writes the result.
func (l *load) print() error {
	var b strings.Builder
	fmt.Fprintf(&b, "BENCHLAT n=%d rate=%d", l.latency.n, l.rate)
	for _, q := range []struct {
		name string
		at   float64
	}{{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"max", 1}} {
		fmt.Fprintf(&b, " %s=%sms", q.name, millis(l.latency.quantile(q.at)))
	}
	fmt.Fprintf(&b, " sent_p99.9=%sms sent_max=%sms\nBENCHHIST", millis(l.lateness.quantile(0.999)), millis(l.lateness.max))
	for i, n := range l.latency.steps {
		if i < len(steps) {
			fmt.Fprintf(&b, " %d:%d", steps[i].Microseconds(), n)
		} else {
			fmt.Fprintf(&b, " more:%d", n)
		}
	}
	fmt.Fprintf(&b, "\nBENCH seconds=%.3f\n", time.Since(l.start).Seconds())
	_, err := os.Stdout.WriteString(b.String())
	return errors.Join(err, l.wrong())
}

func millis(d time.Duration) string { return fmt.Sprintf("%.3f", float64(d)/float64(time.Millisecond)) }
