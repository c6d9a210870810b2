package formattest

import (
	"time"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
)

// Values draws cells one by one, with all the edges that rapid knows: for formats whose values are text, where each has a spelling. Batch makes
// larger batches faster.
type Values struct {
	Texts *rapid.Generator[string]
	Bytes *rapid.Generator[[]byte]
}

// Batch draws a batch of 1 to maxRows rows, with a selection of the last at times.
func (v Values) Batch(rt *rapid.T, schema *columnar.Schema, maxRows int) columnar.Batch {
	n := rapid.IntRange(1, maxRows).Draw(rt, "rows")
	bb := columnar.NewBatchBuilder(schema, n)
	for range n {
		for c, f := range schema.Fields {
			if err := codec.AppendValue(bb.Column(c), v.draw(rt, f)); err != nil {
				rt.Fatal(err)
			}
		}
	}
	bb.Added(n)
	b := bb.Finish()
	if rapid.Bool().Draw(rt, "select") {
		b.Sel = []int32{int32(n - 1)}
	}
	return b
}

// Years 1 to 9999, which is what texts of dates and times can say.
const firstMicro, lastMicro = -62135596800e6, 253402300799e6

// draw draws a value as columnar.Row holds it.
func (v Values) draw(rt *rapid.T, f columnar.Field) any {
	if f.Nullable && rapid.IntRange(0, 3).Draw(rt, "null") == 0 {
		return nil
	}
	micros := rapid.Int64Range(firstMicro, lastMicro)
	switch t := f.Type; t.Kind {
	case columnar.Int64:
		return rapid.Int64().Draw(rt, "int64")
	case columnar.Int16:
		return rapid.Int16().Draw(rt, "int16")
	case columnar.Int8:
		return rapid.Int8().Draw(rt, "int8")
	case columnar.Uint64:
		return rapid.Uint64().Draw(rt, "uint64")
	case columnar.Uint16:
		return rapid.Uint16().Draw(rt, "uint16")
	case columnar.Float64:
		return rapid.Float64().Draw(rt, "float64")
	case columnar.Float32:
		return rapid.Float32().Draw(rt, "float32")
	case columnar.Bool:
		return rapid.Bool().Draw(rt, "bool")
	case columnar.Date:
		return time.UnixMicro(micros.Draw(rt, "date")).UTC().Truncate(24 * time.Hour)
	case columnar.Timestamp:
		return time.UnixMicro(micros.Draw(rt, "time")).UTC()
	case columnar.Duration:
		return time.Duration(rapid.Int64Range(-1e12, 1e12).Draw(rt, "duration")) * time.Microsecond
	case columnar.Decimal:
		return columnar.DecimalValue{Unscaled: columnar.DecimalOfInt64(rapid.Int64().Draw(rt, "decimal")).Unscaled, Scale: t.Scale}
	case columnar.String:
		return v.Texts.Draw(rt, "string")
	case columnar.Binary:
		return v.Bytes.Draw(rt, "binary")
	case columnar.FixedBinary:
		return rapid.SliceOfN(rapid.Byte(), int(t.Width), int(t.Width)).Draw(rt, "fixed")
	default:
		return v.nested(rt, t)
	}
}

func (v Values) nested(rt *rapid.T, t columnar.Type) any {
	n := rapid.IntRange(0, 3)
	switch t.Kind {
	case columnar.List:
		items := []any{}
		for range n.Draw(rt, "items") {
			items = append(items, v.draw(rt, t.Fields[0]))
		}
		return items
	case columnar.Map:
		entries := [][2]any{}
		for range n.Draw(rt, "entries") {
			entries = append(entries, [2]any{v.draw(rt, t.Fields[0]), v.draw(rt, t.Fields[1])})
		}
		return entries
	default:
		row := columnar.Row{Schema: columnar.NewSchema(t.Fields...)}
		for _, f := range t.Fields {
			row.Values = append(row.Values, v.draw(rt, f))
		}
		return row
	}
}
