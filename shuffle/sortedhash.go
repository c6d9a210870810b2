package shuffle

import (
	"context"
	"errors"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/sorting"
	"github.com/millrace/millrace/shuffle/partition"
	"github.com/millrace/millrace/stream"
)

// SplitWriter is the producing end of an edge whose rows are spread by a partitioner and wanted in order: a SortedWriter for each partition.
type SplitWriter struct {
	by    partition.Partitioner
	sel   [][]int32
	parts []*SortedWriter
}

// NewSplitWriter returns the end of one producer, over the ends of its partitions.
func NewSplitWriter(by partition.Partitioner, parts []*SortedWriter) *SplitWriter {
	return &SplitWriter{by: by, sel: make([][]int32, len(parts)), parts: parts}
}

// HasRoom implements Writer.
func (*SplitWriter) HasRoom() bool { return true }

// Write implements Writer.
func (w *SplitWriter) Write(b columnar.Batch, _ bool) error {
	if err := w.by.Partition(b, w.sel); err != nil {
		return err
	}
	for k, sel := range w.sel {
		if len(sel) == 0 {
			continue
		}
		part := b
		part.Sel = sel
		if err := w.parts[k].Write(part.Clone(), true); err != nil {
			return err
		}
	}
	return nil
}

// Mark implements Writer.
func (*SplitWriter) Mark(stream.Mark) error { return nil }

// Flush implements Writer.
func (*SplitWriter) Flush() error { return nil }

// Close implements Writer.
func (w *SplitWriter) Close() (Facts, error) {
	var all Facts
	for _, p := range w.parts {
		f, err := p.Close()
		if err != nil {
			return Facts{}, err
		}
		all.Rows = append(all.Rows, f.Rows...)
		all.Bytes = append(all.Bytes, f.Bytes...)
	}
	return all, nil
}

// Abort implements Writer.
func (w *SplitWriter) Abort() {
	for _, p := range w.parts {
		p.Abort()
	}
}

// Sorted returns what was written, after Close.
func (w *SplitWriter) Sorted() SplitOutput {
	var out SplitOutput
	for _, p := range w.parts {
		out = append(out, p.Sorted())
	}
	return out
}

// SplitOutput is what one producer left, by partition.
type SplitOutput []*sorting.Sorted

// Release gives memory and files up.
func (o SplitOutput) Release(ctx context.Context) error {
	var errs []error
	for _, p := range o {
		errs = append(errs, p.Release(ctx))
	}
	return errors.Join(errs...)
}
