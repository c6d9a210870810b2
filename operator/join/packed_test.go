package join

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/testkit/batches"
)

// TestPackedRowsAreThoseOfTheBatches takes the same places from packed rows and from the batches.
func TestPackedRowsAreThoseOfTheBatches(t *testing.T) {
	for _, typ := range []columnar.Type{
		columnar.BoolType, columnar.Int32Type, columnar.StringType, columnar.Float64Type,
		{Kind: columnar.Uint8},
		{Kind: columnar.Int16},
		columnar.BinaryType, columnar.DecimalOf(30, 2),
		{Kind: columnar.FixedBinary, Width: 5},
	} {
		s := columnar.NewSchema(
			columnar.Field{Name: "odd", Type: columnar.BoolType, Nullable: true},
			columnar.Field{Name: "v", Type: typ}, columnar.Field{Name: "null", Type: typ, Nullable: true})
		t.Run(typ.String(), func(t *testing.T) {
			comparePacked(t, s, []columnar.Batch{batches.Random(s, 100, 1), batches.Random(s, 1, 2), batches.Random(s, 300, 3)})
		})
	}
	s := columnar.NewSchema(columnar.Field{Name: "v", Type: columnar.StringType})
	for _, length := range []int{0, 7, 8, 15, 16, 254, 255, 300} {
		c := columnar.NewBuilder(columnar.StringType, 0)
		for i := range 401 {
			c.AppendBytes([]byte(strings.Repeat(string(rune('a'+i%26)), min(i, length))))
		}
		b := columnar.Batch{Schema: s, Columns: []columnar.Column{c.Finish()}, Len: 401}
		t.Run(fmt.Sprintf("length %d", length), func(t *testing.T) {
			comparePacked(t, s, []columnar.Batch{b.Slice(0, 100).Clone(), b.Slice(100, 1).Clone(), b.Slice(101, 300).Clone()})
		})
	}
}

// comparePacked compares rows packed with those in their batches, of 100, 1 and 300 rows.
func comparePacked(t *testing.T, s *columnar.Schema, parts []columnar.Batch) {
	t.Helper()
	for i := range parts {
		parts[i].Time, parts[i].Kind = nil, nil
	}
	p := newPacked(s, parts, 401, nil)
	if p == nil {
		t.Fatal("the rows were not packed")
	}
	defer p.free()
	var places []columnar.Place
	for _, missing := range []float64{0, 0.2} {
		rng := rand.New(rand.NewPCG(4, 5))
		var packedAt, batchAt []columnar.Place
		for range 1000 {
			if rng.Float64() < missing {
				packedAt, batchAt = append(packedAt, nowhere), append(batchAt, nowhere)
				continue
			}
			row := rng.Uint32N(401)
			packedAt = append(packedAt, columnar.Place{Row: row})
			switch {
			case row < 100:
				batchAt = append(batchAt, columnar.Place{Row: row})
			case row == 100:
				batchAt = append(batchAt, columnar.Place{Batch: 1})
			default:
				batchAt = append(batchAt, columnar.Place{Batch: 2, Row: row - 101})
			}
		}
		want := batches.Text(columnar.NewInterleaver(s, parts).Take(batchAt))
		if diff := cmp.Diff(want, batches.Text(p.Take(packedAt))); diff != "" {
			t.Errorf("%.1f missing: -batches +packed\n%s", missing, diff)
		}
		places = packedAt
	}
	for _, bytes := range []int{1, 5000, 1 << 30} {
		n := p.Fit(places, bytes)
		if b := p.Take(places[:n]); b.Size() > bytes && n > 1 {
			t.Errorf("%d rows were to be of %d bytes and are of %d", n, bytes, b.Size())
		}
		if bytes == 1<<30 && n != len(places) {
			t.Errorf("%d of %d rows fit", n, len(places))
		}
	}
}

// TestNotPacked has rows that are left where they are.
func TestNotPacked(t *testing.T) {
	for _, typ := range []columnar.Type{{Kind: columnar.FixedBinary, Width: maxStride + 1}, columnar.ListOf(columnar.Int64Type, true)} {
		s := columnar.NewSchema(columnar.Field{Name: "v", Type: typ})
		if newPacked(s, []columnar.Batch{batches.Random(s, 10, 1)}, 10, nil) != nil {
			t.Errorf("%s: packed", typ)
		}
	}
}
