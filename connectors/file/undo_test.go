package file_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/formats/text"
	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/vfs"
	"github.com/millrace/millrace/vfs/errfs"
	"github.com/millrace/millrace/vfs/mem"
)

// numbered is a stream that writes, whose checkpoints have numbers and are kept.
type numbered struct {
	t     *testing.T
	files *vfs.Resolver
	sink  file.Sink[string]
	runs  int
	id    stream.CheckpointID
	saved map[stream.CheckpointID]savedWriter
	w     connectors.Writer
	c     connectors.Undoer
}

// savedWriter is what a checkpoint has of the sink.
type savedWriter struct {
	prepared []connectors.Committable
	state    []byte
}

// keepBack is how many checkpoints are kept.
const keepBack = 3

func newNumbered(t *testing.T, files *vfs.Resolver, s file.Sink[string]) *numbered {
	t.Helper()
	return &numbered{t: t, files: files, sink: s, saved: map[stream.CheckpointID]savedWriter{}}
}

// env is of the latest run.
func (f *numbered) env() connectors.TaskEnv {
	e := env(f.files, fmt.Sprintf("r%d", f.runs))
	e.UID, e.IsStreaming = "out", true
	return connectors.TaskEnv{Env: e, Tasks: 1}
}

// begin begins a run on a checkpoint as the engine does; 0: on nothing.
func (f *numbered) begin(ctx context.Context, on stream.CheckpointID) error {
	f.runs++
	e := f.env()
	if err := f.sink.Begin(ctx, e.Env); err != nil {
		return err
	}
	c, err := f.sink.NewCommitter(e.Env)
	if err != nil {
		return err
	}
	f.c = c.(connectors.Undoer)
	if on == 0 {
		err = f.c.Settle(ctx, f.id)
	} else if err = f.c.CheckBack(ctx, on); err == nil {
		err = f.c.TakeBack(ctx, on)
	}
	if err == nil && on > 0 {
		err = f.commit(ctx, on)
	}
	if err != nil {
		return err
	}
	if f.w, err = f.sink.NewWriter(ctx, e, columnar.NewSchema(keyed.Fields[0])); err != nil || on == 0 {
		return err
	}
	return f.w.(connectors.Stater).Restore(ctx, [][]byte{f.saved[on].state})
}

func (f *numbered) commit(ctx context.Context, id stream.CheckpointID) error {
	_, err := f.c.CommitAt(ctx, connectors.Point{ID: id, Oldest: max(0, id-keepBack+1)}, f.saved[id].prepared, false)
	return err
}

// checkpoint writes values and takes a checkpoint.
func (f *numbered) checkpoint(ctx context.Context, values ...string) error {
	b := valuesOf(values...)
	for range values {
		b.Time = append(b.Time, time.Date(2026, 1, 1, int(f.id%3), 0, 0, 0, time.UTC).UnixMicro())
	}
	err := f.w.Write(ctx, b)
	if err != nil {
		return err
	}
	var s savedWriter
	if s.prepared, err = f.w.Prepare(ctx); err != nil {
		return err
	}
	if s.state, err = f.w.(connectors.Stater).State(ctx); err != nil {
		return err
	}
	f.id++
	f.saved[f.id] = s
	return f.commit(ctx, f.id)
}

// end ends the input.
func (f *numbered) end(ctx context.Context) error {
	prepared, err := f.w.(connectors.Ender).End(ctx)
	if err != nil {
		return err
	}
	f.id++
	_, err = f.c.CommitAt(ctx, connectors.Point{ID: f.id, Oldest: f.id - 1}, prepared, true)
	return err
}

// do fails the test when one of a number of steps fails.
func (f *numbered) do(steps ...error) {
	f.t.Helper()
	if err := errors.Join(steps...); err != nil {
		f.t.Fatal(err)
	}
}

// words are what readers see, sorted.
func words(d disk) string {
	var all []string
	for text := range maps.Values(d.visible()) {
		all = append(all, strings.Fields(text)...)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

var undoable = map[string]file.Sink[string]{
	"a file a checkpoint": {Path: "mem://t/out", Format: text.Lines{}},
	"rolling":             {Path: "mem://t/out", Format: text.Lines{}, Rolling: file.Rolling{Size: 5, Every: time.Hour, Idle: time.Hour}},
	"in folders":          {Path: "mem://t/out", Format: text.Lines{}, Buckets: file.Buckets{Layout: "hour=15"}},
}

// TestTakeBack goes back over up to two checkpoints, writes other rows in their place, and goes on.
func TestTakeBack(t *testing.T) {
	for name, sink := range undoable {
		for back := range stream.CheckpointID(keepBack) {
			t.Run(fmt.Sprintf("%s/%d", name, back), func(t *testing.T) {
				ctx, d := t.Context(), newDisk(t)
				f := newNumbered(t, d.files(), sink)
				f.do(f.begin(ctx, 0))
				var want []string
				for i := range 8 {
					value := fmt.Sprintf("v%d", i)
					f.do(f.checkpoint(ctx, value))
					if i < 8-int(back) {
						want = append(want, value)
					}
				}
				if err := f.begin(ctx, f.id-keepBack); !errors.Is(err, connectors.ErrPublic) {
					t.Fatalf("back over what is forgotten: %v", err)
				}
				f.do(f.w.Close(), f.begin(ctx, f.id-back), f.w.Close(), f.begin(ctx, f.id-back)) // twice, as after a crash
				f.do(f.checkpoint(ctx, "new"), f.checkpoint(ctx, "newer"), f.end(ctx), f.w.Close())
				want = append(want, "new", "newer")
				if got := words(d); got != sortedText(want) {
					t.Errorf("got %s, want %s", got, sortedText(want))
				}
				if left := d.hidden(); left != nil {
					t.Errorf("left behind: %q", left)
				}
				if err := f.c.CheckBack(ctx, f.id-1); !errors.Is(err, connectors.ErrPublic) {
					t.Errorf("back behind the end: %v", err)
				}
				if err := f.c.CheckBack(ctx, f.id); err != nil {
					t.Errorf("on the end: %v", err)
				}
			})
		}
	}
}

func sortedText(words []string) string { return strings.Join(sorted(words), " ") }

// TestTakenBackAgain goes back to a checkpoint whose output was taken back: it is published again.
func TestTakenBackAgain(t *testing.T) {
	ctx, d := t.Context(), newDisk(t)
	f := newNumbered(t, d.files(), undoable["a file a checkpoint"])
	f.do(f.begin(ctx, 0), f.checkpoint(ctx, "a"), f.checkpoint(ctx, "b"), f.w.Close())
	f.do(f.begin(ctx, 1), f.w.Close(), f.begin(ctx, 2), f.checkpoint(ctx, "c"), f.w.Close())
	if got := words(d); got != "a b c" {
		t.Errorf("got %s", got)
	}
}

// TestTakeBackSettled begins as its user wants: what is published stays, and there is no way behind it.
func TestTakeBackSettled(t *testing.T) {
	ctx, d := t.Context(), newDisk(t)
	f := newNumbered(t, d.files(), undoable["rolling"])
	f.do(f.begin(ctx, 0), f.checkpoint(ctx, "a1234"), f.checkpoint(ctx, "b1234"), f.w.Close())
	f.do(f.begin(ctx, 0), f.checkpoint(ctx, "c1234"), f.w.Close())
	if err := f.begin(ctx, 1); !errors.Is(err, connectors.ErrPublic) {
		t.Errorf("behind a new beginning: %v", err)
	}
	f.do(f.begin(ctx, 2), f.end(ctx), f.w.Close())
	if got := words(d); got != "a1234 b1234" {
		t.Errorf("got %s", got)
	}
}

// TestTakeBackRemoved has somebody take a file away that would have to go back.
func TestTakeBackRemoved(t *testing.T) {
	ctx, d := t.Context(), newDisk(t)
	f := newNumbered(t, d.files(), undoable["a file a checkpoint"])
	f.do(f.begin(ctx, 0), f.checkpoint(ctx, "a"), f.checkpoint(ctx, "b"), f.checkpoint(ctx, "c"), f.w.Close())
	for name, text := range d.visible() {
		if text == "c\n" {
			f.do(d.Remove(ctx, out+"/"+name))
		}
	}
	if err := f.c.CheckBack(ctx, 1); !errors.Is(err, connectors.ErrPublic) || !strings.Contains(err.Error(), "checkpoint 3") {
		t.Errorf("the error is %v", err)
	}
	f.do(f.c.TakeBack(ctx, 1)) // as the user allows it
	if got := words(d); got != "a" {
		t.Errorf("got %s", got)
	}
}

// TestTakeBackDies kills the process at each of its calls that change something; the next one begins again.
func TestTakeBackDies(t *testing.T) {
	ctx := t.Context()
	for name, sink := range undoable {
		for _, late := range []bool{false, true} {
			died := 1
			for nth := 1; died > 0; nth++ {
				died = 0
				d := newDisk(t)
				f := newNumbered(t, d.files(), sink)
				f.do(f.begin(ctx, 0), f.checkpoint(ctx, "a1"), f.checkpoint(ctx, "b1"), f.checkpoint(ctx, "c1"), f.w.Close())
				f.files = resolver(newDying(d.FileSystem, nth, late))
				err := f.begin(ctx, 2)
				if err == nil {
					err = f.checkpoint(ctx, "lost")
				}
				if errors.Is(err, errDead) {
					died++
				} else {
					f.do(err)
				}
				f.files = d.files() // the checkpoint that may be complete now is damaged, too
				f.do(f.begin(ctx, 2), f.checkpoint(ctx, "e1"), f.end(ctx), f.w.Close())
				if diff := cmp.Diff("a1 b1 e1", words(d)); diff != "" {
					t.Fatalf("%s, call %d, late %t: %s", name, nth, late, diff)
				}
			}
		}
	}
}

// TestTakeBackFails has single calls fail; what is tried again succeeds.
func TestTakeBackFails(t *testing.T) {
	ctx := t.Context()
	for name, sink := range undoable {
		failed := true
		for nth := 1; failed; nth++ {
			d := disk{mem.New("t"), t}
			f := newNumbered(t, d.files(), sink)
			f.do(f.begin(ctx, 0), f.checkpoint(ctx, "a1"), f.checkpoint(ctx, "b1"), f.checkpoint(ctx, "c1"), f.w.Close())
			f.files = resolver(errfs.New(d.FileSystem, errfs.Options{Faults: []errfs.Fault{{Nth: nth, Err: vfs.Unavailable(errfs.ErrInjected), Late: nth%2 == 0}}}))
			err := f.begin(ctx, 1)
			if failed = err != nil; failed {
				if !errors.Is(err, errfs.ErrInjected) {
					t.Fatalf("%s, call %d: %v", name, nth, err)
				}
				f.do(f.begin(ctx, 1))
			}
			f.do(f.w.Close())
			f.files = d.files()
			f.do(f.begin(ctx, 1), f.checkpoint(ctx, "e1"), f.end(ctx), f.w.Close())
			if got := words(d); got != "a1 e1" {
				t.Fatalf("%s, call %d: %s", name, nth, got)
			}
		}
	}
}
