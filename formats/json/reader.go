package json

import (
	"bytes"
	"cmp"
	"context"
	"errors"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/internal/lines"
)

// decoder makes batches of the wanted columns: first it finds the members' places in a run of records, then it converts a column after the
// other.
type decoder struct {
	settings
	in      formats.Input
	wanted  *columnar.Schema
	columns []*column
	byName  map[string]int // columns
	order   []member       // of the last record: the next will have the same
	t       table
}

// member is a name and the column it belongs to, -1 none.
type member struct {
	name   string
	column int
}

// table has the places of the wanted members of some records.
type table struct {
	data   []byte
	rows   int
	starts []int32 // of the records
	places []span  // by record and column
	width  int     // columns
	bad    []lines.Bad
}

// span is where a value is; the zero span stands for a missing one.
type span struct{ from, to int32 }

// value returns the text of a value, nil for a missing one.
func (t *table) value(row, column int) []byte {
	s := t.places[row*t.width+column]
	return t.data[s.from:s.to]
}

func newReader(ctx context.Context, s settings, in formats.Input, r formats.Range, o formats.ReadOptions) (formats.Reader, error) {
	wanted := cmp.Or(o.Schema, s.schema)
	if wanted == nil {
		var err error
		if wanted, err = infer(ctx, s, in); err != nil {
			return nil, lines.Named(in.Name(), err)
		}
	}
	return lines.NewReader(newDecoder(s, in, wanted), in, r, lines.Options{MaxRecord: s.maxRecord}, o)
}

func newDecoder(s settings, in formats.Input, wanted *columnar.Schema) *decoder {
	d := &decoder{settings: s, in: in, wanted: wanted, byName: map[string]int{}}
	d.t.width = len(wanted.Fields)
	for i, f := range wanted.Fields {
		d.byName[f.Name] = i
		d.columns = append(d.columns, newColumn(f, i))
	}
	return d
}

// Begin finds no header.
func (d *decoder) Begin(context.Context, []byte) (int, error) { return 0, nil }

// Start returns where a record begins.
func (d *decoder) Start(row int) int { return int(d.t.starts[row]) }

// Decode decodes records.
func (d *decoder) Decode(data []byte, rows int) (columnar.Batch, int, []lines.Bad) {
	read := d.find(data, rows)
	t := &d.t
	b := columnar.Batch{Schema: d.wanted, Columns: make([]columnar.Column, len(d.columns)), Len: t.rows}
	for i, c := range d.columns {
		b.Columns[i] = c.convert(t)
	}
	return b, read, t.bad
}

var errAfter = errors.New("text follows the value")

// find fills t with at most rows records from the start of data, and returns how many bytes they take.
func (d *decoder) find(data []byte, rows int) (read int) {
	t := &d.t
	t.data, t.rows, t.starts, t.places, t.bad = data, 0, t.starts[:0], t.places[:0], t.bad[:0]
	for t.rows < rows && read < len(data) {
		end, next := len(data), len(data)
		if i := bytes.IndexByte(data[read:], '\n'); i >= 0 {
			end, next = read+i, read+i+1
		}
		start := blanks(data[:end], read)
		if start < end {
			d.record(data[:end], read, start)
		}
		read = next
	}
	return read
}

// record adds the record at data[start], which ends with data; the line begins at line.
func (d *decoder) record(data []byte, line, start int) {
	t := &d.t
	at := len(t.places)
	for range t.width {
		t.places = append(t.places, span{})
	}
	var end int
	var err error
	switch {
	case len(bytes.TrimSuffix(data[line:], []byte{'\r'})) > d.maxRecord:
		err = lines.TooLong(d.maxRecord)
	case d.bare:
		if end, err = skip(data, start); err == nil && t.width > 0 {
			t.places[at] = span{int32(start), int32(end)}
		}
	default:
		end, err = d.members(data, start, t.places[at:])
	}
	if err == nil && blanks(data, end) < len(data) {
		err = errAfter
	}
	if err != nil {
		t.places = t.places[:at]
		t.bad = append(t.bad, lines.Bad{At: line, Row: -1, Reason: err})
		return
	}
	t.starts = append(t.starts, int32(line))
	t.rows++
}

// members notes the places of an object's wanted members.
func (d *decoder) members(data []byte, start int, places []span) (int, error) {
	n := 0
	return members(data, start, func(name []byte, at int) (int, error) {
		end, err := skip(data, at)
		if err != nil {
			return 0, err
		}
		c := d.column(n, name)
		n++
		if c >= 0 {
			places[c] = span{int32(at), int32(end)}
		}
		return end, nil
	})
}

// orderLimit bounds how many members are remembered.
const orderLimit = 4096

// column returns the column of a record's n-th member, -1 for none. Most records have the same members in the same order.
func (d *decoder) column(n int, name []byte) int {
	if n < len(d.order) && d.order[n].name == string(name) {
		return d.order[n].column
	}
	text := name
	if bytes.IndexByte(name, '\\') >= 0 {
		var err error
		if text, err = appendText(nil, name); err != nil {
			return -1
		}
	}
	c, ok := d.byName[string(text)]
	if !ok {
		c = -1
	}
	if n < orderLimit {
		d.order = append(d.order[:min(n, len(d.order))], member{name: string(name), column: c})
	}
	return c
}
