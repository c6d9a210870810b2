package file_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/vfs"
	"github.com/millrace/millrace/vfs/mem"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// disk is a file system for tests, at mem://t.
type disk struct {
	vfs.FileSystem
	t testing.TB
}

func newDisk(t testing.TB) disk {
	t.Helper()
	return disk{mem.New("t"), t}
}

// files returns a resolver that knows the disk.
func (d disk) files() *vfs.Resolver { return resolver(d.FileSystem) }

func resolver(fsys vfs.FileSystem) *vfs.Resolver {
	open := func(context.Context, string) (vfs.FileSystem, error) { return fsys, nil }
	return vfs.NewResolver(map[string]vfs.Opener{"mem": open, "hdfs": open})
}

// put writes a file and the folders above it.
func (d disk) put(path, data string) {
	d.t.Helper()
	ctx := d.t.Context()
	if err := d.Mkdir(ctx, vfs.Dir(path)); err != nil {
		d.t.Fatal(err)
	}
	if err := vfs.WriteFileAtomic(ctx, d, path, []byte(data)); err != nil {
		d.t.Fatal(err)
	}
}

// get returns a file's content.
func (d disk) get(path string) string {
	d.t.Helper()
	data, err := vfs.ReadFile(d.t.Context(), d, path)
	if err != nil {
		d.t.Fatal(err)
	}
	return string(data)
}

// out is the target of the tests' sinks.
const out = "/out"

// visible returns the contents of the files that readers of the target see, by name relative to it.
func (d disk) visible() map[string]string {
	d.t.Helper()
	files := map[string]string{}
	for info, err := range vfs.Walk(d.t.Context(), d, out) {
		if err != nil {
			d.t.Fatal(err)
		}
		files[strings.TrimPrefix(info.Path, out+"/")] = d.get(info.Path)
	}
	return files
}

// hidden returns the names of what is hidden in the target, but _SUCCESS.
func (d disk) hidden() []string {
	d.t.Helper()
	infos, err := d.List(d.t.Context(), out)
	if err != nil {
		d.t.Fatal(err)
	}
	var names []string
	for _, i := range infos {
		if vfs.IsHidden(i.Name()) && i.Name() != "_SUCCESS" {
			names = append(names, i.Name())
		}
	}
	return names
}

func env(files *vfs.Resolver, run string) connectors.Env {
	return connectors.Env{Files: files, Log: slog.New(slog.DiscardHandler), RunID: run, Job: "test"}
}

// engine runs a source the way the engine does, with tasks that take turns.
type engine struct {
	t     testing.TB
	env   connectors.Env
	src   connectors.Source
	scan  connectors.Scan
	tasks int
	bad   []connectors.Bad
	known connectors.Known
	calls int // splits assigned
}

// read returns all batches. With restart, each task gives its splits back after every batch and another takes them.
func (e *engine) read(restart bool) ([]columnar.Batch, error) {
	e.t.Helper()
	ctx := e.t.Context()
	facts, err := e.src.Discover(ctx, e.env)
	if err != nil {
		return nil, err
	}
	if e.scan.Columns == nil {
		e.scan.Columns = facts.Schema
	}
	enum, err := e.src.NewEnumerator(e.env, e.scan, facts)
	if err != nil {
		return nil, err
	}
	var out []columnar.Batch
	e.tasks = max(e.tasks, 1)
	queue := []connectors.Event{}
	step := func(ev connectors.Event) error {
		queue = append(queue, ev)
		for len(queue) > 0 {
			ev := queue[0]
			queue = queue[1:]
			actions, err := enum.Step(ev)
			if err != nil {
				return err
			}
			for _, a := range actions {
				switch a := a.(type) {
				case connectors.Call:
					result, err := a.Do(ctx)
					queue = append(queue, connectors.Called{Name: a.Name, Result: result, Err: err})
				case connectors.Known:
					e.known = a
				case connectors.Assign:
					e.calls++
					back, batches, err := e.run(a, restart)
					out = append(out, batches...)
					if err != nil {
						return err
					}
					if back != nil {
						queue = append(queue, *back)
					}
					queue = append(queue, connectors.Requested{Task: a.Task})
				case connectors.NoMore:
				}
			}
		}
		return nil
	}
	if err := step(connectors.Started{Tasks: e.tasks}); err != nil {
		return out, err
	}
	for task := range e.tasks {
		if err := step(connectors.Requested{Task: task}); err != nil {
			return out, err
		}
	}
	return out, nil
}

// run reads the splits of one Assign with a reader of its own; with restart only the first batch of it.
func (e *engine) run(a connectors.Assign, restart bool) (*connectors.Returned, []columnar.Batch, error) {
	te := connectors.TaskEnv{Env: e.env, Task: a.Task, Tasks: e.tasks, Report: func(b connectors.Bad) error {
		e.bad = append(e.bad, b)
		return nil
	}}
	r, err := e.src.NewReader(te, e.scan)
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	if err := r.Assign(a.Splits, nil); err != nil {
		return nil, nil, err
	}
	var batches []columnar.Batch
	done := map[string]bool{}
	for {
		f, err := r.Fetch(e.t.Context())
		if errors.Is(err, io.EOF) {
			for _, s := range a.Splits {
				if !done[s.ID] {
					e.t.Errorf("split %s was never done", s.ID)
				}
			}
			return nil, batches, nil
		}
		if err != nil {
			return nil, batches, err
		}
		done[f.Split] = f.Done
		if f.Batch.Rows() > 0 {
			batches = append(batches, f.Batch)
			if restart && len(a.Splits) == 1 {
				return &connectors.Returned{Splits: a.Splits, Positions: []connectors.Position{f.Next}}, batches, nil
			}
		}
	}
}

// texts returns a column of strings of all batches.
func texts(batches []columnar.Batch, column string) []string {
	var out []string
	for _, b := range batches {
		c := b.Column(column)
		for i := range b.Rows() {
			if c.IsNull(b.Row(i)) {
				out = append(out, "NULL")
			} else {
				out = append(out, strings.Clone(c.Text(b.Row(i))))
			}
		}
	}
	return out
}

func sorted(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return s
}

// exists says whether there is such a file or folder.
func (d disk) exists(path string) bool {
	_, err := d.Stat(d.t.Context(), path)
	if err != nil && !isNotExist(err) {
		d.t.Fatal(err)
	}
	return err == nil
}

func isNotExist(err error) bool {
	return errors.Is(err, fs.ErrNotExist)
}

// known is a source that was discovered before.
type known struct {
	connectors.Source
	facts connectors.Facts
}

func (k known) Discover(context.Context, connectors.Env) (connectors.Facts, error) {
	return k.facts, nil
}
