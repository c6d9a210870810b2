package parquet

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/expr"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/internal/widen"
)

// defaultBytes is the size of a batch when nothing asks for another.
const defaultBytes = 1 << 20

// reader reads the row groups that begin in a range.
type reader struct {
	*opened
	schema  *columnar.Schema
	shapes  []*shape // of the columns wanted; nil where the file has none
	casts   []widen.Cast
	columns []*column // the leaves of all shapes
	filter  expr.Expr
	want    formats.Range

	group    int // the row group being read
	end      int // the one behind the last of the range
	row      int64
	isOpen   bool
	skip     int64
	maxRows  int
	maxBytes int
	rowBytes int   // of the last batch, on average
	done     int64 // stored bytes of the groups left behind
}

func newReader(in formats.Input, r formats.Range, o formats.ReadOptions) (*reader, error) {
	f, err := open(in)
	if err != nil {
		return nil, err
	}
	shapes, err := f.columns(o.Schema)
	if err != nil {
		return nil, err
	}
	d := &reader{opened: f, schema: o.Schema, shapes: shapes, filter: o.Filter, want: r, skip: r.Skip, maxRows: o.Rows, maxBytes: o.Bytes}
	d.maxRows, d.maxBytes = cmp.Or(d.maxRows, columnar.DefaultRows), cmp.Or(d.maxBytes, defaultBytes)
	if d.schema == nil {
		d.schema = schemaOf(shapes)
	}
	for _, s := range shapes {
		if s == nil {
			continue
		}
		for _, leaf := range s.leaves() {
			d.columns = append(d.columns, &column{leafType: leaf.leaf, sink: newSink(leaf.leaf)})
		}
	}
	for d.group < len(f.groups) && f.groups[d.group].start() < r.From {
		d.group++
	}
	for d.end = d.group; d.end < len(f.groups) && f.groups[d.end].start() < r.To; d.end++ {
	}
	return d, d.bindCasts()
}

// bindCasts prepares what makes columns of the types wanted of columns of the file's.
func (d *reader) bindCasts() error {
	d.casts = make([]widen.Cast, len(d.shapes))
	for i, s := range d.shapes {
		if s == nil || s.leaf == nil {
			continue
		}
		var err error
		if d.casts[i], err = widen.New(s.field, d.schema.Fields[i].Type); err != nil {
			return fmt.Errorf("reading %s: column %q: %w", d.in.Name(), s.field.Name, err)
		}
	}
	return nil
}

// Next returns the next rows; a batch does not pass the end of a row group.
func (d *reader) Next(ctx context.Context) (columnar.Batch, error) {
	if err := ctx.Err(); err != nil {
		return columnar.Batch{}, err
	}
	for d.group < d.end {
		g := &d.groups[d.group]
		if d.skip >= g.rows-d.row || d.row == 0 && d.skip == 0 && !d.mayMatch(g, d.filter) {
			d.skip = max(0, d.skip-(g.rows-d.row))
			d.leave()
			continue
		}
		if err := d.advance(g); err != nil {
			return columnar.Batch{}, err
		}
		b, err := d.batch(d.rowsNext(g))
		if err != nil {
			return columnar.Batch{}, err
		}
		if d.row += int64(b.Len); d.row == g.rows {
			d.leave()
		}
		return b, nil
	}
	return columnar.Batch{}, io.EOF
}

// leave goes on to the next row group.
func (d *reader) leave() {
	d.done += d.groups[d.group].compressed()
	d.group++
	d.row, d.isOpen = 0, false
}

// advance opens the row group, unless it is open, and passes over the rows to skip.
func (d *reader) advance(g *rowGroup) error {
	if !d.isOpen {
		for _, c := range d.columns {
			if err := c.open(d.opened, &g.columns[c.column]); err != nil {
				return d.failed(c, err)
			}
		}
		d.isOpen = true
	}
	for _, c := range d.columns {
		for n := d.skip; n > 0; n -= int64(d.maxRows) {
			if err := c.skip(int(min(n, int64(d.maxRows)))); err != nil {
				return d.failed(c, err)
			}
		}
	}
	d.row += d.skip
	d.skip = 0
	return nil
}

func (d *reader) failed(c *column, err error) error {
	return fmt.Errorf("reading %s: row group %d, column %v: %w", d.in.Name(), d.group, c.path, err)
}

// rowsNext is how many rows the next batch has.
func (d *reader) rowsNext(g *rowGroup) int {
	if d.rowBytes == 0 {
		total := int64(0)
		for _, c := range d.columns {
			total += g.columns[c.column].uncompressed
		}
		d.rowBytes = int(max(1, min(total/g.rows, 1<<30)))
	}
	n := max(1, min(d.maxRows, d.maxBytes/d.rowBytes))
	return int(min(int64(n), g.rows-d.row))
}

// batch reads the next n rows.
func (d *reader) batch(n int) (columnar.Batch, error) {
	b := columnar.Batch{Schema: d.schema, Columns: make([]columnar.Column, len(d.shapes)), Len: n}
	rest := d.columns
	for i, s := range d.shapes {
		if s == nil {
			nulls := columnar.NewBuilder(d.schema.Fields[i].Type, n)
			nulls.AppendNulls(n)
			b.Columns[i] = nulls.Finish()
			continue
		}
		leaves := len(s.leaves())
		c, err := d.readShape(s, rest[:leaves], n)
		if err != nil {
			return b, err
		}
		if cast := d.casts[i]; cast != nil {
			if c, err = cast(c); err != nil {
				return b, fmt.Errorf("reading %s: row group %d: %w", d.in.Name(), d.group, err)
			}
		}
		b.Columns[i] = c
		rest = rest[leaves:]
	}
	d.rowBytes = max(1, b.Size()/n)
	return b, nil
}

// readShape reads n cells of one column.
func (d *reader) readShape(s *shape, columns []*column, n int) (columnar.Column, error) {
	all := make([]cells, len(columns))
	for k, c := range columns {
		var err error
		if all[k], err = c.read(n); err != nil {
			return columnar.Column{}, d.failed(c, err)
		}
	}
	c, err := s.assemble(&all)
	if err == nil && c.Len != n {
		err = fmt.Errorf("%d rows where there are %d", c.Len, n)
	}
	if err != nil {
		return c, d.failed(columns[0], err)
	}
	return c, nil
}

// Position is the row group being read, and the rows of it that were returned.
func (d *reader) Position() formats.Position {
	if d.group >= d.end {
		return formats.Position{Offset: d.want.To}
	}
	return formats.Position{Offset: d.groups[d.group].start(), Row: d.row + d.skip}
}

// Done estimates by rows.
func (d *reader) Done() int64 {
	if d.group >= d.end || d.row == 0 {
		return d.done
	}
	g := &d.groups[d.group]
	return d.done + int64(float64(g.compressed())*float64(d.row)/float64(g.rows))
}

// Close releases the decoders.
func (d *reader) Close() error {
	for _, c := range d.columns {
		if c.pages.zstd != nil {
			c.pages.zstd.Close()
		}
	}
	d.columns, d.end = nil, d.group
	return nil
}
