package codec

import (
	"fmt"
	"math"
	"reflect"
	"unsafe"

	"github.com/millrace/millrace/columnar"
)

// encodeBytesAtOnce bounds the memory of the values that wait to be moved into columns together.
const encodeBytesAtOnce = 16 << 10

// Encoder turns values of T into columns. Between Append and Finish it keeps them in one of three ways:
//
//   - strings go straight to the bytes and offsets of their column;
//   - numbers go to a slice that becomes the column;
//   - other values wait in a slice of a few hundred, then a loop per field moves them into builders. Those that refer to memory which the
//     caller may change do not wait.
type Encoder[T any] struct {
	isText bool // T is a string
	text   columnar.TextBuffer

	rows   []T
	chunk  int // rows to move at once
	moved  int // rows in the builders
	built  int // bytes in the builders
	texts  int // bytes of strings in rows[:sized]
	sized  int
	direct bool // rows become the column

	layout   *layout
	builders []*columnar.Builder
	dynamic  *rowEncoder // T is columnar.Row
	err      error       // the first; the columns are worthless from then on
}

// Encoder returns an empty encoder. For columnar.Row the first row tells the schema, which all rows must share.
func (c *Codec[T]) Encoder() *Encoder[T] { return c.encoder(nil) }

// EncoderFor returns an empty encoder whose rows have the schema; for T that is not columnar.Row it must be the codec's.
func (c *Codec[T]) EncoderFor(schema *columnar.Schema) (*Encoder[T], error) {
	if c.layout != nil && !schema.Equal(c.layout.schema) {
		return nil, fmt.Errorf("encoding %s: its columns are\n%sand not\n%s", c.layout.goType, c.layout.schema, schema)
	}
	return c.encoder(schema), nil
}

func (c *Codec[T]) encoder(schema *columnar.Schema) *Encoder[T] {
	e := &Encoder[T]{layout: c.layout, chunk: 1}
	if c.layout == nil {
		e.dynamic = newRowEncoder(schema)
		return e
	}
	var zero T
	size := max(1, int(unsafe.Sizeof(zero)))
	first := c.layout.whole && c.layout.flat
	switch {
	case first && c.layout.fields[0].column.Kind == columnar.String:
		e.isText = true
	case first && c.layout.fields[0].direct:
		e.direct, e.chunk = true, math.MaxInt
		e.rows = make([]T, 0, (64+size-1)/size)
	case c.layout.flat:
		e.chunk = min(1024, max(16, encodeBytesAtOnce/size))
	}
	for _, f := range c.layout.fields {
		e.builders = append(e.builders, columnar.NewBuilder(f.column, 0))
	}
	return e
}

// Append adds one value.
func (e *Encoder[T]) Append(v T) {
	if e.isText {
		if s := *(*string)(unsafe.Pointer(&v)); !e.text.AppendShort(s) {
			e.text.Append(s)
		}
		return
	}
	e.appendRow(v)
}

func (e *Encoder[T]) appendRow(v T) {
	e.rows = append(e.rows, v)
	if len(e.rows) >= e.chunk {
		e.move()
	}
}

// move puts the waiting rows into the builders.
func (e *Encoder[T]) move() {
	if e.direct || len(e.rows) == 0 {
		return
	}
	from := strided{base: unsafe.Pointer(unsafe.SliceData(e.rows)), stride: unsafe.Sizeof(e.rows[0]), n: len(e.rows)}
	if e.err == nil {
		e.err = e.moveFields(from)
	}
	e.moved += len(e.rows)
	clear(e.rows)
	e.rows, e.texts, e.sized = e.rows[:0], 0, 0
	e.built = builtSize(e.builders)
}

func (e *Encoder[T]) moveFields(from strided) error {
	if e.dynamic != nil {
		return e.dynamic.append(from)
	}
	for i := range e.layout.fields {
		f := &e.layout.fields[i]
		if err := f.encode(e.builders[i], from.field(f.offset)); err != nil {
			return inField(f, err)
		}
	}
	return nil
}

func builtSize(builders []*columnar.Builder) int {
	size := 0
	for _, b := range builders {
		size += b.Size()
	}
	return size
}

// Len returns the number of values since the last Finish.
func (e *Encoder[T]) Len() int {
	if e.isText {
		return e.text.Len()
	}
	return e.moved + len(e.rows)
}

// Size returns about how many bytes the columns will have. It is cheap enough to be asked after each Append.
func (e *Encoder[T]) Size() int {
	if e.isText {
		return e.text.Size()
	}
	if len(e.rows) == 0 {
		return e.built
	}
	if len(e.layout.texts) > 0 {
		for ; e.sized < len(e.rows); e.sized++ {
			row := unsafe.Pointer(&e.rows[e.sized])
			for _, offset := range e.layout.texts {
				e.texts += len(*(*string)(unsafe.Add(row, offset)))
			}
		}
	}
	return e.built + e.texts + len(e.rows)*int(unsafe.Sizeof(e.rows[0]))
}

// Finish returns the columns of the values since the last Finish, as the schema has them, and empties the encoder. The columns are fresh;
// the encoder does not touch them again. The error is the first of a value that could not be stored: a MarshalBinary that failed, a
// decimal with too many digits, strings of more than 2 GiB in one column.
func (e *Encoder[T]) Finish() ([]columnar.Column, error) {
	switch {
	case e.isText:
		return e.finishText()
	case e.direct:
		return e.finishValues(), nil
	}
	e.move()
	builders := e.builders
	if e.dynamic != nil {
		builders = e.dynamic.builders
	}
	columns := make([]columnar.Column, len(builders))
	for i, b := range builders {
		columns[i] = b.Finish()
	}
	err := e.err
	e.moved, e.built, e.err = 0, 0, nil
	if err != nil {
		return nil, fmt.Errorf("encoding %s: %w", reflect.TypeFor[T](), err)
	}
	return columns, nil
}

func (e *Encoder[T]) finishText() ([]columnar.Column, error) {
	column, err := e.text.Finish(columnar.StringType)
	if err != nil {
		return nil, fmt.Errorf("encoding %s: %w", e.layout.goType, err)
	}
	return []columnar.Column{column}, nil
}

func (e *Encoder[T]) finishValues() []columnar.Column {
	rows := e.rows
	e.rows = make([]T, 0, cap(rows))
	size := int(unsafe.Sizeof(*new(T)))
	data := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(rows))), len(rows)*size)
	return []columnar.Column{{Type: e.layout.fields[0].column, Len: len(rows), Data: data}}
}
