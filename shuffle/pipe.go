package shuffle

import (
	"sync"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/shuffle/partition"
	"github.com/millrace/millrace/stream"
)

// Blocks on a pipe are this large unless the input runs dry before; a queue holds this many.
const (
	blockBytes  = 256 << 10
	queueBlocks = 4
)

// Pipe is a pipelined edge inside a process.
type Pipe struct {
	queues  [][]*queue // by producer, by consumer
	exactly bool       // barriers block
}

// NewPipe returns the pipe between so many producers and consumers. exactly says that what follows a barrier waits until the barrier has come
// from all producers, so that a checkpoint holds each row exactly once.
func NewPipe(producers, consumers int, exactly bool) *Pipe {
	p := &Pipe{queues: make([][]*queue, producers), exactly: exactly}
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
	mu        sync.Mutex // guards all below
	items     []Item
	batches   int                 // among items
	barrier   stream.CheckpointID // of the newest barrier that was put in
	recording *recording          // nil: nobody wants one
	ended     bool
	unwanted  bool   // the consumer takes nothing more: what comes is dropped
	producer  func() // wakes the producer when there is room again
	consumer  func() // wakes the consumer when there is something to take
}

func (q *queue) put(i Item) {
	q.mu.Lock()
	wake := q.consumer
	if !q.unwanted {
		q.items = append(q.items, i)
		switch i.Mark.Kind {
		case stream.NoMark:
			q.batches++
		case stream.BarrierMark:
			q.barrier = max(q.barrier, i.Mark.Barrier.ID)
		case stream.WatermarkMark, stream.IdleMark:
		}
		q.note(i)
	}
	q.mu.Unlock()
	call(wake)
}

// refuse drops what is there and what will come.
func (q *queue) refuse() {
	q.mu.Lock()
	q.unwanted, q.items, q.batches = true, nil, 0
	q.endRecording()
	wake := q.producer
	q.mu.Unlock()
	call(wake)
}

func (q *queue) end() {
	q.mu.Lock()
	q.ended = true
	q.endRecording()
	wake := q.consumer
	q.mu.Unlock()
	call(wake)
}

func (q *queue) take() (i Item, ok, ended bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) == 0 {
		return i, false, q.ended
	}
	i = q.items[0]
	q.items[0] = Item{}
	q.items = q.items[1:]
	if i.Mark.Kind == stream.NoMark {
		q.batches--
		if q.batches == queueBlocks-1 && q.producer != nil {
			q.producer()
		}
	}
	return i, true, false
}

func (q *queue) hasRoom() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.batches < queueBlocks
}

// rows returns how many rows are waiting.
func (q *queue) rows() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := 0
	for i := range q.items {
		n += q.items[i].Batch.Rows()
	}
	return n
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
	if by, ok := by.(partition.LoadAware); ok {
		w.anyRoom = true
		by.Watch(w.backlog)
	}
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
	flushed  time.Time // since when rows may be waiting; zero: not known
	anyRoom  bool      // one channel with room is enough
}

// backlog returns how many rows wait in a channel.
func (w *pipeWriter) backlog(channel int) int {
	rows := w.queues[channel].rows()
	if c := w.channels[channel]; c != nil {
		rows += c.Len()
	}
	return rows
}

// HasRoom implements Writer.
func (w *pipeWriter) HasRoom() bool {
	for _, q := range w.queues {
		if q.hasRoom() == w.anyRoom {
			return w.anyRoom
		}
	}
	return !w.anyRoom
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
	return w.flushOld()
}

// maxAge is how long rows may wait for a block to fill, while the input does not run dry.
const maxAge = 5 * time.Millisecond

// flushOld hands on what has waited for long. It looks at the clock once a batch.
func (w *pipeWriter) flushOld() error {
	now := time.Now()
	if w.flushed.IsZero() {
		w.flushed = now
	}
	if now.Sub(w.flushed) < maxAge {
		return nil
	}
	return w.Flush()
}

// Mark implements Writer.
func (w *pipeWriter) Mark(m stream.Mark) error {
	if err := w.Flush(); err != nil {
		return err
	}
	for _, q := range w.queues {
		q.put(Item{Mark: m})
	}
	return nil
}

// hand gives channel k's rows to its consumer.
func (w *pipeWriter) hand(k int) {
	w.facts.Bytes[k] += int64(w.channels[k].Size())
	w.queues[k].put(Item{Batch: w.channels[k].Finish()})
}

// Flush implements Writer.
func (w *pipeWriter) Flush() error {
	w.flushed = time.Time{}
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
	g := &pipeGate{aligner: newAligner(len(p.queues), p.exactly)}
	for i, row := range p.queues {
		row[consumer].onData(wake)
		g.channels = append(g.channels, channel{row[consumer], i})
	}
	return g
}

type pipeGate struct {
	channels []channel // those that have not ended
	next     int
	aligner  *aligner
	again    again
}

// channel is a queue and its number in the aligner.
type channel struct {
	*queue
	number int
}

// Poll implements Gate: what is put through again, then producers in turn, but for those that wait behind a barrier.
func (g *pipeGate) Poll() (Item, bool, error) {
	if i, ok := g.again.next(); ok {
		return i, true, nil
	}
	for turns := len(g.channels); ; turns-- {
		if m, ok := g.aligner.next(); ok {
			return Item{Mark: m}, true, nil
		}
		if turns <= 0 || len(g.channels) == 0 {
			return Item{}, false, nil
		}
		if g.next >= len(g.channels) {
			g.next = 0
		}
		c := g.channels[g.next]
		if g.aligner.isBlocked(c.number) {
			g.next++
			continue
		}
		i, ok, ended := c.take()
		switch {
		case ok && i.Mark.Kind == stream.NoMark:
			g.next++
			g.aligner.rows(c.number)
			return i, true, nil
		case ok:
			g.aligner.take(c.number, i.Mark)
			turns = len(g.channels) + 1 // the channel may have more, and another need not wait any more
		case ended:
			g.channels = append(g.channels[:g.next], g.channels[g.next+1:]...)
			g.aligner.end(c.number)
		default:
			g.next++
		}
	}
}

// Unblock implements Aligner.
func (g *pipeGate) Unblock(cp stream.CheckpointID) { g.aligner.unblock(cp) }

// HasEnded implements Gate.
func (g *pipeGate) HasEnded() bool {
	return len(g.channels) == 0 && len(g.aligner.out) == 0 && len(g.again.items) == 0
}

// Close implements Gate. Producers go on; what they write is dropped.
func (g *pipeGate) Close() error {
	for _, c := range g.channels {
		c.refuse()
	}
	g.channels, g.aligner.out, g.again = nil, nil, again{}
	return nil
}
