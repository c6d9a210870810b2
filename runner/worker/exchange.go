package worker

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/millrace/millrace/internal/sorting"
	"github.com/millrace/millrace/plan/physical"
	"github.com/millrace/millrace/runner/control"
	"github.com/millrace/millrace/shuffle"
	"github.com/millrace/millrace/shuffle/partition"
)

// exchange is what lies on an edge: a pipe between running tasks, or what tasks have left.
type exchange struct {
	edge   *physical.Edge
	pipe   *shuffle.Pipe
	left   map[int]shuffle.Output      // by producer task: blocking edges
	sorted map[int]shuffle.SplitOutput // by producer task: edges whose rows arrive sorted
}

// keep makes what a successful attempt wrote what consumers read, in place of what an earlier attempt left.
func (x *exchange) keep(task int, w shuffle.Writer) {
	ctx := context.Background()
	if o := x.left[task]; o != nil {
		_ = o.Release(ctx) // what cannot be removed goes with the scratch folder
	}
	_ = x.sorted[task].Release(ctx)
	switch w := w.(type) {
	case *shuffle.SortedWriter:
		x.keepSorted(task, shuffle.SplitOutput{w.Sorted()})
	case *shuffle.SplitWriter:
		x.keepSorted(task, w.Sorted())
	case shuffle.BlockingWriter:
		if x.left == nil {
			x.left = map[int]shuffle.Output{}
		}
		x.left[task] = w.Output()
	}
}

func (x *exchange) keepSorted(task int, o shuffle.SplitOutput) {
	if x.sorted == nil {
		x.sorted = map[int]shuffle.SplitOutput{}
	}
	x.sorted[task] = o
}

// drop forgets everything. What cannot be removed goes with the scratch folder.
func (x *exchange) drop() {
	ctx := context.Background()
	for _, o := range x.left {
		_ = o.Release(ctx)
	}
	for _, o := range x.sorted {
		_ = o.Release(ctx)
	}
	x.left, x.sorted, x.pipe = nil, nil, nil
}

// writer opens the producing end of an edge for a task.
func (w *Worker) writer(ctx context.Context, e *physical.Edge, a control.Assignment, wake func()) (shuffle.Writer, error) {
	name := fmt.Sprintf("edge %d of %s", e.ID, a.Attempt)
	if e.Kind == physical.Range {
		return w.sortedWriter(ctx, e, name), nil
	}
	partitions := e.To.Tasks
	if !e.Blocking {
		partitions = a.Sizes[e.To.ID]
	}
	by, err := partitioner(e, a, partitions, w.config.Plan.KeyGroups)
	if err != nil {
		return nil, err
	}
	if !e.Blocking {
		return w.pipe(e, a).Writer(a.Attempt.Task, e.Schema, by, wake), nil
	}
	if e.Orders != nil {
		parts := make([]*shuffle.SortedWriter, partitions)
		for k := range parts {
			parts[k] = w.sortedWriter(ctx, e, fmt.Sprintf("partition %d of %s", k, name))
		}
		return shuffle.NewSplitWriter(by, parts), nil
	}
	if e.Kind == physical.Broadcast || e.Kind == physical.Gather || e.Kind == physical.Forward {
		partitions, by = 1, &partition.Forward{}
	}
	return shuffle.NewBlockingWriter(ctx, shuffle.BlockingConfig{
		Schema: e.Schema, Partitions: partitions, By: by, Memory: w.held.Account(name), Spill: w.config.Spill, Name: name,
	})
}

func (w *Worker) sortedWriter(ctx context.Context, e *physical.Edge, name string) *shuffle.SortedWriter {
	return shuffle.NewSortedWriter(ctx, sorting.Config{
		Schema: e.Schema, Columns: e.Sorted, Orders: e.Orders, Memory: w.held.Account(name), Spill: w.config.Spill, Name: name,
	})
}

// pipe returns the pipe of a pipelined edge for the current attempt at its region.
func (w *Worker) pipe(e *physical.Edge, a control.Assignment) *shuffle.Pipe {
	w.mu.Lock()
	defer w.mu.Unlock()
	x := w.exchanges[e.ID]
	if x.pipe == nil {
		x.pipe = shuffle.NewPipe(a.Sizes[e.From.ID], a.Sizes[e.To.ID], w.config.Streaming == nil || !w.config.Streaming.AtLeastOnce)
	}
	return x.pipe
}

// partitioner says how a task spreads rows over an edge.
func partitioner(e *physical.Edge, a control.Assignment, partitions, groups int) (partition.Partitioner, error) {
	switch e.Kind {
	case physical.Hash:
		return partition.NewHash(e.Columns, groups)
	case physical.Index:
		return partition.NewIndex(e.Columns[0]), nil
	case physical.Rebalance:
		return &partition.Spread{}, nil
	case physical.Rescale:
		return partition.NewRescale(a.Attempt.Task, a.Tasks, partitions), nil
	case physical.Shuffle:
		return partition.NewShuffle(rand.New(rand.NewPCG(uint64(e.ID), uint64(a.Attempt.Task)))), nil //nolint:gosec // no secret
	case physical.ByLoad:
		return &partition.Load{}, nil
	case physical.Broadcast:
		return &partition.Broadcast{}, nil
	case physical.Forward:
		return &partition.Forward{Channel: a.Attempt.Task * partitions / a.Tasks}, nil
	default:
		return &partition.Forward{}, nil
	}
}

// gate opens the consuming end of an edge for a task.
func (w *Worker) gate(ctx context.Context, e *physical.Edge, a control.Assignment, wake func()) (shuffle.Gate, error) {
	if !e.Blocking {
		return w.pipe(e, a).Gate(a.Attempt.Task, wake), nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	x := w.exchanges[e.ID]
	if e.Orders != nil {
		return x.merge(ctx, e, a)
	}
	return x.open(ctx, e, a)
}

// merge opens what the producers left of a range of keys, or of some partitions, in order.
func (x *exchange) merge(ctx context.Context, e *physical.Edge, a control.Assignment) (shuffle.Gate, error) {
	lower, upper := cut(a.Bounds[e.ID], a.Attempt.Task)
	if e.Kind == physical.Range && a.Attempt.Task > len(a.Bounds[e.ID]) {
		return shuffle.Chain(nil), nil // there are fewer different keys than tasks
	}
	r := a.Ranges[e.ID]
	var outputs []*sorting.Sorted
	for t := range len(x.sorted) {
		outputs = append(outputs, x.sorted[t][r.From:r.To]...)
	}
	g, err := shuffle.OpenMerge(ctx, outputs, lower, upper)
	left := leftGate{Gate: g, edge: e.ID, from: func(output int) int { return output / (r.To - r.From) }, ctx: ctx}
	if err != nil {
		return nil, left.lost(err)
	}
	return left, nil
}

// leftGate reads what producers left. Its errors say whose output is lost.
type leftGate struct {
	shuffle.Gate
	edge int
	from func(output int) (task int)
	ctx  context.Context //nolint:containedctx // the task's life
}

// Poll implements shuffle.Gate.
func (g leftGate) Poll() (shuffle.Item, bool, error) {
	i, ok, err := g.Gate.Poll()
	if err != nil {
		return i, ok, g.lost(err)
	}
	return i, ok, nil
}

// lost makes of an error one that names the producer, unless the task is being stopped.
func (g leftGate) lost(err error) error {
	if e, ok := errors.AsType[*shuffle.LostError](err); ok && g.ctx.Err() == nil {
		return &control.LostError{Edge: g.edge, Task: g.from(e.Output), Err: err}
	}
	return err
}

// open opens what the producers of a blocking edge left for a task: of a forward edge all of some producers, of others some partitions of
// all producers.
func (x *exchange) open(ctx context.Context, e *physical.Edge, a control.Assignment) (shuffle.Gate, error) {
	r := a.Ranges[e.ID]
	var gates []shuffle.Gate
	add := func(t, from, to int) error {
		left := leftGate{edge: e.ID, from: func(int) int { return t }, ctx: ctx}
		var err error
		if left.Gate, err = x.left[t].Open(ctx, from, to); err != nil {
			return left.lost(err)
		}
		gates = append(gates, left)
		return nil
	}
	for t := range len(x.left) {
		var err error
		switch {
		case e.Kind != physical.Forward:
			err = add(t, r.From, r.To)
		case t >= r.From && t < r.To:
			err = add(t, 0, 1)
		}
		if err != nil {
			return nil, err
		}
	}
	return shuffle.Chain(gates), nil
}

// cut returns the bounds of range t; nil is open.
func cut(bounds [][]byte, t int) (lower, upper []byte) {
	if t > 0 && t <= len(bounds) {
		lower = bounds[t-1]
	}
	if t < len(bounds) {
		upper = bounds[t]
	}
	return lower, upper
}
