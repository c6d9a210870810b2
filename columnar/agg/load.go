package agg

import (
	"github.com/millrace/millrace/columnar"
)

// number is what values are widened to before the hot loops see them.
type number interface {
	int64 | uint64 | float64 | columnar.Decimal128
}

// isSigned says whether values of the type fit an int64.
func isSigned(t columnar.Type) bool {
	switch t.Kind {
	case columnar.Bool, columnar.Date, columnar.Timestamp, columnar.Duration:
		return true
	default:
		return t.IsInteger() && t.Kind != columnar.Uint64
	}
}

// wideType returns the column type of values as widened.
func wideType[A number](from columnar.Type) columnar.Type {
	switch any(*new(A)).(type) {
	case int64:
		return columnar.Int64Type
	case uint64:
		return columnar.Type{Kind: columnar.Uint64}
	case float64:
		return columnar.Float64Type
	default:
		return columnar.DecimalOf(38, from.Scale)
	}
}

// loader gives the values of a column as a dense slice, with nulls left out.
type loader[A number] struct {
	rows   []int32
	groups []int32
	values []A
}

// load returns the groups and values of the rows that are not null, valid until the next call.
func (l *loader[A]) load(groups []int32, col *columnar.Column, sel []int32) ([]int32, []A) {
	if col.HasNulls() {
		l.rows, l.groups = notNull(l.rows[:0], l.groups[:0], groups, col, sel)
		groups, sel = l.groups, l.rows
	}
	l.values = grown(l.values, len(groups))
	return groups, widen(col, sel, l.values[:len(groups)])
}

// notNull appends the rows that are not null, and their groups.
func notNull(rows, kept, groups []int32, col *columnar.Column, sel []int32) ([]int32, []int32) {
	for k, g := range groups {
		if row := rowAt(sel, k); !col.IsNull(row) {
			rows, kept = append(rows, int32(row)), append(kept, g)
		}
	}
	return rows, kept
}

// widen returns the values of the rows: in out, or as a view of the column when that has them as they are.
func widen[A number](col *columnar.Column, sel []int32, out []A) []A {
	switch out := any(out).(type) {
	case []int64:
		return any(widenSigned(col, sel, out)).([]A)
	case []uint64:
		return any(pick(columnar.Values[uint64](*col), sel, out)).([]A)
	case []float64:
		return any(widenFloats(col, sel, out)).([]A)
	case []columnar.Decimal128:
		return any(pick(columnar.Values[columnar.Decimal128](*col), sel, out)).([]A)
	}
	panic("agg: no such width") // Invariant: A is one of the four.
}

// pick returns the values at sel.
func pick[T any](values []T, sel []int32, out []T) []T {
	if sel == nil {
		return values[:len(out)]
	}
	for k, r := range sel[:len(out)] {
		out[k] = values[r]
	}
	return out
}

func widenSigned(col *columnar.Column, sel []int32, out []int64) []int64 {
	switch col.Type.Kind {
	case columnar.Bool:
		for k := range out {
			out[k] = 0
			if col.Bits.Get(rowAt(sel, k)) {
				out[k] = 1
			}
		}
		return out
	case columnar.Int8:
		return convert(columnar.Values[int8](*col), sel, out)
	case columnar.Int16:
		return convert(columnar.Values[int16](*col), sel, out)
	case columnar.Int32, columnar.Date:
		return convert(columnar.Values[int32](*col), sel, out)
	case columnar.Uint8:
		return convert(columnar.Values[uint8](*col), sel, out)
	case columnar.Uint16:
		return convert(columnar.Values[uint16](*col), sel, out)
	case columnar.Uint32:
		return convert(columnar.Values[uint32](*col), sel, out)
	default:
		return pick(columnar.Values[int64](*col), sel, out)
	}
}

func widenFloats(col *columnar.Column, sel []int32, out []float64) []float64 {
	switch col.Type.Kind {
	case columnar.Float64:
		return pick(columnar.Values[float64](*col), sel, out)
	case columnar.Float32:
		return convert(columnar.Values[float32](*col), sel, out)
	case columnar.Uint64:
		return convert(columnar.Values[uint64](*col), sel, out)
	case columnar.Decimal:
		values := columnar.Values[columnar.Decimal128](*col)
		for k := range out {
			out[k] = columnar.DecimalValue{Unscaled: values[rowAt(sel, k)], Scale: col.Type.Scale}.Float64()
		}
		return out
	default:
		for k, v := range widenSigned(col, sel, make([]int64, len(out))) {
			out[k] = float64(v)
		}
		return out
	}
}

func convert[S interface {
	int8 | int16 | int32 | uint8 | uint16 | uint32 | uint64 | float32
}, D int64 | float64](values []S, sel []int32, out []D) []D {
	if sel == nil {
		for k, v := range values[:len(out)] {
			out[k] = D(v)
		}
		return out
	}
	for k, r := range sel[:len(out)] {
		out[k] = D(values[r])
	}
	return out
}

// narrow returns the column of type t that widen reads as values, and false if one does not fit. Values under nulls are given as zero.
func narrow[A number](t columnar.Type, values []A, valid columnar.Bitmap) (columnar.Column, bool) {
	switch values := any(values).(type) {
	case []int64:
		return narrowSigned(t, values, valid)
	case []float64:
		if t.Kind == columnar.Float32 {
			return shrink[float32](t, values, valid)
		}
		return columnar.Of(t, values, valid), true
	case []columnar.Decimal128:
		for _, v := range values {
			if !v.Fits(t.Precision) {
				return columnar.Column{}, false
			}
		}
		return columnar.Of(t, values, valid), true
	default:
		return columnar.Of(t, values.([]uint64), valid), true
	}
}

func narrowSigned(t columnar.Type, values []int64, valid columnar.Bitmap) (columnar.Column, bool) {
	switch t.Kind {
	case columnar.Bool:
		bits := columnar.NewBitmap(len(values))
		for k, v := range values {
			bits.SetTo(k, v != 0)
		}
		return columnar.OfBools(bits, len(values), valid), true
	case columnar.Int8:
		return shrink[int8](t, values, valid)
	case columnar.Int16:
		return shrink[int16](t, values, valid)
	case columnar.Int32, columnar.Date:
		return shrink[int32](t, values, valid)
	case columnar.Uint8:
		return shrink[uint8](t, values, valid)
	case columnar.Uint16:
		return shrink[uint16](t, values, valid)
	case columnar.Uint32:
		return shrink[uint32](t, values, valid)
	default:
		return columnar.Of(t, values, valid), true
	}
}

func shrink[D interface {
	int8 | int16 | int32 | uint8 | uint16 | uint32 | float32
}, S int64 | float64](t columnar.Type, values []S, valid columnar.Bitmap) (columnar.Column, bool) {
	out, fits := make([]D, len(values)), true
	for k, v := range values {
		out[k] = D(v)
		fits = fits && (S(out[k]) == v || t.Kind == columnar.Float32)
	}
	return columnar.Of(t, out, valid), fits
}
