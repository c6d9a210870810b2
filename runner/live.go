package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/millrace/millrace/checkpoint"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner/coordinator"
	"github.com/millrace/millrace/runner/worker"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/state/heap"
	"github.com/millrace/millrace/state/lsm"
	"github.com/millrace/millrace/state/onekey"
	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/vfs/local"
)

// live is what a run has beside others when its job takes checkpoints.
type live struct {
	run     *run
	options Streaming
	store   *checkpoint.Store
	temp    string // the folder of checkpoints that nobody wants to keep; "": there is none
	from    coordinator.Origin
	begun   bool
	helm    *helm

	restored atomic.Int64 // names the folders of native snapshots that are read
}

// isStreaming says whether a job is run as a stream: it must be when data does not end.
func (r *run) isStreaming(job *plan.Job) bool { return r.options.Streaming.Always || isUnbounded(job) }

// isUnbounded says whether some of a job's data does not end.
func isUnbounded(job *plan.Job) bool {
	for _, n := range job.Nodes {
		if read, ok := n.Op.(plan.Read); ok && !read.Source.IsBounded() {
			return true
		}
	}
	return false
}

// check reports what is wrong with a job as it is built.
func (r *run) check(job *plan.Job) error {
	err := job.Err()
	if isUnbounded(job) {
		err = errors.Join(err, job.MissingUIDs())
	}
	if r.isStreaming(job) {
		err = errors.Join(err, job.SharedUIDs())
	}
	return err
}

// goLive opens the folder of checkpoints. Without one, checkpoints are for failures of tasks only, and go with the run.
func (r *run) goLive(ctx context.Context) (*live, error) {
	if err := r.options.Streaming.Checkpoints.validate(); err != nil {
		return nil, &UsageError{err}
	}
	l := &live{run: r, options: r.options.Streaming.withDefaults(), helm: newHelm(r.plan, r.options.Running)}
	at, err := l.folder(ctx)
	if err != nil {
		return nil, err
	}
	l.store, err = checkpoint.Open(ctx, at, l.storeOptions())
	if err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

func (l *live) storeOptions() checkpoint.Options {
	return checkpoint.Options{
		Job: l.run.options.Name, Run: l.run.id, Keep: l.options.Checkpoints.Keep, Log: l.run.options.Log, Resolve: l.run.files.FS,
		MergeBelow: int(max(l.options.Checkpoints.MergeBelow, 0)),
		Native:     nativeReader(func() string { return l.local(fmt.Sprintf("restored-%d", l.restored.Add(1))) }, l.run.options.Clock.Now),
	}
}

func (l *live) folder(ctx context.Context) (checkpoint.Folder, error) {
	url := l.options.Checkpoints.FolderOf(l.run.options.Name)
	if url == "" {
		l.temp = filepath.Join(l.run.options.Scratch, "millrace-checkpoints-"+l.run.id)
		return checkpoint.Folder{FS: local.FS{NoSync: true}, Path: l.temp}, nil
	}
	fsys, path, err := l.run.files.FS(ctx, url)
	return checkpoint.Folder{FS: fsys, Path: path}, err
}

// close removes what is not to be kept.
func (l *live) close() error {
	err := os.RemoveAll(l.local(""))
	if l.temp != "" {
		err = errors.Join(err, os.RemoveAll(l.temp))
	}
	return err
}

// load returns what the job begins from: at first what the user says, later the newest checkpoint of this run, or again what the user said.
func (l *live) load(ctx context.Context) (coordinator.Origin, error) {
	if !l.begun {
		from, err := l.choose(ctx)
		if err == nil && from.Saved != nil {
			err = l.fits(from.Saved)
		}
		if err != nil {
			return coordinator.Origin{}, err
		}
		l.from, l.begun = from, true
		return from, nil
	}
	saved, err := l.store.Latest(ctx)
	if err != nil {
		return coordinator.Origin{}, err
	}
	if saved != nil && saved.Manifest.Run == l.run.id {
		return coordinator.Origin{Saved: saved, To: saved.Manifest.ID, Skipped: saved.Skipped}, nil
	}
	from := l.from
	from.Settled, from.Skipped = false, nil
	if saved != nil {
		from.Skipped = slices.DeleteFunc(slices.Clone(saved.Skipped), func(s checkpoint.Skipped) bool { return s.ID < l.store.First() })
	}
	return from, nil
}

// choose finds the checkpoint or savepoint that the user wants. Who begins anew, or names another than the last one, wants what has been
// published to stay.
func (l *live) choose(ctx context.Context) (coordinator.Origin, error) {
	anew := coordinator.Origin{To: l.store.First() - 1, Settled: true}
	switch from := l.options.From; from {
	case "":
		return anew, nil
	case FromLatest:
		saved, err := l.store.Latest(ctx)
		if err == nil && saved == nil {
			err = &UsageError{fmt.Errorf("there is no complete checkpoint in %s", l.store.Folder())}
		}
		if err != nil {
			return anew, err
		}
		return coordinator.Origin{Saved: saved, To: saved.Manifest.ID, Skipped: saved.Skipped}, nil
	default:
		fsys, path, err := l.run.files.FS(ctx, from)
		if err != nil {
			return anew, err
		}
		at := checkpoint.Folder{FS: fsys, Path: path}
		anew.Saved, err = checkpoint.Load(ctx, at, l.storeOptions())
		if errors.Is(err, fs.ErrNotExist) {
			if last, _ := checkpoint.Latest(ctx, at, l.storeOptions()); last != nil {
				err = fmt.Errorf("%s is a folder of checkpoints: name one of them, such as %s; %q stands for the last one of the job's own", from, last.Root, FromLatest)
			}
			err = &UsageError{err}
		}
		if err == nil && l.store.IsNewest(anew.Saved.Manifest) {
			return coordinator.Origin{Saved: anew.Saved, To: anew.Saved.Manifest.ID}, nil
		}
		return anew, err
	}
}

// fits says whether the job can begin from a checkpoint: an error tells, operator by operator and field by field, what does not.
func (l *live) fits(from *checkpoint.Saved) error {
	if n := from.Manifest.KeyGroups(); n > 0 && l.options.KeyGroups == 0 {
		if err := l.run.plan.Divide(n); err != nil {
			return &BuildError{fmt.Errorf("the job cannot go on from %s:\n%w", from.Root, err)}
		}
	}
	declared, err := worker.Declared(l.run.plan)
	if err != nil {
		return &BuildError{err}
	}
	c := checkpoint.Compare(from.Manifest, declared, l.options.AllowDropped)
	if !c.IsRefused() {
		from.Allowed = l.options.AllowDropped
		if c.Worst() > checkpoint.New {
			l.run.options.Log.Info("state is taken over with changes", "from", from.Root.String(), "changes", c.Worst().String())
		}
		return nil
	}
	var text strings.Builder
	if err := c.Write(&text); err != nil {
		return err
	}
	return &BuildError{fmt.Errorf("the job cannot go on from %s:\n%s", from.Root, text.String())}
}

// worker is what tasks work with.
func (l *live) worker() *worker.Streaming {
	c := l.options.Checkpoints
	return &worker.Streaming{Snapshots: l.store.Writer(), AtLeastOnce: c.AtLeastOnce, Patience: c.patience(), Clock: l.run.options.Clock}
}

// coordinator is what the coordinator works with.
func (l *live) coordinator() *coordinator.Streaming {
	c := l.options.Checkpoints
	log := l.run.options.Log
	return &coordinator.Streaming{
		Settings: coordinator.StreamingSettings{
			Checkpoints: checkpoint.Settings{
				First: l.store.First(), Interval: max(c.Interval, 0), InBacklog: c.InBacklog, Pause: c.MinPause, Timeout: c.Timeout, Failures: max(c.TolerableFailures, 0),
			},
			Restarts: l.options.Restart.policy(),
		},
		Store: l.store, Load: l.load, AllowDuplicates: l.options.AllowDuplicates, Log: log,
		Triggered: l.helm.triggered, Completed: l.helm.completed, Answered: l.helm.answered, Begun: l.helm.begun,
		InBacklog: l.helm.backlogged,
		Aborted: func(id stream.CheckpointID, err error) {
			log.Warn("a checkpoint was given up", "checkpoint", int64(id), "error", err)
			l.helm.aborted(id, err)
		},
	}
}

// policy returns the strategy for one run.
func (r Restart) policy() coordinator.Restarts {
	switch r.Strategy {
	case RestartNone:
		return coordinator.NoRestarts{}
	case RestartFixed:
		return &coordinator.FixedRestarts{Attempts: max(r.Attempts, 0), Delay: r.Delay}
	case RestartRate:
		return &coordinator.RateRestarts{Failures: max(r.Failures, 0), Interval: r.FailureInterval, Delay: r.Delay}
	default:
		return &coordinator.ExponentialRestarts{
			Delay: r.Delay, Multiplier: r.Multiplier, Max: r.MaxDelay, Jitter: max(r.Jitter, 0), ResetAfter: r.ResetAfter,
			Rand: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())), //nolint:gosec // jitter is no secret
		}
	}
}

// nativeFrom is how many bytes a task's state in memory has at least for its checkpoints to be files of what has changed. What is less is written
// as rows each time: in one file, which other tools read.
const nativeFrom = 4 << 20

// stateShare is how much of the operators' memory, in percent, the stores of one operator ask for; they make do with less.
const stateShare = 25

// local is a folder for the state of one task on this machine's disk; all go with the run.
func (l *live) local(name string) string {
	return filepath.Join(l.run.options.Scratch, "millrace-state-"+l.run.id, name)
}

// newStore makes keyed state of the back end that the job is set to.
func (r *run) newStore(c worker.StoreConfig) (state.Store, error) {
	if c.OneKey {
		return onekey.New(onekey.Config{Keys: c.Keys, Memory: c.Memory, Clock: c.Clock.Now})
	}
	if r.live != nil && r.live.options.State == StateLSM {
		bytes := r.arenas() * stateShare / 100 / int64(max(1, r.options.Parallelism))
		return lsm.New(lsm.Config{
			Keys: c.Keys, Groups: c.Groups, Memory: c.Memory, Clock: c.Clock.Now, Dir: r.live.local(c.Name), Bytes: bytes, Native: true,
		})
	}
	return heap.New(heap.Config{Keys: c.Keys, Groups: c.Groups, Memory: c.Memory, Clock: c.Clock.Now, NativeFrom: nativeFrom})
}
