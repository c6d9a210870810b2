package async

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/stream/process"
)

// tableOf describes what has not been answered: records and their times. After a restart each goes to one task.
func tableOf(r process.Requests) state.Table {
	at := columnar.Field{Name: "$time", Type: columnar.TimestampType, Nullable: true}
	return state.Table{Name: "requests", Kind: "requests", Distribution: state.Spread, Values: append(slices.Clip(r.Record.Fields), at)}
}

// Tables implements stream.Stateful.
func (o *Operator) Tables([]*columnar.Schema) ([]state.Table, error) {
	return []state.Table{tableOf(o.requests)}, nil
}

// Restore implements stream.Stateful: the records are asked about again.
func (o *Operator) Restore(_ int, b columnar.Batch) error {
	last := len(b.Columns) - 1
	times := b.Columns[last]
	b.Schema, b.Columns = o.requests.Record, b.Columns[:last]
	records, err := o.codec.Saved(b)
	if err != nil {
		return fmt.Errorf("decoding records: %w", err)
	}
	at := columnar.Values[int64](times)
	for i, r := range records {
		e := &entry{record: r, time: columnar.NoTime}
		if row := b.Row(i); !times.IsNull(row) {
			e.time = at[row]
		}
		o.queue.add(e)
	}
	o.start()
	return nil
}

// Snapshot implements stream.Stateful.
func (o *Operator) Snapshot(stream.CheckpointID) (state.Frozen, error) {
	var records []any
	times := columnar.NewBuilder(columnar.TimestampType, 0)
	keep := func(e *entry) {
		records = append(records, e.record)
		if e.time == columnar.NoTime {
			times.AppendNulls(1)
		} else {
			columnar.AppendFixed(times, e.time)
		}
	}
	for _, e := range o.ready {
		keep(e)
	}
	for _, e := range o.queue.entries {
		if !e.isMark && !e.isEmitted && !e.isDropped {
			keep(e)
		}
	}
	columns, err := o.codec.Save(records)
	if err != nil {
		return nil, fmt.Errorf("freezing requests: %w", err)
	}
	columns = append(columns, times.Finish())
	return frozen{o.table, columnar.Batch{Schema: o.table.Schema(), Columns: columns, Len: len(records)}}, nil
}

// frozen is the requests that were not answered.
type frozen struct {
	table state.Table
	rows  columnar.Batch
}

func (f frozen) Tables() []state.Table { return []state.Table{f.table} }

func (f frozen) Read(context.Context, int) iter.Seq2[state.Rows, error] {
	return func(yield func(state.Rows, error) bool) {
		if f.rows.Len > 0 {
			yield(state.Rows{Batch: f.rows}, nil)
		}
	}
}

func (frozen) Release() {}
