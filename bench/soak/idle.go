package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"time"
)

// idle prints what share of a core a job takes, with default settings, whose source has nothing: one that makes a click a second, and one that
// reads a socket by which nothing comes. A job that takes as much as mostIdle is an error.
func idle(args []string) (err error) {
	f := flag.NewFlagSet("soak idle", flag.ContinueOnError)
	length := f.Duration("for", time.Minute, "how `long` each is looked at")
	dir := f.String("dir", filepath.Join(os.TempDir(), "millrace-idle"), "`folder` for everything; what is there is removed")
	if err := f.Parse(args); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := os.RemoveAll(*dir); err != nil {
		return err
	}
	one, err := newSubject(*dir, "one", 1)
	if err != nil {
		return err
	}
	silent, err := newSubject(*dir, "silent", 1)
	if err != nil {
		return err
	}
	path := silent.path("clicks")
	l, err := new(net.ListenConfig).Listen(ctx, "unix", path) // the kernel takes the connection; nobody has to accept it
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	silent.from = "unix:" + path
	var costly []error
	for s, title := range map[*subject]string{one: "a click a second", silent: "a silent socket"} {
		s.settings = nil
		share, err := s.idles(ctx, *length)
		if err := errors.Join(err, s.kill()); err != nil {
			return err
		}
		fmt.Printf("%s: %.2f %% of a core over %v\n", title, 100*share, *length)
		if share >= mostIdle {
			costly = append(costly, fmt.Errorf("a job with %s takes %.2f %% of a core, not less than %.0f", title, 100*share, 100*mostIdle))
		}
	}
	return errors.Join(costly...)
}

// mostIdle is the part of a core that a job with nothing to do has to stay below.
const mostIdle = 0.01

// settling is what a job may take to begin, besides.
const settling = 5 * time.Second

// idles starts the job and returns what part of a core it takes.
func (s *subject) idles(ctx context.Context, length time.Duration) (float64, error) {
	if err := s.start(ctx); err != nil {
		return 0, err
	}
	if err := sleep(ctx, settling); err != nil {
		return 0, err
	}
	before, err := processorOf(s.process.Process.Pid)
	if err != nil {
		return 0, err
	}
	if err := sleep(ctx, length); err != nil {
		return 0, err
	}
	after, err := processorOf(s.process.Process.Pid)
	return (after - before).Seconds() / length.Seconds(), err
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
