package shuffle

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/budget"
	"github.com/millrace/millrace/internal/spill"
	"github.com/millrace/millrace/shuffle/partition"
	"github.com/millrace/millrace/stream"
)

// leastShared is the number of rows for each partition from which on a fresh batch is not cut up: each partition keeps a selection of the one
// batch instead, and no row is copied.
const leastShared = 512

// BlockingConfig is what a blocking exchange works with.
type BlockingConfig struct {
	Schema     *columnar.Schema
	Partitions int
	By         partition.Partitioner // spreads rows over that many channels
	Memory     *budget.Account       // belongs to the output, and is closed by its Release
	Spill      *spill.Manager
	Name       string // for scratch files and messages
	// BlockBytes is the size, default 256 KiB, that batches in memory are collected to, and below which, on average, a partition's pieces on
	// disk are put together, because a consumer would seek more than read.
	BlockBytes int
}

// blockingWriter is the producing end of a blocking edge: rows by partition.
//
//	rows -> partition -> kept in memory -------------------------------------> output
//	                          | memory refused                                   ^
//	                          '-> section: a file sorted by partition --> merged '
//
// What fits the memory budget stays there, as batches, and is never encoded. When memory is refused, all that is kept is written as a
// section: a scratch file in which partition follows partition. At the end there are few sections, whose pieces are large enough to be read
// one after another, or they are merged into one file, block by block without decoding.
type blockingWriter struct {
	ctx      context.Context //nolint:containedctx // the task's life
	config   BlockingConfig
	sel      [][]int32
	kept     []kept // by partition
	held     int64  // bytes taken from Memory
	used     int64  // bytes kept
	sections [][]*spill.Run
	facts    Facts
	output   *blockingOutput
}

// kept is what lies in memory of one partition: batches, then rows that do not make a batch yet.
type kept struct {
	batches []columnar.Batch
	builder *columnar.BatchBuilder // nil: none
	size    int                    // of the builder's rows, when last looked at
}

// NewBlockingWriter returns the producing end of a blocking edge, of one task. ctx is the task's.
func NewBlockingWriter(ctx context.Context, c BlockingConfig) (BlockingWriter, error) {
	if c.Partitions < 1 {
		return nil, fmt.Errorf("%s: an exchange of %d partitions", c.Name, c.Partitions)
	}
	if c.BlockBytes == 0 {
		c.BlockBytes = blockBytes
	}
	return &blockingWriter{
		ctx: ctx, config: c, sel: make([][]int32, c.Partitions), kept: make([]kept, c.Partitions),
		facts: Facts{Rows: make([]int64, c.Partitions), Bytes: make([]int64, c.Partitions)},
	}, nil
}

// HasRoom implements Writer: a blocking edge has room on disk.
func (*blockingWriter) HasRoom() bool { return true }

// Mark implements Writer.
func (*blockingWriter) Mark(stream.Mark) error { return nil }

// Flush implements Writer.
func (*blockingWriter) Flush() error { return nil }

// Write implements Writer.
func (w *blockingWriter) Write(b columnar.Batch, fresh bool) error {
	rows := b.Rows()
	if rows == 0 {
		return nil
	}
	if err := w.config.By.Partition(b, w.sel); err != nil {
		return err
	}
	size := float64(b.Size()) / float64(b.Len)
	share := fresh && w.isShared(b, rows)
	for p, sel := range w.sel {
		if len(sel) == 0 {
			continue
		}
		w.facts.Rows[p] += int64(len(sel))
		w.facts.Bytes[p] += int64(math.Ceil(size * float64(len(sel))))
		if share {
			w.keepSelection(p, b, sel)
		} else {
			w.keepCopy(p, b, sel)
		}
	}
	if share {
		w.used += int64(footprint(b))
	}
	return w.account()
}

// isShared says whether partitions keep selections of b: nearly all of it must be wanted, in pieces that are large enough, and it must not
// hold on to much more memory than it uses.
func (w *blockingWriter) isShared(b columnar.Batch, rows int) bool {
	return rows >= b.Len/4*3 && rows >= leastShared*w.config.Partitions && footprint(b) <= 2*b.Size()
}

// keepSelection keeps rows of a batch that is the exchange's.
func (w *blockingWriter) keepSelection(p int, b columnar.Batch, sel []int32) {
	w.finish(p)
	if len(sel) == b.Len {
		b.Sel = nil
	} else {
		b.Sel = append(make([]int32, 0, len(sel)), sel...)
		w.used += int64(4 * len(sel))
	}
	w.kept[p].batches = append(w.kept[p].batches, b)
}

// keepCopy keeps copies of rows.
func (w *blockingWriter) keepCopy(p int, b columnar.Batch, sel []int32) {
	k := &w.kept[p]
	if k.builder == nil {
		k.builder = columnar.NewBatchBuilder(w.config.Schema, len(sel))
	}
	k.builder.Append(b, sel)
	size := k.builder.Size()
	w.used += int64(size - k.size)
	k.size = size
	if k.builder.Len() >= columnar.DefaultRows || size >= w.config.BlockBytes {
		w.finish(p)
	}
}

// finish makes a batch of the rows that partition p has collected.
func (w *blockingWriter) finish(p int) {
	k := &w.kept[p]
	if k.builder == nil || k.builder.Len() == 0 {
		return
	}
	b := k.builder.Finish()
	w.used += int64(footprint(b) - k.size)
	k.size = 0
	k.batches = append(k.batches, b)
}

// account takes from the budget what is kept, or writes it out.
func (w *blockingWriter) account() error {
	if w.used <= w.held {
		return nil
	}
	// In steps, for the budget is shared by all tasks.
	more := max(w.used-w.held, int64(w.config.BlockBytes))
	if w.config.Memory.TryGrow(more) {
		w.held += more
		return nil
	}
	if w.used < w.leastSection() {
		w.config.Memory.Force(w.used - w.held)
		w.held = w.used
		return nil
	}
	return w.writeSection()
}

// leastSection returns the bytes below which rows are kept whether there is memory or not: many tiny sections would cost more than they save.
func (w *blockingWriter) leastSection() int64 {
	return int64(w.config.BlockBytes) * int64(max(4, w.config.Partitions/16))
}

// writeSection writes all that is kept to a file, partition by partition, and gives the memory back.
func (w *blockingWriter) writeSection() error {
	file, err := w.config.Spill.NewOrdered(w.ctx, w.config.Name, w.config.Schema, w.config.Partitions)
	if err != nil {
		return err
	}
	for p := range w.kept {
		if err := w.writePartition(file, p); err != nil {
			return errors.Join(err, file.Abort())
		}
	}
	runs, err := file.Finish()
	if err != nil {
		return errors.Join(err, file.Abort())
	}
	w.sections = append(w.sections, runs)
	w.config.Memory.Release(w.held)
	w.held, w.used = 0, 0
	return nil
}

// writePartition writes what is kept of partition p and forgets it.
func (w *blockingWriter) writePartition(file *spill.Partitioned, p int) error {
	w.finish(p)
	for _, b := range w.kept[p].batches {
		if err := file.Append(p, b); err != nil {
			return err
		}
	}
	w.kept[p].batches = nil
	return file.EndRun(p)
}

// Close implements Writer.
func (w *blockingWriter) Close() (Facts, error) {
	for p := range w.kept {
		w.finish(p)
		w.kept[p].builder = nil
	}
	if len(w.sections) > 0 {
		if err := w.closeSections(); err != nil {
			return Facts{}, err
		}
	} else if w.held > w.used {
		w.config.Memory.Release(w.held - w.used)
		w.held = w.used
	} else {
		w.config.Memory.Force(w.used - w.held)
		w.held = w.used
	}
	w.output = &blockingOutput{config: w.config, sections: w.sections, rows: w.facts.Rows}
	if len(w.sections) == 0 {
		w.output.batches = make([][]columnar.Batch, len(w.kept))
		for p := range w.kept {
			w.output.batches[p] = w.kept[p].batches
		}
	}
	w.kept, w.sections = nil, nil
	return w.facts, nil
}

// closeSections writes the last section, and merges all if their pieces are small.
func (w *blockingWriter) closeSections() error {
	if w.used > 0 {
		if err := w.writeSection(); err != nil {
			return err
		}
	}
	bytes := int64(0)
	for _, section := range w.sections {
		for _, run := range section {
			bytes += run.Bytes()
		}
	}
	pieces := int64(len(w.sections) * w.config.Partitions)
	if len(w.sections) == 1 || bytes >= pieces*int64(w.config.BlockBytes) {
		return nil
	}
	return w.mergeSections()
}

// mergeSections copies all sections into one file sorted by partition.
func (w *blockingWriter) mergeSections() error {
	file, err := w.config.Spill.NewOrdered(w.ctx, w.config.Name, w.config.Schema, w.config.Partitions)
	if err != nil {
		return err
	}
	for p := range w.config.Partitions {
		for _, section := range w.sections {
			if err := file.AppendRun(w.ctx, p, section[p]); err != nil {
				return errors.Join(err, file.Abort())
			}
		}
	}
	runs, err := file.Finish()
	if err != nil {
		return errors.Join(err, file.Abort())
	}
	merged := [][]*spill.Run{runs}
	err = remove(w.ctx, w.sections)
	w.sections = merged
	return err
}

// remove removes the runs of sections.
func remove(ctx context.Context, sections [][]*spill.Run) error {
	var errs []error
	for _, section := range sections {
		for _, run := range section {
			errs = append(errs, run.Remove(ctx))
		}
	}
	return errors.Join(errs...)
}

// Abort implements Writer. What cannot be removed goes with the scratch folder.
func (w *blockingWriter) Abort() {
	ctx := context.WithoutCancel(w.ctx)
	if w.output != nil {
		_ = w.output.Release(ctx)
		return
	}
	_ = remove(ctx, w.sections)
	w.kept, w.sections = nil, nil
	w.config.Memory.Close()
}

// Output implements BlockingWriter.
func (w *blockingWriter) Output() Output { return w.output }
