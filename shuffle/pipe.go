package shuffle

import (
	"sync"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/shuffle/partition"
)

// Blocks on a pipe are this large unless the input runs dry before; a queue holds this many.
const (
	blockBytes  = 256 << 10
	queueBlocks = 4
)

// Pipe is a pipelined edge inside a process.
type Pipe struct {
	queues [][]*queue // by producer, by consumer
}

// NewPipe returns the pipe between so many producers and consumers.
func NewPipe(producers, consumers int) *Pipe {
	p := &Pipe{queues: make([][]*queue, producers)}
	for i := range p.queues {
		p.queues[i] = make([]*queue, consumers)
		for k := range p.queues[i] {
			p.queues[i][k] = &queue{}
		}
	}
	return p
}

// queue is one channel of a pipe: from one producer to one consumer.
type queue struct {
	mu       sync.Mutex // guards all below
	batches  []columnar.Batch
	ended    bool
	unwanted bool   // the consumer takes nothing more: what comes is dropped
	producer func() // wakes the producer when there is room again
	consumer func() // wakes the consumer when there is something to take
}

func (q *queue) put(b columnar.Batch) {
	q.mu.Lock()
	wake := q.consumer
	if !q.unwanted {
		q.batches = append(q.batches, b)
	}
	q.mu.Unlock()
	call(wake)
}

// refuse drops what is there and what will come.
func (q *queue) refuse() {
	q.mu.Lock()
	q.unwanted, q.batches = true, nil
	wake := q.producer
	q.mu.Unlock()
	call(wake)
}

func (q *queue) end() {
	q.mu.Lock()
	q.ended = true
	wake := q.consumer
	q.mu.Unlock()
	call(wake)
}

func (q *queue) take() (b columnar.Batch, ok, ended bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.batches) == 0 {
		return b, false, q.ended
	}
	b = q.batches[0]
	q.batches[0] = columnar.Batch{}
	q.batches = q.batches[1:]
	if len(q.batches) == queueBlocks-1 && q.producer != nil {
		q.producer()
	}
	return b, true, false
}

func (q *queue) hasRoom() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.batches) < queueBlocks
}

func (q *queue) onRoom(wake func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.producer = wake
}

func (q *queue) onData(wake func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.consumer = wake
}

func call(f func()) {
	if f != nil {
		f()
	}
}

// Writer returns producer's end. Rows are spread by p, which has as many channels as the pipe has consumers. wake is called, from any
// goroutine, when there is room again.
func (p *Pipe) Writer(producer int, schema *columnar.Schema, by partition.Partitioner, wake func()) Writer {
	w := &pipeWriter{queues: p.queues[producer], by: by, schema: schema, channels: make([]*columnar.BatchBuilder, len(p.queues[producer]))}
	w.sel = make([][]int32, len(w.queues))
	w.facts = Facts{Rows: make([]int64, len(w.queues)), Bytes: make([]int64, len(w.queues))}
	for _, q := range w.queues {
		q.onRoom(wake)
	}
	return w
}

type pipeWriter struct {
	queues   []*queue
	by       partition.Partitioner
	schema   *columnar.Schema
	channels []*columnar.BatchBuilder // rows not handed on yet; nil: none yet
	sel      [][]int32
	facts    Facts
}

// HasRoom implements Writer.
func (w *pipeWriter) HasRoom() bool {
	for _, q := range w.queues {
		if !q.hasRoom() {
			return false
		}
	}
	return true
}

// Write implements Writer.
func (w *pipeWriter) Write(b columnar.Batch, _ bool) error {
	if err := w.by.Partition(b, w.sel); err != nil {
		return err
	}
	for k, sel := range w.sel {
		if len(sel) == 0 {
			continue
		}
		if w.channels[k] == nil {
			w.channels[k] = columnar.NewBatchBuilder(w.schema, len(sel))
		}
		w.channels[k].Append(b, sel)
		w.facts.Rows[k] += int64(len(sel))
		if c := w.channels[k]; c.Len() >= columnar.DefaultRows || c.Size() >= blockBytes {
			w.hand(k)
		}
	}
	return nil
}

// hand gives channel k's rows to its consumer.
func (w *pipeWriter) hand(k int) {
	w.facts.Bytes[k] += int64(w.channels[k].Size())
	w.queues[k].put(w.channels[k].Finish())
}

// Flush implements Writer.
func (w *pipeWriter) Flush() error {
	for k, c := range w.channels {
		if c != nil && c.Len() > 0 {
			w.hand(k)
		}
	}
	return nil
}

// Close implements Writer.
func (w *pipeWriter) Close() (Facts, error) {
	if err := w.Flush(); err != nil {
		return Facts{}, err
	}
	for _, q := range w.queues {
		q.end()
	}
	return w.facts, nil
}

// Abort implements Writer. Consumers of a pipe fail with its producers, so there is nobody to tell.
func (w *pipeWriter) Abort() {}

// Gate returns consumer's end. wake is called, from any goroutine, when there is something to poll.
func (p *Pipe) Gate(consumer int, wake func()) Gate {
	g := &pipeGate{}
	for _, row := range p.queues {
		row[consumer].onData(wake)
		g.queues = append(g.queues, row[consumer])
	}
	return g
}

type pipeGate struct {
	queues []*queue // those that have not ended
	next   int
}

// Poll implements Gate: producers in turn.
func (g *pipeGate) Poll() (columnar.Batch, bool, error) {
	for range len(g.queues) {
		if g.next >= len(g.queues) {
			g.next = 0
		}
		b, ok, ended := g.queues[g.next].take()
		if ok {
			g.next++
			return b, true, nil
		}
		if ended {
			g.queues = append(g.queues[:g.next], g.queues[g.next+1:]...)
		} else {
			g.next++
		}
	}
	return columnar.Batch{}, false, nil
}

// HasEnded implements Gate.
func (g *pipeGate) HasEnded() bool { return len(g.queues) == 0 }

// Close implements Gate. Producers go on; what they write is dropped.
func (g *pipeGate) Close() error {
	for _, q := range g.queues {
		q.refuse()
	}
	g.queues = nil
	return nil
}
