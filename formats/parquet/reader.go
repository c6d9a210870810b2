package parquet

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"

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
	want    formats.Range

	leavesOf [][]*column // columns, by the shape they belong to
	filter   expr.Expr
	program  *expr.Program // of the filter; nil when it is not evaluated here
	early    []int         // the columns wanted that the filter reads
	late     []int         // and the others
	matched  []int32
	tried    int

	group    int // the row group being read
	end      int // the one behind the last of the range
	row      int64
	isOpen   bool
	kept     []rows // of the row group
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
	d.leavesOf = make([][]*column, len(shapes))
	for i, s := range shapes {
		if s == nil {
			continue
		}
		for _, leaf := range s.leaves() {
			d.leavesOf[i] = append(d.leavesOf[i], &column{leafType: leaf.leaf, sink: newSink(leaf.leaf)})
		}
		d.columns = append(d.columns, d.leavesOf[i]...)
	}
	d.bindFilter()
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
			d.leave()
			continue
		}
		run, err := d.advance(g)
		if err != nil {
			return columnar.Batch{}, err
		}
		if run.to <= d.row {
			d.leave()
			continue
		}
		b, err := d.batch(min(d.rowsNext(g), int(run.to-d.row)))
		if err != nil {
			return columnar.Batch{}, err
		}
		if d.row += int64(b.Len); d.row == g.rows {
			d.leave()
		}
		if b.Columns != nil {
			return b, nil
		}
	}
	return columnar.Batch{}, io.EOF
}

// leave goes on to the next row group.
func (d *reader) leave() {
	g := &d.groups[d.group]
	d.skip = max(0, d.skip-(g.rows-d.row))
	d.done += g.compressed()
	d.group++
	d.row, d.isOpen = 0, false
}

// advance opens the row group, unless it is open, and passes over the rows to skip and those in which, by the page indexes, nothing matches. It returns the
// run of rows that it stands in; its to is not behind d.row when no rows are left.
func (d *reader) advance(g *rowGroup) (rows, error) {
	if !d.isOpen {
		if err := d.openGroup(g); err != nil {
			return rows{}, err
		}
	}
	at := d.row + d.skip
	for len(d.kept) > 0 && d.kept[0].to <= at {
		d.kept = d.kept[1:]
	}
	if len(d.kept) == 0 {
		return rows{}, nil
	}
	run := d.kept[0]
	d.skip += max(0, run.from-at)
	if d.skip > 0 {
		for _, c := range d.columns {
			if err := c.skip(int(d.skip)); err != nil {
				return run, d.failed(c, err)
			}
		}
	}
	d.row += d.skip
	d.skip = 0
	return run, nil
}

func (d *reader) openGroup(g *rowGroup) error {
	for _, c := range d.columns {
		if err := c.open(d.opened, &g.columns[c.column]); err != nil {
			return d.failed(c, err)
		}
	}
	var err error
	if d.kept, err = d.keptRows(g, d.filter); err != nil {
		return fmt.Errorf("reading %s: row group %d: %w", d.in.Name(), d.group, err)
	}
	d.isOpen = true
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

// batch reads the next n rows: the filter's columns first. Where no row matches it passes over the others, and the batch has no columns.
func (d *reader) batch(n int) (columnar.Batch, error) {
	b := columnar.Batch{Schema: d.schema, Columns: make([]columnar.Column, len(d.shapes)), Len: n}
	for _, i := range d.early {
		if err := d.fill(&b, i); err != nil {
			return b, err
		}
	}
	if d.program != nil && !d.matches(b) {
		for _, i := range d.late {
			for _, c := range d.leavesOf[i] {
				if err := c.skip(n); err != nil {
					return b, d.failed(c, err)
				}
			}
		}
		b.Columns = nil
		return b, nil
	}
	for _, i := range d.late {
		if err := d.fill(&b, i); err != nil {
			return b, err
		}
	}
	d.rowBytes = max(1, b.Size()/n)
	return b, nil
}

// fill reads column i of a batch.
func (d *reader) fill(b *columnar.Batch, i int) error {
	s := d.shapes[i]
	if s == nil {
		nulls := columnar.NewBuilder(d.schema.Fields[i].Type, b.Len)
		nulls.AppendNulls(b.Len)
		b.Columns[i] = nulls.Finish()
		return nil
	}
	c, err := d.readShape(s, d.leavesOf[i], b.Len)
	if err != nil {
		return err
	}
	if cast := d.casts[i]; cast != nil {
		if c, err = cast(c); err != nil {
			return fmt.Errorf("reading %s: row group %d: %w", d.in.Name(), d.group, err)
		}
	}
	b.Columns[i] = c
	return nil
}

// tries is how many batches the filter is evaluated for without passing over one before it is given up: the engine evaluates it too.
const tries = 16

// matches says whether the filter is true for a row. Errors are left to the engine, which evaluates the filter too.
func (d *reader) matches(b columnar.Batch) bool {
	var err error
	d.matched, err = d.program.EvalFilter(b, d.matched)
	if err == nil && len(d.matched) == 0 {
		d.tried = 0
		return false
	}
	if d.tried++; d.tried == tries {
		d.program = nil
	}
	return true
}

// bindFilter prepares to read the filter's columns before the others.
func (d *reader) bindFilter() {
	names := []string{}
	if d.filter.Op != expr.OpInvalid {
		names = d.filter.Columns()
	}
	for i, f := range d.schema.Fields {
		if slices.Contains(names, f.Name) {
			d.early = append(d.early, i)
		} else {
			d.late = append(d.late, i)
		}
	}
	if len(d.early) == 0 || len(d.late) == 0 {
		return
	}
	if p, err := expr.Bind(d.filter, d.schema); err == nil && p.Type().Kind == columnar.Bool {
		d.program = p // A filter that names columns that are not read is the engine's alone.
	}
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
