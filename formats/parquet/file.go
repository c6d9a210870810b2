package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/internal/window"
)

// A file ends in the footer, the footer's length and the magic number, and begins with the magic number.
const (
	magic          = "PAR1"
	magicEncrypted = "PARE"
	tailBytes      = 8
)

// tailGuess is how much of a file's end is read at once, in the hope that it has the footer.
const tailGuess = 64 << 10

// opened is a file whose footer has been read.
type opened struct {
	in formats.Input
	*footer
	shapes []*shape
	leaves int
}

// open reads a file's footer: with one read unless it is large.
func open(in formats.Input) (*opened, error) {
	f, err := readFooter(in)
	if err != nil {
		return nil, fmt.Errorf("reading the Parquet footer of %s: %w", in.Name(), err)
	}
	return f, nil
}

func readFooter(in formats.Input) (*opened, error) {
	data, err := footerBytes(in)
	if err != nil {
		return nil, err
	}
	f := &opened{in: in}
	if f.footer, err = decodeFooter(data); err != nil {
		return nil, err
	}
	if f.shapes, err = shapesOf(f.schema); err != nil {
		return nil, err
	}
	for _, s := range f.shapes {
		f.leaves += len(s.leaves())
	}
	return f, f.check()
}

// footerBytes returns the encoded FileMetaData.
func footerBytes(in formats.Input) ([]byte, error) {
	size := in.Size()
	if size < int64(len(magic))+tailBytes {
		return nil, fmt.Errorf("a file of %d bytes is no Parquet file", size)
	}
	tail := make([]byte, min(size, tailGuess))
	if err := window.ReadAt(in, tail, size-int64(len(tail))); err != nil {
		return nil, err
	}
	switch end := string(tail[len(tail)-4:]); end {
	case magic:
	case magicEncrypted:
		return nil, errors.New("encrypted files cannot be read")
	default:
		return nil, fmt.Errorf("the file ends in %q and not in %q: it is no Parquet file or is cut off", end, magic)
	}
	n := int64(binary.LittleEndian.Uint32(tail[len(tail)-tailBytes:]))
	if n > size-tailBytes-int64(len(magic)) {
		return nil, fmt.Errorf("a footer of %d bytes in a file of %d", n, size)
	}
	if n > int64(len(tail))-tailBytes {
		tail = make([]byte, n+tailBytes)
		if err := window.ReadAt(in, tail, size-int64(len(tail))); err != nil {
			return nil, err
		}
	}
	return tail[int64(len(tail))-tailBytes-n : len(tail)-tailBytes], nil
}

// check holds the row groups against the schema and the file's size, so that readers need not.
func (f *opened) check() error {
	total := int64(0)
	for i := range f.groups {
		g := &f.groups[i]
		if g.rows < 0 || len(g.columns) != f.leaves {
			return fmt.Errorf("row group %d has %d rows of %d columns where the schema has %d", i, g.rows, len(g.columns), f.leaves)
		}
		total += g.rows
		for k := range g.columns {
			if err := f.checkColumn(&g.columns[k]); err != nil {
				return fmt.Errorf("row group %d, column %v: %w", i, g.columns[k].path, err)
			}
		}
	}
	if total != f.rows {
		return fmt.Errorf("the file has %d rows, but its row groups have %d", f.rows, total)
	}
	return nil
}

func (f *opened) checkColumn(c *columnMeta) error {
	switch end := f.in.Size() - tailBytes; {
	case c.isEncrypted:
		return errors.New("encrypted columns cannot be read")
	case c.file != "":
		return fmt.Errorf("its values are in another file, %q", c.file)
	case !c.hasMeta:
		return errors.New("the footer says nothing of it")
	case c.compressed < 0 || c.start() < int64(len(magic)) && c.compressed > 0 || c.start() > end || c.compressed > end-c.start():
		return fmt.Errorf("%d bytes at %d in a file of %d", c.compressed, c.start(), f.in.Size())
	}
	return nil
}

// find returns the column of that name; nil when there is none.
func (f *opened) find(name string) *shape {
	for _, s := range f.shapes {
		if s.field.Name == name {
			return s
		}
	}
	return nil
}

// split returns ranges that begin and end where row groups do.
func (f *opened) split(target int64) []formats.Range {
	ranges := []formats.Range{{}}
	size := int64(0)
	for i := range f.groups {
		g := &f.groups[i]
		if target > 0 && size > 0 && size+g.compressed()/2 > target && g.start() > ranges[len(ranges)-1].From {
			ranges[len(ranges)-1].To = g.start()
			ranges = append(ranges, formats.Range{From: g.start()})
			size = 0
		}
		size += g.compressed()
	}
	ranges[len(ranges)-1].To = f.in.Size()
	return ranges
}

// columns returns the shapes of the columns wanted: nil for those that the file lacks and that may be null.
func (f *opened) columns(want *columnar.Schema) ([]*shape, error) {
	if want == nil {
		return f.shapes, nil
	}
	out := make([]*shape, len(want.Fields))
	for i, field := range want.Fields {
		s := f.find(field.Name)
		if s == nil {
			if !field.Nullable {
				return nil, fmt.Errorf("reading %s: it has no column %q; it has %v", f.in.Name(), field.Name, schemaOf(f.shapes).Names())
			}
			continue
		}
		bound, err := s.bind(field.Type)
		if err != nil {
			return nil, fmt.Errorf("reading %s: column %q: %w", f.in.Name(), field.Name, err)
		}
		out[i] = bound
	}
	return out, nil
}
