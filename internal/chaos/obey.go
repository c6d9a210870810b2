package chaos

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"syscall"

	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/runner/control"
	"github.com/millrace/millrace/vfs"
	"github.com/millrace/millrace/vfs/errfs"
	"github.com/millrace/millrace/vfs/local"
)

// ordersVariable is the environment variable that has a process's orders, as JSON.
const ordersVariable = "CHAOS_ORDERS"

// orders are what a process is to do to itself.
type orders struct {
	Die      step // in which it kills itself; the zero one: in none
	Store    []call
	Files    []call
	Progress string // the file in which it notes its progress
}

// progress is how far a process has come. It is kept in a file, as these numbers one after the other, little-endian: so it is known of one that
// has been killed.
type progress struct {
	Turns, Calls int64 // steps of both kinds
	Store, Files int64 // calls to the store of checkpoints, and to the job's files
}

// Obey returns the options of a program that does to itself what a CommandTester says, in the process's environment; without orders there are
// none. It is for programs of tests, which hand them to runner.Main. Their local files are not synced: processes die here, not machines.
func Obey() (runner.Options, error) {
	text := os.Getenv(ordersVariable)
	if text == "" {
		return runner.Options{}, nil
	}
	var o orders
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return runner.Options{}, fmt.Errorf("%s: %w", ordersVariable, err)
	}
	out, err := os.Create(o.Progress)
	if err != nil {
		return runner.Options{}, err
	}
	b := &obedient{
		die: o.Die, out: out, store: errfs.New(local.FS{NoSync: true}, errfs.Options{Faults: faultsOf(o.Store)}),
		files: errfs.New(local.FS{NoSync: true}, errfs.Options{Faults: faultsOf(o.Files)}),
	}
	return runner.Options{Probe: b.turn, Files: vfs.NewResolver(map[string]vfs.Opener{
		vfs.Local: plain(stepped{b.files, b.call}), storeScheme: plain(stepped{b.store, b.call}),
	})}, nil
}

// obedient counts the steps of this process, and kills it in one of them.
type obedient struct {
	die          step
	store, files *errfs.FS

	mu       sync.Mutex // guards all below
	progress progress
	out      *os.File // open until the process ends
}

// turn implements runner.Options.Probe.
func (b *obedient) turn(a control.Attempt) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.progress.Turns++
	b.note(b.progress.Turns == b.die.Turn, "at turn", a)
	return nil
}

// call is a step of a call to a file system: when says on which side of its effect.
func (b *obedient) call(when, what, path string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.progress.Calls++
	b.progress.Store, b.progress.Files = int64(callsTo(b.store)), int64(callsTo(b.files))
	b.note(b.progress.Calls == b.die.Call, when, what, path)
}

// note writes the progress to its file, and kills the process if it dies in this step. mu is held, by one that dies for good.
func (b *obedient) note(dies bool, step ...any) {
	data, err := binary.Append(nil, binary.LittleEndian, b.progress)
	if err == nil {
		_, err = b.out.WriteAt(data, 0)
	}
	if err != nil {
		panic(err) // the tester would not know what has taken place
	}
	if !dies {
		return
	}
	fmt.Fprintln(os.Stderr, append([]any{"killed"}, step...)...)
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // for the moment until it has come
}

// readProgress reads what a process has noted; of one that came to nothing there is none.
func readProgress(name string) (p progress, err error) {
	data, err := os.ReadFile(name)
	if err != nil || len(data) == 0 {
		return p, err
	}
	_, err = binary.Decode(data, binary.LittleEndian, &p)
	return p, err
}

// stepped is a file system whose calls are steps of a process, one before and, where there is one, one after a call's effect.
type stepped struct {
	vfs.FileSystem
	step func(when, what, path string)
}

// around has do take effect between two steps.
func (s stepped) around(what, path string, do func() error) error {
	s.step("before", what, path)
	err := do()
	s.step("after", what, path)
	return err
}

// Open opens a file.
func (s stepped) Open(ctx context.Context, p string) (vfs.File, error) {
	s.step("before", "open", p)
	return s.FileSystem.Open(ctx, p)
}

// Create makes a file, of which writing and closing are calls, too.
func (s stepped) Create(ctx context.Context, p string) (vfs.Writer, error) {
	var w vfs.Writer
	err := s.around("create", p, func() (err error) {
		w, err = s.FileSystem.Create(ctx, p)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &steppedWriter{w, s, p}, nil
}

// Stat describes a file or folder.
func (s stepped) Stat(ctx context.Context, p string) (vfs.Info, error) {
	s.step("before", "stat", p)
	return s.FileSystem.Stat(ctx, p)
}

// List describes the children of a folder.
func (s stepped) List(ctx context.Context, p string) ([]vfs.Info, error) {
	s.step("before", "list", p)
	return s.FileSystem.List(ctx, p)
}

// Mkdir makes a folder.
func (s stepped) Mkdir(ctx context.Context, p string) error {
	return s.around("mkdir", p, func() error { return s.FileSystem.Mkdir(ctx, p) })
}

// Rename moves a file or folder.
func (s stepped) Rename(ctx context.Context, from, to string) error {
	return s.around("rename", to, func() error { return s.FileSystem.Rename(ctx, from, to) })
}

// Remove deletes a file or an empty folder.
func (s stepped) Remove(ctx context.Context, p string) error {
	return s.around("remove", p, func() error { return s.FileSystem.Remove(ctx, p) })
}

// RemoveAll deletes a tree, file by file: it is not atomic.
func (s stepped) RemoveAll(ctx context.Context, p string) error {
	children, _ := s.FileSystem.List(ctx, p) // it may be a file, or nothing
	for _, c := range children {
		if err := s.RemoveAll(ctx, c.Path); err != nil {
			return err
		}
	}
	return s.around("remove all", p, func() error { return s.FileSystem.RemoveAll(ctx, p) })
}

// steppedWriter is a file being written.
type steppedWriter struct {
	vfs.Writer
	fsys stepped
	path string
}

func (w *steppedWriter) Write(p []byte) (n int, err error) {
	err = w.fsys.around("write", w.path, func() error {
		n, err = w.Writer.Write(p)
		return err
	})
	return n, err
}

func (w *steppedWriter) Close() error { return w.fsys.around("close", w.path, w.Writer.Close) }

func (w *steppedWriter) Abort() error { return w.fsys.around("abort", w.path, w.Writer.Abort) }
