package checkpoint

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream"
)

// clicks are rows on their way from a source to the operator "count".
var clicks = InFlightTable("by hash from clicks to input 0", columnar.NewSchema(fields("word string", "channel int64?")...))

// flownWords is what one of several tasks has in flight: batches with and without times, kinds and a selection.
func flownWords(task int) []Flown {
	plain := wordsOf(100*task, 100*task+3)
	timed := wordsOf(100*task+10, 100*task+13)
	timed.Time = []int64{5, columnar.NoTime, 7}
	changed := wordsOf(100*task+20, 100*task+24)
	changed.Kind = []columnar.RowKind{columnar.Insert, columnar.Delete, columnar.UpdateAfter, columnar.Insert}
	changed.Sel = []int32{1, 3}
	return []Flown{
		{Channel: 1, After: stream.NoWatermark, Batch: plain},
		{Channel: 1, After: 4, Batch: timed.Slice(1, 2)},
		{Channel: 0, After: 4, Batch: changed},
		{Channel: 0, After: stream.NoWatermark, Batch: timed},
	}
}

// flownTexts prints rows in flight, a line each.
func flownTexts(f Flown) (out []string) {
	for i, row := range texts(f.Batch) {
		at, kind := "no time", "no kind" // at all: not the same as rows without
		if r := f.Batch.Row(i); f.Batch.Time != nil {
			at = fmt.Sprint(f.Batch.Time[r])
		}
		if f.Batch.Kind != nil {
			kind = f.Batch.Kind[f.Batch.Row(i)].String()
		}
		out = append(out, fmt.Sprintf("%d after %d at %s %s: %s", f.Channel, f.After, at, kind, row))
	}
	return out
}

// unaligned makes a checkpoint of two tasks with rows in flight, whose state is in files of rows or of a back end.
func (w *world) unaligned(native bool) *Manifest {
	w.t.Helper()
	ctx := w.t.Context()
	place, err := w.store.Begin(ctx, w.store.First(), Checkpoint, "")
	if err != nil {
		w.t.Fatal(err)
	}
	c := Completion{Place: place, Operators: []Operator{{UID: "count", Parallelism: 2, KeyGroups: testGroups}}}
	for i := range 2 {
		o := OperatorState{UID: "count", Frozen: words(i, 2, 100), InFlight: []InFlight{{Table: clicks, Rows: flownWords(i)}}}
		if native {
			o.Frozen = nil
		}
		h, err := w.store.Writer().Write(ctx, place, Task{Stage: 1, Index: i}, []OperatorState{o})
		if err != nil {
			w.t.Fatal(err)
		}
		if native {
			h.Operators[0].Native = []NativeFile{{Name: "sst", File: File{Inline: []byte("tree"), Size: 4}}}
		}
		h.Unaligned = i == 1
		c.Handles = append(c.Handles, h)
	}
	m, err := w.store.Complete(ctx, c)
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

// What was in flight comes back as it was, in order, of the tasks that are asked for; also beside the files of a back end.
func TestInFlight(t *testing.T) {
	for _, native := range []bool{false, true} {
		w := newWorld(t, nil)
		m := w.unaligned(native)
		if !m.Unaligned || m.InFlight() == 0 || m.InFlight() > m.Bytes() {
			t.Errorf("unaligned %t, %d bytes of %d in flight", m.Unaligned, m.InFlight(), m.Bytes())
		}
		saved, err := Load(t.Context(), w.at.join(checkpointDir(m.ID)), w.options(""))
		if err != nil {
			t.Fatal(err)
		}
		if !saved.HasInFlight("count", clicks.Name) || saved.HasInFlight("count", "another") || saved.HasInFlight("sum", clicks.Name) {
			t.Error("what is in flight is not what was written")
		}
		for _, tasks := range [][2]int{{0, 1}, {1, 2}, {0, 2}, {2, 3}} {
			var got, want []string
			for task := tasks[0]; task < min(2, tasks[1]); task++ {
				for _, f := range flownWords(task) {
					want = append(want, flownTexts(f)...)
				}
			}
			err := saved.InFlight(t.Context(), "count", clicks, tasks[0], tasks[1], func(f Flown) error {
				got = append(got, flownTexts(f)...)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("tasks %v (-want +got):\n%s", tasks, diff)
			}
		}
	}
}

// Rows in flight are never lost without a word: an exchange that the job has no more is refused, as one whose rows are others is.
func TestCompareInFlight(t *testing.T) {
	w := newWorld(t, nil)
	m := w.unaligned(false)
	aligned, err := w.write(w.store, Checkpoint, 2, 100)
	if err != nil {
		t.Fatal(err)
	}
	others := InFlightTable(clicks.Name, columnar.NewSchema(fields("word int64")...))
	more := InFlightTable(clicks.Name, columnar.NewSchema(fields("word string", "channel int64?", "more int64?")...))
	for name, c := range map[string]struct {
		manifest *Manifest
		table    []state.Table
		want     Verdict
		text     string
	}{
		"same":             {m, []state.Table{clicks}, Same, ""},
		"a column more":    {m, []state.Table{more}, Migrates, "more: added"},
		"other rows":       {m, []state.Table{others}, Refused, "word"},
		"no such exchange": {m, nil, Refused, "20 rows that were on their way"},
		"nothing saved":    {aligned, []state.Table{clicks}, Same, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := Compare(c.manifest, []Declared{{UID: "count", Tables: append([]state.Table{counts, spread}, c.table...)}}, nil)
			var text strings.Builder
			if err := got.Write(&text); err != nil {
				t.Fatal(err)
			}
			if got.Worst() != c.want || !strings.Contains(text.String(), c.text) {
				t.Errorf("%s, want %s:\n%s", got.Worst(), c.want, text.String())
			}
		})
	}
}
