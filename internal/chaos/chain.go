package chaos

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/millrace/millrace/checkpoint"
	"github.com/millrace/millrace/internal/fault"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/runner/control"
	"github.com/millrace/millrace/vfs"
	"github.com/millrace/millrace/vfs/errfs"
	"github.com/millrace/millrace/vfs/local"
)

// Why attempts and runs end here.
var (
	errKilled  = errors.New("killed by chaos")
	errAborted = errors.New("aborted by chaos")
)

// chain is the runs of one seed.
type chain struct {
	tester *Tester
	rand   *rand.Rand
	dir    string
	out    string
	from   string // what the next run begins from
	counts fault.Counts
}

// run implements runs.
func (c *chain) run(ctx context.Context) error {
	build, err := c.tester.job.Build(c.out)
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		s := c.tester.draw(c.rand, n)
		c.counts[Runs]++
		ended, err := c.one(ctx, build, s)
		if ended || err != nil {
			return err
		}
	}
}

// one runs the job once. It says whether the job has come to its end.
func (c *chain) one(ctx context.Context, build func(*plan.Job), s script) (bool, error) {
	store := errfs.New(local.FS{NoSync: true}, errfs.Options{Faults: faultsOf(s.store)})
	files := errfs.New(local.FS{NoSync: true}, errfs.Options{Faults: faultsOf(s.files)})
	within, abort := context.WithCancelCause(ctx)
	defer abort(nil)
	h := &hand{script: s, abort: abort, stop: make(chan struct{})}
	o := runner.Options{
		Name: c.tester.job.Name, Parallelism: s.tasks, Scratch: c.dir, Probe: h.turn, Files: c.tester.files(files, store),
	}
	o.Streaming.Always, o.Streaming.From, o.Streaming.State = true, c.from, s.state
	o.Streaming.Checkpoints.Folder = storeScheme + "://" + c.checkpoints()
	o.Streaming.Checkpoints.Interval, o.Streaming.Checkpoints.AlignmentTimeout = s.interval, s.patience
	o.Streaming.Checkpoints.TolerableFailures = 100
	o.Streaming.Restart.Delay, o.Streaming.Restart.MaxDelay = time.Millisecond, 5*time.Millisecond
	var steering errgroup.Group
	savepoint := ""
	o.Running = func(controls runner.Controls) {
		steering.Go(func() error { // ends with the run, which within is cancelled after
			select {
			case <-h.stop:
			case <-within.Done():
				return nil
			}
			if cp, err := controls.Stop(within, filepath.Join(c.dir, "savepoints"), false); err == nil {
				savepoint = cp.URL
			}
			return nil
		})
	}
	_, err := runner.Run(within, build, o)
	abort(nil)
	_ = steering.Wait() // it returns none
	c.counts[Kills] += h.killed
	count(c.counts, s.store, callsTo(store))
	count(c.counts, s.files, callsTo(files))
	switch {
	case ctx.Err() != nil:
		return false, errors.Join(context.Cause(ctx), err)
	case err == nil && savepoint == "":
		return true, nil
	case err == nil:
		c.counts[Rescales]++
		c.from = savepoint
		return false, nil
	case !h.isMine(err):
		return false, err
	}
	return false, c.goOn(ctx, h)
}

// goOn finds what the next run begins from after one that ended by a fault.
func (c *chain) goOn(ctx context.Context, h *hand) error {
	if h.aborted {
		c.counts[Aborts]++
	} else {
		c.counts[FailedRuns]++
	}
	at := checkpoint.Folder{FS: local.FS{}, Path: filepath.Join(c.checkpoints(), c.tester.job.Name)}
	o := checkpoint.Options{Job: c.tester.job.Name, Resolve: c.tester.files(nil, nil).FS}
	if h.aborted && h.script.end == Damage {
		damaged, err := damage(ctx, c.rand, at, o)
		if err != nil {
			return err
		}
		if damaged {
			c.counts[Damages]++
		}
	}
	saved, err := checkpoint.Latest(ctx, at, o)
	if err != nil {
		return err
	}
	c.from = ""
	if saved != nil {
		c.from = runner.FromLatest
	}
	return nil
}

func (c *chain) tally() fault.Counts { return c.counts }

func (c *chain) read(ctx context.Context) (fault.Output, error) {
	return fault.ReadOutput(ctx, local.FS{}, c.out)
}

func (c *chain) checkpoints() string { return filepath.Join(c.dir, "checkpoints") }

// storeScheme is the scheme of the folder of checkpoints, whose calls meet faults.
const storeScheme = "chaos"

// files returns the file systems of a run; nil ones meet no faults.
func (t *Tester) files(files, store vfs.FileSystem) *vfs.Resolver {
	return resolver(map[string]vfs.Opener{vfs.Local: plain(files), storeScheme: plain(store)}, t.options.Openers)
}

// resolver finds file systems by openers, of which the later ones win.
func resolver(openers ...map[string]vfs.Opener) *vfs.Resolver {
	all := map[string]vfs.Opener{}
	for _, o := range openers {
		maps.Copy(all, o)
	}
	return vfs.NewResolver(all)
}

// plain opens fsys; nil: the local file system.
func plain(fsys vfs.FileSystem) vfs.Opener {
	return func(context.Context, string) (vfs.FileSystem, error) {
		if fsys == nil {
			return local.FS{NoSync: true}, nil
		}
		return fsys, nil
	}
}

// hand carries a script out: it is asked at every turn of every task.
type hand struct {
	script script
	abort  context.CancelCauseFunc
	stop   chan struct{} // closed to have the job stopped

	mu      sync.Mutex // guards all below
	turns   int64
	killed  int
	aborted bool
	over    bool // end has been carried out
}

// turn implements runner.Options.Probe.
func (h *hand) turn(a control.Attempt) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.turns++
	if h.script.end != "" && !h.over && h.turns >= h.script.endAt {
		h.over = true
		if h.script.end == Rescale {
			close(h.stop)
		} else {
			h.aborted = true
			h.abort(errAborted)
		}
	}
	if h.killed < len(h.script.kills) && h.turns >= h.script.kills[h.killed] {
		h.killed++
		return fmt.Errorf("%s at turn %d: %w", a, h.turns, errKilled)
	}
	return nil
}

// isMine says whether a run's error comes of the script.
func (h *hand) isMine(err error) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.aborted || errors.Is(err, errKilled) || errors.Is(err, errfs.ErrInjected) || isInjected(err.Error())
}

// isInjected says whether a message tells of a call that was made to fail.
func isInjected(message string) bool { return strings.Contains(message, errfs.ErrInjected.Error()) }
