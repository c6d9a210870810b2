// Package errfs wraps a vfs.FileSystem with faults, scripted or drawn from a seed: the nth rename fails, the disk
// is full after a megabyte, a read ends early, a call takes ten seconds. For tests of everything that writes,
// and for the chaos command.
//
// Without faults it is transparent and passes vfs/vfstest. It starts no goroutines.
package errfs

import (
	"context"
	"errors"
	"math/rand/v2"
	"path"
	"sync"
	"syscall"
	"time"

	"github.com/millrace/millrace/vfs"
)

// Op is a kind of call that can fail.
type Op string

// The kinds of calls. Close is that of a Writer; Abort never fails, so that cleaning up stays possible.
const (
	Open      Op = "open"
	Create    Op = "create"
	Stat      Op = "stat"
	List      Op = "list"
	Mkdir     Op = "mkdir"
	Rename    Op = "rename"
	Remove    Op = "remove"
	RemoveAll Op = "remove all"
	Read      Op = "read" // Read and ReadAt
	Write     Op = "write"
	Close     Op = "close"
)

// Fault makes calls fail. The zero value of each field matches everything or does nothing.
type Fault struct {
	Op    Op            // which kind of call; "" any
	Name  string        // pattern (path.Match) for the last element of the path; of a Rename, of its target
	Nth   int           // only the nth matching call, counted from 1; 0 each one
	Delay time.Duration // the call first waits so long, by Options.Sleep
	Err   error         // what the call returns; nil: it only waits
	Late  bool          // the call takes effect and then returns Err all the same, as when an answer is lost
	Short int           // a Read or Write moves at most so many bytes before it returns Err
}

// ErrInjected is what seeded faults return, marked as vfs.ErrUnavailable.
var ErrInjected = errors.New("injected fault")

// Options say what goes wrong. The zero value breaks nothing.
type Options struct {
	Faults   []Fault // scripted; the first that matches counts
	Capacity int64   // bytes that can be written in all before the disk is full (ENOSPC); 0 without limit
	Seed     uint64  // of the random faults
	Rate     float64 // probability that a call fails at random
	Sleep    func(ctx context.Context, d time.Duration) error
}

// FS is a file system with faults. It is safe for concurrent use; with one caller, a seed always gives the same
// faults.
type FS struct {
	vfs.FileSystem
	opts Options

	mu      sync.Mutex // guards what follows
	seen    []int      // matching calls so far, by fault
	counts  map[Op]int
	rand    *rand.Rand
	written int64
}

// New wraps fsys. Closing the FS closes fsys.
func New(fsys vfs.FileSystem, o Options) *FS {
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	return &FS{
		FileSystem: fsys, opts: o, seen: make([]int, len(o.Faults)), counts: map[Op]int{},
		rand: rand.New(rand.NewPCG(o.Seed, 0)),
	}
}

// sleep waits by the clock of the process, or the bubble of testing/synctest.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// Count tells how many calls of a kind there were, failed ones included.
func (f *FS) Count(op Op) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counts[op]
}

// next returns the fault that the coming call meets; one with a nil Err and no Delay is none.
func (f *FS) next(op Op, p string) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counts[op]++
	found := -1
	for i, fault := range f.opts.Faults {
		if !fault.matches(op, p) {
			continue
		}
		f.seen[i]++
		if found < 0 && (fault.Nth == 0 || fault.Nth == f.seen[i]) {
			found = i
		}
	}
	if found >= 0 {
		return f.opts.Faults[found]
	}
	if f.opts.Rate > 0 && f.rand.Float64() < f.opts.Rate {
		return Fault{Err: vfs.Unavailable(ErrInjected)}
	}
	return Fault{}
}

func (f Fault) matches(op Op, p string) bool {
	if f.Op != "" && f.Op != op {
		return false
	}
	if f.Name == "" {
		return true
	}
	ok, err := path.Match(f.Name, path.Base(p))
	return ok || err != nil
}

// call runs do under the fault that it meets.
func (f *FS) call(ctx context.Context, op Op, p string, do func() error) error {
	fault := f.next(op, p)
	if fault.Delay > 0 {
		if err := f.opts.Sleep(ctx, fault.Delay); err != nil {
			return vfs.PathError(string(op), f.URL(p), err)
		}
	}
	if fault.Err == nil {
		return do()
	}
	if fault.Late {
		if err := do(); err != nil {
			return err
		}
	}
	return vfs.PathError(string(op), f.URL(p), fault.Err)
}

// admit takes room for n bytes and returns how many fit.
func (f *FS) admit(n int) (int, error) {
	if f.opts.Capacity == 0 {
		return n, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	room := int(min(int64(n), f.opts.Capacity-f.written))
	f.written += int64(room)
	if room < n {
		return room, vfs.Unavailable(syscall.ENOSPC)
	}
	return n, nil
}

// Open opens a file whose reads may fail.
func (f *FS) Open(ctx context.Context, p string) (file vfs.File, err error) {
	err = f.call(ctx, Open, p, func() error {
		file, err = f.FileSystem.Open(ctx, p)
		return err
	})
	if err != nil {
		if file != nil {
			err = errors.Join(err, file.Close())
		}
		return nil, err
	}
	return &reader{File: file, fsys: f, path: p, ctx: ctx}, nil
}

// Create makes a file whose writes and Close may fail.
func (f *FS) Create(ctx context.Context, p string) (w vfs.Writer, err error) {
	err = f.call(ctx, Create, p, func() error {
		w, err = f.FileSystem.Create(ctx, p)
		return err
	})
	if err != nil {
		if w != nil { // the answer was lost: the file is there
			err = errors.Join(err, w.Close())
		}
		return nil, err
	}
	return &writer{Writer: w, fsys: f, path: p, ctx: ctx}, nil
}

// Stat describes a file or folder.
func (f *FS) Stat(ctx context.Context, p string) (info vfs.Info, err error) {
	err = f.call(ctx, Stat, p, func() error {
		info, err = f.FileSystem.Stat(ctx, p)
		return err
	})
	return info, err
}

// List describes the children of a folder.
func (f *FS) List(ctx context.Context, dir string) (infos []vfs.Info, err error) {
	err = f.call(ctx, List, dir, func() error {
		infos, err = f.FileSystem.List(ctx, dir)
		return err
	})
	return infos, err
}

// Mkdir makes a folder.
func (f *FS) Mkdir(ctx context.Context, dir string) error {
	return f.call(ctx, Mkdir, dir, func() error { return f.FileSystem.Mkdir(ctx, dir) })
}

// Rename moves a file or folder.
func (f *FS) Rename(ctx context.Context, from, to string) error {
	return f.call(ctx, Rename, to, func() error { return f.FileSystem.Rename(ctx, from, to) })
}

// Remove deletes a file or an empty folder.
func (f *FS) Remove(ctx context.Context, p string) error {
	return f.call(ctx, Remove, p, func() error { return f.FileSystem.Remove(ctx, p) })
}

// RemoveAll deletes a tree.
func (f *FS) RemoveAll(ctx context.Context, p string) error {
	return f.call(ctx, RemoveAll, p, func() error { return f.FileSystem.RemoveAll(ctx, p) })
}
