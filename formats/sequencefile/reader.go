package sequencefile

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats"
)

// defaultBytes is the size of a batch when nothing asks for another.
const defaultBytes = 1 << 20

// reader reads the segments that begin in a range: what is between one escape and the next.
type reader struct {
	*file
	builder  *columnar.BatchBuilder
	columns  [2]target // of keys and values
	nulls    []int     // columns that the file has not
	bad      func(formats.BadRecord) error
	want     formats.Range
	maxRows  int
	maxBytes int

	at      int64 // of the next record or block
	segment int64 // the segment's begin
	row     int64 // records of the segment returned or left out
	skip    int64
	parts   parts
	room    []byte
	rooms   [4][]byte
}

// target is the column that keys or values go to; without add to none.
type target struct {
	column int
	add    appends
}

func newReader(in formats.Input, r formats.Range, o formats.ReadOptions) (*reader, error) {
	f, err := open(in)
	if err != nil {
		return nil, err
	}
	schema := o.Schema
	if schema == nil {
		schema = f.schema()
	}
	s := &reader{file: f, bad: o.Bad, want: r, skip: r.Skip, maxRows: cmp.Or(o.Rows, columnar.DefaultRows), maxBytes: cmp.Or(o.Bytes, defaultBytes)}
	if err := s.bind(schema); err != nil {
		return nil, fmt.Errorf("reading %s: %w", in.Name(), err)
	}
	s.builder = columnar.NewBatchBuilder(schema, min(s.maxRows, 1024))
	if s.at, err = f.find(r.From); err != nil {
		return nil, fmt.Errorf("reading %s: %w", in.Name(), err)
	}
	s.segment = s.at
	return s, nil
}

// bind finds the columns wanted.
func (r *reader) bind(schema *columnar.Schema) error {
	for i, f := range schema.Fields {
		k := -1
		switch f.Name {
		case keyColumn:
			k = 0
		case valueColumn:
			k = 1
		}
		switch {
		case k >= 0 && r.classes[k].typ.Kind != 0:
			add, err := r.classes[k].into(f.Type)
			if err != nil {
				return fmt.Errorf("column %q: %w", f.Name, err)
			}
			r.columns[k] = target{column: i, add: add}
		case f.Nullable:
			r.nulls = append(r.nulls, i)
		default:
			return fmt.Errorf("it has no column %q; it has %v", f.Name, r.schema().Names())
		}
	}
	return nil
}

// Next returns the next records.
func (r *reader) Next(ctx context.Context) (columnar.Batch, error) {
	if err := ctx.Err(); err != nil {
		return columnar.Batch{}, err
	}
	for n := 1; r.builder.Len() < r.maxRows && (n%64 != 0 || r.builder.Size() < r.maxBytes); n++ {
		err := r.one()
		if err == io.EOF && r.builder.Len() > 0 { //nolint:errorlint // one returns it bare
			break
		}
		if err == io.EOF { //nolint:errorlint // as above
			return columnar.Batch{}, err
		}
		if err != nil {
			return columnar.Batch{}, err
		}
	}
	return r.builder.Finish(), nil
}

// one reads a record.
func (r *reader) one() error {
	if r.segment >= r.want.To {
		return io.EOF
	}
	key, value, err := r.next()
	if err == io.EOF { //nolint:errorlint // next returns it bare
		r.segment, r.row = r.want.To, 0
		return err
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", r.in.Name(), err)
	}
	r.row++
	if r.skip > 0 {
		r.skip--
		return nil
	}
	return r.add([2][]byte{key, value})
}

// add adds a record to the columns: all of it or nothing.
func (r *reader) add(raw [2][]byte) error {
	var cells [2]cell
	for k := range cells {
		if r.columns[k].add == nil {
			continue
		}
		var err error
		if cells[k], err = r.classes[k].cell(raw[k]); err != nil {
			return r.badRecord(k, raw[k], err)
		}
	}
	for k, t := range r.columns {
		if t.add != nil {
			t.add(r.builder.Column(t.column), cells[k])
		}
	}
	for _, c := range r.nulls {
		r.builder.Column(c).AppendNulls(1)
	}
	r.builder.Added(1)
	return nil
}

func (r *reader) badRecord(k int, raw []byte, reason error) error {
	b := formats.BadRecord{
		File: r.in.Name(), Offset: r.at, Record: append([]byte{}, raw[:min(len(raw), 256)]...), Field: []string{keyColumn, valueColumn}[k],
		Reason: fmt.Errorf("a %s of %d bytes: %w", r.classes[k].name, len(raw), reason),
	}
	if r.bad == nil {
		return b
	}
	return r.bad(b)
}

// Position is the segment being read and the records of it that were returned.
func (r *reader) Position() formats.Position {
	return formats.Position{Offset: max(r.segment, r.want.From), Row: r.row + r.skip}
}

// Done counts records and whole blocks.
func (r *reader) Done() int64 { return max(0, min(r.at, r.want.To)-r.want.From) }

// Close does nothing: the reader holds nothing.
func (r *reader) Close() error { return nil }
