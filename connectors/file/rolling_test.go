package file_test

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/formats/csv"
	"github.com/millrace/millrace/formats/parquet"
	"github.com/millrace/millrace/formats/text"
)

// flow is a stream that writes: runs of one task that go on from checkpoints.
type flow[T any] struct {
	t     *testing.T
	d     disk
	sink  file.Sink[T]
	run   int
	w     connectors.Writer
	last  []connectors.Committable // of the last complete checkpoint
	state []byte
}

func newFlow[T any](t *testing.T, d disk, s file.Sink[T]) *flow[T] {
	t.Helper()
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	f := &flow[T]{t: t, d: d, sink: s}
	f.start()
	return f
}

func (f *flow[T]) env() connectors.TaskEnv {
	e := env(f.d.files(), fmt.Sprintf("r%d", f.run))
	e.UID, e.IsStreaming = "out", true
	return connectors.TaskEnv{Env: e, Tasks: 1}
}

// start begins a run as the engine does: it commits what the checkpoint has, then gives the writer its state.
func (f *flow[T]) start() {
	f.t.Helper()
	f.run++
	e := f.env()
	if err := f.sink.Begin(f.t.Context(), e.Env); err != nil {
		f.t.Fatal(err)
	}
	f.commit(false)
	w, err := f.sink.NewWriter(f.t.Context(), e, columnar.NewSchema(keyed.Fields[0]))
	if err != nil {
		f.t.Fatal(err)
	}
	f.w = w
	if f.state != nil {
		if err := w.(connectors.Stater).Restore(f.t.Context(), [][]byte{f.state}); err != nil {
			f.t.Fatal(err)
		}
	}
}

func (f *flow[T]) write(at time.Time, values ...string) {
	f.t.Helper()
	b := valuesOf(values...)
	for range values {
		b.Time = append(b.Time, at.UnixMicro())
	}
	if err := f.w.Write(f.t.Context(), b); err != nil {
		f.t.Fatal(err)
	}
}

// checkpoint takes one, which completes.
func (f *flow[T]) checkpoint() {
	f.t.Helper()
	c, err := f.w.Prepare(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	if f.state, err = f.w.(connectors.Stater).State(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
	f.last = c
	f.commit(false)
}

func (f *flow[T]) commit(final bool) {
	f.t.Helper()
	c, err := f.sink.NewCommitter(f.env().Env)
	if err != nil {
		f.t.Fatal(err)
	}
	if _, err := c.Commit(f.t.Context(), f.last, final); err != nil {
		f.t.Fatal(err)
	}
}

// crash ends the run and begins the next from the last checkpoint.
func (f *flow[T]) crash() {
	f.t.Helper()
	if err := f.w.Close(); err != nil {
		f.t.Fatal(err)
	}
	c, err := f.sink.NewCommitter(f.env().Env)
	if err != nil {
		f.t.Fatal(err)
	}
	if err := c.Abort(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
	f.start()
}

// end ends the input.
func (f *flow[T]) end() {
	f.t.Helper()
	var err error
	if f.last, err = f.w.(connectors.Ender).End(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
	f.commit(true)
	if err := f.w.Close(); err != nil {
		f.t.Fatal(err)
	}
}

// lines returns the visible words by folder, in order of the words, and the number of files: files' names are random.
func (f *flow[T]) lines() (map[string]string, int) {
	f.t.Helper()
	out := map[string]string{}
	files := f.d.visible()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		out[path.Dir(name)] += files[name]
	}
	for dir, text := range out {
		words := strings.Fields(text)
		slices.Sort(words)
		out[dir] = strings.Join(words, " ")
	}
	return out, len(files)
}

func (f *flow[T]) see(files int, want map[string]string) {
	f.t.Helper()
	got, n := f.lines()
	if diff := cmp.Diff(want, got); diff != "" || n != files {
		f.t.Fatalf("%d files, want %d; -want +got\n%s", n, files, diff)
	}
}

// TestRolling takes a stream through sizes, ages and idleness.
func TestRolling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk(t)
		f := newFlow(t, d, file.Sink[string]{
			Path: "mem://t/out", Format: text.Lines{}, Rolling: file.Rolling{Size: 12, Every: time.Hour, Idle: time.Minute},
		})
		at := time.Now()
		f.write(at, "1")
		f.checkpoint()
		f.see(0, map[string]string{})
		f.write(at, "2")
		f.checkpoint()
		f.write(at, "three", "four") // size: the pieces are merged meanwhile
		f.checkpoint()
		synctest.Wait()
		f.see(0, map[string]string{})
		f.write(at, "5")
		f.checkpoint()
		f.see(1, map[string]string{".": "1 2 four three"})

		f.crash() // with one piece kept back
		f.write(at, "6")
		f.checkpoint()
		f.write(at, "lost and written again")
		f.crash()
		f.crash()
		time.Sleep(2 * time.Minute) // idle
		f.checkpoint()
		synctest.Wait()
		f.crash() // while a merged file waits for its checkpoint
		f.see(1, map[string]string{".": "1 2 four three"})
		f.checkpoint()
		synctest.Wait()
		f.checkpoint()
		f.see(2, map[string]string{".": "1 2 5 6 four three"})
		f.crash()
		f.commit(false)
		f.see(2, map[string]string{".": "1 2 5 6 four three"})

		for i := range 63 { // age
			f.write(at, string(rune('a'+i%26)))
			f.w.(interface{ SetRollSize(int64) }).SetRollSize(1 << 20)
			time.Sleep(59 * time.Second)
			f.checkpoint()
			synctest.Wait()
		}
		got, n := f.lines()
		if n != 3 || len(got["."]) < 130 {
			t.Errorf("after an hour: %d files, %q", n, got)
		}
		f.write(at, "end")
		f.end()
		if got, _ := f.lines(); !strings.Contains(got["."], "end") {
			t.Errorf("in the end: %q", got)
		}
		if left := d.hidden(); left != nil {
			t.Errorf("left behind: %q", left)
		}
	})
}

// TestLeave stops streams: what is needed to go on stays, and nothing else.
func TestLeave(t *testing.T) {
	for name, c := range map[string]struct {
		rolling file.Rolling
		want    []string
	}{
		"nothing is kept back": {file.Rolling{}, nil},
		"a piece is":           {file.Rolling{Size: 100}, []string{"_temporary"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDisk(t)
			f := newFlow(t, d, file.Sink[string]{Path: "mem://t/out", Format: text.Lines{}, Rolling: c.rolling, Buckets: file.Buckets{Layout: "2006/01"}})
			f.write(time.Now(), "a")
			f.checkpoint()
			if err := f.w.Close(); err != nil {
				t.Fatal(err)
			}
			committer, err := f.sink.NewCommitter(f.env().Env)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := committer.(connectors.Leaver).Leave(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if got := d.hidden(); !slices.Equal(got, c.want) {
				t.Errorf("left behind: %q", got)
			}
			f.start()
			f.end()
			if _, n := f.lines(); n != 1 || d.hidden() != nil {
				t.Errorf("gone on, there are %d files, and %q", n, d.hidden())
			}
		})
	}
}

// TestRollingParquet makes one file of many small ones.
func TestRollingParquet(t *testing.T) {
	d := newDisk(t)
	f := newFlow(t, d, file.Sink[string]{Path: "mem://t/out", Format: parquet.Format[string]{}, Rolling: file.Rolling{Size: 1 << 20}})
	var want []string
	for i := range 20 {
		f.write(time.Now(), fmt.Sprint("v", i))
		want = append(want, fmt.Sprint("v", i))
		f.checkpoint()
		if i%6 == 5 {
			f.crash()
		}
	}
	f.end()
	if files := d.visible(); len(files) != 1 {
		t.Errorf("%d files", len(files))
	}
	e := &engine{t: t, env: env(d.files(), "r"), src: file.Source[string]{Path: "mem://t/out", Format: parquet.Format[string]{}}}
	batches, err := e.read(false)
	if err != nil {
		t.Fatal(err)
	}
	if got := texts(batches, "value"); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

// TestStreamPublishes writes without rolling: a file a checkpoint, over crashes.
func TestStreamPublishes(t *testing.T) {
	d := newDisk(t)
	f := newFlow(t, d, file.Sink[string]{Path: "mem://t/out", Format: text.Lines{}, Buckets: file.Buckets{Layout: "dt=2006-01-02/hour=15"}})
	noon := time.Date(2026, 3, 4, 12, 30, 0, 0, time.UTC)
	f.write(noon, "a", "b")
	f.write(noon.Add(time.Hour), "c")
	f.checkpoint()
	f.write(noon, "lost")
	f.crash()
	f.write(noon, "d")
	f.checkpoint()
	f.crash()
	b := valuesOf("no time")
	if err := f.w.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	f.end()
	got, n := f.lines()
	want := map[string]string{"dt=2026-03-04/hour=12": "a b d", "dt=2026-03-04/hour=13": "c", "time=__HIVE_DEFAULT_PARTITION__": "no time"}
	if diff := cmp.Diff(want, got); diff != "" || n != 4 {
		t.Errorf("%d files; -want +got\n%s", n, diff)
	}
	if left := d.hidden(); left != nil {
		t.Errorf("left behind: %q", left)
	}
	other := file.Sink[string]{Path: "mem://t/out", Format: text.Lines{}}
	e := f.env()
	e.Job = "another"
	if err := other.Begin(t.Context(), e.Env); err == nil {
		t.Error("another job may write where there is data")
	}
	other.Mode = file.Overwrite
	if err := other.Begin(t.Context(), f.env().Env); err == nil {
		t.Error("a stream may overwrite")
	}
}

func TestBucketsOfAColumn(t *testing.T) {
	d := newDisk(t)
	type rec struct {
		At *time.Time
		N  int64
	}
	berlin := time.FixedZone("X", 2*3600)
	s := file.Sink[rec]{Path: "mem://t/out", Format: csv.Format[rec]{}, Buckets: file.Buckets{Layout: "day=2006-01-02", Column: "at", Zone: berlin}, PartitionBy: []string{"n"}}
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	schema := s.Format.Schema()
	b := columnar.NewBatchBuilder(schema, 3)
	for i, at := range []time.Time{time.Date(2026, 1, 1, 22, 30, 0, 0, time.UTC), time.Date(1969, 12, 31, 21, 0, 0, 1, time.UTC)} {
		columnar.AppendFixed(b.Column(0), at.UnixMicro())
		columnar.AppendFixed(b.Column(1), int64(i))
	}
	b.Column(0).AppendNulls(1)
	columnar.AppendFixed(b.Column(1), int64(7))
	b.Added(3)
	if _, err := write(t, s, env(d.files(), "r1"), b.Finish()); err != nil {
		t.Fatal(err)
	}
	var dirs []string
	for name := range d.visible() {
		dirs = append(dirs, path.Dir(name))
	}
	slices.Sort(dirs)
	if want := []string{"day=1969-12-31/n=1", "day=2026-01-02/n=0", "time=__HIVE_DEFAULT_PARTITION__/n=7"}; !slices.Equal(dirs, want) {
		t.Errorf("folders %q", dirs)
	}
	for want, change := range map[string]func(*file.Sink[rec]){
		"no column":  func(s *file.Sink[rec]) { s.Buckets.Column = "n" },
		"hidden":     func(s *file.Sink[rec]) { s.Buckets.Layout = "_x/2006" },
		"a Layout":   func(s *file.Sink[rec]) { s.Buckets.Layout = "" },
		"negative":   func(s *file.Sink[rec]) { s.Rolling.Idle = -1 },
		"TargetSize": func(s *file.Sink[rec]) { s.Rolling.Size, s.TargetSize = 1, 1 },
	} {
		bad := s
		change(&bad)
		if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: the error is %v", want, err)
		}
	}
}
