package checkpoint

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream"
)

// InFlightKind is the kind of tables that hold rows on their way to an operator.
const InFlightKind = "in flight"

// Flown is rows that were on their way to an operator.
type Flown struct {
	Channel int              // the task that sent them
	After   stream.Watermark // that came ahead of them in their channel, behind the rows before; NoWatermark: none
	Batch   columnar.Batch
}

// InFlight is what was on its way to an operator over one exchange when its task was cut ahead of the barriers. Rows of one channel are in the
// order in which they were sent.
type InFlight struct {
	Table state.Table // by InFlightTable
	Rows  []Flown
}

// InFlightTable describes the table of rows of that schema on their way to an operator. Its columns are channel, after, time, kind, and row,
// which has the columns of the rows: they are apart so that no name is taken twice.
func InFlightTable(name string, rows *columnar.Schema) state.Table {
	return state.Table{
		Name: name, Kind: InFlightKind, Distribution: state.Union,
		Namespace: []columnar.Field{
			{Name: "channel", Type: columnar.Int32Type},
			{Name: "after", Type: columnar.TimestampType, Nullable: true},
			{Name: "time", Type: columnar.TimestampType, Nullable: true},
			{Name: "kind", Type: kindType, Nullable: true},
		},
		Values: []columnar.Field{{Name: "row", Type: columnar.StructOf(rows.Fields...)}},
	}
}

// kindType is that of row kinds, as package columnar numbers them.
var kindType = columnar.Type{Kind: columnar.Uint8}

// The columns of such a table.
const (
	channelColumn = iota
	afterColumn
	timeColumn
	kindColumn
	rowColumn
)

// flights makes of what is in flight something that is written as a table's rows are. It cannot be read any more when it is released.
type flights []InFlight

func (f flights) Tables() (out []state.Table) {
	for _, t := range f {
		out = append(out, t.Table)
	}
	return out
}

func (f flights) Read(_ context.Context, i int) iter.Seq2[state.Rows, error] {
	return func(yield func(state.Rows, error) bool) {
		schema := f[i].Table.Schema()
		for _, rows := range f[i].Rows {
			if !yield(state.Rows{Batch: rows.batch(schema)}, nil) {
				return
			}
		}
	}
}

func (flights) Release() {}

// batch returns the rows as a table has them.
func (r Flown) batch(schema *columnar.Schema) columnar.Batch {
	b := r.Batch
	row := columnar.Column{Type: schema.Fields[rowColumn].Type, Len: b.Len, Children: b.Columns}
	return columnar.Batch{Schema: schema, Len: b.Len, Sel: b.Sel, Columns: []columnar.Column{
		columnar.Of(columnar.Int32Type, slices.Repeat([]int32{int32(r.Channel)}, b.Len), columnar.Bitmap{}),
		same(columnar.TimestampType, int64(r.After), b.Len, r.After != stream.NoWatermark),
		times(b),
		kinds(b),
		row,
	}}
}

// same returns a column of n equal values, or of nulls.
func same[T columnar.Fixed](t columnar.Type, value T, n int, isValid bool) columnar.Column {
	c := columnar.Of(t, slices.Repeat([]T{value}, n), columnar.Bitmap{})
	if !isValid {
		c.Valid = columnar.NewBitmap(n)
	}
	return c
}

// times returns the batch's event times as a column: nulls where it has none at all, which is not the same as NoTime in each row.
func times(b columnar.Batch) columnar.Column {
	if b.Time == nil {
		return same(columnar.TimestampType, int64(0), b.Len, false)
	}
	return columnar.Of(columnar.TimestampType, b.Time, columnar.Bitmap{})
}

// kinds does the same for row kinds.
func kinds(b columnar.Batch) columnar.Column {
	c := same(kindType, uint8(0), b.Len, b.Kind != nil)
	for i, k := range b.Kind {
		c.Data[i] = uint8(k)
	}
	return c
}

// flownOf cuts a batch of a table into what was in one channel behind one watermark, with and without times and kinds.
func flownOf(b columnar.Batch, schema *columnar.Schema, give func(Flown) error) error {
	channels, after := columnar.Values[int32](b.Columns[channelColumn]), b.Columns[afterColumn]
	watermarks, times, kinds := columnar.Values[int64](after), b.Columns[timeColumn], b.Columns[kindColumn]
	all := columnar.Batch{Schema: schema, Columns: b.Columns[rowColumn].Children, Len: b.Len}
	isSame := func(i, k int) bool {
		return channels[i] == channels[k] && after.IsNull(i) == after.IsNull(k) && (after.IsNull(i) || watermarks[i] == watermarks[k]) &&
			times.IsNull(i) == times.IsNull(k) && kinds.IsNull(i) == kinds.IsNull(k)
	}
	for from := 0; from < b.Len; {
		to := from + 1
		for to < b.Len && isSame(from, to) {
			to++
		}
		rows := Flown{Channel: int(channels[from]), After: stream.NoWatermark, Batch: all.Slice(from, to-from)}
		if !after.IsNull(from) {
			rows.After = stream.Watermark(watermarks[from])
		}
		if !times.IsNull(from) {
			rows.Batch.Time = slices.Clone(columnar.Values[int64](times)[from:to])
		}
		if !kinds.IsNull(from) {
			rows.Batch.Kind = kindsOf(columnar.Values[uint8](kinds)[from:to])
		}
		if err := give(rows); err != nil {
			return err
		}
		from = to
	}
	return nil
}

func kindsOf(values []uint8) []columnar.RowKind {
	out := make([]columnar.RowKind, len(values))
	for i, k := range values {
		out[i] = columnar.RowKind(k)
	}
	return out
}

// writeInFlight writes what was on its way to an operator: always as rows, whatever its back end does.
func (s *snapshot) writeInFlight(ctx context.Context, o OperatorState, out *OperatorHandle) error {
	o.Frozen = flights(o.InFlight)
	for i, t := range o.Frozen.Tables() {
		rows, err := s.writeTable(ctx, o, i)
		if err != nil {
			return fmt.Errorf("%s: %w", t.Name, err)
		}
		out.Tables, out.Rows = append(out.Tables, Table{t}), append(out.Rows, rows)
	}
	return nil
}

// HasRows says whether the part has a table with rows.
func (p Part) HasRows(table string) bool {
	return slices.ContainsFunc(p.Tables, func(r Rows) bool { return r.Table == table && r.Rows > 0 })
}

// HasInFlight says whether the checkpoint has rows in flight in that table of an operator.
func (s *Saved) HasInFlight(uid, table string) bool {
	o := s.Manifest.Operator(uid)
	return o != nil && o.Rows(table) > 0
}

// InFlight gives what was on its way to an operator, in the columns of the table as it is declared now, made by InFlightTable for rows: of each of
// the tasks before from one number up to but not including another, in their order, the rows as they were sent. Batches are fresh.
func (s *Saved) InFlight(ctx context.Context, uid string, want state.Table, from, to int, give func(Flown) error) error {
	o := s.Manifest.Operator(uid)
	if o == nil {
		return nil
	}
	takes, err := s.takes(o, []state.Table{want}, Share{Tasks: 1})
	if err != nil {
		return fmt.Errorf("reading what was in flight to %s: %w", uid, err)
	}
	schema := columnar.NewSchema(want.Values[0].Type.Fields...)
	for _, t := range takes {
		for _, part := range o.Parts {
			if part.Task.Index < from || part.Task.Index >= to {
				continue
			}
			err := s.eachRow(ctx, part, t, func(b columnar.Batch) error { return flownOf(b, schema, give) })
			if err != nil {
				return fmt.Errorf("reading what was in flight to %s, %s, in %s: %w", uid, part.Task, s.Root, err)
			}
		}
	}
	return nil
}

// eachRow gives the rows of a part's table that lie in files of rows.
func (s *Saved) eachRow(ctx context.Context, part Part, t take, give func(columnar.Batch) error) error {
	for _, rows := range part.Tables {
		if rows.Table != t.saved.Name {
			continue
		}
		for _, f := range rows.Files {
			err := s.eachBatch(ctx, &f, t.saved.Table, state.Groups{To: 1, Max: 1}, func(b columnar.Batch) error {
				b, err := t.move.batch(b)
				if err != nil {
					return err
				}
				return give(b.Compact())
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// InFlight is how many bytes hold rows that were in flight.
func (m *Manifest) InFlight() (n int64) {
	for _, o := range m.Operators {
		for _, p := range o.Parts {
			for _, rows := range p.Tables {
				if !o.isInFlight(rows.Table) {
					continue
				}
				for _, f := range rows.Files {
					n += f.Size
				}
			}
		}
	}
	return n
}

func (o *Operator) isInFlight(table string) bool {
	t, ok := o.Table(table)
	return ok && t.Kind == InFlightKind
}
