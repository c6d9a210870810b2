package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/formats/arrowipc"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/vfs"
)

// TestRescale gives the rows of a checkpoint to other numbers of tasks and of key groups: each keyed row comes to the one task that owns its
// group, each row of a list to one, whoever wrote it.
func TestRescale(t *testing.T) {
	const total = 1500
	for _, kind := range []Kind{Checkpoint, Savepoint} {
		for _, wrote := range []int{1, 3, 4} {
			w := newWorld(t, nil)
			m, err := w.write(w.store, kind, wrote, total)
			if err != nil {
				t.Fatal(err)
			}
			saved := w.load(m)
			for _, share := range []Share{{Tasks: 1, KeyGroups: 64}, {Tasks: 3, KeyGroups: 64}, {Tasks: 7, KeyGroups: 64}, {Tasks: 2, KeyGroups: 16}, {Tasks: 5, KeyGroups: 256}} {
				t.Run(fmt.Sprintf("%s of %d to %d of %d groups", kind, wrote, share.Tasks, share.KeyGroups), func(t *testing.T) {
					var all, lists []string
					for share.Task = range share.Tasks {
						got := read(t, saved, "count", counts, share)
						want := &frozen{rows: [][]state.Rows{keyed(wordsOf(0, total), 1, state.Share(share.Task, share.Tasks, share.KeyGroups))}}
						var own []string
						for _, r := range want.rows[0] {
							own = append(own, texts(r.Batch)...)
						}
						slices.Sort(own)
						if diff := cmp.Diff(own, got); diff != "" {
							t.Fatalf("task %d: %s", share.Task, diff)
						}
						all = append(all, got...)
						lists = append(lists, read(t, saved, "count", spread, share)...)
					}
					slices.Sort(all)
					if diff := cmp.Diff(expected(wordsOf(0, total)), all); diff != "" {
						t.Fatal(diff)
					}
					var splits []string
					for i := range wrote {
						splits = append(splits, texts(splitsOf(10*i, 10*i+3))...)
					}
					slices.Sort(splits)
					slices.Sort(lists)
					if diff := cmp.Diff(splits, lists); diff != "" {
						t.Fatal(diff)
					}
				})
			}
		}
	}
}

// load opens what a manifest says.
func (w *world) load(m *Manifest) *Saved {
	w.t.Helper()
	at := w.at.join(checkpointDir(m.ID))
	if m.Kind.IsSavepoint() {
		at = w.savepoint(m)
	}
	s, err := Load(w.t.Context(), at, w.options(""))
	if err != nil {
		w.t.Fatal(err)
	}
	if err := s.Verify(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	return s
}

func (w *world) savepoint(m *Manifest) Folder {
	return Folder{FS: w.fs, Path: fmt.Sprintf("/savepoints/clicks-%08d-%s", m.ID, m.Run)}
}

// latest returns the number of the newest checkpoint that is fit to begin from, 0 for none.
func (w *world) latest() (stream.CheckpointID, []Skipped) {
	w.t.Helper()
	s, err := Latest(w.t.Context(), w.at, w.options(""))
	if err != nil {
		w.t.Fatal(err)
	}
	if s == nil {
		return 0, nil
	}
	return s.Manifest.ID, s.Skipped
}

func (w *world) files(dir string) (out []string) {
	w.t.Helper()
	infos, err := w.fs.List(w.t.Context(), dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, vfs.ErrNotDir) {
		w.t.Fatal(err)
	}
	for _, i := range infos {
		out = append(out, i.Name())
	}
	return out
}

// TestRetention keeps two, and has one number after the other.
func TestRetention(t *testing.T) { eachLayout(t, testRetention) }

func testRetention(t *testing.T, merge int) {
	t.Helper()
	w := newMerging(t, nil, merge)
	for range 5 {
		if _, err := w.write(w.store, Checkpoint, 2, 5000); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"chk-00000004", "chk-00000005", "epoch-00000001"}
	if diff := cmp.Diff(want, w.files("/job")); diff != "" {
		t.Error(diff)
	}
	if id, _ := w.latest(); id != 5 {
		t.Errorf("latest is %d", id)
	}
	if s := w.reopen("run2"); s.First() != 6 {
		t.Errorf("the next incarnation begins with %d", s.First())
	}
	if diff := cmp.Diff([]string{"chk-00000004", "chk-00000005", "epoch-00000002"}, w.files("/job")); diff != "" {
		t.Error(diff)
	}
}

// TestDiscard: what is given up goes, and what comes late too.
func TestDiscard(t *testing.T) {
	w := newWorld(t, nil)
	place, err := w.store.Begin(t.Context(), 1, Checkpoint, "")
	if err != nil {
		t.Fatal(err)
	}
	write := func() {
		t.Helper()
		if _, err := w.store.Writer().Write(t.Context(), place, Task{}, []OperatorState{{UID: "count", Frozen: words(0, 1, 3000)}}); err != nil {
			t.Fatal(err)
		}
	}
	write()
	if err := w.store.Discard(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if got := w.files("/job/chk-00000001"); len(got) > 0 {
		t.Errorf("left: %v", got)
	}
	write()
	if m, err := writeCheckpoint(t.Context(), w.store, 2, Savepoint, 1, 10); err != nil || w.store.Discard(t.Context(), 3) != nil {
		t.Fatal(m, err)
	}
	stop, err := w.store.Begin(t.Context(), 3, Stop, "/savepoints")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.store.Discard(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	if ok, err := exists(t.Context(), stop.Root); ok || err != nil {
		t.Errorf("the folder of a savepoint that failed: %v, %v", ok, err)
	}
	if _, err := writeCheckpoint(t.Context(), w.store, 4, Checkpoint, 1, 10); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"chk-00000004", "epoch-00000001"}, w.files("/job")); diff != "" {
		t.Error(diff)
	}
}

// TestNone: where nothing was saved there is nothing to begin from, and that is no error.
func TestNone(t *testing.T) {
	w := newWorld(t, nil)
	if id, _ := w.latest(); id != 0 {
		t.Errorf("latest is %d", id)
	}
	if s, err := Latest(t.Context(), Folder{FS: w.fs, Path: "/none"}, Options{}); s != nil || err != nil {
		t.Error(s, err)
	}
}

// TestCodecs writes compressed files.
func TestCodecs(t *testing.T) {
	for _, codec := range []arrowipc.Codec{arrowipc.LZ4, arrowipc.Zstd} {
		w := newWorld(t, nil)
		w.store.o.Codec = codec
		m, err := w.write(w.store, Checkpoint, 2, 5000)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(expected(wordsOf(0, 5000)), read(t, w.load(m), "count", counts, Share{Tasks: 1, KeyGroups: testGroups})); diff != "" {
			t.Error(diff)
		}
	}
}

// TestDamage damages one file after the other of the newest checkpoint: Latest falls back.
func TestDamage(t *testing.T) { eachLayout(t, testDamage) }

func testDamage(t *testing.T, merge int) {
	t.Helper()
	count := 0
	for n := 0; ; n++ {
		w := newMerging(t, nil, merge)
		for range 2 {
			if _, err := w.write(w.store, Checkpoint, 2, 5000); err != nil {
				t.Fatal(err)
			}
		}
		names := w.files("/job/chk-00000002")
		if n >= 2*len(names) {
			break
		}
		count++
		p := path.Join("/job/chk-00000002", names[n/2])
		data, err := vfs.ReadFile(t.Context(), w.fs, p)
		if err != nil {
			t.Fatal(err)
		}
		if n%2 == 0 {
			data[len(data)/2] ^= 1
		} else {
			data = data[:len(data)-1]
		}
		if err := vfs.WriteFileAtomic(t.Context(), w.fs, p, data); err != nil {
			t.Fatal(err)
		}
		id, skipped := w.latest()
		if n%2 == 1 && names[n/2] == manifestName { // the newline behind it is no loss
			continue
		}
		if id != 1 || len(skipped) != 1 || skipped[0].ID != 2 {
			t.Errorf("%s damaged: latest is %d, skipped %v", p, id, skipped)
		}
	}
	if count < 4 {
		t.Errorf("only %d cases", count)
	}
}

// TestFence has an incarnation that lives on when the next has begun: whatever it does then fails, and what it has not completed is not found.
func TestFence(t *testing.T) { eachLayout(t, testFence) }

func testFence(t *testing.T, merge int) {
	t.Helper()
	w := newMerging(t, nil, merge)
	old := w.store
	if _, err := w.write(old, Checkpoint, 2, 5000); err != nil {
		t.Fatal(err)
	}
	place, err := old.Begin(t.Context(), 2, Checkpoint, "")
	if err != nil {
		t.Fatal(err)
	}
	h, err := old.Writer().Write(t.Context(), place, Task{}, wordStates(old, 0, 1, 5000))
	if err != nil {
		t.Fatal(err)
	}
	s := w.reopen("run2")
	if s.First() != 3 {
		t.Errorf("the next begins with %d", s.First())
	}
	_, errBegin := old.Begin(t.Context(), 3, Checkpoint, "")
	_, errWrite := old.Writer().Write(t.Context(), place, Task{}, nil)
	_, errMore := old.Writer().Write(t.Context(), place, Task{}, wordStates(old, 0, 1, 5000))
	_, errComplete := old.Complete(t.Context(), Completion{Place: place, Handles: []Handle{h}, Operators: operators(old, 1)})
	_, errLatest := old.Latest(t.Context())
	for _, err := range []error{errBegin, errWrite, errMore, errComplete, errLatest, old.Sweep(t.Context())} {
		if !errors.Is(err, ErrFenced) {
			t.Errorf("error %v, want fenced", err)
		}
	}
	if id, _ := w.latest(); id != 1 {
		t.Errorf("latest is %d", id)
	}
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	// What is dead is gone, but for the folder that holds the number.
	if diff := cmp.Diff([]string{"chk-00000001", "dead-00000002-00000002", "epoch-00000002"}, w.files("/job")); diff != "" {
		t.Error(diff)
	}
	if got := w.files("/job/dead-00000002-00000002"); len(got) > 0 {
		t.Errorf("left: %v", got)
	}
	if _, err := w.write(s, Checkpoint, 2, 10); err != nil {
		t.Fatal(err)
	}
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"chk-00000001", "chk-00000003", "epoch-00000002"}, w.files("/job")); diff != "" {
		t.Error(diff)
	}
}

// TestStop: the savepoint that a job was stopped with is where it begins again; without it that is an error, not an older checkpoint.
func TestStop(t *testing.T) { eachLayout(t, testStop) }

func testStop(t *testing.T, merge int) {
	t.Helper()
	w := newMerging(t, nil, merge)
	if _, err := w.write(w.store, Checkpoint, 2, 100); err != nil {
		t.Fatal(err)
	}
	if m, err := w.write(w.store, Savepoint, 2, 100); err != nil || m.ID != 2 {
		t.Fatal(m, err)
	}
	if id, _ := w.latest(); id != 1 {
		t.Errorf("after a savepoint in passing, latest is %d", id)
	}
	s := w.reopen("run2")
	m, err := w.write(s, Stop, 2, 5000)
	if err != nil {
		t.Fatal(err)
	}
	if id, _ := w.latest(); id != m.ID {
		t.Errorf("latest is %d", id)
	}
	// It is one folder, which can be moved, and is not found in the old place then.
	at := w.savepoint(m)
	if err := w.fs.Rename(t.Context(), at.Path, "/savepoints/moved"); err != nil {
		t.Fatal(err)
	}
	saved, err := Load(t.Context(), Folder{FS: w.fs, Path: "/savepoints/moved"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(expected(wordsOf(0, 5000)), read(t, saved, "count", counts, Share{Tasks: 1, KeyGroups: 64})); diff != "" {
		t.Error(diff)
	}
	if _, err := Latest(t.Context(), w.at, w.options("")); err == nil {
		t.Error("an older checkpoint was taken")
	}
}

// TestEnded: the files of tasks that have gone stay as long as a checkpoint refers to them, and are copied into savepoints.
func TestEnded(t *testing.T) { eachLayout(t, testEnded) }

func testEnded(t *testing.T, merge int) {
	t.Helper()
	w := newMerging(t, nil, merge)
	ctx := t.Context()
	write := func(id stream.CheckpointID, kind Kind, gone *Handle) Handle {
		t.Helper()
		place, err := w.store.Begin(ctx, id, kind, "/savepoints")
		if err != nil {
			t.Fatal(err)
		}
		h, err := w.store.Writer().Write(ctx, place, Task{Index: 1}, wordStates(w.store, 1, 2, 3000))
		if err != nil {
			t.Fatal(err)
		}
		final := gone
		if gone == nil {
			own, err := w.store.Writer().Write(ctx, place, Task{Index: 0}, wordStates(w.store, 0, 2, 3000))
			if err != nil {
				t.Fatal(err)
			}
			own.Ended = true
			final = &own
		}
		if _, err := w.store.Complete(ctx, Completion{Place: place, Handles: []Handle{*final, h}, Operators: operators(w.store, 2)}); err != nil {
			t.Fatal(err)
		}
		return *final
	}
	check := func() {
		t.Helper()
		s, err := w.store.Latest(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Skipped) > 0 || !s.Manifest.Operator("count").Parts[0].Ended {
			t.Errorf("skipped %v", s.Skipped)
		}
		for _, o := range operators(w.store, 2) {
			if diff := cmp.Diff(expected(wordsOf(0, 3000)), read(t, s, o.UID, counts, Share{Tasks: 1, KeyGroups: 64})); diff != "" {
				t.Errorf("%s: %s", o.UID, diff)
			}
		}
	}
	final := write(1, Checkpoint, nil)
	for id := range stream.CheckpointID(4) {
		write(id+2, Checkpoint, &final)
		check()
	}
	if diff := cmp.Diff([]string{"chk-00000001", "chk-00000004", "chk-00000005", "epoch-00000001"}, w.files("/job")); diff != "" {
		t.Error(diff)
	}
	write(6, Stop, &final)
	check()
	if err := w.fs.RemoveAll(ctx, "/job/chk-00000001"); err != nil {
		t.Fatal(err)
	}
	check()
}
