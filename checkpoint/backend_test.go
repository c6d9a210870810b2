package checkpoint

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/state/heap"
	"github.com/millrace/millrace/state/lsm"
	"github.com/millrace/millrace/stream"
)

// backends open the store of a task.
var backends = map[string]func(t *testing.T, g state.Groups) (state.Store, error){
	"heap": func(_ *testing.T, g state.Groups) (state.Store, error) {
		return heap.New(heap.Config{Keys: counts.Keys, Groups: g})
	},
	"heap native": func(_ *testing.T, g state.Groups) (state.Store, error) {
		return heap.New(heap.Config{Keys: counts.Keys, Groups: g, NativeFrom: 1})
	},
	"lsm": func(t *testing.T, g state.Groups) (state.Store, error) {
		t.Helper()
		return lsm.New(lsm.Config{Keys: counts.Keys, Groups: g, Dir: filepath.Join(t.TempDir(), "lsm")})
	},
	"lsm native": func(t *testing.T, g state.Groups) (state.Store, error) {
		t.Helper()
		return lsm.New(lsm.Config{Keys: counts.Keys, Groups: g, Dir: filepath.Join(t.TempDir(), "lsm"), Native: true})
	},
}

// TestBackends gives the cells and timers of each back end, saved as checkpoint and as savepoint, to each other one, in another number of tasks.
func TestBackends(t *testing.T) {
	for from := range backends {
		for _, kind := range []Kind{Checkpoint, Savepoint} {
			for to := range backends {
				t.Run(fmt.Sprintf("%s of %s to %s", kind, from, to), func(t *testing.T) { moveState(t, kind, from, to) })
			}
		}
	}
}

const movedWords = 2000

func moveState(t *testing.T, kind Kind, from, to string) {
	t.Helper()
	w := newWorld(t, nil)
	writer := w.store.Writer()
	const before = 2
	var stores []state.Store
	for task := range before {
		stores = append(stores, newBackend(t, from, state.Share(task, before, testGroups)))
		put(t, stores[task], state.Share(task, before, testGroups), 0, movedWords/2)
	}
	// The first one is what the second may refer to.
	w.save(writer, 1, Checkpoint, stores)
	for task, s := range stores {
		put(t, s, state.Share(task, before, testGroups), movedWords/2, movedWords)
	}
	var want []string
	for _, s := range stores {
		want = append(want, contentsOf(t, s)...)
	}
	m := w.save(writer, 2, kind, stores)
	saved := w.load(m)
	saved.native = openNative(t)
	if got := len(m.Operator("op").Parts[0].Native) > 0; got != (strings.HasSuffix(from, "native") && kind == Checkpoint) {
		t.Errorf("files of the back end: %v", got)
	}
	const after = 3
	var got []string
	for task := range after {
		s := newBackend(t, to, state.Share(task, after, testGroups))
		tables := tablesOf(t, s)
		err := saved.Restore(t.Context(), "op", tables, Share{Task: task, Tasks: after, KeyGroups: testGroups}, func(table int, b columnar.Batch) error {
			return s.Restore(tables[table].Name, b)
		})
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, contentsOf(t, s)...)
	}
	slices.Sort(want)
	slices.Sort(got)
	if len(want) != 2*movedWords {
		t.Errorf("%d rows", len(want))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// openNative reads the files of either back end.
func openNative(t *testing.T) NativeReader {
	t.Helper()
	return func(ctx context.Context, files []state.File, groups state.Groups) (state.Frozen, error) {
		if heap.IsFile(files[0].Name) {
			return heap.OpenFiles(ctx, heap.Source{Files: files, Groups: groups})
		}
		return lsm.OpenFiles(ctx, lsm.Source{Files: files, Groups: groups, Dir: filepath.Join(t.TempDir(), "restored")})
	}
}

func newBackend(t *testing.T, name string, g state.Groups) state.Store {
	t.Helper()
	s, _ := openBackend(t, name, g)
	return s
}

func openBackend(t *testing.T, name string, g state.Groups) (state.Store, state.Cells) {
	t.Helper()
	var cells state.Cells
	s, err := backends[name](t, g)
	if err == nil {
		cells, err = s.Open(counts)
	}
	if err == nil {
		_, err = s.OpenTimers("timers")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, cells
}

// put gives a store a cell and a timer for each of some words that are of its groups.
func put(t *testing.T, s state.Store, g state.Groups, from, to int) {
	t.Helper()
	for _, rows := range keyed(wordsOf(from, to), 1, g) {
		b := rows.Batch.Compact()
		if err := s.Restore("counts", b); err != nil {
			t.Fatal(err)
		}
		timer := columnar.Batch{Schema: state.TimersOf("timers", counts.Keys).Schema(), Len: b.Len}
		timer.Columns = append(timer.Columns, b.Columns[0], b.Columns[1], defaults(timer.Schema.Fields[2], b.Len))
		timer.Columns[1].Type = timer.Schema.Fields[1].Type
		if err := s.Restore("timers", timer); err != nil {
			t.Fatal(err)
		}
	}
}

func tablesOf(t *testing.T, s state.Store) []state.Table {
	t.Helper()
	f, err := s.Freeze()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Release()
	return f.Tables()
}

// contentsOf is all rows of a store, as text.
func contentsOf(t *testing.T, s state.Store) (out []string) {
	t.Helper()
	f, err := s.Freeze()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Release()
	for i, table := range f.Tables() {
		for rows, err := range f.Read(t.Context(), i) {
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range texts(rows.Batch) {
				out = append(out, table.Name+" "+row)
			}
		}
	}
	return out
}

// save writes the stores as a checkpoint of the tasks of an operator.
func (w *world) save(writer *Writer, id stream.CheckpointID, kind Kind, stores []state.Store) *Manifest {
	w.t.Helper()
	place, err := w.store.Begin(w.t.Context(), id, kind, "/savepoints")
	if err != nil {
		w.t.Fatal(err)
	}
	c := Completion{
		Place: place, Operators: []Operator{{UID: "op", Parallelism: len(stores), KeyGroups: testGroups}}, Handles: make([]Handle, len(stores)),
	}
	err = together(writer, len(stores), func(task int) error {
		f, err := stores[task].Freeze()
		if err != nil {
			return err
		}
		defer f.Release()
		c.Handles[task], err = writer.Write(w.t.Context(), place, Task{Index: task}, []OperatorState{{UID: "op", Frozen: f}})
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	m, err := w.store.Complete(w.t.Context(), c)
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}
