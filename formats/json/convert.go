package json

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
	field   columnar.Field
	index   int
	convert func(t *table) columnar.Column
	valid   columnar.Bitmap // of the batch under way; zero while there is no null
	scratch []byte
}

func newColumn(f columnar.Field, index int) *column {
	c := &column{field: f, index: index}
	switch f.Type.Kind {
	case columnar.Int64:
		c.convert = fixed(c, parseInt[int64])
	case columnar.Int32:
		c.convert = fixed(c, parseInt[int32])
	case columnar.Float64:
		c.convert = fixed(c, parseFloat)
	case columnar.Date:
		c.convert = fixed(c, parseDate)
	case columnar.Timestamp:
		c.convert = fixed(c, timestampParser(f.Type.UTC))
	case columnar.Bool:
		c.convert = c.bools
	case columnar.String:
		c.convert = c.strings
	default:
		c.convert = c.built
	}
	return c
}

var (
	errNull    = errors.New("is null, but the column is not nullable")
	errMissing = errors.New("is missing, but the column is not nullable")
	null       = []byte("null")
)

// isNull says whether a value is null or missing.
func isNull(v []byte) bool { return len(v) == 0 || v[0] == 'n' }

func errValue(v []byte, t columnar.Type) error {
	const most = 40
	if len(v) > most {
		return fmt.Errorf("%s... is not a value of %s", v[:most], t)
	}
	return fmt.Errorf("%s is not a value of %s", v, t)
}

func parseInt[T int8 | int16 | int32 | int64](v []byte) (T, bool) {
	n, ok := scalar.Int(v)
	if !ok {
		n, ok = integral(v)
	}
	return T(n), ok && int64(T(n)) == n
}

// integral reads integers that are written as 1.0 or 1e3.
func integral(v []byte) (int64, bool) {
	f, ok := scalar.Float(v)
	return int64(f), ok && v[0] != '"' && f == math.Trunc(f) && math.Abs(f) < 1<<53
}

func parseUint[T uint8 | uint16 | uint32 | uint64](v []byte) (T, bool) {
	n, ok := scalar.Uint(v)
	if !ok {
		var i int64
		i, ok = integral(v)
		n, ok = uint64(i), ok && i >= 0
	}
	return T(n), ok && uint64(T(n)) == n
}

func parseFloat(v []byte) (float64, bool) {
	if v[0] == '"' {
		switch string(v) {
		case `"NaN"`:
			return math.NaN(), true
		case `"Infinity"`:
			return math.Inf(1), true
		case `"-Infinity"`:
			return math.Inf(-1), true
		}
		return 0, false
	}
	return scalar.Float(v)
}

func parseFloat32(v []byte) (float32, bool) {
	f, ok := parseFloat(v)
	return float32(f), ok && (math.IsInf(f, 0) || !math.IsInf(float64(float32(f)), 0))
}

// inner returns the text of a string that has no escapes: no value read by it needs one.
func inner(v []byte) ([]byte, bool) {
	if len(v) < 2 || v[0] != '"' {
		return nil, false
	}
	return v[1 : len(v)-1], true
}

func parseDate(v []byte) (int32, bool) {
	text, ok := inner(v)
	if !ok {
		return 0, false
	}
	return scalar.Date(text)
}

func timestampParser(instant bool) func(v []byte) (int64, bool) {
	return func(v []byte) (int64, bool) {
		text, ok := inner(v)
		if !ok {
			return 0, false
		}
		return scalar.Timestamp(text, instant)
	}
}

func parseDuration(v []byte) (int64, bool) {
	text, ok := inner(v)
	if !ok {
		return 0, false
	}
	return scalar.Duration(text)
}

// parseDecimal takes numbers, and strings for readers that would read numbers as floats.
func parseDecimal(v []byte, t columnar.Type) (columnar.Decimal128, bool) {
	if text, ok := inner(v); ok {
		v = text
	}
	return scalar.Decimal(v, t)
}

// setNull makes the row null, or bad if the column has no nulls.
func (c *column) setNull(t *table, row int, v []byte) {
	if !c.field.Nullable {
		reason := errNull
		if len(v) == 0 {
			reason = errMissing
		}
		c.fail(t, row, reason)
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
	t.bad = append(t.bad, lines.Bad{At: int(t.starts[row]), Row: row, Field: c.field.Name, Reason: reason})
}

// fixed returns the loop for a type of fixed width.
func fixed[T columnar.Fixed](c *column, parse func([]byte) (T, bool)) func(*table) columnar.Column {
	return func(t *table) columnar.Column {
		c.valid = columnar.Bitmap{}
		out := make([]T, t.rows)
		for r := range out {
			v := t.value(r, c.index)
			if isNull(v) {
				c.setNull(t, r, v)
				continue
			}
			var ok bool
			if out[r], ok = parse(v); !ok {
				c.fail(t, r, errValue(v, c.field.Type))
			}
		}
		return columnar.Of(c.field.Type, out, c.valid)
	}
}

func (c *column) bools(t *table) columnar.Column {
	c.valid = columnar.Bitmap{}
	out := columnar.NewBitmap(t.rows)
	for r := range t.rows {
		switch v := t.value(r, c.index); {
		case isNull(v):
			c.setNull(t, r, v)
		case v[0] == 't':
			out.Set(r)
		case v[0] != 'f':
			c.fail(t, r, errValue(v, c.field.Type))
		}
	}
	return columnar.OfBools(out, t.rows, c.valid)
}

func (c *column) strings(t *table) columnar.Column {
	c.valid = columnar.Bitmap{}
	size := 0
	for i := c.index; i < len(t.places); i += t.width {
		size += int(t.places[i].to - t.places[i].from)
	}
	offsets := make([]int32, t.rows+1)
	text := lines.Room(size)
	for r := range t.rows {
		v := t.value(r, c.index)
		var err error
		switch {
		case isNull(v):
			c.setNull(t, r, v)
		case v[0] == '"':
			text, err = appendText(text, v[1:len(v)-1])
		default:
			text = append(text, v...)
		}
		if err != nil {
			c.fail(t, r, err)
		}
		offsets[r+1] = int32(len(text))
	}
	return columnar.OfStrings(c.field.Type, offsets, text, c.valid)
}

// built is the way of all other types: each value is checked as a whole before any of it is added.
func (c *column) built(t *table) columnar.Column {
	b := columnar.NewBuilder(c.field.Type, t.rows)
	for r := range t.rows {
		v := t.value(r, c.index)
		missing := len(v) == 0
		if missing {
			v = null
		}
		if _, err := c.value(v, 0, c.field, nil); err != nil {
			if missing {
				err = errMissing
			}
			c.fail(t, r, err)
			b.AppendNulls(1)
			continue
		}
		_, _ = c.value(v, 0, c.field, b) // cannot fail: it has just been checked
	}
	return b.Finish()
}

// value adds the value at data[at] to b, or with a nil b only checks it, and returns where it ends.
func (c *column) value(data []byte, at int, f columnar.Field, b *columnar.Builder) (int, error) {
	if at < len(data) && f.Type.IsNested() && data[at] != 'n' {
		return c.nested(data, at, f.Type, b)
	}
	end, err := skip(data, at)
	if err != nil {
		return 0, err
	}
	v := data[at:end]
	if isNull(v) {
		if !f.Nullable {
			return 0, fmt.Errorf("%s %w", f.Name, errNull)
		}
		if b != nil {
			b.AppendNulls(1)
		}
		return end, nil
	}
	return end, c.scalar(v, f.Type, b)
}

func (c *column) nested(data []byte, at int, t columnar.Type, b *columnar.Builder) (int, error) {
	var end int
	var err error
	switch t.Kind {
	case columnar.List:
		end, err = items(data, at, func(at int) (int, error) { return c.value(data, at, t.Fields[0], child(b, 0)) })
	case columnar.Map:
		end, err = members(data, at, func(name []byte, at int) (int, error) {
			if err := c.key(name, t.Fields[0].Type, child(b, 0)); err != nil {
				return 0, err
			}
			return c.value(data, at, t.Fields[1], child(b, 1))
		})
	default:
		end, err = c.object(data, at, t, b)
	}
	if err == nil && b != nil {
		b.CloseNested()
	}
	return end, err
}

// child returns a child of b, nil when there is no b.
func child(b *columnar.Builder, k int) *columnar.Builder {
	if b == nil {
		return nil
	}
	return b.Child(k)
}

// key adds a map's key.
func (c *column) key(name []byte, t columnar.Type, b *columnar.Builder) error {
	switch {
	case t.Kind == columnar.String:
		return c.text(name, b)
	case t.IsInteger(), t.IsFloat(), t.Kind == columnar.Bool, t.Kind == columnar.Decimal:
		return c.scalar(name, t, b)
	default:
		return c.scalar(append(append([]byte{'"'}, name...), '"'), t, b)
	}
}

// text adds a string given as it stands between the quotes.
func (c *column) text(raw []byte, b *columnar.Builder) (err error) {
	c.scratch, err = appendText(c.scratch[:0], raw)
	if err == nil && b != nil {
		b.AppendBytes(c.scratch)
	}
	return err
}

// object adds a struct. Its members may come in any order and, in part, not at all.
func (c *column) object(data []byte, at int, t columnar.Type, b *columnar.Builder) (int, error) {
	places := make([]span, len(t.Fields))
	end, err := members(data, at, func(name []byte, at int) (int, error) {
		end, err := skip(data, at)
		for i := range t.Fields {
			if t.Fields[i].Name == string(name) {
				places[i] = span{int32(at), int32(end)}
			}
		}
		return end, err
	})
	if err != nil {
		return 0, err
	}
	for i, f := range t.Fields {
		v := data[places[i].from:places[i].to]
		if len(v) == 0 {
			v = null
		}
		if _, err := c.value(v, 0, f, child(b, i)); err != nil {
			return 0, err
		}
	}
	return end, nil
}

// scalar adds a value that is not nested.
func (c *column) scalar(v []byte, t columnar.Type, b *columnar.Builder) error {
	switch t.Kind {
	case columnar.Int8:
		return add(v, t, b, parseInt[int8])
	case columnar.Int16:
		return add(v, t, b, parseInt[int16])
	case columnar.Int32:
		return add(v, t, b, parseInt[int32])
	case columnar.Int64:
		return add(v, t, b, parseInt[int64])
	case columnar.Uint8:
		return add(v, t, b, parseUint[uint8])
	case columnar.Uint16:
		return add(v, t, b, parseUint[uint16])
	case columnar.Uint32:
		return add(v, t, b, parseUint[uint32])
	case columnar.Uint64:
		return add(v, t, b, parseUint[uint64])
	case columnar.Float32:
		return add(v, t, b, parseFloat32)
	case columnar.Float64:
		return add(v, t, b, parseFloat)
	case columnar.Date:
		return add(v, t, b, parseDate)
	case columnar.Timestamp:
		return add(v, t, b, timestampParser(t.UTC))
	case columnar.Duration:
		return add(v, t, b, parseDuration)
	case columnar.Decimal:
		return add(v, t, b, func(v []byte) (columnar.Decimal128, bool) { return parseDecimal(v, t) })
	default:
		return c.bytes(v, t, b)
	}
}

// add adds a value of fixed width.
func add[T columnar.Fixed](v []byte, t columnar.Type, b *columnar.Builder, parse func([]byte) (T, bool)) error {
	if len(v) == 0 {
		return errValue(v, t)
	}
	x, ok := parse(v)
	if !ok {
		return errValue(v, t)
	}
	if b != nil {
		columnar.AppendFixed(b, x)
	}
	return nil
}

// bytes adds a bool, a string or a binary.
func (c *column) bytes(v []byte, t columnar.Type, b *columnar.Builder) error {
	text, quoted := inner(v)
	switch {
	case t.Kind == columnar.String && quoted:
		return c.text(text, b)
	case t.Kind == columnar.String:
		if b != nil {
			b.AppendBytes(v)
		}
		return nil
	case t.Kind == columnar.Bool && (bytes.Equal(v, literals[0]) || bytes.Equal(v, literals[1])):
		if b != nil {
			b.AppendBool(v[0] == 't')
		}
		return nil
	case t.Kind == columnar.Bool || !quoted:
		return errValue(v, t)
	}
	data, err := base64.StdEncoding.DecodeString(string(bytes.ReplaceAll(text, []byte(`\/`), []byte("/"))))
	if err != nil || t.Kind == columnar.FixedBinary && len(data) != int(t.Width) {
		return errValue(v, t)
	}
	if b != nil {
		b.AppendBytes(data)
	}
	return nil
}
