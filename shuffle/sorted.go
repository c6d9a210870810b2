package shuffle

import (
	"context"
	"errors"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/sorting"
	"github.com/millrace/millrace/stream"
)

// SortedWriter is the producing end of an edge whose consumers want rows in order: it sorts what one producer gives. Where the ranges of
// consumers are cut is decided when all producers are done and the keys of all are known; then each consumer merges its range of every
// producer's runs. So a row that fits memory crosses the exchange without having been copied.
type SortedWriter struct {
	sorter *sorting.Sorter
	output *sorting.Sorted
	facts  Facts
}

// NewSortedWriter returns the end of one producer. Ctx is the task's.
func NewSortedWriter(ctx context.Context, c sorting.Config) *SortedWriter {
	return &SortedWriter{sorter: sorting.New(ctx, c), facts: Facts{Rows: make([]int64, 1), Bytes: make([]int64, 1)}}
}

// HasRoom implements Writer: a blocking edge has room on disk.
func (*SortedWriter) HasRoom() bool { return true }

// Write implements Writer.
func (w *SortedWriter) Write(b columnar.Batch, fresh bool) error {
	rows := b.Rows()
	if rows == 0 {
		return nil
	}
	w.facts.Rows[0] += int64(rows)
	w.facts.Bytes[0] += int64(b.Size()) * int64(rows) / int64(b.Len)
	return w.sorter.Add(b, fresh)
}

// Mark implements Writer.
func (*SortedWriter) Mark(stream.Mark) error { return nil }

// Flush implements Writer.
func (*SortedWriter) Flush() error { return nil }

// sampled is about how many keys one producer samples.
const sampled = 4096

// Close implements Writer.
func (w *SortedWriter) Close() (f Facts, err error) {
	if w.output, err = w.sorter.Finish(); err != nil {
		return Facts{}, err
	}
	w.facts.Keys = w.output.Sample(sampled)
	return w.facts, nil
}

// Abort implements Writer.
func (w *SortedWriter) Abort() { w.sorter.Abort() }

// Sorted returns what was written, after Close.
func (w *SortedWriter) Sorted() *sorting.Sorted { return w.output }

// OpenMerge returns a gate over the rows of all outputs whose keys are at least lower and below upper, in order; a nil bound is open. Rows
// with equal keys come in the order of the outputs. ctx bounds the gate's life. What cannot be read gives a LostError, here or by Poll.
func OpenMerge(ctx context.Context, outputs []*sorting.Sorted, lower, upper []byte) (Gate, error) {
	m, err := sorting.Open(ctx, outputs, lower, upper)
	if err != nil {
		return nil, lost(outputs, err)
	}
	return &mergeGate{outputs: outputs, merge: m}, nil
}

type mergeGate struct {
	outputs []*sorting.Sorted
	merge   *sorting.Merge
	ended   bool
}

// lost says which output an error of their merge is about.
func lost(outputs []*sorting.Sorted, err error) error {
	if e, ok := errors.AsType[*sorting.LostError](err); ok {
		return &LostError{Exchange: outputs[e.Sorted].Name(), Output: e.Sorted, Err: err}
	}
	return err
}

// Poll implements Gate. It reads scratch files where there are any.
func (g *mergeGate) Poll() (Item, bool, error) {
	if g.ended {
		return Item{}, false, nil
	}
	b, ok, err := g.merge.Next()
	if err != nil {
		return Item{}, false, lost(g.outputs, err)
	}
	g.ended = !ok
	return Item{Batch: b}, ok, nil
}

// HasEnded implements Gate.
func (g *mergeGate) HasEnded() bool { return g.ended }

// Close implements Gate.
func (g *mergeGate) Close() error {
	g.ended = true
	return g.merge.Close()
}
