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
	counts Counts
}

func newChain(t *Tester, seed uint64, dir string) *chain {
	return &chain{tester: t, rand: rand.New(rand.NewPCG(seed, 0)), dir: dir, out: filepath.Join(dir, "out")} //nolint:gosec // a seed that can be given again
}

// run has runs follow one another until one comes to the end.
func (c *chain) run(ctx context.Context) error {
	build, err := c.tester.job.Build(c.out)
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		s := c.tester.draw(c.rand, n)
		c.counts.Runs++
		ended, err := c.one(ctx, build, s)
		if ended || err != nil {
			return err
		}
	}
}

// one runs the job once. It says whether the job has come to its end.
func (c *chain) one(ctx context.Context, build func(*plan.Job), s script) (bool, error) {
	store, files := errfs.New(local.FS{NoSync: true}, errfs.Options{Faults: s.store}), errfs.New(local.FS{NoSync: true}, errfs.Options{Faults: s.files})
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
	c.counts.Kills += h.killed
	c.count(store, s.store)
	c.count(files, s.files)
	switch {
	case ctx.Err() != nil:
		return false, errors.Join(context.Cause(ctx), err)
	case err == nil && savepoint == "":
		return true, nil
	case err == nil:
		c.counts.Rescales++
		c.from = savepoint
		return false, nil
	case !h.isMine(err):
		return false, err
	}
	return false, c.goOn(ctx, h)
}

// count counts the faults that calls have met.
func (c *chain) count(fsys *errfs.FS, faults []errfs.Fault) {
	calls := 0
	for _, op := range []errfs.Op{
		errfs.Open, errfs.Create, errfs.Stat, errfs.List, errfs.Mkdir, errfs.Rename, errfs.Remove, errfs.RemoveAll, errfs.Read, errfs.Write, errfs.Close,
	} {
		calls += fsys.Count(op)
	}
	for _, f := range faults {
		switch {
		case f.Nth > calls:
		case f.Err != nil:
			c.counts.Failed++
		default:
			c.counts.Delayed++
		}
	}
}

// goOn finds what the next run begins from after one that ended by a fault.
func (c *chain) goOn(ctx context.Context, h *hand) error {
	if h.aborted {
		c.counts.Aborts++
	}
	at := checkpoint.Folder{FS: local.FS{}, Path: filepath.Join(c.checkpoints(), c.tester.job.Name)}
	o := checkpoint.Options{Job: c.tester.job.Name, Resolve: c.tester.files(nil, nil).FS}
	if h.aborted && h.script.end == Damage {
		damaged, err := damage(ctx, c.rand, at, o)
		if err != nil {
			return err
		}
		if damaged {
			c.counts.Damaged++
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

func (c *chain) checkpoints() string { return filepath.Join(c.dir, "checkpoints") }

// storeScheme is the scheme of the folder of checkpoints, whose calls meet faults.
const storeScheme = "chaos"

// files returns the file systems of a run; nil ones meet no faults.
func (t *Tester) files(files, store vfs.FileSystem) *vfs.Resolver {
	plain := func(fsys vfs.FileSystem) vfs.Opener {
		return func(context.Context, string) (vfs.FileSystem, error) {
			if fsys == nil {
				return local.FS{NoSync: true}, nil
			}
			return fsys, nil
		}
	}
	openers := map[string]vfs.Opener{vfs.Local: plain(files), storeScheme: plain(store)}
	maps.Copy(openers, t.options.Openers)
	return vfs.NewResolver(openers)
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
	return h.aborted || errors.Is(err, errKilled) || errors.Is(err, errfs.ErrInjected) || strings.Contains(err.Error(), errfs.ErrInjected.Error())
}
