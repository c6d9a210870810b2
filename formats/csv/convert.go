package csv

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"math"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats/internal/lines"
	"github.com/millrace/millrace/formats/internal/scalar"
)

// column converts one wanted column.
type column struct {
	field     columnar.Field
	place     int // of the field in the record; -1 the file lacks it
	null      []byte
	quote     byte
	nullFirst bool // the text for null could be a value too: look before converting
	scratch   []byte
	convert   func(t *table) columnar.Column
	valid     columnar.Bitmap // of the batch under way; zero while there is no null
}

func newColumn(s settings, f columnar.Field, place int) *column {
	c := &column{field: f, place: place, null: []byte(s.null), quote: s.quote}
	c.convert = c.converter()
	return c
}

// converter returns the loop for the column's type.
func (c *column) converter() func(*table) columnar.Column {
	if c.place < 0 {
		return c.nulls
	}
	t := c.field.Type
	switch t.Kind {
	case columnar.Int64:
		return c.ints()
	case columnar.Int32:
		return fixed(c, narrow[int32])
	case columnar.Int16:
		return fixed(c, narrow[int16])
	case columnar.Int8:
		return fixed(c, narrow[int8])
	case columnar.Uint64:
		return fixed(c, scalar.Uint)
	case columnar.Uint32:
		return fixed(c, narrowUnsigned[uint32])
	case columnar.Uint16:
		return fixed(c, narrowUnsigned[uint16])
	case columnar.Uint8:
		return fixed(c, narrowUnsigned[uint8])
	case columnar.Float64:
		return fixed(c, scalar.Float)
	case columnar.Float32:
		return fixed(c, float32Of)
	case columnar.Date:
		return fixed(c, scalar.Date)
	case columnar.Timestamp:
		return fixed(c, func(b []byte) (int64, bool) { return scalar.Timestamp(b, t.UTC) })
	case columnar.Duration:
		return fixed(c, scalar.Duration)
	case columnar.Decimal:
		return fixed(c, func(b []byte) (columnar.Decimal128, bool) { return scalar.Decimal(b, t) })
	case columnar.Bool:
		return c.bools
	case columnar.String:
		return c.strings
	default:
		return c.binaries
	}
}

func narrow[T int8 | int16 | int32](b []byte) (T, bool) {
	v, ok := scalar.Int(b)
	return T(v), ok && int64(T(v)) == v
}

func narrowUnsigned[T uint8 | uint16 | uint32](b []byte) (T, bool) {
	v, ok := scalar.Uint(b)
	return T(v), ok && uint64(T(v)) == v
}

func float32Of(b []byte) (float32, bool) {
	v, ok := scalar.Float(b)
	return float32(v), ok && (math.IsInf(v, 0) || !math.IsInf(float64(float32(v)), 0))
}

// nulls is a column that the file lacks.
func (c *column) nulls(t *table) columnar.Column {
	b := columnar.NewBuilder(c.field.Type, t.rows)
	b.AppendNulls(t.rows)
	return b.Finish()
}

// fixed returns the loop for a type of fixed width.
func fixed[T columnar.Fixed](c *column, parse func([]byte) (T, bool)) func(*table) columnar.Column {
	_, c.nullFirst = parse(c.null)
	return func(t *table) columnar.Column {
		c.valid = columnar.Bitmap{}
		out := make([]T, t.rows)
		data, places, stride := t.data, t.places[c.place:], t.stride
		for r := range out {
			field := data[places[0]+1 : places[1]]
			v, ok := parse(field)
			if !ok || c.nullFirst {
				v = slow(c, t, r, field, parse)
			}
			out[r] = v
			places = places[stride:]
		}
		return columnar.Of(c.field.Type, out, c.valid)
	}
}

// ints is fixed for int64, with a way of its own for up to eight digits.
func (c *column) ints() func(*table) columnar.Column {
	_, c.nullFirst = scalar.Int(c.null)
	return func(t *table) columnar.Column {
		c.valid = columnar.Bitmap{}
		out := make([]int64, t.rows)
		data, places, stride := t.data, t.places[c.place:], t.stride
		for r := range out {
			from, to := int(places[0])+1, int(places[1])
			places = places[stride:]
			if n := to - from; uint(n-1) < 8 && to >= 8 && !c.nullFirst {
				if v, ok := scalar.Digits(data, to, n); ok {
					out[r] = int64(v)
					continue
				}
			}
			v, ok := scalar.Int(data[from:to])
			if !ok || c.nullFirst {
				v = slow(c, t, r, data[from:to], scalar.Int)
			}
			out[r] = v
		}
		return columnar.Of(c.field.Type, out, c.valid)
	}
}

// slow converts a field that is null, quoted, padded with blanks, or bad.
func slow[T any](c *column, t *table, row int, field []byte, parse func([]byte) (T, bool)) (v T) {
	if bytes.Equal(field, c.null) {
		c.setNull(t, row)
		return v
	}
	if t.quoted && len(field) > 0 && field[0] == c.quote {
		c.scratch = appendUnquoted(c.scratch[:0], field, c.quote)
		field = c.scratch
	}
	v, ok := parse(bytes.Trim(field, " "))
	if !ok {
		c.fail(t, row, fmt.Errorf("%s is not a value of %s", shown(field), c.field.Type))
	}
	return v
}

// shown is a field as messages show it.
func shown(field []byte) string {
	const most = 40
	if len(field) > most {
		return fmt.Sprintf("%q...", field[:most])
	}
	return fmt.Sprintf("%q", field)
}

var errNull = errors.New("is null, but the column is not nullable")

// setNull makes the row null, or bad if the column has no nulls.
func (c *column) setNull(t *table, row int) {
	if !c.field.Nullable {
		c.fail(t, row, errNull)
		return
	}
	if c.valid.IsZero() {
		c.valid = columnar.NewBitmap(t.rows)
		for i := range c.valid.Bits {
			c.valid.Bits[i] = 0xff
		}
	}
	c.valid.Clear(row)
}

func (c *column) fail(t *table, row int, reason error) {
	t.bad = append(t.bad, lines.Bad{At: t.start(row), Row: row, Field: c.field.Name, Reason: reason})
}

func (c *column) bools(t *table) columnar.Column {
	c.valid = columnar.Bitmap{}
	out := columnar.NewBitmap(t.rows)
	for r := range t.rows {
		field := t.field(r, c.place)
		v, ok := scalar.Bool(field)
		if !ok || bytes.Equal(field, c.null) {
			v = slow(c, t, r, field, scalar.Bool)
		}
		if v {
			out.Set(r)
		}
	}
	return columnar.OfBools(out, t.rows, c.valid)
}

// field returns a field of a record as it stands in the file.
func (t *table) field(row, field int) []byte {
	i := row*t.stride + field
	return t.data[t.places[i]+1 : t.places[i+1]]
}

// strings copies the fields into one run of bytes.
func (c *column) strings(t *table) columnar.Column {
	c.valid = columnar.Bitmap{}
	offsets := make([]int32, t.rows+1)
	text := lines.Room(c.width(t))
	data, places, stride := t.data, t.places[c.place:], t.stride
	for r := range t.rows {
		field := data[places[0]+1 : places[1]]
		places = places[stride:]
		switch {
		case len(field) == len(c.null) && c.field.Nullable && bytes.Equal(field, c.null):
			c.setNull(t, r)
		case t.quoted && len(field) > 0 && field[0] == c.quote:
			text = appendUnquoted(text, field, c.quote)
		default:
			text = append(text, field...)
		}
		offsets[r+1] = int32(len(text))
	}
	return columnar.OfStrings(c.field.Type, offsets, text, c.valid)
}

// width returns how many bytes the column's fields have in all, quotes included.
func (c *column) width(t *table) int {
	total := 0
	places := t.places[c.place:]
	for range t.rows {
		total += int(places[1] - places[0])
		places = places[t.stride:]
	}
	return total - t.rows
}

// binaries reads base64.
func (c *column) binaries(t *table) columnar.Column {
	c.valid = columnar.Bitmap{}
	b := columnar.NewBuilder(c.field.Type, t.rows)
	width := int(c.field.Type.Width)
	for r := range t.rows {
		v := slow(c, t, r, t.field(r, c.place), func(field []byte) ([]byte, bool) {
			v, err := base64.StdEncoding.DecodeString(string(field))
			return v, err == nil && (c.field.Type.Kind == columnar.Binary || len(v) == width)
		})
		if c.field.Type.Kind == columnar.FixedBinary && len(v) != width {
			v = make([]byte, width)
		}
		b.AppendBytes(v)
	}
	out := b.Finish()
	out.Valid = c.valid
	return out
}
