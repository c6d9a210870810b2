package csv

import (
	"cmp"
	"context"
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/internal/lines"
)

// decoder makes batches of the wanted columns.
type decoder struct {
	settings
	in      formats.Input
	wanted  *columnar.Schema // nil until the file's columns are known
	columns []*column        // by wanted column
	tokens  *tokenizer       // nil until the names of the fields are known
	table   *table           // of the last batch
}

func newReader(ctx context.Context, s settings, in formats.Input, r formats.Range, o formats.ReadOptions) (formats.Reader, error) {
	d := &decoder{settings: s, in: in, wanted: cmp.Or(o.Schema, s.schema)}
	if d.wanted != nil {
		if err := checkTypes(d.wanted); err != nil {
			return nil, fmt.Errorf("reading %s: %w", in.Name(), err)
		}
	}
	if r.From > 0 {
		names, err := s.head(ctx, in)
		if err == nil {
			err = d.layOut(ctx, names)
		}
		if err != nil {
			return nil, lines.Named(in.Name(), err)
		}
	}
	return lines.NewReader(d, in, r, s.lineOptions(), o)
}

// Begin reads the names of the fields.
func (d *decoder) Begin(ctx context.Context, data []byte) (header int, err error) {
	names, header, err := d.names(data)
	if err != nil {
		return 0, err
	}
	return header, d.layOut(ctx, names)
}

// layOut finds the wanted columns among the file's fields.
func (d *decoder) layOut(ctx context.Context, names []string) error {
	if d.wanted == nil {
		var err error
		if d.wanted, err = infer(ctx, d.settings, d.in); err != nil {
			return err
		}
	}
	fields, err := place(names, d.wanted)
	if err != nil {
		return err
	}
	for i, f := range d.wanted.Fields {
		d.columns = append(d.columns, newColumn(d.settings, f, fields[i]))
	}
	d.tokens = d.tokenizer(len(names))
	return nil
}

// Decode finds the fields and converts the wanted ones, a column after the other.
func (d *decoder) Decode(data []byte, rows int) (columnar.Batch, int, []lines.Bad) {
	t := d.tokens.find(data, rows)
	d.table = t
	b := columnar.Batch{Schema: d.wanted, Columns: make([]columnar.Column, len(d.columns)), Len: t.rows}
	for i, c := range d.columns {
		b.Columns[i] = c.convert(t)
	}
	return b, t.read, t.bad
}

// Start returns where a record begins.
func (d *decoder) Start(row int) int { return d.table.start(row) }
