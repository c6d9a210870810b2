package parquet

import (
	"fmt"
	"slices"

	"github.com/millrace/millrace/columnar"
)

// typeOf returns the type of a leaf's values: the logical type says it, else the converted type, else how they are stored.
func typeOf(e element) (columnar.Type, error) {
	l := modern(e)
	unfit := fmt.Errorf("values of %s cannot be of logical type %d", e.phys, l.kind)
	is := func(t columnar.Type, phys ...physical) (columnar.Type, error) {
		if slices.Contains(phys, e.phys) {
			return t, nil
		}
		return t, unfit
	}
	switch l.kind {
	case logicalString, logicalEnum, logicalJSON:
		return is(columnar.StringType, physBytes)
	case logicalBSON:
		return is(columnar.BinaryType, physBytes)
	case logicalUUID:
		return is(columnar.Type{Kind: columnar.FixedBinary, Width: 16}, physFixed)
	case logicalFloat16:
		return is(columnar.Type{Kind: columnar.Float32}, physFixed)
	case logicalDate:
		return is(columnar.DateType, physInt32)
	case logicalTime:
		return is(columnar.Type{Kind: columnar.Duration}, physInt32, physInt64)
	case logicalTimestamp:
		return is(columnar.Type{Kind: columnar.Timestamp, UTC: l.utc}, physInt64)
	case logicalInteger:
		t, err := integer(l)
		if err != nil {
			return t, err
		}
		if t.ByteWidth() == 8 {
			return is(t, physInt64)
		}
		return is(t, physInt32)
	case logicalDecimal:
		return decimal(e, l)
	}
	return stored(e)
}

// stored returns the type of values that nothing says more about.
func stored(e element) (columnar.Type, error) {
	switch e.phys {
	case physBool:
		return columnar.BoolType, nil
	case physInt32:
		return columnar.Int32Type, nil
	case physInt64:
		return columnar.Int64Type, nil
	case physInt96: // Impala's, Hive's and Spark's instants
		return columnar.TimestampType, nil
	case physFloat:
		return columnar.Type{Kind: columnar.Float32}, nil
	case physDouble:
		return columnar.Float64Type, nil
	case physBytes:
		return columnar.BinaryType, nil
	case physFixed:
		if e.length <= 0 {
			return columnar.Type{}, fmt.Errorf("values of %d bytes", e.length)
		}
		return columnar.Type{Kind: columnar.FixedBinary, Width: e.length}, nil
	}
	return columnar.Type{}, fmt.Errorf("values are stored as an unknown %s", e.phys)
}

// modern returns the logical type, made of the converted one where there is no other.
func modern(e element) logical {
	if e.logical.kind != 0 {
		return e.logical
	}
	switch c := e.converted; c {
	case convUTF8:
		return logical{kind: logicalString}
	case convEnum:
		return logical{kind: logicalEnum}
	case convJSON:
		return logical{kind: logicalJSON}
	case convBSON:
		return logical{kind: logicalBSON}
	case convDecimal:
		return logical{kind: logicalDecimal, scale: e.scale, precision: e.precision}
	case convDate:
		return logical{kind: logicalDate}
	case convTimeMillis, convTimeMicros:
		return logical{kind: logicalTime, utc: true, unit: int16(c - convTimeMillis + unitMillis)}
	case convTimestampMillis, convTimestampMicros:
		return logical{kind: logicalTimestamp, utc: true, unit: int16(c - convTimestampMillis + unitMillis)}
	default:
		if c >= convUint8 && c <= convUint64 {
			return logical{kind: logicalInteger, bits: 8 << (c - convUint8)}
		}
		if c >= convInt8 && c <= convInt64 {
			return logical{kind: logicalInteger, bits: 8 << (c - convInt8), signed: true}
		}
	}
	return logical{}
}

func integer(l logical) (columnar.Type, error) {
	kinds := map[byte][2]columnar.Kind{
		8: {columnar.Uint8, columnar.Int8}, 16: {columnar.Uint16, columnar.Int16}, 32: {columnar.Uint32, columnar.Int32}, 64: {columnar.Uint64, columnar.Int64},
	}
	pair, ok := kinds[l.bits]
	if !ok {
		return columnar.Type{}, fmt.Errorf("integers of %d bits", l.bits)
	}
	if l.signed {
		return columnar.Type{Kind: pair[1]}, nil
	}
	return columnar.Type{Kind: pair[0]}, nil
}

func decimal(e element, l logical) (columnar.Type, error) {
	t := columnar.Type{Kind: columnar.Decimal, Precision: uint8(l.precision), Scale: uint8(l.scale)}
	if l.precision < 1 || l.precision > columnar.MaxPrecision || l.scale < 0 || l.scale > l.precision {
		return t, fmt.Errorf("decimals of precision %d and scale %d; %d digits are the most that can be read", l.precision, l.scale, columnar.MaxPrecision)
	}
	switch {
	case e.phys == physFixed && (e.length < 1 || e.length > 16):
		return t, fmt.Errorf("decimals of %d bytes", e.length)
	case e.phys == physInt32, e.phys == physInt64, e.phys == physBytes, e.phys == physFixed:
		return t, nil
	}
	return t, fmt.Errorf("decimals stored as %s", e.phys)
}
