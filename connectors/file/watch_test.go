package file_test

import (
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/formats/text"
)

// watch drives a source that watches, with one task.
type watch struct {
	t        *testing.T
	enum     connectors.Enumerator
	reader   connectors.Reader
	later    bool
	assigned map[string]connectors.Split
	at       map[string]connectors.Position
}

func newWatch(t *testing.T, d disk, s file.Source[string]) *watch {
	t.Helper()
	if err := s.Validate(); err != nil || s.IsBounded() {
		t.Fatal(err, s.IsBounded())
	}
	w := &watch{t: t, assigned: map[string]connectors.Split{}, at: map[string]connectors.Position{}}
	e := env(d.files(), "r1")
	facts, err := s.Discover(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	if w.enum, err = s.NewEnumerator(e, connectors.Scan{}, facts); err != nil {
		t.Fatal(err)
	}
	if w.reader, err = s.NewReader(connectors.TaskEnv{Env: e, Tasks: 1}, connectors.Scan{Rows: 2}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.reader.Close() })
	return w
}

func (w *watch) step(e connectors.Event) {
	w.t.Helper()
	actions, err := w.enum.Step(e)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, a := range actions {
		switch a := a.(type) {
		case connectors.Call:
			result, err := a.Do(w.t.Context())
			w.step(connectors.Called{Name: a.Name, Result: result, Err: err})
		case connectors.Later:
			w.later = true
		case connectors.Assign:
			for _, s := range a.Splits {
				w.assigned[s.ID] = s
				delete(w.at, s.ID)
			}
			if err := w.reader.Assign(a.Splits, nil); err != nil {
				w.t.Fatal(err)
			}
		case connectors.NoMore:
			w.t.Error("a watched source has an end")
		}
	}
}

// again lets the interval pass.
func (w *watch) again() {
	w.t.Helper()
	if !w.later {
		w.t.Fatal("nobody looks again")
	}
	w.later = false
	w.step(connectors.Called{Name: "look again"})
}

// lines reads what there is, or at most so many batches.
func (w *watch) lines(batches int) (out []string) {
	w.t.Helper()
	asked := false
	for batches > 0 {
		f, err := w.reader.Fetch(w.t.Context())
		if errors.Is(err, io.EOF) {
			if asked {
				return out
			}
			asked = true
			w.step(connectors.Requested{})
			continue
		}
		if err != nil {
			w.t.Fatal(err)
		}
		asked = false
		w.at[f.Split] = f.Next
		if f.Done {
			delete(w.assigned, f.Split)
		}
		for i := range f.Batch.Rows() {
			out = append(out, f.Batch.Columns[0].Text(f.Batch.Row(i)))
			if i == 0 {
				batches--
			}
		}
	}
	return out
}

// restored returns a run that goes on.
func (w *watch) restored(d disk, s file.Source[string]) *watch {
	w.t.Helper()
	state, err := w.enum.Snapshot()
	if err != nil {
		w.t.Fatal(err)
	}
	e := connectors.Restored{Tasks: 1, State: state}
	for id, s := range w.assigned {
		e.Splits, e.Positions = append(e.Splits, s), append(e.Positions, w.at[id])
	}
	next := newWatch(w.t, d, s)
	next.step(e)
	return next
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(sorted(got), sorted(want)) {
		t.Fatalf("got %q, want %q", got, want)
	}
}

func TestWatch(t *testing.T) {
	d := newDisk(t)
	s := file.Source[string]{Path: "mem://t/in", Format: text.Lines{}, Watch: time.Minute}
	w := newWatch(t, d, s)
	w.step(connectors.Started{Tasks: 1}) // there is no folder yet
	expect(t, w.lines(9))
	d.put("/in/a.txt", "1\n2\n3\n4\n5\n")
	d.put("/in/_b.txt", "hidden\n")
	d.put("/in/c.txt.inprogress", "growing\n")
	w.again()
	expect(t, w.lines(1), "1", "2")

	w = w.restored(d, s) // in the middle of a file
	d.put("/in/x/d.txt", "6\n")
	expect(t, w.lines(9), "3", "4", "5")
	w.again()
	expect(t, w.lines(9), "6")
	if err := d.Rename(t.Context(), "/in/c.txt.inprogress", "/in/c.txt"); err != nil {
		t.Fatal(err)
	}
	w.again()
	w = w.restored(d, s) // with a file that was given out and not read
	expect(t, w.lines(9), "growing")
	w.again()
	expect(t, w.lines(9))
	w = w.restored(d, s)
	expect(t, w.lines(9))

	if err := d.Remove(t.Context(), "/in/a.txt"); err != nil {
		t.Fatal(err)
	}
	w.again()
	d.put("/in/a.txt", "another of the same name\n")
	w.again()
	expect(t, w.lines(9), "another of the same name")
}

func TestWatchAge(t *testing.T) {
	d := newDisk(t)
	s := file.Source[string]{Path: "mem://t/in/*.log", Format: text.Lines{}, Watch: time.Second, MinAge: 50 * time.Millisecond, Unfinished: []string{".1.log"}}
	w := newWatch(t, d, s)
	d.put("/in/a.log", "young\n")
	d.put("/in/a.1.log", "unfinished\n")
	w.step(connectors.Started{Tasks: 1})
	expect(t, w.lines(9))
	time.Sleep(60 * time.Millisecond)
	w.again()
	expect(t, w.lines(9), "young")

	d.put("/in/a.log", "young again\n") // each file once: this one has been read
	w.again()
	expect(t, w.lines(9))
	time.Sleep(60 * time.Millisecond)
	w = w.restored(d, s)
	expect(t, w.lines(9))
}

// TestWatchGoesOn lets a look fail: the next one finds what it would have.
func TestWatchGoesOn(t *testing.T) {
	d := newDisk(t)
	d.put("/in/a", "a\n")
	s := file.Source[string]{Path: "mem://t/in", Format: text.Lines{}, Watch: time.Second}
	w := newWatch(t, d, s)
	w.step(connectors.Started{Tasks: 1})
	expect(t, w.lines(9), "a")
	w.later = false
	w.step(connectors.Called{Name: "list", Err: errors.New("the network is down")})
	d.put("/in/b", "b\n")
	w.again()
	expect(t, w.lines(9), "b")
	fresh := newWatch(t, d, s)
	if _, err := fresh.enum.Step(connectors.Started{Tasks: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := fresh.enum.Step(connectors.Called{Name: "list", Err: errors.New("wrong password")}); err == nil {
		t.Error("the first look may fail")
	}
}

// What there is at the first look is the backlog until it has been read, and after a restore what was left and what has come meanwhile. What
// comes later is none.
func TestWatchBacklog(t *testing.T) {
	d := newDisk(t)
	s := file.Source[string]{Path: "mem://t/in", Format: text.Lines{}, Watch: time.Minute}
	w := newWatch(t, d, s)
	is := func(what string, want bool) {
		t.Helper()
		if got := w.enum.(connectors.Backlogged).IsInBacklog(); got != want {
			t.Errorf("%s: in the backlog %t, want %t", what, got, want)
		}
	}
	is("before it begins", false)
	d.put("/in/a", "1\n2\n3\n")
	d.put("/in/b", "4\n")
	w.step(connectors.Started{Tasks: 1})
	is("two files to read", true)
	expect(t, w.lines(1), "1", "2")
	is("in the middle of one", true)
	expect(t, w.lines(9), "3", "4")
	is("both are read", false)
	d.put("/in/c", "5\n")
	w.again()
	is("a new one", false)

	w = w.restored(d, s)
	is("which was not read", true)
	expect(t, w.lines(9), "5")
	is("it is read", false)
	d.put("/in/d", "6\n")
	w = w.restored(d, s)
	is("one has come meanwhile", true)
	expect(t, w.lines(9), "6")
	is("that is read as well", false)
	w = w.restored(d, s)
	is("nothing has come", false)
}
