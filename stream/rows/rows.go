// Package rows turns the user's Go functions into work on batches, with their types hidden and without a call of reflection, a boxed
// value or an allocation per record.
//
// A [Stage] is one function: Map, Filter, FlatMap, Parse, ... A [Tail] says what becomes of the records at the end of a run of stages:
// all their fields, or only what selectors take of them (keys, inputs of aggregates). A [Program] is stages and a tail; adjacent programs
// are fused by the planner with [Fuse], so that records are decoded once at the head and encoded once at the tail:
//
//	batch --decode--> In --f1--> A --f2--> B --f3--> Out --encode--> columns
//	                     '- one indirect call a stage; the functions are composed once, by [Program.Bind] -'
//
// Types are checked where they are known, in the generic constructors; inside, a composed function travels as any and is asserted once,
// at Bind. A [Runner] is one task's instance. It works on one batch at a time and stops at a record's end when its output is full, so
// that a function that makes much of little does not break the bounds.
//
// Each stage counts its records, and the [Cursor] knows which stage and row are running: so an error or a panic names the user's node and
// the record.
//
// Stability: engine-private.
package rows

import (
	"fmt"
	"reflect"
	"runtime"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
)

// Stage is one function over records.
type Stage struct {
	Name string       // the operation: "Map"
	Node string       // the logical node with its call site, for messages; set by the plan
	In   reflect.Type // records taken
	Out  reflect.Type // records given
	Func string       // the user function's symbol
	// FromColumns says that the stage makes its records of columns that are no record's fields (a group's key and aggregates, the two sides
	// of a join), so that it can only be the first of a program.
	FromColumns bool
	mayGrow     bool
	single      bool // gives one record for each it takes

	head func(from *columnar.Schema) (head, error) // decodes In
	link func(c *Cursor, stage int, next any) any  // next is func(Out); the result is func(In)
}

// Tail is the end of a run of stages. It is made by [Records] or [Selected].
type Tail struct {
	In     reflect.Type
	Schema *columnar.Schema // of the batches that come out; nil when only the data can tell
	Whole  bool             // the batches have all fields of the records and nothing else

	head func(from *columnar.Schema) (head, error)
	open func() tail

	record *columnar.Schema // of the whole records that follow the selectors' columns; nil: they do not
	bare   func() tail      // the selectors alone
}

// Program is a run of stages and what becomes of the records that come out.
type Program struct {
	Stages []Stage
	Tail   Tail
}

// Cursor is where a task stands in a program. Functions of one Runner share it.
type Cursor struct {
	task   int
	stage  int     // running now
	row    int     // of the batch, among the rows that count
	counts []int64 // records given by each stage
	err    error   // ends the batch
	bad    func(stage int, record any, err error) error
	side   any // the slice of a broadcast side's records, when there is one
}

// fail ends the batch with a user function's error unless the policy for bad records takes it.
func (c *Cursor) fail(stage int, record any, err error) {
	if c.err == nil {
		c.err = c.bad(stage, record, err)
	}
}

// head decodes records from batches and pushes them into a composed function.
type head interface {
	// load decodes the batch's rows that count.
	load(b columnar.Batch) error
	// run pushes the records from the given one on, up to but not including to, and returns the number of the first one not pushed: it
	// stops early when full says so or the cursor has an error.
	run(c *Cursor, from, to int, push any, full func() bool) int
}

// tail collects records and makes columns of them.
type tail interface {
	push() any // func(T)
	// lend tells of the columns that records were decoded from which will be pushed: texts need not be copied.
	lend(columns []columnar.Column)
	len() int
	size() int
	finish() ([]columnar.Column, error)
}

// typeOf returns the reflect type of T, interfaces included.
func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

// symbol returns the name of a function value as the linker knows it.
func symbol(f any) string {
	fn := runtime.FuncForPC(reflect.ValueOf(f).Pointer())
	if fn == nil {
		return "func"
	}
	return fn.Name()
}

// typedHead decodes records of type T.
type typedHead[T any] struct {
	decoder *codec.Decoder[T]
	records []T
}

func newHead[T any](from *columnar.Schema) (head, error) {
	c, err := codec.Of[T]()
	if err != nil {
		return nil, err
	}
	d, err := c.Decoder(from)
	if err != nil {
		return nil, err
	}
	return &typedHead[T]{decoder: d}, nil
}

func (h *typedHead[T]) load(b columnar.Batch) (err error) {
	h.records, err = h.decoder.Decode(b, h.records)
	return err
}

func (h *typedHead[T]) run(c *Cursor, from, to int, push any, full func() bool) int {
	f := push.(func(T))
	for i := from; i < to; i++ {
		c.row = i
		f(h.records[i])
		if c.err != nil || i&rowsBetweenChecks == 0 && full() {
			return i + 1
		}
	}
	return to
}

// rowsBetweenChecks is how rarely, as a mask, the head looks whether the output is full.
const rowsBetweenChecks = 15

// Records returns the tail that keeps whole records. For records of type columnar.Row the schema is that of the data.
func Records[T any]() (Tail, error) {
	c, err := codec.Of[T]()
	if err != nil {
		return Tail{}, err
	}
	return Tail{
		In: typeOf[T](), Schema: c.Schema(), Whole: true, head: newHead[T],
		open: func() tail { return &recordTail[T]{encoder: c.Encoder()} },
	}, nil
}

type recordTail[T any] struct{ encoder *codec.Encoder[T] }

func (t *recordTail[T]) push() any                          { return t.encoder.Append }
func (t *recordTail[T]) lend(columns []columnar.Column)     { t.encoder.Lend(columns) }
func (t *recordTail[T]) len() int                           { return t.encoder.Len() }
func (t *recordTail[T]) size() int                          { return t.encoder.Size() }
func (t *recordTail[T]) finish() ([]columnar.Column, error) { return t.encoder.Finish() }

// Selected returns the tail that keeps only what the selectors take of each record, one after another; with whole, the record's own
// fields follow.
func Selected[T any](whole bool, selectors ...codec.Selector[T]) (Tail, error) {
	t := Tail{In: typeOf[T](), Schema: &columnar.Schema{}, head: newHead[T]}
	for i, s := range selectors {
		for _, f := range s.Fields {
			f.Name = fmt.Sprintf("$%d.%s", i, f.Name)
			t.Schema.Fields = append(t.Schema.Fields, f)
		}
	}
	var c *codec.Codec[T]
	if whole {
		var err error
		if c, err = codec.Of[T](); err != nil {
			return Tail{}, err
		}
		t.record = c.Schema()
		t.Schema.Fields = append(t.Schema.Fields, t.record.Fields...)
		t.bare = func() tail { return openSelected(selectors, nil) }
	}
	t.open = func() tail { return openSelected(selectors, c) }
	return t, nil
}

type selectedTail[T any] struct {
	parts   []codec.Extractor[T]
	encoder *codec.Encoder[T] // nil: the record itself is not kept
	n       int
}

func openSelected[T any](selectors []codec.Selector[T], c *codec.Codec[T]) tail {
	t := &selectedTail[T]{}
	for _, s := range selectors {
		if len(s.Fields) > 0 { // an aggregate that only counts rows reads no column
			t.parts = append(t.parts, s.New())
		}
	}
	if c != nil {
		t.encoder = c.Encoder()
	}
	return t
}

func (t *selectedTail[T]) push() any {
	if len(t.parts) == 1 && t.encoder == nil {
		return t.parts[0].Func()
	}
	add := make([]func(T), len(t.parts))
	for i, p := range t.parts {
		add[i] = p.Func()
	}
	return func(v T) {
		for _, f := range add {
			f(v)
		}
		if t.encoder != nil {
			t.encoder.Append(v)
		}
		t.n++
	}
}

func (t *selectedTail[T]) lend(columns []columnar.Column) {
	if t.encoder != nil {
		t.encoder.Lend(columns)
	}
}

func (t *selectedTail[T]) len() int {
	if len(t.parts) == 1 && t.encoder == nil {
		return t.parts[0].Len()
	}
	return t.n
}

func (t *selectedTail[T]) size() int {
	size := 0
	for _, p := range t.parts {
		size += p.Size()
	}
	if t.encoder != nil {
		size += t.encoder.Size()
	}
	return size
}

func (t *selectedTail[T]) finish() ([]columnar.Column, error) {
	var columns []columnar.Column
	for _, p := range t.parts {
		cs, err := p.Finish()
		if err != nil {
			return nil, err
		}
		columns = append(columns, cs...)
	}
	if t.encoder != nil {
		cs, err := t.encoder.Finish()
		if err != nil {
			return nil, err
		}
		columns = append(columns, cs...)
	}
	t.n = 0
	return columns, nil
}
