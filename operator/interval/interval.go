// Package interval is the operator that joins two streams by key and by time: a row l of the left one and a row r of the right one when their
// keys are equal and Lo <= r.time - l.time <= Hi.
//
// Rows are kept by key and ordered by time, each side in a table of the task's state. A row that comes looks among the other side's rows of its
// key, gives a row for each partner, and is kept as long as partners may still come: a left row until the watermark has passed its time + Hi, a
// right row until its time - Lo. One timer for each key and each quarter of the interval drops them, so memory is that of the rows of about one
// interval and a quarter.
//
// Rows that come after the watermark has passed their time are left out and counted as "late": their partners may be gone, so that which pairs
// they gave would be chance. So no pair is ever late either: it has the later time of its two rows. (The rules are Flink's, interval join.)
//
// Stability: engine-private.
package interval

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream"
)

// Spec says what is joined. The Keys first columns of both inputs are the keys; what follows are the rows.
type Spec struct {
	Keys   int
	Lo, Hi int64 // microseconds
}

// Schema returns the columns of pairs: those of the left row, then those of the right one, without keys.
func (s Spec) Schema(left, right *columnar.Schema) *columnar.Schema {
	out := &columnar.Schema{}
	out.Fields = append(out.Fields, left.Fields[s.Keys:]...)
	out.Fields = append(out.Fields, right.Fields[s.Keys:]...)
	return out
}

// The sides.
const (
	left = iota
	right
)

// Operator joins input 0, the left one, with input 1.
type Operator struct {
	spec      Spec
	env       *stream.Env
	store     state.Store
	sides     [2]side
	timers    state.Timers
	grain     int64 // timers are multiples of it
	watermark int64
	sequence  int64 // of the next row kept
	due       bool  // timers may be

	schema *columnar.Schema
	batch  columnar.Batch // being joined
	input  int            // that it is of
	next   int            // the first of its rows that count not yet joined
	cells  state.Cellar   // of its rows
	pairs  int
	own    []int32        // by pair: the row of the batch
	times  []int64        // by pair
	rest   columnar.Batch // of pairs made and not emitted

	namespace []byte
	expired   []byte // namespaces, one behind the other
}

// side is one stream's rows.
type side struct {
	table  state.Table
	cells  state.Cells
	coder  *state.Coder
	stored []*columnar.Builder // by column: stored rows that are partners
	fromLo int64               // partners of a row at t have times from t+fromLo
	toHi   int64               // to t+toHi
	keep   int64               // a row at t is kept until the watermark has come to t+keep
}

// New returns the operator.
func New(s Spec) *Operator {
	return &Operator{spec: s, watermark: int64(stream.NoWatermark), grain: max(1, (s.Hi-s.Lo)/4)}
}

// The namespace of a kept row: its time, and a number that tells rows of one time apart, in the encoding of state.Ordered.
var namespaceFields = []columnar.Field{{Name: "time", Type: columnar.TimestampType}, {Name: "sequence", Type: columnar.Int64Type}}

const (
	namespaceBytes = 16
	signBit        = 1 << 63
)

func putNamespace(dst []byte, at, sequence int64) []byte {
	dst = binary.BigEndian.AppendUint64(dst[:0], uint64(at)^signBit)
	return binary.BigEndian.AppendUint64(dst, uint64(sequence)^signBit)
}

func timeOf(namespace []byte) int64 { return int64(binary.BigEndian.Uint64(namespace) ^ signBit) }

// tables describes the state.
func (s Spec) tables(in []*columnar.Schema) [2]state.Table {
	keys := in[left].Fields[:s.Keys]
	table := func(name string, of *columnar.Schema) state.Table {
		return state.Table{Name: name, Kind: "rows", Keys: keys, Namespace: namespaceFields, Values: of.Fields[s.Keys:]}
	}
	return [2]state.Table{table("left", in[left]), table("right", in[right])}
}

const timersTable = "expiry"

// Open implements stream.Operator.
func (o *Operator) Open(env *stream.Env) (err error) {
	o.env, o.schema = env, o.spec.Schema(env.Inputs[left], env.Inputs[right])
	if o.store, err = env.NewStore(env.Inputs[left].Fields[:o.spec.Keys]); err != nil {
		return err
	}
	for i, t := range o.spec.tables(env.Inputs) {
		s := &o.sides[i]
		s.table, s.coder = t, state.NewCoder(t.Values)
		if s.cells, err = o.store.Open(t); err != nil {
			return err
		}
		for _, f := range t.Values {
			s.stored = append(s.stored, columnar.NewBuilder(f.Type, 0))
		}
	}
	lo, hi := o.spec.Lo, o.spec.Hi
	o.sides[left].fromLo, o.sides[left].toHi, o.sides[left].keep = lo, hi, hi
	o.sides[right].fromLo, o.sides[right].toHi, o.sides[right].keep = -hi, -lo, -lo
	o.timers, err = o.store.OpenTimers(timersTable)
	return err
}

// Process implements stream.Operator.
func (o *Operator) Process(input int, b columnar.Batch, _ stream.Output) error {
	if b.Time == nil && b.Rows() > 0 {
		return errNoTime
	}
	n := b.Rows()
	if err := o.store.Select(b.Columns[:o.spec.Keys], b.Sel, n); err != nil {
		return fmt.Errorf("looking up keys: %w", err)
	}
	o.sides[input].coder.Encode(b.Columns[o.spec.Keys:], b.Sel, n, &o.cells)
	o.batch, o.input, o.next = b, input, 0
	return nil
}

var errNoTime = errors.New("a row to be joined by time has none; give the stream event times first")

// Resume implements stream.Resumer.
func (o *Operator) Resume(out stream.Output) (bool, error) {
	if o.rest.Len > 0 {
		return o.emit(out), nil
	}
	if err := o.join(); err != nil {
		return false, err
	}
	if o.pairs > 0 {
		o.finish()
		if o.emit(out) {
			return true, nil
		}
	}
	if o.next < o.batch.Rows() {
		return true, nil
	}
	o.batch, o.next = columnar.Batch{}, 0
	return o.expire()
}

// join joins rows of the batch until there are pairs enough.
func (o *Operator) join() error {
	late := int64(0)
	n := o.batch.Rows()
	for ; o.next < n && o.pairs < columnar.DefaultRows; o.next++ {
		row := o.batch.Row(o.next)
		at := o.batch.Time[row]
		switch {
		case at == columnar.NoTime:
			return errNoTime
		case at <= o.watermark:
			late++
			continue
		}
		o.store.Use(o.next)
		if err := o.match(int32(row), at); err != nil {
			return err
		}
		if err := o.keep(at); err != nil {
			return err
		}
	}
	if late > 0 {
		o.env.Metrics.Count("late", late)
	}
	return nil
}

// match makes a pair of the row with each partner among the other side's rows.
func (o *Operator) match(row int32, at int64) error {
	mine, other := &o.sides[o.input], &o.sides[1-o.input]
	from, to := later(at, mine.fromLo), later(at, mine.toHi)
	var failed error
	err := other.cells.Scan(func(namespace, cell []byte) bool {
		t := timeOf(namespace)
		if t < from || t > to {
			return t <= to
		}
		failed = other.coder.Decode(cell, other.stored)
		o.own, o.times = append(o.own, row), append(o.times, max(at, t))
		o.pairs++
		return failed == nil
	})
	return errors.Join(err, failed)
}

// keep stores the row as long as partners may come.
func (o *Operator) keep(at int64) error {
	mine := &o.sides[o.input]
	until := later(at, mine.keep)
	if until <= o.watermark {
		return nil
	}
	o.namespace = putNamespace(o.namespace, at, o.sequence)
	o.sequence++
	if err := mine.cells.Put(o.namespace, o.cells.At(o.next)); err != nil {
		return fmt.Errorf("keeping a row: %w", err)
	}
	return o.timers.Set(o.ceil(until), nil)
}

// ceil returns the first multiple of the grain at or after t.
func (o *Operator) ceil(t int64) int64 {
	rest := t % o.grain
	switch {
	case rest == 0:
		return t
	case rest < 0:
		return t - rest
	default:
		return later(t, o.grain-rest)
	}
}

// later returns t + d, and the ends of time where that is beyond them.
func later(t, d int64) int64 {
	switch sum := t + d; {
	case d > 0 && sum < t:
		return math.MaxInt64
	case d < 0 && sum > t:
		return math.MinInt64 + 1
	default:
		return sum
	}
}

// finish makes rows of the pairs.
func (o *Operator) finish() {
	columns := make([]columnar.Column, 0, len(o.schema.Fields))
	for i := range o.sides {
		for c, b := range o.sides[i].stored {
			if i == o.input {
				b.Append(o.batch.Columns[o.spec.Keys+c], o.own)
			}
			columns = append(columns, b.Finish())
		}
	}
	o.rest = columnar.Batch{Schema: o.schema, Columns: columns, Len: o.pairs, Time: o.times}
	o.pairs, o.own, o.times = 0, o.own[:0], nil
}

// emit emits some of the pairs made, and says whether there are more: one row may have very many partners.
func (o *Operator) emit(out stream.Output) bool {
	n := min(o.rest.Len, columnar.DefaultRows)
	out.Emit(o.rest.Slice(0, n))
	if n == o.rest.Len {
		o.rest = columnar.Batch{}
		return o.next < o.batch.Rows()
	}
	o.rest = o.rest.Slice(n, o.rest.Len-n)
	return true
}

// Advance implements stream.Timed. Resume drops what has expired.
func (o *Operator) Advance(w stream.Watermark, _ stream.Output) error {
	o.watermark, o.due = int64(w), true
	return nil
}

// keysAtOnce bounds how many keys' rows are dropped in one call.
const keysAtOnce = 1024

// expire drops rows whose partners have all come, of some keys.
func (o *Operator) expire() (more bool, err error) {
	if !o.due {
		return false, nil
	}
	for range keysAtOnce {
		_, _, ok, err := o.timers.Next(o.watermark)
		if err != nil {
			return false, fmt.Errorf("looking for timers: %w", err)
		}
		if !ok {
			o.due = false
			return false, nil
		}
		for i := range o.sides {
			if err := o.drop(&o.sides[i]); err != nil {
				return false, fmt.Errorf("dropping rows: %w", err)
			}
		}
	}
	return true, nil
}

// drop drops the expired rows of one side of the current key.
func (o *Operator) drop(s *side) error {
	o.expired = o.expired[:0]
	err := s.cells.Scan(func(namespace, _ []byte) bool {
		if later(timeOf(namespace), s.keep) > o.watermark {
			return false
		}
		o.expired = append(o.expired, namespace...)
		return true
	})
	for namespace := range slices.Chunk(o.expired, namespaceBytes) {
		if err == nil {
			err = s.cells.Delete(namespace)
		}
	}
	return err
}

// EndInput implements stream.Operator.
func (*Operator) EndInput(int, stream.Output) error { return nil }

// Tables implements stream.Stateful.
func (o *Operator) Tables(in []*columnar.Schema) ([]state.Table, error) {
	t := o.spec.tables(in)
	return []state.Table{t[left], t[right], state.TimersOf(timersTable, in[left].Fields[:o.spec.Keys])}, nil
}

// Restore implements stream.Stateful.
func (o *Operator) Restore(i int, b columnar.Batch) error {
	if i > right {
		return o.store.Restore(timersTable, b)
	}
	for r := range b.Rows() {
		o.sequence = max(o.sequence, columnar.Values[int64](b.Columns[o.spec.Keys+1])[b.Row(r)]+1)
	}
	return o.store.Restore(o.sides[i].table.Name, b)
}

// Snapshot implements stream.Stateful.
func (o *Operator) Snapshot(stream.CheckpointID) (state.Frozen, error) { return o.store.Freeze() }

// EmitsFresh says that batches are fresh copies.
func (*Operator) EmitsFresh(bool) bool { return true }

// Close implements stream.Operator.
func (o *Operator) Close() error {
	if o.store == nil {
		return nil
	}
	return o.store.Close()
}
