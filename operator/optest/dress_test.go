package optest

import (
	"slices"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/testkit/batches"
)

var dressed = columnar.NewSchema(
	columnar.Field{Name: "s", Type: columnar.StringType, Nullable: true}, columnar.Field{Name: "b", Type: columnar.BoolType},
	columnar.Field{Name: "l", Type: columnar.ListOf(columnar.Int64Type, true), Nullable: true})

func TestDressKeepsRows(t *testing.T) {
	in := batches.Random(dressed, 100, 1)
	for s := range shapes {
		v := variant{shape: s, random: random(100, s)}
		out := v.dress(in.Clone())
		if got, want := Rows(out), Rows(in); !slices.Equal(got, want) {
			t.Errorf("%s: %d rows of %d, or others", s, len(got), len(want))
		}
		if s != plain && out.Columns[1].Bits.Off == 0 && out.Columns[0].Offsets[0] == 0 {
			t.Errorf("%s: the columns begin where their buffers do", s)
		}
		if (out.Sel != nil) != (s == selected) {
			t.Errorf("%s: selection of %d rows", s, len(out.Sel))
		}
	}
}

func TestPoisonLeavesStrings(t *testing.T) {
	b := columnar.NewBatchBuilder(dressed, 1)
	b.Column(0).AppendString("stays")
	b.Column(1).AppendBool(true)
	b.Column(2).AppendNulls(1)
	b.Added(1)
	in := b.Finish()
	text := in.Columns[0].Text(0)
	poison(in)
	if text != "stays" || in.Columns[0].Offsets[0] >= 0 {
		t.Errorf("%q, offset %d", text, in.Columns[0].Offsets[0])
	}
}
