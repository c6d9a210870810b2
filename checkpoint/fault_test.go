package checkpoint

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/vfs"
	"github.com/millrace/millrace/vfs/errfs"
	"github.com/millrace/millrace/vfs/mem"
)

// TestFaults lets each call to the file system fail, before or after its effect, alone or with all that follow as when the process dies. An
// incarnation opens the folder, makes a checkpoint and then one that it stops with. Whatever happens, the newest checkpoint that counts is
// undamaged, is no older than the last that was said to be complete, and has that one's rows; and the next incarnation gets on.
func TestFaults(t *testing.T) { eachLayout(t, testFaults) }

func testFaults(t *testing.T, merge int) {
	t.Helper()
	for _, late := range []bool{false, true} {
		for _, more := range []int{0, 2, 1000} {
			if merge > 0 && more == 2 { // what is tried again is tried again in either layout
				continue
			}
			t.Run(fmt.Sprintf("late=%v more=%d", late, more), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { // time between tries costs nothing
					for n := 1; faulted(t, merge, n, more, late); n++ {
					}
				})
			})
		}
	}
}

// faulted runs one case and returns whether there was an n-th call.
func faulted(t *testing.T, merge, n, more int, late bool) bool {
	t.Helper()
	w := newMerging(t, mem.New("test"), merge)
	const first, second, third = 100, 1500, 200 // rows of the checkpoints
	totals := map[stream.CheckpointID]int{1: first, 2: second, 3: third}
	if _, err := w.write(w.store, Checkpoint, 2, first); err != nil {
		t.Fatal(err)
	}
	clean := w.fs
	var faults []errfs.Fault
	for i := range more + 1 {
		faults = append(faults, errfs.Fault{Nth: n + i, Err: vfs.Unavailable(errors.New("the disk is gone")), Late: late && i == 0})
	}
	broken := errfs.New(clean, errfs.Options{Faults: faults})
	calls := func() (sum int) {
		for _, op := range []errfs.Op{errfs.Open, errfs.Create, errfs.Stat, errfs.List, errfs.Mkdir, errfs.Rename, errfs.Remove, errfs.RemoveAll, errfs.Read, errfs.Write, errfs.Close} {
			sum += broken.Count(op)
		}
		return sum
	}
	w.fs = broken
	done := stream.CheckpointID(1)
	if s, err := Open(t.Context(), Folder{FS: broken, Path: w.at.Path}, w.options("run2")); err == nil {
		for _, kind := range []Kind{Checkpoint, Stop} {
			id := done + 1
			if _, err := writeCheckpoint(t.Context(), s, id, kind, 2, totals[id]); err == nil {
				done = id
			} else if more > 0 {
				break
			} else {
				t.Errorf("call %d: one fault was too much: %v", n, err)
			}
		}
		_ = s.Sweep(t.Context())
	} else if more == 0 && !errors.Is(err, vfs.ErrUnavailable) {
		t.Errorf("call %d: %v", n, err)
	}
	w.fs = clean
	at := fmt.Sprintf("call %d, %d complete", n, done)
	w.checkLatest(at, done, totals)
	next := w.reopen("run3")
	w.checkLatest(at+", reopened", done, totals)
	if next.First() <= done {
		t.Errorf("%s: the next begins with %d", at, next.First())
	}
	if _, err := writeCheckpoint(t.Context(), next, next.First(), Checkpoint, 3, 50); err != nil {
		t.Errorf("%s: the next: %v", at, err)
	}
	if err := next.Sweep(t.Context()); err != nil {
		t.Errorf("%s: sweeping: %v", at, err)
	}
	totals[next.First()] = 50
	w.checkLatest(at+", gone on", next.First(), totals)
	w.checkClean(at)
	return calls() >= n
}

// checkLatest wants the newest checkpoint to be at least that one, undamaged, with its rows.
func (w *world) checkLatest(at string, least stream.CheckpointID, totals map[stream.CheckpointID]int) {
	w.t.Helper()
	s, err := Latest(w.t.Context(), w.at, w.options(""))
	if err != nil || s == nil {
		w.t.Fatalf("%s: %v, %v", at, s, err)
	}
	if s.Manifest.ID < least || len(s.Skipped) > 0 {
		w.t.Errorf("%s: latest is %d, skipped %v", at, s.Manifest.ID, s.Skipped)
	}
	rows, sum := 0, int64(0)
	for b, err := range s.Rows(w.t.Context(), "count", counts, Share{Tasks: 1, KeyGroups: testGroups}) {
		if err != nil {
			w.t.Fatalf("%s: %v", at, err)
		}
		for _, n := range columnar.Values[int64](b.Columns[1]) {
			rows, sum = rows+1, sum+n
		}
	}
	if total := totals[s.Manifest.ID]; rows != total || sum != int64(total)*int64(total-1)/2 {
		w.t.Errorf("%s: checkpoint %d has %d rows of %d", at, s.Manifest.ID, rows, total)
	}
}

// checkClean wants nothing in the folder that the kept checkpoints do not refer to.
func (w *world) checkClean(at string) {
	w.t.Helper()
	for _, name := range w.files(w.at.Path) {
		if _, ok := numbers(name, chkPrefix, 1); !ok {
			if len(w.files(w.at.Path+"/"+name)) > 0 {
				w.t.Errorf("%s: %s is not empty", at, name)
			}
			continue
		}
		m, err := readManifest(w.t.Context(), w.at.join(name))
		if err != nil {
			if got := w.files(w.at.Path + "/" + name); len(got) > 0 {
				w.t.Errorf("%s: %s has %v, and %v", at, name, got, err)
			}
			continue
		}
		known := map[string]bool{name + "/" + manifestName: true}
		for f := range m.files {
			known[f.Path] = true
		}
		for _, file := range w.files(w.at.Path + "/" + name) {
			if !known[name+"/"+file] {
				w.t.Errorf("%s: nothing refers to %s/%s", at, name, file)
			}
		}
	}
}
