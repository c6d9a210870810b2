package codec

import (
	"fmt"
	"time"

	"github.com/millrace/millrace/columnar"
)

// AppendValue adds to b a value as a columnar.Row holds it; nil is a null. The error says that the value's Go type is not the column's; b
// is then unusable when the value was nested.
func AppendValue(b *columnar.Builder, v any) error {
	if v == nil {
		b.AppendNulls(1)
		return nil
	}
	if appendScalar(b, v) {
		return nil
	}
	switch v := v.(type) {
	case columnar.DecimalValue:
		return appendDecimal(b, v)
	case []any:
		return appendItems(b, v)
	case [][2]any:
		return appendEntries(b, v)
	case columnar.Row:
		return appendStruct(b, v)
	}
	return valueMismatch(b, v)
}

func valueMismatch(b *columnar.Builder, v any) error {
	return fmt.Errorf("a value of type %T does not fit a column of %s", v, b.Type)
}

// appendScalar says whether it added v.
func appendScalar(b *columnar.Builder, v any) bool {
	switch v := v.(type) {
	case bool:
		if b.Type.Kind == columnar.Bool {
			b.AppendBool(v)
			return true
		}
	case string:
		if b.Type.Kind == columnar.String {
			b.AppendString(v)
			return true
		}
	case []byte:
		if b.Type.Kind == columnar.Binary || b.Type.Kind == columnar.FixedBinary && len(v) == int(b.Type.Width) {
			b.AppendBytes(v)
			return true
		}
	case int8:
		return appendNumber(b, columnar.Int8, v)
	case int16:
		return appendNumber(b, columnar.Int16, v)
	case int32:
		return appendNumber(b, columnar.Int32, v)
	case int64:
		return appendNumber(b, columnar.Int64, v)
	case uint8:
		return appendNumber(b, columnar.Uint8, v)
	case uint16:
		return appendNumber(b, columnar.Uint16, v)
	case uint32:
		return appendNumber(b, columnar.Uint32, v)
	case uint64:
		return appendNumber(b, columnar.Uint64, v)
	case float32:
		return appendNumber(b, columnar.Float32, v)
	case float64:
		return appendNumber(b, columnar.Float64, v)
	case time.Duration:
		return appendNumber(b, columnar.Duration, v.Microseconds())
	case time.Time:
		return appendTime(b, v)
	}
	return false
}

func appendNumber[T columnar.Fixed](b *columnar.Builder, kind columnar.Kind, v T) bool {
	if b.Type.Kind != kind {
		return false
	}
	columnar.AppendFixed(b, v)
	return true
}

func appendTime(b *columnar.Builder, v time.Time) bool {
	switch {
	case b.Type.Kind == columnar.Date:
		return appendNumber(b, columnar.Date, daysOf(v))
	case b.Type.UTC:
		return appendNumber(b, columnar.Timestamp, v.UnixMicro())
	default:
		return appendNumber(b, columnar.Timestamp, localMicros(v))
	}
}

func appendDecimal(b *columnar.Builder, v columnar.DecimalValue) error {
	if b.Type.Kind != columnar.Decimal {
		return valueMismatch(b, v)
	}
	unscaled, err := v.Fit(b.Type)
	if err != nil {
		return err
	}
	columnar.AppendFixed(b, unscaled)
	return nil
}

func appendItems(b *columnar.Builder, items []any) error {
	if b.Type.Kind != columnar.List {
		return valueMismatch(b, items)
	}
	for i, v := range items {
		if err := AppendValue(b.Child(0), v); err != nil {
			return fmt.Errorf("item %d: %w", i, err)
		}
	}
	b.CloseNested()
	return nil
}

func appendEntries(b *columnar.Builder, entries [][2]any) error {
	if b.Type.Kind != columnar.Map {
		return valueMismatch(b, entries)
	}
	for i, e := range entries {
		if e[0] == nil {
			return fmt.Errorf("entry %d has a null key", i)
		}
		for k, v := range e {
			if err := AppendValue(b.Child(k), v); err != nil {
				return fmt.Errorf("entry %d: %w", i, err)
			}
		}
	}
	b.CloseNested()
	return nil
}

func appendStruct(b *columnar.Builder, row columnar.Row) error {
	if b.Type.Kind != columnar.Struct || len(row.Values) != len(b.Type.Fields) {
		return valueMismatch(b, row)
	}
	for k, v := range row.Values {
		if err := AppendValue(b.Child(k), v); err != nil {
			return fmt.Errorf("field %q: %w", b.Type.Fields[k].Name, err)
		}
	}
	b.CloseNested()
	return nil
}
