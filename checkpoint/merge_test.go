package checkpoint

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/vfs"
	"github.com/millrace/millrace/vfs/errfs"
	"github.com/millrace/millrace/vfs/mem"
)

// twoTables is a task's state of two tables that have all the same rows, of some ten KiB.
func twoTables(task, tasks, total int) *frozen {
	f := words(task, tasks, total)
	again := counts
	again.Name = "again"
	return &frozen{tables: []state.Table{counts, again}, rows: [][]state.Rows{f.rows[0], f.rows[0]}}
}

// Four operators, of two tables each and behind exchanges, in eight tasks each, that write at the same time to a file system whose calls take
// 5 ms: how many files and calls that makes, with and without merging.
func TestMergedFiles(t *testing.T) {
	const operators, tasks, total = 4, 8, 20_000
	count := func(t *testing.T, merge int) (files, calls int) {
		t.Helper()
		slow := errfs.New(mem.New("test"), errfs.Options{Faults: []errfs.Fault{{Delay: 5 * time.Millisecond}}})
		w := newMerging(t, slow, merge)
		place, err := w.store.Begin(t.Context(), 1, Checkpoint, "")
		if err != nil {
			t.Fatal(err)
		}
		c := Completion{Place: place, Handles: make([]Handle, operators*tasks)}
		writer := w.store.Writer()
		before, began := callsTo(slow), time.Now()
		var g errgroup.Group
		for i := range c.Handles {
			g.Go(func() (err error) {
				o := OperatorState{UID: fmt.Sprint("op", i/tasks), Frozen: twoTables(i%tasks, tasks, total)}
				c.Handles[i], err = writer.Write(t.Context(), place, Task{Stage: i / tasks, Index: i % tasks}, []OperatorState{o})
				return err
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		calls = callsTo(slow) - before
		t.Logf("merged below %d: %d files, %d calls, %s", merge, len(w.files(place.Folder().Path)), calls, time.Since(began))
		for i := range operators {
			c.Operators = append(c.Operators, Operator{UID: fmt.Sprint("op", i), Parallelism: tasks, KeyGroups: testGroups})
		}
		m, err := w.store.Complete(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		saved := w.load(m)
		for _, o := range m.Operators {
			for _, table := range o.Tables {
				if diff := cmp.Diff(expected(wordsOf(0, total)), read(t, saved, o.UID, table.Table, Share{Tasks: 1, KeyGroups: testGroups})); diff != "" {
					t.Fatalf("%s, %s: %.300s", o.UID, table.Name, diff)
				}
			}
		}
		return len(w.files(place.Folder().Path)) - 1, calls
	}
	synctest.Test(t, func(t *testing.T) {
		files, calls := count(t, 0)
		if files != 2*operators*tasks {
			t.Errorf("%d files", files)
		}
		merged, few := count(t, 1<<20)
		if merged != 2 || few > calls/8 {
			t.Errorf("%d files by %d calls, %d files by %d calls when they are not merged", merged, few, files, calls)
		}
	})
}

func callsTo(fs *errfs.FS) (sum int) {
	for _, op := range []errfs.Op{errfs.Open, errfs.Create, errfs.Stat, errfs.List, errfs.Mkdir, errfs.Rename, errfs.Remove, errfs.RemoveAll, errfs.Write, errfs.Close} {
		sum += fs.Count(op)
	}
	return sum
}

// blobs is a store whose files have some bytes each.
type blobs struct {
	*frozen
	shared map[string][]byte
	own    map[string][]byte
}

func (b *blobs) Files([]state.File) (files []state.File) {
	add := func(all map[string][]byte, isShared bool) {
		for name, data := range all {
			files = append(files, state.File{Name: name, Size: int64(len(data)), Shared: isShared, Open: func() (io.ReadCloser, error) {
				return io.NopCloser(bytes.NewReader(data)), nil
			}})
		}
	}
	add(b.shared, true)
	add(b.own, false)
	slices.SortFunc(files, func(a, b state.File) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) })
	return files
}

// blobsOf has a shared file of a thousand bytes for each letter.
func blobsOf(letters string) *blobs {
	b := &blobs{frozen: words(0, 1, 0), shared: map[string][]byte{}}
	for _, l := range letters {
		b.shared[string(l)] = bytes.Repeat([]byte{byte(l)}, 1000)
	}
	return b
}

// saveBlobs makes a checkpoint of a task each.
func (w *world) saveBlobs(writer *Writer, id stream.CheckpointID, tasks ...*blobs) *Manifest {
	w.t.Helper()
	place, err := w.store.Begin(w.t.Context(), id, Checkpoint, "")
	if err != nil {
		w.t.Fatal(err)
	}
	c := Completion{
		Place: place, Operators: []Operator{{UID: "op", Parallelism: len(tasks), KeyGroups: testGroups}}, Handles: make([]Handle, len(tasks)),
	}
	err = together(writer, len(tasks), func(i int) (err error) {
		c.Handles[i], err = writer.Write(w.t.Context(), place, Task{Index: i}, []OperatorState{{UID: "op", Frozen: tasks[i]}})
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	m, err := w.store.Complete(w.t.Context(), c)
	if err != nil {
		w.t.Fatal(err)
	}
	w.checkBlobs(m, tasks...)
	return m
}

// checkBlobs wants the files of a checkpoint to be those of the tasks.
func (w *world) checkBlobs(m *Manifest, tasks ...*blobs) {
	w.t.Helper()
	s := w.load(m)
	for i, b := range tasks {
		files, _ := s.Native(w.t.Context(), "op", Share{Task: i, Tasks: len(tasks), KeyGroups: testGroups})
		if len(files) != len(b.shared)+len(b.own) {
			w.t.Errorf("task %d has %d files of %d", i, len(files), len(b.shared)+len(b.own))
		}
		for _, f := range files {
			in, err := f.Open()
			if err != nil {
				w.t.Fatal(err)
			}
			data, err := io.ReadAll(in)
			if err = errors.Join(err, in.Close()); err != nil {
				w.t.Fatal(err)
			}
			if want, ok := b.shared[f.Name]; ok && !bytes.Equal(data, want) {
				w.t.Errorf("task %d: the shared file %s has other bytes", i, f.Name)
			}
			if want, ok := b.own[f.Name]; ok && !bytes.Equal(data, want) {
				w.t.Errorf("task %d: the file %s has other bytes", i, f.Name)
			}
		}
	}
}

// A merged file stays as long as something in it is needed, and what little is needed of one is written again.
func TestMergedShared(t *testing.T) {
	w := newMerging(t, nil, 1<<20)
	writer := w.store.Writer()
	step := func(id stream.CheckpointID, first, second string, want ...int) {
		t.Helper()
		m := w.saveBlobs(writer, id, blobsOf(first), blobsOf(second))
		var got []int
		for i := range id {
			n := 0
			for _, name := range w.files("/job/" + checkpointDir(i+1)) {
				if name != manifestName {
					n++
				}
			}
			got = append(got, n)
		}
		if !slices.Equal(got, want) {
			t.Errorf("behind checkpoint %d the folders have %v files, want %v", id, got, want)
		}
		if s, err := w.store.Latest(t.Context()); err != nil || s.Manifest.ID != m.ID {
			t.Errorf("checkpoint %d is not whole: %v", id, err)
		}
	}
	step(1, "ab", "cd", 1)           // one file of four
	step(2, "abe", "cd", 1, 1)       // and a new one
	step(3, "a", "cfg", 1, 1, 1)     // two are needed of four
	step(4, "a", "f", 1, 0, 1, 0)    // half of the last ones each is enough
	step(5, "a", "f", 1, 0, 1, 0, 1) // the fourth needs less than half of the first file: that is written again
	step(6, "a", "f", 0, 0, 1, 0, 1, 0)
	step(7, "a", "", 0, 0, 1, 0, 1, 0, 0)
	step(8, "a", "h", 0, 0, 0, 0, 1, 0, 0, 1)
}

// What is damaged in a merged file damages those checkpoints that have that part of it.
func TestDamagedPart(t *testing.T) {
	w := newMerging(t, nil, 1<<20)
	w.store.o.Keep = 10
	writer := w.store.Writer()
	w.saveBlobs(writer, 1, blobsOf("z"), blobsOf(""))
	w.saveBlobs(writer, 2, blobsOf("ab"), blobsOf("c"))
	m := w.saveBlobs(writer, 3, blobsOf("a"), blobsOf("cd"))
	merged := w.at.join(checkpointDir(2), w.files("/job/" + checkpointDir(2))[1])
	if path.Ext(merged.Path) != ".parts" {
		t.Fatalf("the second one has %v", w.files("/job/"+checkpointDir(2)))
	}
	whole, err := vfs.ReadFile(t.Context(), w.fs, merged.Path)
	if err != nil {
		t.Fatal(err)
	}
	for letter, latest := range map[byte]stream.CheckpointID{'a': 1, 'b': 3, 'c': 1} {
		data := bytes.Clone(whole)
		data[bytes.IndexByte(data, letter)+500] ^= 1
		if err := vfs.WriteFileAtomic(t.Context(), w.fs, merged.Path, data); err != nil {
			t.Fatal(err)
		}
		if id, _ := w.latest(); id != latest {
			t.Errorf("%c damaged: latest is %d, want %d", letter, id, latest)
		}
	}
	if err := vfs.WriteFileAtomic(t.Context(), w.fs, merged.Path, whole[:len(whole)-1]); err != nil {
		t.Fatal(err)
	}
	for f := range m.files {
		if f.Path != "chk-00000002/"+path.Base(merged.Path) {
			continue
		}
		in, err := (&Saved{Root: w.at}).open(t.Context(), f)
		if isLast := f.Offset+f.Size == int64(len(whole)); errors.Is(err, ErrDamaged) != isLast {
			t.Errorf("a file at %d of one that was cut short: %v", f.Offset, err)
		}
		if err == nil {
			_ = in.Close()
		}
	}
}

// When the file of several tasks cannot be written none of them has a snapshot, and all learn why; those that come later get on.
func TestMergedFails(t *testing.T) {
	w := newMerging(t, nil, 1<<20)
	clean := w.fs
	cause := errors.New("the disk is gone")
	broken := errfs.New(clean, errfs.Options{Faults: []errfs.Fault{{Op: errfs.Close, Name: ".merged-*", Err: cause}}})
	w.fs, w.at.FS = broken, broken
	w.reopen("run2")
	place, err := w.store.Begin(t.Context(), 1, Checkpoint, "")
	if err != nil {
		t.Fatal(err)
	}
	writer := w.store.Writer()
	var mu sync.Mutex
	var failures []error
	_ = together(writer, 5, func(i int) error {
		_, err := writer.Write(t.Context(), place, Task{Index: i}, []OperatorState{{UID: "count", Frozen: words(i, 5, 10_000)}})
		mu.Lock()
		defer mu.Unlock()
		failures = append(failures, err)
		return nil
	})
	for _, err := range failures {
		if !errors.Is(err, cause) {
			t.Errorf("a task's error is %v", err)
		}
	}
	if len(failures) != 5 {
		t.Errorf("%d tasks failed", len(failures))
	}
	if err := w.store.Discard(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if got := w.files(place.Folder().Path); len(got) > 0 {
		t.Errorf("left: %v", got)
	}
	w.fs, w.at.FS = clean, clean
	if _, err := w.write(w.reopen("run3"), Checkpoint, 2, 5000); err != nil {
		t.Error(err)
	}
}

// Files of sizes around the bounds, of tasks that write when they like, at checkpoints that overlap, come back as they were.
func TestMergedAtRandom(t *testing.T) {
	const below = 32 << 10
	r := rand.New(rand.NewPCG(7, 7))
	sizes := []int{0, 1, inlineBytes, inlineBytes + 1, below - 1, below, below + 1, writeSize + 1, 20_000}
	made := func(n int) map[string][]byte {
		out := map[string][]byte{}
		for i := range n {
			data := make([]byte, sizes[r.IntN(len(sizes))])
			for k := range data {
				data[k] = byte(r.Uint32())
			}
			out[fmt.Sprintf("%x-%d", r.Uint64(), i)] = data
		}
		return out
	}
	w := newMerging(t, nil, below)
	w.store.o.Keep = 100
	writer := w.store.Writer()
	const tasks, checkpoints = 6, 4
	states := map[stream.CheckpointID][]*blobs{}
	done := map[stream.CheckpointID]*Completion{}
	var g errgroup.Group
	for id := stream.CheckpointID(1); id <= checkpoints; id++ {
		place, err := w.store.Begin(t.Context(), id, Checkpoint, "")
		if err != nil {
			t.Fatal(err)
		}
		c := &Completion{Place: place, Operators: []Operator{{UID: "op", Parallelism: tasks, KeyGroups: testGroups}}, Handles: make([]Handle, tasks)}
		done[id] = c
		for i := range tasks {
			n := r.IntN(12)
			if i == 0 && id == 1 {
				n = 4 * heldBytes / below // more than waits in memory
			}
			b := &blobs{frozen: words(0, 1, 0), shared: made(n), own: made(1 + r.IntN(12))}
			states[id] = append(states[id], b)
			g.Go(func() (err error) {
				c.Handles[i], err = writer.Write(t.Context(), place, Task{Index: i}, []OperatorState{{UID: "op", Frozen: b}})
				return err
			})
		}
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	for id := stream.CheckpointID(1); id <= checkpoints; id++ {
		m, err := w.store.Complete(t.Context(), *done[id])
		if err != nil {
			t.Fatal(err)
		}
		w.checkBlobs(m, states[id]...)
		merged := 0
		for f := range m.files {
			if f.Merged {
				merged++
			}
			if f.isInline() && f.Size > inlineBytes || f.Merged && f.Size >= below {
				t.Errorf("a file of %d bytes is inline %t, merged %t", f.Size, f.isInline(), f.Merged)
			}
		}
		if merged == 0 {
			t.Error("nothing is merged")
		}
	}
}
