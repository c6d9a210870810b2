package sim

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/millrace/millrace/vfs"
)

// Why calls fail here.
var (
	errDead     = errors.New("sim: the process is dead")
	errInjected = errors.New("sim: injected failure")
)

// disk is the cluster's file system as one process sees it. Its calls take virtual time and may fail; when the process dies, nothing that it does
// afterwards takes effect, and of files that it has not closed some first bytes stay. It is safe for concurrent use.
type disk struct {
	vfs.FileSystem
	script diskScript
	log    *slog.Logger
	died   chan struct{} // closed with the process's life
	end    func()        // ends the process, from within a call

	life sync.RWMutex // held for reading while a call takes effect, for writing to die

	mu     sync.Mutex // guards all below
	rand   *rand.Rand
	calls  int64
	failed int
	dead   bool
	open   map[*writer]bool
}

// diskScript is what the calls of one process meet.
type diskScript struct {
	most    time.Duration           // calls take up to that long; 0: no time
	rate    float64                 // probability of failure
	slow    map[int64]time.Duration // by number of a call: it takes that long
	outages []outage
	dieAt   int64     // the number of the call in which the process ends; 0: in none
	gently  bool      // it ends by being cancelled: the call takes effect
	calm    time.Time // from then on nothing goes wrong
	seed    uint64
}

// outage is a time in which all calls fail.
type outage struct{ from, to time.Time }

func newDisk(to vfs.FileSystem, s diskScript, log *slog.Logger, end func()) *disk {
	return &disk{
		FileSystem: to, script: s, log: log, died: make(chan struct{}), end: end, rand: rand.New(rand.NewPCG(s.seed, 1)), open: map[*writer]bool{}, //nolint:gosec // a seed
	}
}

// die ends the process's life. What it has written to files that are not closed is cut off somewhere.
func (d *disk) die() {
	d.life.Lock()
	defer d.life.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead {
		return
	}
	d.dead = true
	close(d.died)
	for w := range d.open {
		kept := w.data[:d.rand.IntN(len(w.data)+1)]
		if len(kept) > 0 {
			_, _ = w.to.Write(kept) // the folder may be gone
		}
		_ = w.to.Close()
	}
	d.open = nil
}

// fate is what a call meets.
type fate struct {
	before, after time.Duration // what it takes, before and after its effect
	err           error         // nil: it succeeds
	late          bool          // it has taken effect when it fails
	ends, dies    bool          // the process ends in it; it dies in it
}

// draw draws the fate of the next call.
func (d *disk) draw() fate {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls++
	s := &d.script
	f := fate{late: d.rand.IntN(2) == 0, ends: d.calls == s.dieAt}
	f.dies = f.ends && !s.gently
	now := time.Now()
	if now.After(s.calm) {
		return f
	}
	took := s.slow[d.calls]
	if s.most > 0 {
		took += time.Duration(d.rand.Int64N(int64(s.most)))
	}
	f.before = time.Duration(d.rand.Float64() * float64(took))
	f.after = took - f.before
	out := slices.ContainsFunc(s.outages, func(o outage) bool { return now.After(o.from) && now.Before(o.to) })
	if out || d.rand.Float64() < s.rate {
		f.err = vfs.Unavailable(errInjected)
		d.failed++
	}
	return f
}

// call has a call meet its fate. do takes effect at once, and never after the process has died.
func (d *disk) call(ctx context.Context, op, p string, do func() error) error {
	return d.meet(ctx, d.draw(), op, p, do)
}

func (d *disk) meet(ctx context.Context, f fate, op, p string, do func() error) (err error) {
	began := time.Now()
	defer func() {
		d.log.Debug("call", "op", op, "path", p, "took", time.Since(began), "error", err)
	}()
	if err := d.wait(ctx, f.before); err != nil {
		return vfs.PathError(op, d.URL(p), err)
	}
	if f.err == nil && !f.dies || f.late {
		if err = d.effect(do); err != nil {
			return err
		}
	}
	if f.ends {
		d.end()
	}
	if err := d.wait(ctx, f.after); err != nil {
		return vfs.PathError(op, d.URL(p), err)
	}
	return vfs.PathError(op, d.URL(p), f.err)
}

// effect does something as long as the process lives.
func (d *disk) effect(do func() error) error {
	d.life.RLock()
	defer d.life.RUnlock()
	if d.isDead() {
		return errDead
	}
	return do()
}

func (d *disk) isDead() bool {
	select {
	case <-d.died:
		return true
	default:
		return false
	}
}

// wait lets time pass, as long as the process lives and the call is wanted.
func (d *disk) wait(ctx context.Context, t time.Duration) error {
	if t > 0 {
		timer := time.NewTimer(t)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-d.died:
		}
	}
	if d.isDead() {
		return errDead
	}
	return nil
}

// Open opens a file. Reading takes no time: opening has.
func (d *disk) Open(ctx context.Context, p string) (f vfs.File, err error) {
	err = d.call(ctx, "open", p, func() error {
		f, err = d.FileSystem.Open(ctx, p)
		return err
	})
	if err != nil {
		if f != nil {
			_ = f.Close() // it is in memory
		}
		return nil, err
	}
	return f, nil
}

// Create makes a file. What is written to it is there when it is closed.
func (d *disk) Create(ctx context.Context, p string) (vfs.Writer, error) {
	w := &writer{disk: d, ctx: ctx, path: p}
	err := d.call(ctx, "create", p, func() error {
		var err error
		if w.to, err = d.FileSystem.Create(context.WithoutCancel(ctx), p); err != nil {
			return err
		}
		d.mu.Lock()
		d.open[w] = true
		d.mu.Unlock()
		return nil
	})
	if err != nil {
		if w.to != nil { // the answer was lost: the file is there
			_ = w.leave(w.to.Close)
		}
		return nil, err
	}
	return w, nil
}

// Stat describes a file or folder.
func (d *disk) Stat(ctx context.Context, p string) (info vfs.Info, err error) {
	err = d.call(ctx, "stat", p, func() error {
		info, err = d.FileSystem.Stat(ctx, p)
		return err
	})
	return info, err
}

// List describes the children of a folder.
func (d *disk) List(ctx context.Context, dir string) (infos []vfs.Info, err error) {
	err = d.call(ctx, "list", dir, func() error {
		infos, err = d.FileSystem.List(ctx, dir)
		return err
	})
	return infos, err
}

// Mkdir makes a folder.
func (d *disk) Mkdir(ctx context.Context, dir string) error {
	return d.call(ctx, "mkdir", dir, func() error { return d.FileSystem.Mkdir(ctx, dir) })
}

// Rename moves a file or folder.
func (d *disk) Rename(ctx context.Context, from, to string) error {
	return d.call(ctx, "rename", from+" to "+to, func() error { return d.FileSystem.Rename(ctx, from, to) })
}

// Remove deletes a file or an empty folder.
func (d *disk) Remove(ctx context.Context, p string) error {
	return d.call(ctx, "remove", p, func() error { return d.FileSystem.Remove(ctx, p) })
}

// RemoveAll deletes a tree. It is not atomic: one that fails, or in which the process dies, leaves some of the files.
func (d *disk) RemoveAll(ctx context.Context, p string) error {
	f := d.draw()
	return d.meet(ctx, f, "remove all", p, func() error {
		if f.err != nil || f.dies {
			return d.removeSome(ctx, p)
		}
		return d.FileSystem.RemoveAll(ctx, p)
	})
}

// removeSome deletes about half of the files of a tree.
func (d *disk) removeSome(ctx context.Context, p string) error {
	children, err := d.FileSystem.List(ctx, p)
	if err != nil {
		return nil //nolint:nilerr // there is nothing to remove, or it is a file
	}
	for _, c := range children {
		switch {
		case c.IsDir:
			err = d.removeSome(ctx, c.Path)
		case d.flip():
			err = d.FileSystem.Remove(ctx, c.Path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *disk) flip() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rand.IntN(2) == 0
}

// Close leaves the file system to the others.
func (d *disk) Close() error { return nil }

// writer is a file being written.
type writer struct {
	disk *disk
	ctx  context.Context //nolint:containedctx // bounds the life of the writer, as vfs says
	path string
	to   vfs.Writer
	data []byte
	done bool
}

// Write keeps the bytes until the file is closed.
func (w *writer) Write(p []byte) (int, error) {
	n := len(p)
	err := w.disk.call(w.ctx, "write", w.path, func() error {
		w.disk.mu.Lock() // die reads it
		defer w.disk.mu.Unlock()
		w.data = append(w.data, p...)
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// Close puts the bytes into the file.
func (w *writer) Close() error {
	err := w.disk.call(w.ctx, "close", w.path, func() error {
		return w.leave(func() error {
			if _, err := w.to.Write(w.data); err != nil {
				return err
			}
			return w.to.Close()
		})
	})
	w.done = err == nil
	return err
}

// Abort removes the file unless Close has said that it is there. It does not fail, but takes no effect when the process is dead.
func (w *writer) Abort() error {
	if w.done {
		return nil
	}
	_ = w.disk.effect(func() error {
		if err := w.leave(w.to.Abort); err != nil {
			return err
		}
		_ = w.disk.FileSystem.Remove(context.Background(), w.path) // it is not there, but when the answer of a Close was lost
		return nil
	})
	return nil
}

// leave ends the writer's life by do.
func (w *writer) leave(do func() error) error {
	w.disk.mu.Lock()
	defer w.disk.mu.Unlock()
	delete(w.disk.open, w)
	return do()
}
