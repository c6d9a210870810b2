package shuffle

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/spill"
)

// blockingOutput is what one producer left on a blocking edge: batches in memory, or one or more files in which partition follows partition.
type blockingOutput struct {
	config   BlockingConfig
	rows     []int64            // by partition
	batches  [][]columnar.Batch // by partition; nil: on disk
	sections [][]*spill.Run     // by section, by partition
	released bool
}

// LostError says that rows which a producer left on an exchange cannot be read back. They are got by running the producer again.
type LostError struct {
	Exchange  string // which, and whose
	Output    int    // which of the outputs that the gate reads
	Partition int    // of a sorted output: 0
	Err       error
}

// Error names the exchange and the partition.
func (e *LostError) Error() string {
	return fmt.Sprintf("reading partition %d of %s: %v", e.Partition, e.Exchange, e.Err)
}

// Unwrap returns the cause.
func (e *LostError) Unwrap() error { return e.Err }

// Open implements Output.
func (o *blockingOutput) Open(ctx context.Context, from, to int) (Gate, error) {
	if from < 0 || from > to || to > o.config.Partitions {
		return nil, fmt.Errorf("%s has %d partitions, not %d to %d", o.config.Name, o.config.Partitions, from, to)
	}
	if o.released {
		return nil, &LostError{Exchange: o.config.Name, Partition: from, Err: errors.New("it has been released")}
	}
	return &blockingGate{ctx: ctx, output: o, partition: from, end: to}, nil
}

// Release implements Output.
func (o *blockingOutput) Release(ctx context.Context) error {
	if o.released {
		return nil
	}
	o.released = true
	err := remove(ctx, o.sections)
	o.batches, o.sections = nil, nil
	o.config.Memory.Close()
	return err
}

// blockingGate reads partitions of one output, one after another; of each its batches, or its pieces in all sections.
type blockingGate struct {
	ctx       context.Context //nolint:containedctx // the task's life
	output    *blockingOutput
	partition int // being read
	end       int // the one after the last
	next      int // batch, or section, of the partition
	reader    *spill.Reader
}

// Poll implements Gate. Reading a scratch file blocks, as little as a disk's cache does.
func (g *blockingGate) Poll() (Item, bool, error) {
	for g.partition < g.end {
		b, err := g.read()
		if err == nil {
			return Item{Batch: b}, true, nil
		}
		if !errors.Is(err, io.EOF) {
			return Item{}, false, &LostError{Exchange: g.output.config.Name, Partition: g.partition, Err: err}
		}
		g.partition, g.next = g.partition+1, 0
	}
	return Item{}, false, nil
}

// read returns the next batch of the partition, io.EOF at its end.
func (g *blockingGate) read() (columnar.Batch, error) {
	if g.output.batches != nil {
		return g.keptBatch()
	}
	for {
		if g.reader == nil {
			if g.next == len(g.output.sections) {
				return columnar.Batch{}, io.EOF
			}
			reader, err := g.output.sections[g.next][g.partition].Open(g.ctx)
			if err != nil {
				return columnar.Batch{}, err
			}
			g.reader = reader
			g.next++
		}
		b, err := g.reader.Next()
		if !errors.Is(err, io.EOF) {
			return b, err
		}
		if err := g.closeReader(); err != nil {
			return columnar.Batch{}, err
		}
	}
}

func (g *blockingGate) keptBatch() (columnar.Batch, error) {
	batches := g.output.batches[g.partition]
	if g.next == len(batches) {
		return columnar.Batch{}, io.EOF
	}
	g.next++
	return batches[g.next-1], nil
}

func (g *blockingGate) closeReader() error {
	if g.reader == nil {
		return nil
	}
	r := g.reader
	g.reader = nil
	return r.Close()
}

// HasEnded implements Gate.
func (g *blockingGate) HasEnded() bool { return g.partition >= g.end }

// Close implements Gate.
func (g *blockingGate) Close() error {
	g.partition = g.end
	return g.closeReader()
}
