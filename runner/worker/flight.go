package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/millrace/millrace/checkpoint"
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/plan/physical"
	"github.com/millrace/millrace/runner/control"
	"github.com/millrace/millrace/runner/task"
	"github.com/millrace/millrace/shuffle"
	"github.com/millrace/millrace/shuffle/partition"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream"
)

// flies says whether rows on an edge may be in flight in a checkpoint. Those of forward edges may not, as their consumer may rely on its
// producer's keys, which rows that are spread anew would not keep to; nor those of broadcast ones, of which the tasks that are given one task's
// state would have seen other parts. An operator is needed to keep them with.
func flies(e *physical.Edge) bool {
	return !e.Blocking && e.Kind != physical.Forward && e.Kind != physical.Broadcast && e.At < len(e.To.Chain)
}

// flightTable describes what is in flight on an edge. Its name tells the edges to an operator apart, and stays the same while UIDs do.
func flightTable(e *physical.Edge) state.Table {
	name := edgeName(e)
	nth := 1
	for _, before := range e.To.Inputs[:slices.Index(e.To.Inputs, e)] {
		if before.At == e.At && edgeName(before) == name {
			nth++
		}
	}
	if nth > 1 {
		name = fmt.Sprintf("%s, number %d", name, nth)
	}
	return checkpoint.InFlightTable(name, e.Schema)
}

func edgeName(e *physical.Edge) string {
	chain := e.From.Chain
	side := ""
	if e.Side != nil {
		chain, side = chain[:e.Side.At+1], fmt.Sprintf(", side output %d", e.Side.Number)
	}
	from := "an exchange"
	if len(chain) > 0 {
		from = physical.UID(chain[len(chain)-1])
	}
	return fmt.Sprintf("input %d by %s from %s%s", e.Port, e.Kind, from, side)
}

// flightTables describes what may be in flight to an operator of a stage.
func flightTables(s *physical.Stage, at int) (out []state.Table) {
	for _, e := range s.Inputs {
		if e.At == at && flies(e) {
			out = append(out, flightTable(e))
		}
	}
	return out
}

// addFlights adds to an operator's state what a cut has in flight to it.
func (c *cuts) addFlights(o *checkpoint.OperatorState, at int, cut task.Cut) {
	for i, e := range c.stage.Inputs {
		if e.At != at || cut.InFlight == nil {
			continue
		}
		if rows := flown(cut.InFlight[i]); len(rows) > 0 {
			f := checkpoint.InFlight{Table: flightTable(e), Rows: rows}
			o.InFlight = append(o.InFlight, f)
			o.Blobs[control.ChannelsBlob+f.Table.Name] = fmt.Append(nil, channelsOf(rows, c.assignment.Sizes[e.From.ID]))
		}
	}
}

// channelsOf returns how many channels the rows in flight to a task are of: those from its producers, or more when some lie there since the
// checkpoint that the job began from, which had more.
func channelsOf(rows []checkpoint.Flown, producers int) int {
	for _, r := range rows {
		producers = max(producers, r.Channel+1)
	}
	return producers
}

// flown puts watermarks to the rows behind them in their channels.
func flown(items []shuffle.Flown) (out []checkpoint.Flown) {
	after := map[int]stream.Watermark{}
	for _, i := range items {
		if i.Mark.Kind == stream.WatermarkMark {
			after[i.Channel] = i.Mark.Watermark
			continue
		}
		f := checkpoint.Flown{Channel: i.Channel, After: stream.NoWatermark, Batch: i.Batch}
		if w, ok := after[i.Channel]; ok {
			f.After = w
			delete(after, i.Channel)
		}
		out = append(out, f)
	}
	return out
}

// restoreFlights says how a gate is given back what was in flight on its edge; nil: nothing was.
func (w *Worker) restoreFlights(ctx context.Context, e *physical.Edge, a control.Assignment, gate shuffle.Gate) func() error {
	if a.Restore == nil || !flies(e) || !a.Restore.Saved.HasInFlight(physical.UID(e.To.Chain[e.At]), flightTable(e).Name) {
		return nil
	}
	return func() error {
		l, err := w.landing(e, a)
		if err == nil {
			err = l.read(ctx)
		}
		if err == nil && len(l.items) > 0 {
			gate.(shuffle.Aligner).Restore(l.items, l.channels)
		}
		return err
	}
}

// landing is what a task gets of what was in flight on an edge. With as many tasks as before it gets what it had; else each reads everything
// that was in flight, and takes what the edge's partitioner gives it. Watermarks are of use to the first alone: channels that are mixed have none,
// and event time stands still until their rows are through.
type landing struct {
	saved    *checkpoint.Saved
	uid      string
	table    state.Table
	from, to int // whose rows are read, by task
	task     int
	by       partition.Partitioner // nil: all that is read is the task's
	sel      [][]int32             // by task
	channels int
	items    []shuffle.Flown
}

func (w *Worker) landing(e *physical.Edge, a control.Assignment) (*landing, error) {
	l := &landing{saved: a.Restore.Saved, uid: physical.UID(e.To.Chain[e.At]), table: flightTable(e), task: a.Attempt.Task}
	o := l.saved.Manifest.Operator(l.uid)
	tasks, channels, err := before(o, l.table.Name, l.task)
	if err != nil {
		return nil, fmt.Errorf("what was in flight to %s in checkpoint %d: %w", l.uid, l.saved.Manifest.ID, err)
	}
	groups := w.config.Plan.KeyGroups
	if tasks == a.Tasks && o.KeyGroups == groups {
		l.from, l.to, l.channels = l.task, l.task+1, channels
		return l, nil
	}
	l.to, l.channels, l.sel = tasks, 1, make([][]int32, a.Tasks)
	switch e.Kind {
	case physical.Hash:
		l.by, err = partition.NewHash(e.Columns, groups)
	case physical.Index:
		l.by = partition.NewIndex(e.Columns[0])
	default: // who gets a row does not matter, as long as it is one
		l.by = &partition.Spread{}
	}
	return l, err
}

// before returns how many tasks an operator had that rows of a table were on their way to, and how many sent some to one of them.
func before(o *checkpoint.Operator, table string, task int) (tasks, channels int, err error) {
	stage := -1 // an operator may be in several
	for _, p := range o.Parts {
		if p.HasRows(table) {
			stage = p.Task.Stage
		}
	}
	for _, p := range o.Parts {
		if p.Task.Stage != stage {
			continue
		}
		tasks++
		if text, ok := p.Blobs[control.ChannelsBlob+table]; ok && p.Task.Index == task {
			if channels, err = strconv.Atoi(string(text)); err != nil {
				return 0, 0, err
			}
		}
	}
	return tasks, channels, nil
}

func (l *landing) read(ctx context.Context) error {
	return l.saved.InFlight(ctx, l.uid, l.table, l.from, l.to, func(f checkpoint.Flown) error {
		if l.by != nil {
			return l.share(f.Batch)
		}
		if f.Channel < 0 || f.Channel >= l.channels {
			return errors.New("rows in flight were in a channel that there was not")
		}
		if f.After != stream.NoWatermark {
			mark := stream.Mark{Kind: stream.WatermarkMark, Watermark: f.After}
			l.items = append(l.items, shuffle.Flown{Channel: f.Channel, Item: shuffle.Item{Mark: mark}})
		}
		l.items = append(l.items, shuffle.Flown{Channel: f.Channel, Item: shuffle.Item{Batch: f.Batch}})
		return nil
	})
}

// share keeps the task's rows of a batch.
func (l *landing) share(b columnar.Batch) error {
	if err := l.by.Partition(b, l.sel); err != nil {
		return err
	}
	if b.Sel = l.sel[l.task]; len(b.Sel) > 0 {
		l.items = append(l.items, shuffle.Flown{Item: shuffle.Item{Batch: b.Clone()}})
	}
	return nil
}
