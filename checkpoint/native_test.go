package checkpoint

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream"
)

// native is words whose files say which words they are: a shared file for each hundred, and one that is not shared.
type native struct {
	*frozen
	files []state.File
}

func (n *native) Files([]state.File) []state.File { return n.files }

func nativeWords(task, tasks, total int) *native {
	n := &native{frozen: words(task, tasks, total)}
	add := func(name string, data []byte, shared bool) {
		n.files = append(n.files, state.File{Name: name, Size: int64(len(data)), Shared: shared, Open: func() (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(data)), nil
		}})
	}
	for i := 100; i <= total; i += 100 {
		add("sst"+string(rune('0'+i/100)), bytes.Repeat([]byte{byte(i)}, i), true)
	}
	current, _ := json.Marshal([]int{task, tasks, total})
	add("CURRENT", current, false)
	add("LOCK", nil, false)
	return n
}

// readNative is the NativeReader of them.
func readNative(_ context.Context, files []state.File, _ state.Groups) (state.Frozen, error) {
	var is [3]int
	for _, f := range files {
		in, err := f.Open()
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(in)
		if err != nil {
			return nil, err
		}
		if f.Name == "CURRENT" {
			if err := json.Unmarshal(data, &is); err != nil {
				return nil, err
			}
		}
		if err := in.Close(); err != nil {
			return nil, err
		}
	}
	return words(is[0], is[1], is[2]), nil
}

// TestNative: files that a checkpoint shares with the one before are written once and go when nothing refers to them; any number of tasks can
// read the rows; a savepoint has rows.
func TestNative(t *testing.T) {
	w := newWorld(t, nil)
	writer := w.store.Writer()
	write := func(id stream.CheckpointID, kind Kind, total int) *Manifest {
		t.Helper()
		place, err := w.store.Begin(t.Context(), id, kind, "/savepoints")
		if err != nil {
			t.Fatal(err)
		}
		c := Completion{Place: place, Operators: []Operator{{UID: "count", Parallelism: 2, KeyGroups: testGroups}}}
		for task := range 2 {
			h, err := writer.Write(t.Context(), place, Task{Index: task}, []OperatorState{{UID: "count", Frozen: nativeWords(task, 2, total)}})
			if err != nil {
				t.Fatal(err)
			}
			c.Handles = append(c.Handles, h)
		}
		m, err := w.store.Complete(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	files := func(id stream.CheckpointID) int { return len(w.files("/job/" + checkpointDir(id))) }

	write(1, Checkpoint, 250)
	m := write(2, Checkpoint, 350)
	if files(1) != 2*2+1 || files(2) != 2*1+1 {
		t.Errorf("%d and %d files", files(1), files(2))
	}
	if own := m.Written(); own < 2*300 || m.Bytes()-own != 2*(100+200) {
		t.Errorf("%d bytes, %d of them written", m.Bytes(), own)
	}
	w.checkNative(m, 350)
	m = write(3, Checkpoint, 450)
	m4 := write(4, Checkpoint, 150)
	w.checkNative(m, 450)
	w.checkNative(m4, 150)
	if files(1) != 2*2 || files(2) != 2*1 { // for 3; their manifests are gone
		t.Errorf("%d and %d files", files(1), files(2))
	}
	write(5, Checkpoint, 150)
	if files(1) != 2*1 || files(2) != 0 { // sst1 alone
		t.Errorf("%d and %d files: %v", files(1), files(2), w.files("/job"))
	}
	m = write(6, Savepoint, 450)
	if m.Operator("count").Rows("counts") != 450 || len(m.Operator("count").Parts[0].Native) > 0 {
		t.Errorf("a savepoint of %d rows", m.Operator("count").Rows("counts"))
	}
	// A writer that has not seen the base writes all.
	writer = w.store.Writer()
	m = write(7, Checkpoint, 250)
	if files(7) != 2*2+1 {
		t.Errorf("%d files", files(7))
	}
	w.checkNative(m, 250)
}

// checkNative wants a checkpoint to be undamaged and to have those words, for any number of tasks.
func (w *world) checkNative(m *Manifest, total int) {
	w.t.Helper()
	o := w.options("")
	o.Native = readNative
	s, err := Load(w.t.Context(), w.at.join(checkpointDir(m.ID)), o)
	if err == nil {
		err = s.Verify(w.t.Context())
	}
	if err != nil {
		w.t.Fatal(err)
	}
	for _, share := range []Share{{Tasks: 1, KeyGroups: testGroups}, {Tasks: 2, KeyGroups: testGroups}, {Tasks: 3, KeyGroups: 16}} {
		var all []string
		for share.Task = range share.Tasks {
			all = append(all, read(w.t, s, "count", counts, share)...)
			if _, ok := s.Native(w.t.Context(), "count", share); ok != (share.Tasks == 2) {
				w.t.Errorf("files for %v: %v", share, ok)
			}
		}
		slices.Sort(all)
		if diff := cmp.Diff(expected(wordsOf(0, total)), all); diff != "" {
			w.t.Errorf("%v: %s", share, diff)
		}
	}
	opened, given := 0, [2]int{}
	s.native = func(ctx context.Context, files []state.File, groups state.Groups) (state.Frozen, error) {
		opened++
		return readNative(ctx, files, groups)
	}
	err = s.Restore(w.t.Context(), "count", []state.Table{counts, spread}, Share{Tasks: 1, KeyGroups: testGroups}, func(table int, b columnar.Batch) error {
		given[table] += b.Rows()
		return nil
	})
	if err != nil || opened != 2 || given != [2]int{total, 6} {
		w.t.Errorf("%v; %d times opened for %v rows", err, opened, given)
	}
	if v := Compare(m, []Declared{{UID: "count", Tables: []state.Table{counts, spread}}}, nil).Worst(); v != Same {
		w.t.Errorf("it is %s", v)
	}
	if v := Compare(m, []Declared{{UID: "count"}}, nil).Worst(); v != Refused {
		w.t.Errorf("without tables it is %s", v)
	}
	r, err := s.Inspect(w.t.Context(), Inspection{Key: "word-7"})
	if err != nil || len(r.Operators[0].Tables[0].Found) != 1 {
		w.t.Errorf("inspecting: %v %v", r, err)
	}
}

// composed is words of which the counts are a store's, and the rest the operator's own.
type composed struct {
	*frozen
	store *native
}

func (c *composed) Store() state.Frozen { return c.store }

// TestComposed: tables beside those of a store are written as rows, and all are given back.
func TestComposed(t *testing.T) {
	w := newWorld(t, nil)
	place, err := w.store.Begin(t.Context(), 1, Checkpoint, "")
	if err != nil {
		t.Fatal(err)
	}
	c := Completion{Place: place, Operators: []Operator{{UID: "count", Parallelism: 2, KeyGroups: testGroups}}}
	const total = 300
	for task := range 2 {
		store := nativeWords(task, 2, total)
		store.tables = store.tables[:1]
		f := &composed{words(task, 2, total), store}
		h, err := w.store.Writer().Write(t.Context(), place, Task{Index: task}, []OperatorState{{UID: "count", Frozen: f}})
		if err != nil {
			t.Fatal(err)
		}
		if o := h.Operators[0]; len(o.Native) == 0 || len(o.Rows) != 1 || o.Rows[0].Table != spread.Name {
			t.Fatalf("%d files of the back end, rows of %v", len(o.Native), o.Rows)
		}
		c.Handles = append(c.Handles, h)
	}
	m, err := w.store.Complete(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if o := m.Operator("count"); o.Rows(counts.Name) != -1 || o.Rows(spread.Name) != 6 {
		t.Errorf("%d and %d rows", o.Rows(counts.Name), o.Rows(spread.Name))
	}
	s := w.load(m)
	s.native = func(ctx context.Context, files []state.File, groups state.Groups) (state.Frozen, error) {
		f, err := readNative(ctx, files, groups)
		if err == nil {
			f.(*frozen).tables = f.Tables()[:1]
		}
		return f, err
	}
	for _, tasks := range []int{1, 2, 3} {
		given := [2]int{}
		for task := range tasks {
			err := s.Restore(t.Context(), "count", []state.Table{counts, spread}, Share{Task: task, Tasks: tasks, KeyGroups: testGroups}, func(table int, b columnar.Batch) error {
				given[table] += b.Rows()
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if given != [2]int{total, 6} {
			t.Errorf("%d tasks got %v rows", tasks, given)
		}
	}
}
