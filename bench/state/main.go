// Command state measures keyed state at scale: a job with one function that keeps 64 bytes for each of 10 million keys of 16 bytes, which random
// records change at a fixed rate while checkpoints are taken.
//
//	state [--backend heap|lsm] [--keys N] [--rate N] [--seconds N] [--interval D] [--memory BYTES] [--parallelism N] [--dir FOLDER]
//
// All keys are written first, as fast as it goes; then a record is due every 1/rate seconds. How late a record is counts from when it was due to when
// its result came to the sink, over an exchange and the function, in one process: so whatever stands still for a while makes all late that were
// due meanwhile. --rate 0 is as fast as it goes, and shows how many updates a second that is.
//
// Printed are the updates a second, how late they were, for how long nothing came to the sink between one batch and the next, the memory of the process, and of each
// checkpoint how long it took, what it wrote of how much state, and the processor time above what the job takes without one.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/state"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "state:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to be undone
	}
}

// settings are what is measured.
type settings struct {
	backend     string
	keys        int64
	rate        float64
	seconds     float64
	interval    time.Duration
	memory      int64
	parallelism int
	dir         string
}

func parse(args []string) (s settings, err error) {
	f := flag.NewFlagSet("state", flag.ContinueOnError)
	f.StringVar(&s.backend, "backend", "heap", "`where` state lies: heap, lsm")
	f.Int64Var(&s.keys, "keys", 10_000_000, "`number` of keys")
	f.Float64Var(&s.rate, "rate", 100_000, "updates a `second`; 0: as many as it can")
	f.Float64Var(&s.seconds, "seconds", 150, "`seconds` that are measured")
	f.DurationVar(&s.interval, "interval", 30*time.Second, "`time` between checkpoints")
	f.Int64Var(&s.memory, "memory", 0, "`bytes` of memory for the job; 0: 5 GB for heap, and for lsm so much that its state has 256 MB")
	f.IntVar(&s.parallelism, "parallelism", 1, "tasks of the function")
	f.StringVar(&s.dir, "dir", os.TempDir(), "`folder` on a local disk for checkpoints, and the files of lsm")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	if s.keys <= 0 || s.rate < 0 || s.seconds <= 0 || s.parallelism <= 0 || s.backend != "heap" && s.backend != "lsm" {
		return s, errors.New("there must be keys, seconds, tasks, and a back end: heap or lsm")
	}
	switch {
	case s.memory > 0:
	case s.backend == "lsm":
		s.memory = lsmMemory
	default:
		s.memory = 5_000_000_000
	}
	return s, nil
}

// lsmMemory is what a job is given so that its state on disk has 256 MB: operators have three fifths of what the binary leaves, state a quarter of
// that.
const lsmMemory = 256_000_000*4*5/3 + 50_000_000

// key is of 16 bytes, value of 64.
type (
	key    struct{ ID, Kind int64 }
	value  struct{ N, A, B, C, D, E, F, Due int64 }
	update struct {
		Key key
		Due int64 // nanoseconds; 0: it is one of the first, which are not measured
	}
)

func (u update) key() key { return u.Key }

// keeper changes the value of each key.
type keeper struct {
	Value state.Value[value]
}

// OnRecord changes the value of the key.
func (k *keeper) OnRecord(ctx *datastream.Context[key, update], u update) error { //nolint:unparam // datastream.Processor has it
	v, _ := k.Value.Get()
	v.N++
	v.A += u.Due & 0xff
	v.Due = u.Due
	k.Value.Set(v)
	ctx.Emit(u)
	return nil
}

func run(ctx context.Context, args []string) (err error) {
	s, err := parse(args)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(s.dir, "bench-state-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	r := &recorder{}
	w := watch{recorder: r}
	stopped := w.start(ctx)
	build := func(job *plan.Job) {
		in := datastream.Read(job, newSource(s, r))
		out := datastream.Process(datastream.KeyBy(in, update.key), func() *keeper { return &keeper{} }, plan.UID("keeper"))
		datastream.Write(out, sink{to: r})
	}
	_, err = runner.Run(ctx, build, runner.Options{
		Name: "state", Parallelism: s.parallelism, Memory: s.memory, Govern: true, Scratch: dir, Running: w.running,
		Streaming: runner.Streaming{
			State:       runner.StateBackend(s.backend),
			Always:      true,
			Checkpoints: runner.Checkpoints{Interval: s.interval, Folder: filepath.Join(dir, "checkpoints")},
			Restart:     runner.Restart{Strategy: runner.RestartNone},
		},
	})
	stopped()
	if err != nil {
		return err
	}
	return w.print(s)
}
