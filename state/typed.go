package state

import (
	"encoding"
	"encoding/binary"
	"fmt"
	"reflect"
	"strings"
	"time"
	"unsafe"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
)

// Typed makes cells of Go values of type T, and values of cells: the same cells that [Coder] makes of the columns in which package
// columnar/codec stores T. Numbers, bools, strings, bytes, times and structs of these are copied between their place in the value and their
// slot, neighbours together; anything else goes by way of columns of one row, which costs about a microsecond. A Typed is for one goroutine.
type Typed[T any] struct {
	coder *Coder
	moves []move
	holes bool        // T has fields without columns
	plain int         // bytes of a T that is its cell as it lies in memory, 0: it is not
	slow  *columns[T] // of types that are not moved
}

// move is how a part of a value becomes a slot.
type move struct {
	kind   moveKind
	offset uintptr
	slot   int
	size   int
}

type moveKind uint8

const (
	moveBytes    moveKind = iota // as it lies in memory
	moveWord                     // the same, of 8 bytes
	moveString                   // string
	moveSlice                    // []byte
	moveTime                     // time.Time to microseconds
	moveDuration                 // time.Duration to microseconds
)

// TypedOf returns what makes cells of T. The error names the field that cannot be stored.
func TypedOf[T any]() (*Typed[T], error) {
	t := reflect.TypeFor[T]()
	schema, err := codec.SchemaOf(t)
	if err != nil {
		return nil, err
	}
	y := &Typed[T]{coder: NewCoder(schema.Fields)}
	m := mover{}
	if m.walk(t, 0) && m.fits(y.coder.nodes) {
		y.moves, y.holes = merged(m.moves), m.holes
		if len(y.moves) == 1 && (y.moves[0].kind == moveWord || y.moves[0].kind == moveBytes) && y.moves[0].offset == 0 && !y.holes {
			y.plain = y.moves[0].size
		}
		return y, nil
	}
	y.slow, err = columnsOf[T](schema)
	return y, err
}

// Fields returns the columns that a value is stored in.
func (y *Typed[T]) Fields() []columnar.Field { return y.coder.fields }

// Append adds v's cell to dst.
func (y *Typed[T]) Append(dst []byte, v *T) ([]byte, error) {
	if y.plain > 0 {
		return append(dst, unsafe.Slice((*byte)(unsafe.Pointer(v)), y.plain)...), nil
	}
	if y.slow != nil {
		return y.slow.append(y.coder, dst, v)
	}
	at := len(dst)
	dst = append(dst, zeros[:min(y.coder.fixed, len(zeros))]...)
	for len(dst)-at < y.coder.fixed {
		dst = append(dst, 0)
	}
	for i := range y.moves {
		m := &y.moves[i]
		slot := dst[at+m.slot:]
		from := unsafe.Add(unsafe.Pointer(v), m.offset)
		switch m.kind {
		case moveWord:
			binary.LittleEndian.PutUint64(slot, *(*uint64)(from))
		case moveBytes:
			copy(slot, unsafe.Slice((*byte)(from), m.size))
		case moveString:
			s := *(*string)(from)
			binary.LittleEndian.PutUint32(slot, uint32(len(s)))
			dst = append(dst, s...)
		case moveSlice:
			s := *(*[]byte)(from)
			binary.LittleEndian.PutUint32(slot, uint32(len(s)))
			dst = append(dst, s...)
		case moveTime:
			binary.LittleEndian.PutUint64(slot, uint64((*time.Time)(from).UnixMicro()))
		case moveDuration:
			binary.LittleEndian.PutUint64(slot, uint64((*time.Duration)(from).Microseconds()))
		}
	}
	return dst, nil
}

// Decode sets *v to the value of a cell, which it does not keep. The error matches ErrCorrupt.
func (y *Typed[T]) Decode(cell []byte, v *T) error {
	if y.plain > 0 && len(cell) == y.plain {
		copy(unsafe.Slice((*byte)(unsafe.Pointer(v)), y.plain), cell)
		return nil
	}
	if y.slow != nil {
		return y.slow.decode(y.coder, cell, v)
	}
	if len(cell) < y.coder.fixed || !y.coder.tail && len(cell) > y.coder.fixed {
		return fmt.Errorf("%w: %d bytes of %d for %T", ErrCorrupt, len(cell), y.coder.fixed, *v)
	}
	if y.holes {
		*v = *new(T)
	}
	tail := cell[y.coder.fixed:]
	for i := range y.moves {
		m := &y.moves[i]
		slot := cell[m.slot:]
		to := unsafe.Add(unsafe.Pointer(v), m.offset)
		switch m.kind {
		case moveWord:
			*(*uint64)(to) = binary.LittleEndian.Uint64(slot)
		case moveBytes:
			copy(unsafe.Slice((*byte)(to), m.size), slot)
		case moveString, moveSlice:
			n := int(binary.LittleEndian.Uint32(slot))
			if n > len(tail) {
				return fmt.Errorf("%w: %d bytes where %d are left for %T", ErrCorrupt, n, len(tail), *v)
			}
			if m.kind == moveString {
				*(*string)(to) = string(tail[:n])
			} else {
				*(*[]byte)(to) = append([]byte(nil), tail[:n]...)
			}
			tail = tail[n:]
		case moveTime:
			*(*time.Time)(to) = time.UnixMicro(int64(binary.LittleEndian.Uint64(slot))).UTC()
		case moveDuration:
			*(*time.Duration)(to) = time.Duration(binary.LittleEndian.Uint64(slot)) * time.Microsecond
		}
	}
	if len(tail) != 0 {
		return fmt.Errorf("%w: %d bytes too many for %T", ErrCorrupt, len(tail), *v)
	}
	return nil
}

// mover looks for the places of a type's columns, in their order.
type mover struct {
	moves []move
	kinds []columnar.Kind
	holes bool
}

var (
	timeType      = reflect.TypeFor[time.Time]()
	durationType  = reflect.TypeFor[time.Duration]()
	marshalerType = reflect.TypeFor[encoding.BinaryMarshaler]()
)

// walk adds the parts of a t that lies at offset. It returns false for types that are not moved.
func (m *mover) walk(t reflect.Type, offset uintptr) bool {
	switch {
	case t == timeType:
		m.add(moveTime, columnar.Timestamp, offset, 8)
		return true
	case t == durationType:
		m.add(moveDuration, columnar.Duration, offset, 8)
		return true
	case t.Implements(marshalerType) || reflect.PointerTo(t).Implements(marshalerType):
		return false
	}
	switch t.Kind() {
	case reflect.String:
		m.add(moveString, columnar.String, offset, 4)
	case reflect.Slice:
		if t.Elem().Kind() != reflect.Uint8 {
			return false
		}
		m.add(moveSlice, columnar.Binary, offset, 4)
	case reflect.Array:
		if t.Elem().Kind() != reflect.Uint8 || t.Len() == 0 {
			return false
		}
		m.add(moveBytes, columnar.FixedBinary, offset, t.Len())
	case reflect.Struct:
		return m.walkFields(t, offset)
	default:
		kind, ok := plainKinds[t.Kind()]
		m.add(moveBytes, kind, offset, int(t.Size()))
		return ok
	}
	return true
}

// walkFields adds the fields of a struct as package codec does: in order, without those it leaves out.
func (m *mover) walkFields(t reflect.Type, offset uintptr) bool {
	for f := range t.Fields() {
		if f.Tag.Get("col") == "-" || f.Name == "_" {
			m.holes = true
			continue
		}
		if !m.walk(f.Type, offset+f.Offset) {
			return false
		}
	}
	return true
}

func (m *mover) add(kind moveKind, stored columnar.Kind, offset uintptr, size int) {
	m.moves = append(m.moves, move{kind: kind, offset: offset, size: size})
	m.kinds = append(m.kinds, stored)
}

var plainKinds = map[reflect.Kind]columnar.Kind{
	reflect.Bool: columnar.Bool, reflect.Int: columnar.Int64, reflect.Int8: columnar.Int8, reflect.Int16: columnar.Int16,
	reflect.Int32: columnar.Int32, reflect.Int64: columnar.Int64, reflect.Uint: columnar.Uint64, reflect.Uint8: columnar.Uint8,
	reflect.Uint16: columnar.Uint16, reflect.Uint32: columnar.Uint32, reflect.Uint64: columnar.Uint64,
	reflect.Float32: columnar.Float32, reflect.Float64: columnar.Float64,
}

// fits gives the moves the slots of the columns, and returns false when a tag has made a column something else than what the field is.
func (m *mover) fits(nodes []node) bool {
	leaves := leavesOf(nil, nodes)
	if len(leaves) != len(m.moves) {
		return false
	}
	for i, n := range leaves {
		if n.bit >= 0 || n.width != m.moves[i].size || n.kind != m.kinds[i] && !sameBytes(m.kinds[i], n.kind) ||
			m.moves[i].kind == moveTime && n.local {
			return false
		}
		m.moves[i].slot = n.slot
	}
	return true
}

// sameBytes says whether a tag makes a column of an integer that has the integer's bytes.
func sameBytes(field, column columnar.Kind) bool {
	return field == columnar.Int64 && column == columnar.Timestamp || field == columnar.Int32 && column == columnar.Date
}

// leavesOf adds the columns that are no structs.
func leavesOf(leaves []*node, nodes []node) []*node {
	for i := range nodes {
		if nodes[i].kind == columnar.Struct {
			if nodes[i].bit >= 0 {
				leaves = append(leaves, &nodes[i]) // fits nothing
			}
			leaves = leavesOf(leaves, nodes[i].children)
			continue
		}
		leaves = append(leaves, &nodes[i])
	}
	return leaves
}

// merged joins moves of bytes that are neighbours on both sides.
func merged(moves []move) []move {
	var out []move
	for _, m := range moves {
		if k := len(out) - 1; k >= 0 && m.kind == moveBytes && out[k].kind == moveBytes &&
			out[k].offset+uintptr(out[k].size) == m.offset && out[k].slot+out[k].size == m.slot {
			out[k].size += m.size
			continue
		}
		out = append(out, m)
	}
	for i := range out {
		if out[i].kind == moveBytes && out[i].size == 8 {
			out[i].kind = moveWord
		}
	}
	return out
}

// columns moves values by way of columns of one row.
type columns[T any] struct {
	schema  *columnar.Schema
	encoder *codec.Encoder[T]
	decoder *codec.Decoder[T]
	value   []T
}

func columnsOf[T any](schema *columnar.Schema) (*columns[T], error) {
	c, err := codec.Of[T]()
	if err != nil {
		return nil, err
	}
	decoder, err := c.Decoder(schema)
	if err != nil {
		return nil, err
	}
	return &columns[T]{schema: schema, encoder: c.Encoder(), decoder: decoder}, nil
}

func (s *columns[T]) append(c *Coder, dst []byte, v *T) ([]byte, error) {
	s.encoder.Append(*v)
	cols, err := s.encoder.Finish()
	if err != nil {
		return dst, err
	}
	return c.Append(dst, cols, 0), nil
}

func (s *columns[T]) decode(c *Coder, cell []byte, v *T) error {
	cols, err := c.Columns(cell)
	if err != nil {
		return err
	}
	if s.value, err = s.decoder.Decode(columnar.Batch{Schema: s.schema, Columns: cols, Len: 1}, s.value); err != nil {
		return err
	}
	*v = s.value[0]
	return nil
}

// orderedKey makes namespaces of values of K, by way of its cell: the slots of a cell become the parts of a namespace.
type orderedKey[K any] struct {
	typed   *Typed[K]
	ordered *Ordered
	cell    []byte
	into    []*columnar.Builder
	simple  columnar.Kind // K is one column of a fixed width or a string
}

// orderedKeyOf returns the namespaces of K, the key of a map: what may be a key of a stream.
func orderedKeyOf[K any]() (*orderedKey[K], error) {
	if err := codec.CheckKey[K](); err != nil {
		return nil, err
	}
	typed, err := TypedOf[K]()
	if err != nil {
		return nil, err
	}
	ordered, err := NewOrdered(typed.Fields())
	if err != nil {
		return nil, fmt.Errorf("key type %s: %w", reflect.TypeFor[K](), err)
	}
	k := &orderedKey[K]{typed: typed, ordered: ordered}
	if f := typed.Fields(); len(f) == 1 && !f[0].Nullable && !f[0].Type.IsNested() {
		k.simple = f[0].Type.Kind
	}
	return k, nil
}

// append adds the namespace of v.
func (k *orderedKey[K]) append(dst []byte, v *K) ([]byte, error) {
	var err error
	if k.cell, err = k.typed.Append(k.cell[:0], v); err != nil {
		return dst, err
	}
	switch k.simple {
	case 0:
	case columnar.String, columnar.Binary:
		return append(dst, k.cell[4:]...), nil
	case columnar.Bool:
		return append(dst, k.cell[0]), nil
	default:
		return appendOrdered(dst, k.simple, k.cell), nil
	}
	cols, err := k.typed.coder.Columns(k.cell)
	if err != nil {
		return dst, err
	}
	return k.ordered.Append(dst, cols, 0), nil
}

// decode sets *v to the key of a namespace.
func (k *orderedKey[K]) decode(namespace []byte, v *K) error {
	if k.into == nil {
		for _, f := range k.typed.Fields() {
			k.into = append(k.into, columnar.NewBuilder(f.Type, 1))
		}
	}
	if err := k.ordered.Decode(namespace, k.into); err != nil {
		k.into = nil
		return err
	}
	cols := make([]columnar.Column, len(k.into))
	for i, b := range k.into {
		cols[i] = b.Finish()
	}
	k.cell = k.typed.coder.Append(k.cell[:0], cols, 0)
	return k.typed.Decode(k.cell, v)
}

// nameInSnakeCase returns the name of a state after a Go field: LastSeen is last_seen.
func nameInSnakeCase(field string) string {
	var b strings.Builder
	for i, r := range field {
		if r >= 'A' && r <= 'Z' {
			if i > 0 && !(field[i-1] >= 'A' && field[i-1] <= 'Z') {
				b.WriteByte('_')
			}
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}
