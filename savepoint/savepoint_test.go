package savepoint_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/hdfs"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/savepoint"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/vfs"
)

// counter counts words, and keeps the places of each.
type counter struct {
	Count  state.Value[int64]         `state:"count"`
	Places state.Map[string, float64] `state:"places"`
	seen   int64
}

// OnRecord counts a word.
func (c *counter) OnRecord(ctx *datastream.Context[string, string], word string) error {
	n, _ := c.Count.Get()
	c.Count.Set(n + 1)
	c.Places.Put(fmt.Sprint("place", n), float64(n))
	c.seen++
	ctx.Emit(fmt.Sprint(word, " ", n+1))
	return nil
}

type count struct {
	Word string
	N    int64
}

// world is a folder with checkpoints and savepoints.
type world struct {
	t     *testing.T
	dir   string
	files *vfs.Resolver
}

func newWorld(t *testing.T) *world {
	t.Helper()
	files := runner.NewFiles(hdfs.Options{})
	t.Cleanup(func() {
		if err := files.Close(); err != nil {
			t.Error(err)
		}
	})
	return &world{t, t.TempDir(), files}
}

// run counts words, going on from a savepoint, and returns what came out.
func (w *world) run(from string, parallelism int, backend runner.StateBackend, words ...string) []string {
	w.t.Helper()
	var out func() []string
	_, err := runner.Run(w.t.Context(), func(job *plan.Job) {
		in := datastream.FromSlice(job, words)
		counted := datastream.Process(datastream.KeyBy(in, func(s string) string { return s }), func() *counter { return &counter{} }, plan.UID("count"))
		out = datastream.Collect(counted).Records
	}, runner.Options{
		Name: "words", Parallelism: parallelism, Scratch: w.dir,
		Streaming: runner.Streaming{
			Always: true, From: from, State: backend, Checkpoints: runner.Checkpoints{Folder: w.dir + "/checkpoints", Interval: time.Minute},
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	got := out()
	slices.Sort(got)
	return got
}

func (w *world) open(url string) *savepoint.Savepoint {
	w.t.Helper()
	s, err := savepoint.Open(w.t.Context(), w.files, url)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func (w *world) write(s *savepoint.Savepoint, name string) string {
	w.t.Helper()
	url := w.dir + "/" + name
	if err := s.Write(w.t.Context(), w.files, url); err != nil {
		w.t.Fatal(err)
	}
	return url
}

func (w *world) counts(s *savepoint.Savepoint) map[string]int64 {
	w.t.Helper()
	all, err := savepoint.Records[count](w.t.Context(), s, "count", "count")
	if err != nil {
		w.t.Fatal(err)
	}
	out := map[string]int64{}
	for _, c := range all {
		out[c.Word] = c.N
	}
	return out
}

// TestBeginAndMend has a job begin with state that no job has made, changes what its last checkpoint has, and has another job go on from that.
func TestBeginAndMend(t *testing.T) {
	for _, backend := range []runner.StateBackend{runner.StateHeap, runner.StateLSM} {
		t.Run(string(backend), func(t *testing.T) {
			w := newWorld(t)
			tables, err := savepoint.TablesOf[string](&counter{})
			if err != nil {
				t.Fatal(err)
			}
			s := savepoint.New("words")
			if err := savepoint.SetRecords(s, "count", tables[0], slices.Values([]count{{"a", 7}, {"b", 5}, {"a", 10}})); err != nil {
				t.Fatal(err)
			}
			got := w.run(w.write(s, "begin"), 2, backend, "a", "b", "c", "a")
			if diff := cmp.Diff([]string{"a 11", "a 12", "b 6", "c 1"}, got); diff != "" {
				t.Fatal(diff)
			}

			s = w.open(w.dir + "/checkpoints/words")
			want := map[string]int64{"a": 12, "b": 6, "c": 1}
			if diff := cmp.Diff(want, w.counts(s)); diff != "" {
				t.Fatal(diff)
			}
			mended := func(yield func(count) bool) {
				for word, n := range want {
					if word != "b" && !yield(count{word, 100 * n}) {
						return
					}
				}
			}
			if err := savepoint.SetRecords(s, "count", s.Tables("count")[0], mended); err != nil {
				t.Fatal(err)
			}
			for _, uid := range s.UIDs() {
				if uid != "count" {
					s.Drop(uid) // the source begins anew
				}
			}
			url := w.write(s, "mended")
			again := w.open(url)
			if diff := cmp.Diff(map[string]int64{"a": 1200, "c": 100}, w.counts(again)); diff != "" {
				t.Fatal(diff)
			}
			places := 0
			for b, err := range again.Rows(t.Context(), "count", "places") {
				if err != nil {
					t.Fatal(err)
				}
				places += b.Rows()
			}
			if places != 4 {
				t.Errorf("%d places", places)
			}
			got = w.run(url, 3, backend, "a", "b", "c")
			if diff := cmp.Diff([]string{"a 1201", "b 1", "c 101"}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestKeyGroups has a job begin with state in few key groups, which its checkpoints then have, and what is added to them; written with another
// number, the state is divided anew.
func TestKeyGroups(t *testing.T) {
	for _, backend := range []runner.StateBackend{runner.StateHeap, runner.StateLSM} {
		t.Run(string(backend), func(t *testing.T) {
			w := newWorld(t)
			tables, err := savepoint.TablesOf[string](&counter{})
			if err != nil {
				t.Fatal(err)
			}
			s := savepoint.New("words")
			if err := s.SetKeyGroups(8); err != nil {
				t.Fatal(err)
			}
			var words []string
			var begin []count
			want := map[string]int64{}
			for i := range 100 {
				word := fmt.Sprint("word", i)
				words, begin, want[word] = append(words, word), append(begin, count{word, 7}), 8
			}
			if err := savepoint.SetRecords(s, "count", tables[0], slices.Values(begin)); err != nil {
				t.Fatal(err)
			}
			w.run(w.write(s, "begin"), 3, backend, words...)

			s = w.open(w.dir + "/checkpoints/words")
			s.SetRows("other", tables[0], s.Rows(t.Context(), "count", "count"))
			eight := w.open(w.write(s, "eight"))
			if eight.KeyGroups() != 8 {
				t.Errorf("%d key groups, want 8", eight.KeyGroups())
			}
			if err := eight.SetKeyGroups(12); err == nil {
				t.Error("12 key groups are taken")
			}
			for _, groups := range []int{2, 64} {
				s := w.open(w.dir + "/eight")
				if err := s.SetKeyGroups(groups); err != nil {
					t.Fatal(err)
				}
				s.Drop("other")
				for _, uid := range s.UIDs() {
					if uid != "count" {
						s.Drop(uid) // the source begins anew
					}
				}
				again := w.open(w.write(s, fmt.Sprint("groups", groups)))
				if diff := cmp.Diff(want, w.counts(again)); diff != "" || again.KeyGroups() != groups {
					t.Errorf("%d key groups, want %d; counts (-want +got):\n%s", again.KeyGroups(), groups, diff)
				}
				if diff := cmp.Diff([]string{"word1 9", "word99 9"}, w.run(w.dir+fmt.Sprint("/groups", groups), 2, backend, "word1", "word99")); diff != "" {
					t.Errorf("going on with %d key groups (-want +got):\n%s", groups, diff)
				}
			}
		})
	}
}

// TestMistakes looks at what is refused.
func TestMistakes(t *testing.T) {
	w := newWorld(t)
	tables, err := savepoint.TablesOf[string](&counter{})
	if err != nil {
		t.Fatal(err)
	}
	s := savepoint.New("words")
	if err := savepoint.SetRecords(s, "count", tables[0], slices.Values([]string{"a"})); err == nil {
		t.Error("records without a value were taken")
	}
	if err := savepoint.SetRecords(s, "count", tables[0], maps.Keys(map[struct{ A, B string }]bool{})); err == nil {
		t.Error("records of other types were taken")
	}
	if _, err := savepoint.Records[count](t.Context(), s, "count", "count"); err == nil {
		t.Error("a table that is not there was read")
	}
	s.SetRows("count", tables[0], func(yield func(columnar.Batch, error) bool) { yield(columnar.Batch{}, context.DeadlineExceeded) })
	if err := s.Write(t.Context(), w.files, w.dir+"/failed"); err == nil {
		t.Error("rows that cannot be read were written")
	}
	if _, err := savepoint.Open(t.Context(), w.files, w.dir+"/failed"); err == nil {
		t.Error("there is a savepoint that was not written whole")
	}
	s.Drop("count")
	w.write(s, "empty")
	if err := s.Write(t.Context(), w.files, w.dir+"/empty"); err == nil {
		t.Error("a savepoint was written over another")
	}
}
