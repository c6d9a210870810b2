package file_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/formats/csv"
	"github.com/millrace/millrace/formats/text"
	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/vfs"
)

// marks returns the folders that have a mark.
func (d disk) marks() []string {
	d.t.Helper()
	var marked []string
	var look func(dir string)
	look = func(dir string) {
		infos, err := d.List(d.t.Context(), dir)
		if err != nil {
			if isNotExist(err) {
				return
			}
			d.t.Fatal(err)
		}
		for _, i := range infos {
			switch {
			case i.IsDir && !vfs.IsHidden(i.Name()):
				look(i.Path)
			case i.Name() == "_SUCCESS":
				marked = append(marked, strings.TrimPrefix(strings.TrimPrefix(dir, out), "/"))
			}
		}
	}
	look(out)
	slices.Sort(marked)
	return marked
}

// advance brings a writer's event time to a moment: no row that is not after it will come.
func advance(w connectors.Writer, to time.Time) {
	w.(connectors.Timed).Advance(stream.Watermark(to.UnixMicro()))
}

// A folder is marked when event time is past its end and what was prepared of it is published, and again when late rows are; whatever fails.
func TestMarks(t *testing.T) {
	d := newDisk(t)
	f := newFlow(t, d, file.Sink[string]{
		Path: "mem://t/out", Format: text.Lines{}, Buckets: file.Buckets{Layout: "dt=2006-01-02/hour=15", Mark: true, After: time.Minute},
	})
	noon := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	see := func(want ...string) {
		t.Helper()
		if got := d.marks(); !slices.Equal(got, want) {
			t.Fatalf("marks %q, want %q", got, want)
		}
	}
	const twelve, one = "dt=2026-03-04/hour=12", "dt=2026-03-04/hour=13"
	f.write(noon, "a")
	f.write(noon.Add(time.Hour), "b")
	f.checkpoint()
	see()
	advance(f.w, noon.Add(time.Hour+time.Minute-2*time.Microsecond)) // the last microsecond of it may come
	f.checkpoint()
	see()
	f.crash()
	see()
	advance(f.w, noon.Add(time.Hour+time.Minute-time.Microsecond))
	f.checkpoint() // without rows
	see(twelve)
	f.crash()
	f.commit(false)
	see(twelve)

	if err := d.Remove(t.Context(), out+"/"+twelve+"/_SUCCESS"); err != nil { // as somebody does who has seen it
		t.Fatal(err)
	}
	f.write(noon, "late")
	advance(f.w, noon.Add(90*time.Minute))
	f.checkpoint()
	see(twelve)
	f.write(noon.Add(5*time.Hour), "c")
	f.w.(connectors.Timed).Advance(stream.EndOfTime)
	f.end()
	see("", twelve, one, "dt=2026-03-04/hour=17")
}

// A folder of which pieces are kept back is not marked; once event time is past it they are published, large enough or not.
func TestMarksWithRolling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk(t)
		f := newFlow(t, d, file.Sink[string]{
			Path: "mem://t/out", Format: text.Lines{}, Buckets: file.Buckets{Layout: "dt=2006-01-02", Mark: true},
			Rolling: file.Rolling{Size: 1 << 20, Every: time.Hour, Idle: time.Hour},
		})
		day := time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)
		for i := range 3 {
			f.write(day, fmt.Sprint(i))
			f.write(day.AddDate(0, 0, 1), fmt.Sprint(i))
			f.checkpoint()
		}
		advance(f.w, day.AddDate(0, 0, 1))
		f.checkpoint()
		synctest.Wait() // the pieces are made one file
		if got := d.marks(); got != nil {
			t.Fatalf("marks %q before the file is published", got)
		}
		f.checkpoint()
		f.see(1, map[string]string{"dt=2026-03-04": "0 1 2"})
		if got := d.marks(); !slices.Equal(got, []string{"dt=2026-03-04"}) {
			t.Fatalf("marks %q", got)
		}
	})
}

// The folder waits for the slowest of the tasks, but not for those that are idle.
func TestMarksOfTasks(t *testing.T) {
	d := newDisk(t)
	s := file.Sink[string]{Path: "mem://t/out", Format: text.Lines{}, Buckets: file.Buckets{Layout: "2006-01", Mark: true}}
	e := connectors.TaskEnv{Env: env(d.files(), "r1"), Tasks: 3}
	e.UID, e.IsStreaming = "out", true
	var writers []connectors.Writer
	for e.Task = range 3 {
		w, err := s.NewWriter(t.Context(), e, columnar.NewSchema(keyed.Fields[0]))
		if err != nil {
			t.Fatal(err)
		}
		writers = append(writers, w)
	}
	committer, err := s.NewCommitter(e.Env)
	if err != nil {
		t.Fatal(err)
	}
	checkpoint := func(want ...string) {
		t.Helper()
		var all []connectors.Committable
		for _, w := range writers {
			c, err := w.Prepare(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, c...)
		}
		if _, err := committer.Commit(t.Context(), all, false); err != nil {
			t.Fatal(err)
		}
		if got := d.marks(); !slices.Equal(got, want) {
			t.Fatalf("marks %q, want %q", got, want)
		}
	}
	b := valuesOf("x")
	b.Time = []int64{time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC).UnixMicro()}
	if err := writers[0].Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	april := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	advance(writers[0], april)
	checkpoint()
	advance(writers[1], april.Add(-time.Hour))
	checkpoint() // one has said nothing
	writers[2].(connectors.Timed).Idle(true)
	checkpoint()
	advance(writers[1], april)
	checkpoint("2026-03")
	for _, w := range writers {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
}

// What is taken back is not marked any more.
func TestMarksAreTakenBack(t *testing.T) {
	d := newDisk(t)
	s := file.Sink[string]{Path: "mem://t/out", Format: text.Lines{}, Buckets: file.Buckets{Layout: "2006-01-02", Mark: true}}
	e := connectors.TaskEnv{Env: env(d.files(), "r1"), Tasks: 1}
	e.UID, e.IsStreaming = "out", true
	w, err := s.NewWriter(t.Context(), e, columnar.NewSchema(keyed.Fields[0]))
	if err != nil {
		t.Fatal(err)
	}
	committer, err := s.NewCommitter(e.Env)
	if err != nil {
		t.Fatal(err)
	}
	undoer := committer.(connectors.Undoer)
	day := time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)
	for id := range stream.CheckpointID(3) {
		b := valuesOf("x")
		b.Time = []int64{day.UnixMicro()}
		if err := w.Write(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if id == 2 {
			advance(w, day.AddDate(0, 0, 1))
		}
		c, err := w.Prepare(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := undoer.CommitAt(t.Context(), connectors.Point{ID: id + 1}, c, false); err != nil {
			t.Fatal(err)
		}
	}
	if got := d.marks(); len(got) != 1 {
		t.Fatalf("marks %q", got)
	}
	if err := undoer.TakeBack(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	if got, files := d.marks(), d.visible(); len(got) != 0 || len(files) != 2 {
		t.Errorf("marks %q, files %v", got, files)
	}
	if err := undoer.TakeBack(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if d.exists(out + "/2026-03-04") {
		t.Error("a folder is left that has nothing")
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

// A batch marks the folders that it has written to.
func TestMarksOfABatch(t *testing.T) {
	d := newDisk(t)
	s := file.Sink[string]{Path: "mem://t/out", Format: text.Lines{}, Buckets: file.Buckets{Layout: "2006-01-02", Mark: true}}
	b := valuesOf("a", "b")
	b.Time = []int64{0, columnar.NoTime}
	if _, err := write(t, s, env(d.files(), "r1"), b); err != nil {
		t.Fatal(err)
	}
	if got := d.marks(); !slices.Equal(got, []string{"", "1970-01-01"}) {
		t.Errorf("marks %q", got)
	}
}

func TestLayoutsThatCanBeMarked(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for layout, want := range map[string]bool{
		"dt=2006-01-02": true, "2006/01/02/15": true, "2006-01": true, "y=2006": true, "2006-01-02T15-04-05": true, "Jan-2006": true,
		"hour=15": false, "01-02": false, "fixed": false, "2006 15": false,
	} {
		s := file.Sink[string]{Path: "mem://t/out", Format: text.Lines{}, Buckets: file.Buckets{Layout: layout, Mark: true, Zone: berlin}}
		if err := s.Validate(); (err == nil) != want {
			t.Errorf("%s: %v", layout, err)
		}
	}
	type rec struct{ At time.Time }
	s := file.Sink[rec]{Path: "mem://t/out", Format: csv.Format[rec]{}, Buckets: file.Buckets{Layout: "2006-01-02", Column: "at", Mark: true}}
	if err := s.Validate(); err == nil || !strings.Contains(err.Error(), "event time") {
		t.Errorf("the error is %v", err)
	}
}
