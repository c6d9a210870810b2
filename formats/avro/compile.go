package avro

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/twmb/avro"

	"github.com/millrace/millrace/columnar"
)

// reads moves a value from the bytes to a column. skips passes over one.
type (
	reads func(d *decoder, b *columnar.Builder)
	skips func(d *decoder)
)

// plan is how to read the records of a file: a step for each field in order.
type plan struct {
	steps   []step
	missing []int // columns that the file has not: null
}

// step is a field: read to a column, or, without read, passed over.
type step struct {
	read   reads
	column int
	skip   skips
}

// planOf compiles a file's schema for the columns wanted.
func planOf(root *avro.SchemaNode, want *columnar.Schema) (*plan, error) {
	c := &compiler{names: newNames(root), skippers: map[*avro.SchemaNode]*skips{}}
	if root.Type != "record" {
		return c.plan([]avro.SchemaField{{Name: "value", Type: *root}}, want.Fields)
	}
	c.open[root] = true
	return c.plan(root.Fields, want.Fields)
}

// plan compiles the fields of a record for the columns wanted.
func (c *compiler) plan(fields []avro.SchemaField, want []columnar.Field) (*plan, error) {
	p := &plan{}
	found := make([]bool, len(want))
	for i := range fields {
		f := &fields[i]
		k := slices.IndexFunc(want, func(w columnar.Field) bool { return w.Name == f.Name })
		if k < 0 {
			p.steps = append(p.steps, step{skip: c.skip(&f.Type)})
			continue
		}
		read, err := c.read(&f.Type, want[k])
		if err != nil {
			return nil, fmt.Errorf("field %q: %w", f.Name, err)
		}
		p.steps = append(p.steps, step{read: read, column: k, skip: c.skip(&f.Type)})
		found[k] = true
	}
	for k, ok := range found {
		switch {
		case ok:
		case !want[k].Nullable:
			return nil, fmt.Errorf("there is no field %q", want[k].Name)
		default:
			p.missing = append(p.missing, k)
		}
	}
	return p, nil
}

// record reads one record.
func (p *plan) record(d *decoder, columns []*columnar.Builder) {
	for i := range p.steps {
		if s := &p.steps[i]; s.read != nil {
			s.read(d, columns[s.column])
		} else {
			s.skip(d)
		}
	}
	for _, k := range p.missing {
		columns[k].AppendNulls(1)
	}
}

type compiler struct {
	*names
	skippers map[*avro.SchemaNode]*skips // of records, which may be inside themselves
}

// read compiles a field that becomes a column.
func (c *compiler) read(s *avro.SchemaNode, want columnar.Field) (reads, error) {
	value, branch, null, err := c.optional(s)
	if err != nil {
		return nil, err
	}
	if value.Type == "null" {
		return func(_ *decoder, b *columnar.Builder) { b.AppendNulls(1) }, nil
	}
	read, err := c.value(value, want.Type)
	if err != nil || branch < 0 {
		return read, err
	}
	isThere, isNull := int64(branch), int64(null)
	return func(d *decoder, b *columnar.Builder) {
		switch x := d.long(); {
		case x == isThere:
			read(d, b)
		case x == isNull && d.err == nil:
			b.AppendNulls(1)
		default:
			d.fail(fmt.Errorf("branch %d of a union", x))
		}
	}, nil
}

// value compiles a value that is there.
func (c *compiler) value(s *avro.SchemaNode, want columnar.Type) (reads, error) {
	if t, ok := logicalType(s); ok && t.Kind == columnar.Decimal && want.Kind == columnar.Decimal {
		return readDecimal(s, t, want)
	}
	unfit := fmt.Errorf("it is %s in the file, and %s is wanted", s.Type, want)
	switch s.Type {
	case "boolean":
		if want.Kind == columnar.Bool {
			return readBool, nil
		}
	case "int", "long":
		if read := readInteger(s, want); read != nil {
			return read, nil
		}
	case "float", "double":
		if read := readFloat(s.Type == "float", want.Kind); read != nil {
			return read, nil
		}
	case "string", "bytes":
		if want.IsVariable() {
			return func(d *decoder, b *columnar.Builder) { b.AppendBytes(d.bytes()) }, nil
		}
	case "enum":
		if want.Kind == columnar.String {
			return readEnum(s.Symbols), nil
		}
	case "fixed":
		if want.Kind == columnar.FixedBinary && int(want.Width) == s.Size {
			return func(d *decoder, b *columnar.Builder) {
				if v := d.take(int64(want.Width)); d.err == nil {
					b.AppendBytes(v)
				}
			}, nil
		}
	case "array", "map":
		return c.items(s, want, unfit)
	case "record", "error":
		return c.record(s, want, unfit)
	}
	return nil, unfit
}

func readBool(d *decoder, b *columnar.Builder) {
	if v := d.take(1); d.err == nil {
		if v[0] > 1 {
			d.fail(fmt.Errorf("a boolean of %d", v[0]))
		}
		b.AppendBool(v[0] == 1)
	}
}

func readEnum(symbols []string) reads {
	return func(d *decoder, b *columnar.Builder) {
		x := d.long()
		if x < 0 || x >= int64(len(symbols)) {
			d.fail(fmt.Errorf("symbol %d of an enum of %d", x, len(symbols)))
			return
		}
		b.AppendString(symbols[x])
	}
}

// readInteger returns nil when integers cannot be of the type wanted.
func readInteger(s *avro.SchemaNode, want columnar.Type) reads {
	t, isLogical := logicalType(s)
	switch want.Kind {
	case columnar.Int8:
		return narrow[int8]
	case columnar.Int16:
		return narrow[int16]
	case columnar.Int32:
		return narrow[int32]
	case columnar.Uint8:
		return narrow[uint8]
	case columnar.Uint16:
		return narrow[uint16]
	case columnar.Uint32:
		return narrow[uint32]
	case columnar.Uint64:
		return narrow[uint64]
	case columnar.Int64:
		return func(d *decoder, b *columnar.Builder) { columnar.AppendFixed(b, d.long()) }
	case columnar.Float32:
		return func(d *decoder, b *columnar.Builder) { columnar.AppendFixed(b, float32(d.long())) }
	case columnar.Float64:
		return func(d *decoder, b *columnar.Builder) { columnar.AppendFixed(b, float64(d.long())) }
	case columnar.Date:
		if s.Type == "int" {
			return narrow[int32]
		}
	case columnar.Timestamp, columnar.Duration:
		if !isLogical || t.Kind == want.Kind {
			return readTime(s.LogicalType)
		}
	default: // holds no integers
	}
	return nil
}

func narrow[T int8 | int16 | int32 | uint8 | uint16 | uint32 | uint64](d *decoder, b *columnar.Builder) {
	v := d.long()
	if int64(T(v)) != v || v < 0 && T(v) > 0 {
		d.fail(fmt.Errorf("%d does not fit the column's type, %T", v, T(0)))
	}
	columnar.AppendFixed(b, T(v))
}

// readTime makes microseconds of the unit that the logical type's name ends in.
func readTime(logical string) reads {
	switch logical {
	case "time-millis", "timestamp-millis", "local-timestamp-millis":
		return func(d *decoder, b *columnar.Builder) { columnar.AppendFixed(b, d.long()*1000) }
	case "timestamp-nanos", "local-timestamp-nanos":
		return func(d *decoder, b *columnar.Builder) {
			v := d.long()
			q := v / 1000
			if v%1000 < 0 {
				q--
			}
			columnar.AppendFixed(b, q)
		}
	default:
		return func(d *decoder, b *columnar.Builder) { columnar.AppendFixed(b, d.long()) }
	}
}

func (d *decoder) float32() float32 {
	if v := d.take(4); d.err == nil {
		return math.Float32frombits(binary.LittleEndian.Uint32(v))
	}
	return 0
}

func (d *decoder) float64() float64 {
	if v := d.take(8); d.err == nil {
		return math.Float64frombits(binary.LittleEndian.Uint64(v))
	}
	return 0
}

// readFloat returns nil when floats cannot be of the kind wanted.
func readFloat(isSingle bool, want columnar.Kind) reads {
	switch {
	case isSingle && want == columnar.Float32:
		return func(d *decoder, b *columnar.Builder) { columnar.AppendFixed(b, d.float32()) }
	case isSingle && want == columnar.Float64:
		return func(d *decoder, b *columnar.Builder) { columnar.AppendFixed(b, float64(d.float32())) }
	case want == columnar.Float64:
		return func(d *decoder, b *columnar.Builder) { columnar.AppendFixed(b, d.float64()) }
	}
	return nil
}

// readDecimal reads two's-complement integers, big endian.
func readDecimal(s *avro.SchemaNode, from, want columnar.Type) (reads, error) {
	if want.Scale < from.Scale || want.Precision-want.Scale < from.Precision-from.Scale {
		return nil, fmt.Errorf("it is %s in the file, and %s is wanted", from, want)
	}
	size := int64(s.Size)
	isFixed := s.Type == "fixed"
	return func(d *decoder, b *columnar.Builder) {
		n := size
		if !isFixed {
			n = d.long()
		}
		v, ok := decimalOf(d.take(n))
		if ok && want.Scale != from.Scale {
			v, ok = v.Rescale(from.Scale, want.Scale)
		}
		if !ok {
			d.fail(fmt.Errorf("a decimal of %d bytes does not fit %s", n, want))
		}
		columnar.AppendFixed(b, v)
	}, nil
}

// decimalOf reads an integer; false when it has more than 128 bits.
func decimalOf(v []byte) (d columnar.Decimal128, ok bool) {
	fill := byte(0)
	if len(v) > 0 && v[0] >= 0x80 {
		fill, d = 0xff, columnar.Decimal128{Lo: math.MaxUint64, Hi: -1}
	}
	for len(v) > 16 {
		if v[0] != fill || v[1]>>7 != fill>>7 {
			return d, false
		}
		v = v[1:]
	}
	for _, c := range v {
		d.Hi = d.Hi<<8 | int64(d.Lo>>56)
		d.Lo = d.Lo<<8 | uint64(c)
	}
	return d, true
}

// items compiles arrays and maps.
func (c *compiler) items(s *avro.SchemaNode, want columnar.Type, unfit error) (reads, error) {
	isMap := s.Type == "map"
	if isMap && (want.Kind != columnar.Map || want.Fields[0].Type.Kind != columnar.String) || !isMap && want.Kind != columnar.List {
		return nil, unfit
	}
	of, child := s.Items, 0
	if isMap {
		of, child = s.Values, 1
	}
	read, err := c.read(of, want.Fields[child])
	if err != nil {
		return nil, err
	}
	return func(d *decoder, b *columnar.Builder) {
		for n := d.count(); n > 0; n = d.count() {
			for range n {
				if isMap {
					b.Child(0).AppendBytes(d.bytes())
				}
				read(d, b.Child(child))
				if d.err != nil {
					return
				}
			}
		}
		b.CloseNested()
	}, nil
}

// record compiles a record inside another; some of its fields may be wanted.
func (c *compiler) record(s *avro.SchemaNode, want columnar.Type, unfit error) (reads, error) {
	if want.Kind != columnar.Struct {
		return nil, unfit
	}
	if c.open[s] {
		return nil, fmt.Errorf("the record %q contains itself", s.Name)
	}
	c.open[s] = true
	defer delete(c.open, s)
	p, err := c.plan(s.Fields, want.Fields)
	if err != nil {
		return nil, err
	}
	n := len(want.Fields)
	return func(d *decoder, b *columnar.Builder) {
		var few [16]*columnar.Builder
		children := few[:0]
		for k := range n {
			children = append(children, b.Child(k))
		}
		p.record(d, children)
		b.CloseNested()
	}, nil
}

// skipRecord passes over one record.
func (p *plan) skipRecord(d *decoder) {
	for i := range p.steps {
		p.steps[i].skip(d)
	}
}
