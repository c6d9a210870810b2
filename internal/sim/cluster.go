package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/millrace/millrace/checkpoint"
	"github.com/millrace/millrace/internal/fault"
	"github.com/millrace/millrace/internal/testkit/subject"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/vfs"
	"github.com/millrace/millrace/vfs/mem"
)

// Where things are on the cluster's file system.
const (
	outFolder        = "mem:///out"
	checkpointFolder = "mem:///checkpoints"
	savepointFolder  = "mem:///savepoints"
)

const (
	// calm is when, after a process's start, its faults end.
	calm = time.Hour
	// longest is how long, after a process's start, the job may take to its end, when nothing else is said. A run that takes longer hangs.
	longest = 6 * time.Hour
	// grace is how long a run that has been cancelled may take.
	grace = time.Hour
)

// cluster is the world of one seed: the file system stays, processes come and go. It lives in a bubble.
type cluster struct {
	job       subject.Job
	faults    []fault.Kind
	of        size
	disk      *mem.FS
	scratch   string
	longest   time.Duration // of a process
	rand      *rand.Rand
	from      string // what the next process begins from
	counts    fault.Counts
	processes int
	log       bytes.Buffer
	logger    *slog.Logger
}

func newCluster(job subject.Job, seed uint64, scratch string, level slog.Level) *cluster {
	c := &cluster{job: job, disk: mem.New(""), scratch: scratch, longest: longest, counts: fault.Counts{}, rand: rand.New(rand.NewPCG(seed, 0))} //nolint:gosec // a seed that can be given again
	c.logger = slog.New(slog.NewTextHandler(&c.log, &slog.HandlerOptions{Level: level}))
	return c
}

// run has processes follow one another until one brings the job to its end.
func (c *cluster) run(ctx context.Context) error {
	for {
		p := c.next()
		var err error
		if p.script.rival > 0 {
			p, err = c.rivals(ctx, p)
		} else {
			err = c.watched(ctx, p)
		}
		c.count(p)
		if err == nil && p.savepoint == "" {
			return nil
		}
		if err := c.settle(ctx, p, err); err != nil {
			return err
		}
	}
}

// next makes the next process.
func (c *cluster) next() *process {
	s := draw(c.rand, c.processes, c.faults, c.of)
	c.logger.Info("process", "number", c.processes, "from", c.from, "script", fmt.Sprintf("%+v", s))
	c.processes++
	return newProcess(c, c.processes-1, s)
}

// watched runs a process and logs its end.
func (c *cluster) watched(ctx context.Context, p *process) error {
	err := p.run(ctx)
	c.logger.Info("the process has ended", "process", p.number, "error", err)
	return err
}

// rivals runs a process, and another that takes the job over meanwhile. It returns the latter, or the first if it has ended by then, with its
// error. The first one's must be one that is to be expected.
func (c *cluster) rivals(ctx context.Context, p *process) (*process, error) {
	ended := make(chan error, 1)
	var running sync.WaitGroup
	defer running.Wait()
	running.Go(func() { ended <- c.watched(ctx, p) })
	timer := time.NewTimer(p.script.rival)
	defer timer.Stop()
	select {
	case err := <-ended:
		return p, err
	case <-timer.C:
	}
	if err := c.goOn(ctx); err != nil {
		return p, err
	}
	if c.from == "" { // who begins anew while there is another writes twice
		return p, <-ended
	}
	p.rivalled = true
	c.counts[TakeOvers]++
	rival := c.next()
	err := c.watched(ctx, rival)
	if first := <-ended; first != nil && !p.mayEndBy(first) {
		return p, fmt.Errorf("process %d, which process %d has taken the job from: %w", p.number, rival.number, first)
	}
	c.count(p)
	return rival, err
}

// settle says from what to go on after a process that has not brought the job to its end.
func (c *cluster) settle(ctx context.Context, p *process, err error) error {
	switch {
	case err == nil:
		c.counts[Resizes]++
		c.from = p.savepoint
		return nil
	case p.mayEndBy(err):
		return c.goOn(ctx)
	default:
		return fmt.Errorf("process %d: %w", p.number, err)
	}
}

// goOn finds what the next process begins from after one that ended by a fault.
func (c *cluster) goOn(ctx context.Context) error {
	_, path, err := c.resolver(c.disk).FS(ctx, vfs.Join(checkpointFolder, c.job.Name))
	if err != nil {
		return err
	}
	at := checkpoint.Folder{FS: c.disk, Path: path}
	saved, err := checkpoint.Latest(ctx, at, checkpoint.Options{Job: c.job.Name, Resolve: c.resolver(c.disk).FS})
	if err != nil {
		return fmt.Errorf("finding what to go on from: %w", err)
	}
	c.from = ""
	if saved != nil {
		c.from = runner.FromLatest
	}
	return nil
}

// resolver finds the one file system there is, as a process sees it.
func (c *cluster) resolver(as vfs.FileSystem) *vfs.Resolver {
	return vfs.NewResolver(map[string]vfs.Opener{"mem": func(context.Context, string) (vfs.FileSystem, error) { return as, nil }})
}

func (c *cluster) count(p *process) {
	n := c.counts
	n[Processes]++
	n[Kills] += p.killed
	if p.disk.isDead() {
		n[Crashes]++
	}
	if p.cancelled {
		n[Cancels]++
	}
	n[FailedCalls] += p.disk.failed
	n[LostMessages] += p.link.dropped
	n[Cuts] += p.link.cuts
	n[Restarts] += p.link.restarts
	n[Wishes] += p.granted
	n[Minutes] += int(time.Since(p.began).Minutes())
}

// build is the job as it is under test.
func (c *cluster) build(job *plan.Job) { c.job.Build(outFolder)(job) }

// stacks returns the goroutines of the bubble that the caller is in.
func stacks() string {
	own := make([]byte, 1<<10)
	head, _, _ := bytes.Cut(own[:runtime.Stack(own, false)], []byte("\n"))
	_, bubble, ok := bytes.Cut(head, []byte("synctest bubble "))
	if !ok {
		return ""
	}
	bubble, _, _ = bytes.Cut(bubble, []byte("]"))
	all := make([]byte, 8<<20)
	var out []string
	for g := range strings.SplitSeq(string(all[:runtime.Stack(all, true)]), "\n\n") {
		if first, _, _ := strings.Cut(g, "\n"); strings.Contains(first, "synctest bubble "+string(bubble)+"]") {
			out = append(out, g)
		}
	}
	return strings.Join(out, "\n\n")
}

// hangError says that a run has not come to its end.
type hangError struct {
	after  time.Duration
	stacks string
}

func (e *hangError) Error() string {
	return fmt.Sprintf("the job has not ended after %v of virtual time:\n%s", e.after, e.stacks)
}

// Why processes and attempts end here.
var (
	errKilled    = errors.New("sim: killed")
	errCrashed   = errors.New("sim: the process has crashed")
	errCancelled = errors.New("sim: the run was cancelled")
)
