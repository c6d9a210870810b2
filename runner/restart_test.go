package runner_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/runner/control"
)

var errRefused = errors.New("refused by the user's function")

// refusing fails with its first record.
type refusing struct {
	calls  *atomic.Int64
	panics bool
}

func (r *refusing) OnRecord(*datastream.Output[int64], int64) error {
	r.calls.Add(1)
	if r.panics {
		panic(errRefused.Error())
	}
	return errRefused
}

// What the user's code does will be done again by another attempt, so there is none.
func TestUsersErrorsAreNotRetried(t *testing.T) {
	for _, panics := range []bool{false, true} {
		var calls atomic.Int64
		o := runner.Options{Parallelism: 1}
		o.Streaming.Always = true
		o.Streaming.Restart = runner.Restart{Strategy: runner.RestartFixed, Attempts: 5, Delay: time.Millisecond}
		_, err := runner.Run(t.Context(), func(job *plan.Job) {
			in := datastream.FromSlice(job, []int64{1})
			datastream.Collect(datastream.ProcessEach(in, func() *refusing { return &refusing{&calls, panics} }))
		}, o)
		if err == nil || !panics && !errors.Is(err, errRefused) || runner.ExitCode(err) != runner.ExitFailed {
			t.Errorf("panics %t: %v", panics, err)
		}
		if n := calls.Load(); n != 1 {
			t.Errorf("panics %t: the function was called %d times", panics, n)
		}
	}
}

var errPassing = errors.New("it may pass")

// A job begins again as often as its strategy says.
func TestRestartStrategies(t *testing.T) {
	for name, c := range map[string]struct {
		restart runner.Restart
		fails   int // attempts
		gives   int // up after so many attempts; 0: never
	}{
		"none":                 {runner.Restart{Strategy: runner.RestartNone}, 1, 1},
		"fixed, often enough":  {runner.Restart{Strategy: runner.RestartFixed, Attempts: 3}, 3, 0},
		"fixed":                {runner.Restart{Strategy: runner.RestartFixed, Attempts: 3}, 100, 4},
		"failure rate":         {runner.Restart{Strategy: runner.RestartRate, Failures: 2, FailureInterval: time.Hour}, 100, 3},
		"failure rate, passed": {runner.Restart{Strategy: runner.RestartRate, Failures: 2, FailureInterval: time.Hour}, 2, 0},
		"exponential":          {runner.Restart{Strategy: runner.RestartExponential, MaxDelay: time.Millisecond}, 10, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.restart.Delay = time.Millisecond
			var last atomic.Int64
			o := runner.Options{Parallelism: 1, Probe: func(a control.Attempt) error {
				last.Store(max(last.Load(), int64(a.Number)))
				if a.Number < c.fails {
					return errPassing
				}
				return nil
			}}
			o.Streaming.Always, o.Streaming.Restart = true, c.restart
			var got *dataset.Result[int64]
			_, err := runner.Run(t.Context(), func(job *plan.Job) { got = datastream.Collect(datastream.FromSlice(job, []int64{1, 2, 3})) }, o)
			if c.gives > 0 {
				if !errors.Is(err, errPassing) || int(last.Load())+1 != c.gives {
					t.Errorf("%d attempts, want %d: %v", last.Load()+1, c.gives, err)
				}
				return
			}
			if err != nil || len(got.Records()) != 3 || int(last.Load()) != c.fails {
				t.Errorf("%d attempts, want %d: %v", last.Load()+1, c.fails+1, err)
			}
		})
	}
}
