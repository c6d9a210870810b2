package rows

import (
	"fmt"
	"iter"
	"reflect"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
)

// Whole is a function over all records of a partition, or over those of a group, hidden like a Stage. It runs as a coroutine, because
// it pulls its records while batches are pushed: it is suspended when it wants a record that has not come yet, and when its output is
// full. That costs two switches a batch, not a record.
type Whole struct {
	In     reflect.Type
	Func   string
	Schema *columnar.Schema // of the output
	Node   string
	open   func(from *columnar.Schema) (wholeInput, wholeBody, tail, error)
}

// wholeInput is the input side of a coroutine.
type wholeInput interface {
	load(b columnar.Batch) error
	// end says that no batch will follow.
	end()
}

// wholeBody runs the user's function to its end. Suspend gives control back to the operator; it returns false when the task ends early.
type wholeBody func(suspend func() bool)

// feed is what a coroutine reads: the records of the batch loaded last.
type feed struct {
	rows, next int
	ended      bool
}

// more makes sure that there is a record to take, suspending until a batch has come; false: there are no more.
func (f *feed) more(suspend func() bool) bool {
	for f.next == f.rows {
		if f.ended || !suspend() {
			return false
		}
	}
	return true
}

func (f *feed) reset(rows int) { f.rows, f.next = rows, 0 }
func (f *feed) end()           { f.ended = true }

// emitter appends records to a tail and suspends when it is full; it returns false when the task ends early.
func emitter[Out any](t tail, suspend func() bool) func(Out) bool {
	push := t.push().(func(Out))
	return func(v Out) bool {
		push(v)
		for t.len() >= fullRows || t.size() >= fullBytes {
			if !suspend() {
				return false
			}
		}
		return true
	}
}

type partitionInput[In any] struct {
	feed
	head *Slicer[In]
}

func (p *partitionInput[In]) load(b columnar.Batch) error {
	p.reset(b.Rows())
	return p.head.load(b)
}

// MapPartition gives what f yields for the sequence of all records of a task's partition. The sequence can be ranged over once.
func MapPartition[In, Out any](f func(iter.Seq[In]) iter.Seq[Out]) (Whole, error) {
	return whole[Out](typeOf[In](), f, func(from *columnar.Schema) (wholeInput, func(func() bool, func(Out) bool), error) {
		head, err := NewSlicer[In](from, 0)
		if err != nil {
			return nil, nil, err
		}
		in := &partitionInput[In]{head: head}
		return in, func(suspend func() bool, emit func(Out) bool) {
			f(func(yield func(In) bool) {
				for in.more(suspend) {
					in.next++
					if !yield(in.head.records[in.next-1]) {
						return
					}
				}
			})(emit)
			for in.more(suspend) { // what f did not want
				in.next = in.rows
			}
		}, nil
	})
}

type groupInput[K comparable, In any] struct {
	feed
	key  *Slicer[K]
	head *Slicer[In]
}

func (g *groupInput[K, In]) load(b columnar.Batch) error {
	g.reset(b.Rows())
	if err := g.key.load(b); err != nil {
		return err
	}
	return g.head.load(b)
}

// group returns the records with the key k from here on, as far as they have not been taken.
func (g *groupInput[K, In]) group(k K, suspend func() bool) iter.Seq[In] {
	return func(yield func(In) bool) {
		for g.more(suspend) && g.key.records[g.next] == k {
			g.next++
			if !yield(g.head.records[g.next-1]) {
				return
			}
		}
	}
}

// Groups gives what f yields for each run of records with equal keys. The key columns come first, then the record's. A group's sequence
// can be ranged over once.
func Groups[K comparable, In, Out any](f func(K, iter.Seq[In]) iter.Seq[Out]) (Whole, error) {
	return whole[Out](typeOf[In](), f, func(from *columnar.Schema) (wholeInput, func(func() bool, func(Out) bool), error) {
		g, err := newGroupInput[K, In](from)
		if err != nil {
			return nil, nil, err
		}
		return g, func(suspend func() bool, emit func(Out) bool) {
			going := true
			for going && g.more(suspend) {
				k := g.key.records[g.next]
				f(k, g.group(k, suspend))(func(v Out) bool {
					going = emit(v)
					return going
				})
				for range g.group(k, suspend) { // what f did not want
				}
			}
		}, nil
	})
}

func newGroupInput[K comparable, In any](from *columnar.Schema) (*groupInput[K, In], error) {
	key, err := NewSlicer[K](from, 0)
	if err != nil {
		return nil, err
	}
	head, err := NewSlicer[In](from, key.Width())
	if err != nil {
		return nil, err
	}
	return &groupInput[K, In]{key: key, head: head}, nil
}

// whole hides the types of a coroutine's function. Open makes, for a schema, the input and a body that emits records of type Out.
func whole[Out any](in reflect.Type, f any, open func(*columnar.Schema) (wholeInput, func(func() bool, func(Out) bool), error)) (Whole, error) {
	c, err := codec.Of[Out]()
	if err != nil {
		return Whole{}, err
	}
	return Whole{
		In: in, Func: symbol(f), Schema: c.Schema(),
		open: func(from *columnar.Schema) (wholeInput, wholeBody, tail, error) {
			input, run, err := open(from)
			if err != nil {
				return nil, nil, nil, err
			}
			t := &recordTail[Out]{encoder: c.Encoder()}
			return input, func(suspend func() bool) { run(suspend, emitter[Out](t, suspend)) }, t, nil
		},
	}, nil
}

// WholeRunner is a Whole at work in one task. One goroutine uses it.
type WholeRunner struct {
	whole  Whole
	input  wholeInput
	tail   tail
	resume func() (struct{}, bool)
	stop   func()
	done   bool
}

// Bind starts the coroutine for batches of the schema from; Close ends it.
func (w Whole) Bind(from *columnar.Schema) (*WholeRunner, error) {
	input, body, t, err := w.open(from)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", w.Node, err)
	}
	r := &WholeRunner{whole: w, input: input, tail: t}
	r.resume, r.stop = iter.Pull(func(yield func(struct{}) bool) {
		stopped := false // yield must not be called again once it has returned false
		body(func() bool {
			stopped = stopped || !yield(struct{}{})
			return !stopped
		})
	})
	return r, nil
}

// Load takes the next batch; it must stay as it is until Run has returned false.
func (r *WholeRunner) Load(b columnar.Batch) error { return r.input.load(b) }

// End says that no batch will follow; Run then brings the function to its end.
func (r *WholeRunner) End() { r.input.end() }

// Run lets the function go on until it wants another batch (false) or its output is full (true).
func (r *WholeRunner) Run() (more bool) {
	if r.done {
		return false
	}
	if _, ok := r.resume(); !ok {
		r.done = true
		return false
	}
	return r.IsFull()
}

// IsFull says whether the records collected make a full batch.
func (r *WholeRunner) IsFull() bool { return r.tail.len() >= fullRows || r.tail.size() >= fullBytes }

// IsDone says whether the function has returned.
func (r *WholeRunner) IsDone() bool { return r.done }

// Len returns the number of records that Take would return.
func (r *WholeRunner) Len() int { return r.tail.len() }

// Take returns the records collected so far as a fresh batch.
func (r *WholeRunner) Take() (columnar.Batch, error) {
	n := r.tail.len()
	columns, err := r.tail.finish()
	return columnar.Batch{Schema: r.whole.Schema, Columns: columns, Len: n}, err
}

// Where names the user's node: for messages about panics.
func (r *WholeRunner) Where() string { return r.whole.Node }

// Close ends the coroutine.
func (r *WholeRunner) Close() { r.stop() }
