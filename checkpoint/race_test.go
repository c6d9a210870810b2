package checkpoint

import (
	"context"
	"errors"
	"path"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/vfs"
	"github.com/millrace/millrace/vfs/local"
	"github.com/millrace/millrace/vfs/mem"
)

// between is a file system that does something before a rename of which it is asked.
type between struct {
	vfs.FileSystem
	before func(from, to string)
}

func (b *between) Rename(ctx context.Context, from, to string) error {
	if f := b.before; f != nil {
		f(from, to)
	}
	return b.FileSystem.Rename(ctx, from, to)
}

// TestTakeOver lets a new incarnation open the folder in the moment between the old one's look at the epochs and its rename of the manifest,
// and lets the old one rename in the moment before the new one puts its checkpoint aside. The first time the old one learns that it
// is fenced and nobody finds the checkpoint, the second time it is complete and the new one begins from it.
func TestTakeOver(t *testing.T) {
	t.Run("mem", func(t *testing.T) { takeOver(t, mem.New("test"), "/job") })
	t.Run("local", func(t *testing.T) { takeOver(t, local.FS{}, t.TempDir()) })
}

func takeOver(t *testing.T, in vfs.FileSystem, dir string) {
	t.Helper()
	begin := func(t *testing.T) (*between, *world) {
		t.Helper()
		fs := &between{FileSystem: in}
		w := &world{t: t, fs: fs, at: Folder{FS: fs, Path: path.Join(dir, path.Base(t.Name()))}}
		w.reopen("run1")
		return fs, w
	}
	t.Run("opened before the manifest", func(t *testing.T) {
		fs, w := begin(t)
		old := w.store
		if _, err := w.write(old, Checkpoint, 1, 10); err != nil {
			t.Fatal(err)
		}
		var found *Saved
		fs.before = func(_, to string) {
			if path.Base(to) != manifestName {
				return
			}
			fs.before = nil
			s := w.reopen("run2")
			var err error
			if found, err = s.Latest(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		_, err := writeCheckpoint(t.Context(), old, 2, Checkpoint, 1, 20)
		if !errors.Is(err, ErrFenced) || found.Manifest.ID != 1 {
			t.Errorf("the old one: %v, the new one begins from %d", err, found.Manifest.ID)
		}
		if id, _ := w.latest(); id != 1 {
			t.Errorf("latest is %d", id)
		}
	})
	t.Run("opened behind the manifest", func(t *testing.T) {
		fs, w := begin(t)
		old := w.store
		halted, goOn := make(chan struct{}), make(chan struct{})
		fs.before = func(_, to string) {
			switch {
			case path.Base(to) == manifestName:
				close(halted)
				<-goOn
			case strings.HasPrefix(path.Base(to), deadPrefix):
				// The new one has seen no manifest; now there will be one.
				fs.before = nil
				close(goOn)
				for ok := false; !ok; {
					ok, _ = exists(t.Context(), w.at.join(checkpointDir(1), manifestName))
				}
			}
		}
		done := make(chan error)
		go func() {
			_, err := writeCheckpoint(t.Context(), old, 1, Checkpoint, 1, 10)
			done <- err
		}()
		<-halted
		s := w.reopen("run2")
		// It may not learn that it was in time.
		if err := <-done; err != nil && !errors.Is(err, ErrFenced) {
			t.Errorf("the old one: %v", err)
		}
		if found, err := s.Latest(t.Context()); err != nil || found == nil || found.Manifest.ID != 1 || s.First() != 2 {
			t.Errorf("the new one finds %v, %v", found, err)
		}
	})
}

// TestDistributions gives rows of each distribution to three tasks.
func TestDistributions(t *testing.T) {
	table := func(d state.Distribution) state.Table {
		return state.Table{Name: d.String(), Kind: "list", Distribution: d, Values: fields("word string", "n int64")}
	}
	w := newWorld(t, nil)
	place, err := w.store.Begin(t.Context(), 1, Checkpoint, "")
	if err != nil {
		t.Fatal(err)
	}
	c := Completion{Place: place}
	for i := range 2 {
		own := []state.Rows{{Batch: wordsOf(10*i, 10*i+2)}}
		same := []state.Rows{{Batch: wordsOf(0, 1)}}
		f := &frozen{tables: []state.Table{table(state.Union), table(state.Broadcast), table(state.Spread)}, rows: [][]state.Rows{own, same, own}}
		h, err := w.store.Writer().Write(t.Context(), place, Task{Index: i}, []OperatorState{{UID: "op", Frozen: f}})
		if err != nil {
			t.Fatal(err)
		}
		h.Ended = i == 0
		c.Handles = append(c.Handles, h)
	}
	m, err := w.store.Complete(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][][]string{}
	for _, d := range []state.Distribution{state.Union, state.Broadcast, state.Spread} {
		for task := range 3 {
			got[d.String()] = append(got[d.String()], read(t, w.load(m), "op", table(d), Share{Task: task, Tasks: 3}))
		}
	}
	all := []string{"word-0 0", "word-1 1", "word-10 10", "word-11 11"}
	want := map[string][][]string{
		"union":     {all, all, all},
		"broadcast": {{"word-0 0"}, {"word-0 0"}, {"word-0 0"}},
		"spread":    {{"word-0 0", "word-11 11"}, {"word-1 1"}, {"word-10 10"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// As many tasks as before: each gets its own.
	if diff := cmp.Diff([]string{"word-10 10", "word-11 11"}, read(t, w.load(m), "op", table(state.Spread), Share{Task: 1, Tasks: 2})); diff != "" {
		t.Error(diff)
	}
}
