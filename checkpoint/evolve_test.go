package checkpoint

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/state"
)

// saveOne writes one table of one task of an operator "op" and opens it.
func saveOne(t *testing.T, table state.Table, rows ...state.Rows) *Saved {
	t.Helper()
	w := newWorld(t, nil)
	place, err := w.store.Begin(t.Context(), 1, Savepoint, "/savepoints")
	if err != nil {
		t.Fatal(err)
	}
	f := &frozen{tables: []state.Table{table}, rows: [][]state.Rows{rows}}
	h, err := w.store.Writer().Write(t.Context(), place, Task{}, []OperatorState{{UID: "op", Frozen: f}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := w.store.Complete(t.Context(), Completion{Place: place, Handles: []Handle{h}, Operators: []Operator{{UID: "op", Name: "an operator", Parallelism: 1, KeyGroups: 16}}})
	if err != nil {
		t.Fatal(err)
	}
	return w.load(m)
}

func user(extra ...columnar.Field) columnar.Field {
	return columnar.Field{Name: "user", Type: columnar.StructOf(append(fields("age int32", "name string"), extra...)...)}
}

// profiles has keys, a struct and a list.
func profiles() (state.Table, columnar.Batch) {
	table := state.Table{Name: "profiles", Kind: "value", Keys: fields("id int32"), Values: []columnar.Field{
		user(), {Name: "score", Type: columnar.Type{Kind: columnar.Float32}}, {Name: "tags", Type: columnar.ListOf(columnar.Int32Type, false)}, fields("note string?")[0],
	}}
	bb := columnar.NewBatchBuilder(table.Schema(), 0)
	for i := range int32(3) {
		columnar.AppendFixed(bb.Column(0), i)
		columnar.AppendFixed(bb.Column(1).Child(0), 20+i)
		bb.Column(1).Child(1).AppendString(string('a' + i))
		bb.Column(1).CloseNested()
		columnar.AppendFixed(bb.Column(2), float32(i)/2)
		for k := range i {
			columnar.AppendFixed(bb.Column(3).Child(0), k)
		}
		bb.Column(3).CloseNested()
		if i == 1 {
			bb.Column(4).AppendNulls(1)
		} else {
			bb.Column(4).AppendString("n")
		}
		bb.Added(1)
	}
	return table, bb.Finish()
}

// TestMigrate gives saved rows back in the columns of later versions, and compares what is said about it.
func TestMigrate(t *testing.T) {
	saved, batch := profiles()
	opened := saveOne(t, saved, keyed(batch, 1, state.Share(0, 1, 16))...)
	for _, c := range []struct {
		name   string
		change func(*state.Table)
		rows   []string // sorted; nil: refused
		said   string
	}{
		{"same", func(*state.Table) {}, []string{"0 {age: 20, name: a} 0 [] n", "1 {age: 21, name: b} 0.5 [0] null", "2 {age: 22, name: c} 1 [0, 1] n"}, "same      op  (an operator)"},
		{"widened and renamed", func(w *state.Table) {
			w.Name, w.Was = "people", "profiles"
			w.Keys = fields("user_id int64")
			w.Values[1].Type = columnar.Float64Type
			w.Values[2].Type = columnar.ListOf(columnar.Int64Type, true)
		}, []string{"0 {age: 20, name: a} 0 [] n", "1 {age: 21, name: b} 0.5 [0] null", "2 {age: 22, name: c} 1 [0, 1] n"}, `
migrates  op  (an operator)
          migrates  people
                    name: renamed from profiles to people
                    keys.user_id: renamed from id to user_id
                    keys.user_id: widened from int32 to int64
                    values.score: widened from float32 to float64
                    values.tags[]: widened from int32 to int64`},
		{"added and removed", func(w *state.Table) {
			w.Values[0] = columnar.Field{Name: "user", Type: columnar.StructOf(fields("name string", "ok bool", "since int64?")...)}
			w.Values = append(w.Values[:2:2], fields("n int64")...)
		}, []string{"0 {name: a, ok: false, since: null} 0 0", "1 {name: b, ok: false, since: null} 0.5 0", "2 {name: c, ok: false, since: null} 1 0"}, `
migrates  op  (an operator)
          migrates  profiles
                    values.user.ok: added, bool
                    values.user.since: added, int64
                    values.user.age: removed, it was int32
                    values.n: added, int64
                    values.tags: removed, it was list<int32>
                    values.note: removed, it was string`},
		{
			"with a time to live", func(w *state.Table) { w.Values, w.TTL = w.Values[1:2], time.Hour },
			[]string{"0 0 2026-01-01T00:00:00Z", "1 0.5 2026-01-01T00:00:00Z", "2 1 2026-01-01T00:00:00Z"},
			`
migrates  op  (an operator)
          migrates  profiles
                    values.user: removed, it was struct<age: int32, name: string>
                    values.tags: removed, it was list<int32>
                    values.note: removed, it was string`,
		},
		{"refused", func(w *state.Table) {
			w.Kind = "list"
			w.Keys = fields("id string")
			w.Values[0].Type = columnar.StringType
			w.Values[1].Type = columnar.Int64Type
			w.Values[3].Nullable = false
		}, nil, `
refused   op  (an operator)
          refused   profiles
                    kind: saved as value, now list
                    keys.id: int32 was saved, now it is string: keys cannot change so
                    values.user: struct<age: int32, name: string> was saved, now it is string
                    values.score: float32 was saved, now it is int64
                    values.note: it could be null, now it cannot`},
		{"undeclared", func(w *state.Table) { w.Name = "other" }, []string{}, `
refused   op  (an operator)
          new       other
          refused   profiles: it is not declared: 3 rows would be lost; if it has another name now, say was=profiles there, or allow the loss by the operator's UID`},
	} {
		t.Run(c.name, func(t *testing.T) {
			want, _ := profiles()
			c.change(&want)
			comparison := Compare(opened.Manifest, []Declared{{UID: "op", Name: "an operator", Tables: []state.Table{want}}}, nil)
			if diff := cmp.Diff("savepoint 1 of clicks, 2026-01-01T00:00:00Z\n"+strings.TrimPrefix(c.said, "\n")+"\n", written(t, comparison)); diff != "" {
				t.Error(diff)
			}
			if c.rows == nil {
				wantRefused(t, opened, want)
				return
			}
			got := read(t, opened, "op", want, Share{Tasks: 1, KeyGroups: 16})
			if diff := cmp.Diff(c.rows, append([]string{}, got...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func written(t *testing.T, c Comparison) string {
	t.Helper()
	var b strings.Builder
	if err := c.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// wantRefused wants an error, and no rows when their loss is allowed.
func wantRefused(t *testing.T, s *Saved, want state.Table) {
	t.Helper()
	share := Share{Tasks: 1, KeyGroups: 16}
	for _, err := range s.Rows(t.Context(), "op", want, share) {
		if err == nil {
			t.Error("rows that do not fit")
		}
	}
	allowed := *s
	allowed.Allowed = []string{"op"}
	if got := read(t, &allowed, "op", want, share); got != nil {
		t.Error(got)
	}
	if v := Compare(s.Manifest, []Declared{{UID: "op", Tables: []state.Table{want}}}, []string{"op"}).Worst(); v != Rebuilt {
		t.Errorf("allowed, it is %s", v)
	}
}

// TestCompareOperators is about whole operators.
func TestCompareOperators(t *testing.T) {
	part := func(n int64) []Part { return []Part{{Tables: []Rows{{Table: "counts", Rows: n}}}} }
	m := &Manifest{ID: 12, Kind: Savepoint, Job: "clicks", Time: scriptStart, Operators: []Operator{
		{UID: "kept", KeyGroups: 64, Tables: []Table{{counts}}, Parts: part(5)},
		{UID: "empty", KeyGroups: 64, Tables: []Table{{counts}}, Parts: part(0)},
		{UID: "gone", KeyGroups: 64, Tables: []Table{{counts}}, Parts: part(7)},
		{UID: "lost", KeyGroups: 64, Tables: []Table{{counts}}, Parts: part(9)},
		{UID: "source", Enumerator: []byte{1}},
		{UID: "old source", Enumerator: []byte{1}},
		{UID: "stateless"},
	}}
	got := written(t, Compare(m, []Declared{{UID: "kept", KeyGroups: 128, Tables: []state.Table{counts}}, {UID: "fresh", IsSource: true}, {UID: "map"}}, []string{"lost", "old source"}))
	want := `savepoint 12 of clicks, 2026-01-01T00:00:00Z
refused   kept
          the job's first checkpoint has fixed 64 key groups, and it is set to 128 now: leave the setting key-groups out
new       fresh
dropped   empty
          nothing was in it
refused   gone
          the job has no such operator: 7 rows would be lost; give the operator this UID, or allow their loss by name
dropped   lost
          9 rows are lost, as allowed
refused   source
          the job has no such source: where it had got to would be lost; give the source this UID, or allow its loss by name
dropped   old source
          where it had got to is lost, as allowed
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestKeysKeepTheirHash: whatever keys may become, they stay in their key group.
func TestKeysKeepTheirHash(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kinds := []columnar.Kind{columnar.Int8, columnar.Int16, columnar.Int32, columnar.Int64, columnar.Uint8, columnar.Uint16, columnar.Uint32, columnar.Uint64, columnar.Float32, columnar.Float64}
		from := columnar.Type{Kind: rapid.SampledFrom(kinds).Draw(t, "from")}
		to := columnar.Type{Kind: rapid.SampledFrom(kinds).Draw(t, "to")}
		e := &evolution{}
		e.keys("keys", []columnar.Field{{Name: "k", Type: from}}, []columnar.Field{{Name: "k", Type: to}})
		if e.isRefused() {
			return
		}
		c := columnar.Column{Type: from, Len: 1, Data: rapid.SliceOfN(rapid.Byte(), from.ByteWidth(), from.ByteWidth()).Draw(t, "value")}
		d, err := converted(c, to)
		if err != nil {
			t.Fatal(err)
		}
		var a, b [1]uint64
		keys.Hash([]columnar.Column{c}, nil, 1, a[:])
		keys.Hash([]columnar.Column{d}, nil, 1, b[:])
		if a != b || cell(&c, 0) != cell(&d, 0) && !from.IsFloat() {
			t.Fatalf("%s %s, as %s %s", from, cell(&c, 0), to, cell(&d, 0))
		}
	})
}
