package checkpoint

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/state"
)

// TestInspect prints a savepoint and the rows of a key.
func TestInspect(t *testing.T) {
	w := newWorld(t, nil)
	m, err := w.write(w.store, Savepoint, 2, 3000)
	if err != nil {
		t.Fatal(err)
	}
	s := w.load(m)
	r, err := s.Inspect(t.Context(), Inspection{Operator: "count", Key: "word-1234"})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	want := `savepoint 1 of clicks, run run1, 2026-01-01T00:00:00Z: 75.0 KiB, 1 operator with state
1 pieces of output are to be committed by who begins from it

count  (count words)  parallelism 2, 64 key groups, splits 1 B
  counts  keyed value  3000 rows, 3000 keys, 73.7 KiB in 2 files
    key        word: string
    value      n: int64
    row        key_group=50 word="word-1234" n=1234
  splits  spread list  6 rows, 1.3 KiB in 2 files
    value      split: string
    value      offset: int64
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
	b.Reset()
	if err := r.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var back struct {
		Operators []struct {
			Tables []struct {
				Keys  int64
				Found []map[string]any
			}
		}
	}
	if err := json.Unmarshal([]byte(b.String()), &back); err != nil {
		t.Fatal(err)
	}
	found := back.Operators[0].Tables[0].Found
	if len(found) != 1 || found[0]["word"] != "word-1234" || found[0]["n"] != 1234.0 {
		t.Errorf("found %v in %s", found, b.String())
	}
	if _, err := s.Inspect(t.Context(), Inspection{Operator: "sum"}); err == nil || !strings.Contains(err.Error(), "it has count") {
		t.Error(err)
	}
}

// TestInspectKeys finds keys of several types by their text.
func TestInspectKeys(t *testing.T) {
	pair := columnar.Field{Name: "pair", Type: columnar.StructOf(fields("a int64", "b string")...)}
	for _, c := range []struct {
		keys []columnar.Field
		text string
		want int
	}{
		{fields("id int32"), "7", 1},
		{fields("id int64"), "-1", 0},
		{fields("name string"), "s7", 1},
		{fields("id int64", "name string"), "7,s7", 1},
		{fields("f float64"), "7", 1},
		{[]columnar.Field{pair}, "7,s7", 1},
		{fields("name string"), "7", 0},
	} {
		table := state.Table{Name: "t", Kind: "value", Keys: c.keys, Values: fields("n int64")}
		bb := columnar.NewBatchBuilder(table.Schema(), 0)
		for i := range 100 {
			for k, f := range c.keys {
				appendKey(bb.Column(k), f.Type, i)
			}
			columnar.AppendFixed(bb.Column(len(c.keys)), int64(i))
			bb.Added(1)
		}
		s := saveOne(t, table, keyed(bb.Finish(), len(c.keys), state.Share(0, 1, 16))...)
		r, err := s.Inspect(t.Context(), Inspection{Key: c.text})
		if err != nil {
			t.Fatal(err)
		}
		if got := len(r.Operators[0].Tables[0].Found); got != c.want {
			t.Errorf("key %s of %v: %d rows", c.text, c.keys, got)
		}
	}
}

func appendKey(b *columnar.Builder, t columnar.Type, i int) {
	switch t.Kind {
	case columnar.Int32:
		columnar.AppendFixed(b, int32(i))
	case columnar.Int64:
		columnar.AppendFixed(b, int64(i))
	case columnar.Float64:
		columnar.AppendFixed(b, float64(i))
	case columnar.Struct:
		for k, f := range t.Fields {
			appendKey(b.Child(k), f.Type, i)
		}
		b.CloseNested()
	default:
		b.AppendString("s" + string(rune('0'+i%10)) + strings.Repeat("+", i/10))
	}
}
