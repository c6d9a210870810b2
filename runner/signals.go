package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// WithSignals returns a context that ends with a SignalError when the process is interrupted or told to terminate; a second signal ends the
// process at once, with that signal's exit code. stop gives signals back and waits for the goroutine that takes them.
func WithSignals(parent context.Context, stderr io.Writer) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals, done, ended := make(chan os.Signal, 2), make(chan struct{}), make(chan struct{})
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() { // ends when done is closed
		defer close(ended)
		for first := true; ; first = false {
			select {
			case <-done:
				return
			case sig := <-signals:
				number, _ := sig.(syscall.Signal) // all that come are
				if !first {
					os.Exit(128 + int(number))
				}
				fmt.Fprintf(stderr, "%s: cancelling; the same again ends the process at once\n", number)
				cancel(&SignalError{number})
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		<-ended
		cancel(nil)
	}
}

// Cause returns why ctx was ended, if somebody said so and something ended with err: a SignalError, ErrCancelled, a UsageError; else err.
func Cause(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	if err == nil || cause == nil || errors.Is(cause, context.Canceled) || errors.Is(cause, context.DeadlineExceeded) {
		return err
	}
	return cause
}
