package codec

import (
	"fmt"
	"reflect"
	"slices"
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
	lent   [][]byte // see Lend

	rows   []T
	hint   int // rows to make room for at first
	moved  int // rows in the builders
	built  int // bytes in the builders
	texts  int // bytes of strings in rows[:sized]
	sized  int
	direct bool // rows become the column
	eager  bool // rows do not wait

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
	if c.layout == nil {
		dynamic := newRowEncoder(schema)
		return &Encoder[T]{dynamic: dynamic, builders: dynamic.builders, eager: true, hint: 1}
	}
	var zero T
	e := &Encoder[T]{layout: c.layout, hint: min(1024, max(16, encodeBytesAtOnce/max(1, int(unsafe.Sizeof(zero)))))}
	switch {
	case !c.layout.flat:
		e.eager, e.hint = true, 1
	case c.layout.whole:
		e.isText = c.layout.fields[0].column.Kind == columnar.String
		e.direct = c.layout.fields[0].direct
	}
	for _, f := range c.layout.fields {
		e.builders = append(e.builders, columnar.NewBuilder(f.column, 0))
	}
	return e
}

// Lend tells the encoder of columns from which values that follow may have been decoded: strings that are still one behind the other, as they were
// there, are not copied. What was lent before is forgotten.
func (e *Encoder[T]) Lend(columns []columnar.Column) {
	if !e.isText && (e.layout == nil || !e.layout.flat || len(e.layout.texts) == 0) {
		return
	}
	e.lent = e.lent[:0]
	for i := range columns {
		if columns[i].Type.IsVariable() && len(columns[i].Data) > 0 {
			e.lent = append(e.lent, columns[i].Data)
		}
	}
	e.text.Lend(e.lent)
	for i := range e.layout.fields {
		if e.layout.fields[i].column.IsVariable() {
			e.builders[i].Lend(e.lent)
		}
	}
}

// Append adds one value.
func (e *Encoder[T]) Append(v T) {
	if e.isText {
		if s := *(*string)(unsafe.Pointer(&v)); !e.text.AppendShort(s) {
			e.text.Append(s)
		}
		return
	}
	if len(e.rows) == cap(e.rows) {
		e.makeRoom()
	}
	e.rows = append(e.rows, v)
	if e.eager {
		e.move()
	}
}

// makeRoom makes room for one more row at least.
func (e *Encoder[T]) makeRoom() {
	switch {
	case cap(e.rows) == 0:
		e.rows = make([]T, 0, e.hint)
	case e.direct:
		e.rows = slices.Grow(e.rows, len(e.rows))
	default:
		e.move()
	}
}

// move puts the waiting rows into the builders.
func (e *Encoder[T]) move() {
	if len(e.rows) == 0 {
		return
	}
	from := strided{base: unsafe.Pointer(unsafe.SliceData(e.rows)), stride: unsafe.Sizeof(e.rows[0]), n: len(e.rows)}
	if e.err == nil {
		e.err = e.moveFields(from)
	}
	e.moved += len(e.rows)
	clear(e.rows)
	e.rows, e.texts, e.sized = e.rows[:0], 0, 0
	if !e.eager {
		e.built = builtSize(e.builders)
	}
}

func (e *Encoder[T]) moveFields(from strided) error {
	if e.dynamic != nil {
		err := e.dynamic.append(from)
		e.builders = e.dynamic.builders
		return err
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
	if e.eager {
		return builtSize(e.builders)
	}
	if len(e.layout.texts) > 0 {
		for ; e.sized < len(e.rows); e.sized++ {
			row := unsafe.Pointer(&e.rows[e.sized])
			for _, offset := range e.layout.texts {
				e.texts += len(*(*string)(unsafe.Add(row, offset)))
			}
		}
	}
	return e.built + e.texts + len(e.rows)*int(unsafe.Sizeof(*new(T)))
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
	columns := make([]columnar.Column, len(e.builders))
	for i, b := range e.builders {
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
	e.rows, e.hint = nil, max(8, len(rows)) // Invariant: 8 values of any width begin at a multiple of 8.
	size := int(unsafe.Sizeof(*new(T)))
	data := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(rows))), len(rows)*size)
	return []columnar.Column{{Type: e.layout.fields[0].column, Len: len(rows), Data: data}}
}
