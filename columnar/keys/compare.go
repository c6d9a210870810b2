package keys

import (
	"bytes"
	"cmp"
	"math"

	"github.com/millrace/millrace/columnar"
)

// Order says how one column is ordered.
type Order struct {
	Descending bool
	NullsFirst bool // whatever the direction; false: nulls stand last
}

// Compare compares row i of a with row j of b under the orders, one a column, and returns a negative number, 0 or a positive one. The
// columns' types must be equal pairwise. It is the definition of the engine's order (see the package comment); sort keys are faster.
func Compare(a []columnar.Column, i int, b []columnar.Column, j int, orders []Order) int {
	for k, order := range orders {
		if c := compareOrdered(&a[k], i, &b[k], j, order); c != 0 {
			return c
		}
	}
	return 0
}

func compareOrdered(a *columnar.Column, i int, b *columnar.Column, j int, order Order) int {
	if an, bn := a.IsNull(i), b.IsNull(j); an || bn {
		if order.NullsFirst {
			return compareBools(bn, an)
		}
		return compareBools(an, bn)
	}
	c := CompareValues(a, i, b, j)
	if order.Descending {
		return -c
	}
	return c
}

// CompareValues compares row i of a with row j of b, neither of them null, of equal types: as Compare does in ascending order.
func CompareValues(a *columnar.Column, i int, b *columnar.Column, j int) int {
	switch a.Type.Kind {
	case columnar.Bool:
		return compareBools(a.Bits.Get(i), b.Bits.Get(j))
	case columnar.Int8:
		return compareAt[int8](a, i, b, j)
	case columnar.Int16:
		return compareAt[int16](a, i, b, j)
	case columnar.Int32, columnar.Date:
		return compareAt[int32](a, i, b, j)
	case columnar.Int64, columnar.Timestamp, columnar.Duration:
		return compareAt[int64](a, i, b, j)
	case columnar.Uint8:
		return compareAt[uint8](a, i, b, j)
	case columnar.Uint16:
		return compareAt[uint16](a, i, b, j)
	case columnar.Uint32:
		return compareAt[uint32](a, i, b, j)
	case columnar.Uint64:
		return compareAt[uint64](a, i, b, j)
	case columnar.Float32:
		return CompareFloats(columnar.Values[float32](*a)[i], columnar.Values[float32](*b)[j])
	case columnar.Float64:
		return CompareFloats(columnar.Values[float64](*a)[i], columnar.Values[float64](*b)[j])
	case columnar.Decimal:
		v, w := columnar.Values[columnar.Decimal128](*a)[i], columnar.Values[columnar.Decimal128](*b)[j]
		return cmp.Or(cmp.Compare(v.Hi, w.Hi), cmp.Compare(v.Lo, w.Lo))
	case columnar.String, columnar.Binary:
		return bytes.Compare(a.Bytes(i), b.Bytes(j))
	case columnar.FixedBinary:
		return bytes.Compare(a.FixedBytes(i), b.FixedBytes(j))
	case columnar.Struct:
		return compareRows(a.Children, i, b.Children, j)
	case columnar.List, columnar.Map:
		return compareLists(a, i, b, j)
	default:
		panic("keys: comparing columns of " + a.Type.String())
	}
}

func compareAt[T integer](a *columnar.Column, i int, b *columnar.Column, j int) int {
	return cmp.Compare(columnar.Values[T](*a)[i], columnar.Values[T](*b)[j])
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	default:
		return 1
	}
}

// CompareFloats is the engine's order of numbers: NaNs equal each other and are greater than all others, zeros are equal.
func CompareFloats[T float32 | float64](a, b T) int {
	switch an, bn := math.IsNaN(float64(a)), math.IsNaN(float64(b)); {
	case an || bn:
		return compareBools(an, bn)
	case a < b:
		return -1
	case a > b:
		return 1
	default:
		return 0
	}
}

// compareRows compares nested values field by field, nulls first.
func compareRows(a []columnar.Column, i int, b []columnar.Column, j int) int {
	for k := range a {
		if c := compareOrdered(&a[k], i, &b[k], j, Order{NullsFirst: true}); c != 0 {
			return c
		}
	}
	return 0
}

func compareLists(a *columnar.Column, i int, b *columnar.Column, j int) int {
	alo, ahi := int(a.Offsets[i]), int(a.Offsets[i+1])
	blo, bhi := int(b.Offsets[j]), int(b.Offsets[j+1])
	for k := range min(ahi-alo, bhi-blo) {
		if c := compareRows(a.Children, alo+k, b.Children, blo+k); c != 0 {
			return c
		}
	}
	return cmp.Compare(ahi-alo, bhi-blo)
}
