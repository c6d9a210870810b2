package task

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/metrics"
	"github.com/millrace/millrace/shuffle"
	"github.com/millrace/millrace/stream"
)

// element is rows, or a mark.
type element struct {
	batch columnar.Batch
	mark  stream.Mark // its kind is NoMark when there are rows
}

// queue is a stream.Output that collects batches, and the marks between them.
type queue struct {
	elements []element
	next     int
	metrics  *metrics.Set // of the operator that emits
	rows     int          // the most a batch has; 0: as many as were emitted
	sides    map[int][]shuffle.Writer
}

// emitted is the room of an operator's output: an operator is not called again until what it emitted has been taken, so one batch is
// enough, and those that owe more pay it by Resume.
const emitted = 1

// Emit implements stream.Output. Batches in which no row counts are dropped.
func (q *queue) Emit(b columnar.Batch) {
	n := b.Rows()
	if n == 0 {
		return
	}
	q.metrics.RowsOut.Add(int64(n))
	for rest := b; n > 0; n = rest.Rows() {
		b, rest = cutBatch(rest, q.rows)
		q.elements = append(q.elements, element{batch: b})
	}
}

// cutBatch divides a batch into its first rows, at most most of them, and the rest, which may have none. most 0: all are the first.
func cutBatch(b columnar.Batch, most int) (first, rest columnar.Batch) {
	if n := b.Rows(); most > 0 && n > most {
		return b.Slice(0, most), b.Slice(most, n-most)
	}
	return b, columnar.Batch{}
}

// EmitSide implements stream.Output. The rows of a side that nobody reads are dropped.
func (q *queue) EmitSide(side int, b columnar.Batch) error {
	if b.Rows() == 0 {
		return nil
	}
	for _, w := range q.sides[side] {
		if err := w.Write(b, false); err != nil {
			return fmt.Errorf("exchanging rows of side output %d: %w", side, err)
		}
	}
	return nil
}

// mark adds a mark.
func (q *queue) mark(m stream.Mark) { q.elements = append(q.elements, element{mark: m}) }

// Room implements stream.Output.
func (q *queue) Room() int { return max(0, emitted-q.len()) }

func (q *queue) len() int { return len(q.elements) - q.next }

// take removes and returns the first element; there must be one.
func (q *queue) take() element {
	e := q.elements[q.next]
	q.elements[q.next] = element{}
	if q.next++; q.next == len(q.elements) {
		q.elements, q.next = q.elements[:0], 0
	}
	return e
}
