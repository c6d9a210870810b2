package parquet

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/expr"
)

// mayMatch says whether a row group can have rows for which the filter is true, as far as its statistics tell.
func (f *opened) mayMatch(g *rowGroup, filter expr.Expr) bool {
	if filter.Op == expr.OpInvalid {
		return true
	}
	return expr.MayMatch(filter, func(name string) (expr.Stats, bool) {
		s := f.find(name)
		if s == nil || s.leaf == nil {
			return expr.Stats{}, false
		}
		return statsOf(s.leaf, &g.columns[s.leaf.column]), true
	})
}

// statsOf returns what is known of a column chunk.
func statsOf(l *leafType, c *columnMeta) expr.Stats {
	s := expr.Stats{NoNulls: l.maxDef == 0 || c.stats.nulls == 0, AllNull: c.stats.nulls >= 0 && c.stats.nulls == c.values && c.values > 0}
	least, most := c.stats.min, c.stats.max
	if least == nil && most == nil && orderedAsSigned(l) {
		least, most = c.stats.oldMin, c.stats.oldMax
	}
	s.Min, s.Max = bound(l, least), bound(l, most)
	return s
}

// orderedAsSigned says whether the deprecated bounds are right: numbers with a sign; all else was compared byte by byte.
func orderedAsSigned(l *leafType) bool {
	switch t := l.typ; {
	case l.elem.phys != physInt32 && l.elem.phys != physInt64 && l.elem.phys != physFloat && l.elem.phys != physDouble:
		return false
	default:
		return t.Kind < columnar.Uint8 || t.Kind > columnar.Uint64
	}
}

// bound returns a bound in the form that expressions have it; nil when it is not known, or is NaN.
func bound(l *leafType, b []byte) any {
	if b == nil {
		return nil
	}
	switch l.elem.phys {
	case physBytes:
		return textBound(l, b)
	case physInt96, physBool:
		return nil
	case physFixed:
		switch {
		case len(b) != int(l.elem.length):
			return nil
		case l.typ.Kind == columnar.Decimal:
			return columnar.DecimalValue{Unscaled: decimalOf(b), Scale: l.typ.Scale}
		case l.typ.Kind == columnar.FixedBinary:
			return b
		default:
			return nil
		}
	default:
		switch {
		case len(b) != physWidth(l.elem):
			return nil
		case len(b) == 4:
			return numberBound(l, int64(int32(binary.LittleEndian.Uint32(b))))
		default:
			return numberBound(l, int64(binary.LittleEndian.Uint64(b)))
		}
	}
}

func textBound(l *leafType, b []byte) any {
	switch l.typ.Kind {
	case columnar.String:
		return string(b)
	case columnar.Binary:
		return b
	case columnar.Decimal:
		if len(b) <= 16 {
			return columnar.DecimalValue{Unscaled: decimalOf(b), Scale: l.typ.Scale}
		}
	default: // is not stored as text
	}
	return nil
}

// numberBound returns the value of a stored number, given as its bits with the sign extended.
func numberBound(l *leafType, v int64) any {
	switch l.typ.Kind {
	case columnar.Float32:
		return finite(float64(math.Float32frombits(uint32(v))))
	case columnar.Float64:
		return finite(math.Float64frombits(uint64(v)))
	case columnar.Decimal:
		return columnar.DecimalValue{Unscaled: columnar.DecimalOfInt64(v).Unscaled, Scale: l.typ.Scale}
	case columnar.Date:
		return time.Unix(v*86400, 0).UTC()
	case columnar.Timestamp:
		return time.UnixMicro(scaled(v, modern(l.elem).unit)).UTC()
	case columnar.Uint64:
		return uint64(v)
	case columnar.Uint8, columnar.Uint16, columnar.Uint32:
		return uint64(uint32(v))
	case columnar.Duration:
		return time.Duration(scaled(v, modern(l.elem).unit)) * time.Microsecond
	default:
		return v
	}
}

func finite(f float64) any {
	if math.IsNaN(f) {
		return nil
	}
	return f
}
