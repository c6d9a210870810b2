package windowed

import (
	"context"
	"fmt"
	"iter"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream/window"
)

// layout is the columns of a window's cell: what is known of its firings, what it holds, and of retracting windows the states last shown.
type layout struct {
	fields []columnar.Field
	stored []call         // what it holds: the calls, or one that collects rows
	row    *columnar.Type // of a row collected: its time, the value that an evictor compares, and the columns that the calls read
	reads  []int          // those columns of the input
	shown  int            // column of the first state shown
	retain bool           // there are such
}

// The columns of a cell before the states.
const (
	firingsColumn = iota
	freshColumn
	rowsColumn
	latestColumn
	onTimeColumn
	shownColumn
	slotsColumn
	firstState
)

func newLayout(o *PerKey, in []*columnar.Schema) *layout {
	integer := func(name string) columnar.Field { return columnar.Field{Name: name, Type: columnar.Int64Type} }
	flag := func(name string) columnar.Field { return columnar.Field{Name: name, Type: columnar.BoolType} }
	l := &layout{stored: o.calls, retain: o.windows.Mode == window.Retracting}
	l.fields = []columnar.Field{
		integer("firings"), integer("fresh"), integer("rows"),
		{Name: "latest", Type: columnar.TimestampType},
		flag("on_time"), flag("shown"),
		{Name: "trigger", Type: columnar.BinaryType},
	}
	if o.buffers {
		l.collect(o, in[0])
	}
	states := func(prefix string, calls []call) {
		for i, c := range calls {
			for _, f := range c.Function.State {
				f.Name = fmt.Sprintf("%s%d.%s.%s", prefix, i, c.Function.Name, f.Name)
				l.fields = append(l.fields, f)
			}
		}
	}
	states("", l.stored)
	l.shown = len(l.fields)
	if l.retain {
		states("shown.", o.calls)
	}
	return l
}

// collect has windows hold their rows.
func (l *layout) collect(o *PerKey, in *columnar.Schema) {
	fields := []columnar.Field{{Name: "time", Type: columnar.Int64Type}, {Name: "evict", Type: columnar.Float64Type}}
	for i, c := range o.calls {
		for k, at := range c.Inputs {
			f := in.Fields[at]
			f.Name = fmt.Sprintf("%d.%d.%s", i, k, f.Name)
			fields = append(fields, f)
			l.reads = append(l.reads, at)
		}
	}
	row := columnar.StructOf(fields...)
	l.row = &row
	l.stored = []call{{Call: Call{Function: agg.CollectOf(row), Inputs: []int{0}}}}
}

// frozenCells is a store's tables and the watermark: a state.Composed.
type frozenCells struct {
	state.Frozen
	table state.Table
	mark  columnar.Batch
}

// Store implements state.Composed.
func (f frozenCells) Store() state.Frozen { return f.Frozen }

// Tables implements state.Frozen.
func (f frozenCells) Tables() []state.Table { return append(f.Frozen.Tables(), f.table) }

// Read implements state.Frozen.
func (f frozenCells) Read(ctx context.Context, i int) iter.Seq2[state.Rows, error] {
	if i < perKeyMark {
		return f.Frozen.Read(ctx, i)
	}
	return func(yield func(state.Rows, error) bool) { yield(state.Rows{Batch: f.mark}, nil) }
}
