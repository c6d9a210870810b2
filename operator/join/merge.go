package join

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/stream"
)

// Merge is the operator of a join of two inputs that are sorted by their keys, ascending and nulls last. It holds a batch of each, and the
// right rows of one key; those are kept, and spilled when memory is refused, only where they go beyond one batch. The output is sorted as
// the inputs are, but for rows with null keys, and for right rows of a key that were spilled.
type Merge struct {
	spec   Spec
	env    *stream.Env
	schema *columnar.Schema
	sides  [2]side
	run    run
	cross  cross
	found  pairs
	rows   [2]source // of the live batches of each side; nil: to be made
	flush  bool      // what was found must be emitted before anything else
	need   stream.InputSet
}

var (
	_ stream.Resumer  = (*Merge)(nil)
	_ stream.Chooser  = (*Merge)(nil)
	_ stream.Finisher = (*Merge)(nil)
)

// side is an input: its current batch and the row in it.
type side struct {
	schema  *columnar.Schema
	columns []int // keys
	encoder *keys.SortEncoder
	batch   columnar.Batch
	key     []columnar.Column
	sortKey columnar.Column
	row     int
	held    int64
	ended   bool
}

func (s *side) hasRow() bool { return s.row < s.batch.Len }

// isNull says whether the row's key matches nothing.
func (s *side) isNull() bool { return anyNull(s.key, s.row) }

func (s *side) at(row int) []byte { return s.sortKey.Bytes(row) }

// equalUntil returns the first row from the current one on whose key is another.
func (s *side) equalUntil(key []byte) int {
	row := s.row
	for row < s.batch.Len && bytes.Equal(s.at(row), key) {
		row++
	}
	return row
}

// The live batches of the right side are the current one, one of the run's spilled ones, and those of the run in memory.
const (
	currentSlot = iota
	spilledSlot
	runSlot
)

// Open implements stream.Operator.
func (o *Merge) Open(env *stream.Env) error {
	o.env, o.schema, o.need = env, o.spec.output(env.Inputs), stream.AllInputs
	nullable := make([]bool, len(o.spec.LeftKeys))
	for input := range o.sides {
		for i, c := range o.spec.keys(input) {
			nullable[i] = nullable[i] || env.Inputs[input].Fields[c].Nullable
		}
	}
	for input := range o.sides {
		s := &o.sides[input]
		s.schema, s.columns = env.Inputs[input], o.spec.keys(input)
		fields := s.schema.Select(s.columns).Fields
		for i := range fields { // both sides' keys must be written alike
			fields[i].Nullable = nullable[i]
		}
		s.encoder = keys.NewSortEncoder(fields, make([]keys.Order, len(fields)))
	}
	o.run.init(env)
	return nil
}

// Wants implements stream.Chooser: the side whose batch is used up.
func (o *Merge) Wants() stream.InputSet { return o.need }

// IsFinished implements stream.Finisher.
func (o *Merge) IsFinished() bool {
	l, r := &o.sides[0], &o.sides[1]
	return l.ended && !l.hasRow() && !o.spec.givesUnmatched(1) ||
		r.ended && !r.hasRow() && !o.run.active && !o.spec.givesUnmatched(0)
}

// Process implements stream.Operator.
func (o *Merge) Process(input int, b columnar.Batch, _ stream.Output) error {
	s := &o.sides[input]
	o.env.Memory.Release(s.held)
	if s.batch, s.row = b, 0; !o.env.Fresh || b.Sel != nil {
		s.batch = b.Clone()
	}
	s.key = pick(s.batch.Columns, s.columns)
	s.sortKey = s.encoder.Encode(s.key, nil, s.batch.Len)
	s.held = int64(s.batch.Size() + s.sortKey.Size())
	o.env.Memory.Force(s.held)
	o.rows[input] = nil
	return nil
}

// EndInput implements stream.Operator.
func (o *Merge) EndInput(input int, _ stream.Output) error {
	o.sides[input].ended = true
	return nil
}

// Resume implements stream.Resumer.
func (o *Merge) Resume(out stream.Output) (bool, error) {
	for out.Room() > 0 {
		if o.flush || o.found.len() >= batchRows {
			o.emit(out)
			continue
		}
		o.need = 0
		if err := o.step(); err != nil {
			return false, err
		}
		if o.need == 0 {
			continue
		}
		if o.found.len() == 0 {
			return false, nil
		}
		o.flush = true // the batches that the pairs found are in go
	}
	return true, nil
}

// emit emits one batch of pairs.
func (o *Merge) emit(out stream.Output) {
	if o.found.len() > 0 {
		if o.rows[0] == nil {
			o.rows[0] = columnar.NewInterleaver(o.sides[0].schema, []columnar.Batch{o.live(0)})
		}
		if o.rows[1] == nil {
			live := []columnar.Batch{currentSlot: o.live(1), spilledSlot: o.empty(o.cross.spilled)}
			o.rows[1] = columnar.NewInterleaver(o.sides[1].schema, append(live, o.run.batches()...))
		}
		out.Emit(o.found.take(o.spec, o.schema, o.rows))
	}
	o.flush = o.flush && o.found.len() > 0
}

// live returns the current batch of a side.
func (o *Merge) live(input int) columnar.Batch {
	if b := o.sides[input].batch; b.Schema != nil {
		return b
	}
	return columnar.NewBatchBuilder(o.sides[input].schema, 0).Finish()
}

// empty returns b, or a batch without rows when there is none.
func (o *Merge) empty(b columnar.Batch) columnar.Batch {
	if b.Schema != nil {
		return b
	}
	return columnar.NewBatchBuilder(o.sides[1].schema, 0).Finish()
}

// step goes on by one row, one run of equal keys, or one batch of a cross product. It sets o.need when it can only go on with input.
func (o *Merge) step() error {
	l, r := &o.sides[0], &o.sides[1]
	switch {
	case o.cross.active:
		return o.multiply()
	case o.run.open:
		return o.extendRun()
	case !l.hasRow():
		o.withoutLeft()
		return nil
	case l.isNull():
		o.leftAlone()
		return nil
	case o.run.active && bytes.Equal(l.at(l.row), o.run.key):
		o.match()
		return nil
	case o.run.active:
		return o.endRun()
	case !r.hasRow() && r.ended:
		o.leftAlone()
		return nil
	case !r.hasRow():
		o.need = stream.Input(1)
		return nil
	case r.isNull():
		o.rightAlone()
		return nil
	}
	switch c := bytes.Compare(l.at(l.row), r.at(r.row)); {
	case c < 0:
		o.leftAlone()
	case c > 0:
		o.rightAlone()
	default:
		return o.beginRun(l.at(l.row))
	}
	return nil
}

// withoutLeft is the step when the left side has no row now.
func (o *Merge) withoutLeft() {
	l, r := &o.sides[0], &o.sides[1]
	switch {
	case !l.ended:
		o.need = stream.Input(0)
	case r.hasRow():
		o.rightAlone()
	case !r.ended:
		o.need = stream.Input(1)
	default:
		o.need = stream.AllInputs
	}
}

// leftAlone passes by a left row that matches nothing.
func (o *Merge) leftAlone() {
	l := &o.sides[0]
	if o.spec.givesUnmatched(0) {
		o.found.add(0, columnar.Place{Row: uint32(l.row)}, nowhere)
	}
	l.row++
}

// rightAlone passes by a right row that matches nothing.
func (o *Merge) rightAlone() {
	r := &o.sides[1]
	if o.spec.givesUnmatched(1) {
		o.found.add(0, nowhere, columnar.Place{Batch: currentSlot, Row: uint32(r.row)})
	}
	r.row++
}

// beginRun takes the right rows whose key is that of the left row.
func (o *Merge) beginRun(key []byte) error {
	r := &o.sides[1]
	o.run.begin(key)
	end := r.equalUntil(key)
	if end < r.batch.Len || r.ended {
		for row := r.row; row < end && o.spec.givesPairs(); row++ {
			o.run.places = append(o.run.places, columnar.Place{Batch: currentSlot, Row: uint32(row)})
		}
		r.row = end
		return nil
	}
	o.run.open = true
	return o.keepRun(end)
}

// keepRun adds the right rows up to end to the run, as copies.
func (o *Merge) keepRun(end int) error {
	r := &o.sides[1]
	from := r.row
	r.row = end
	if !o.spec.givesPairs() || from == end {
		return nil
	}
	return o.run.keep(r.batch.Slice(from, end-from))
}

// extendRun goes on with a run that reached the end of a batch.
func (o *Merge) extendRun() error {
	r := &o.sides[1]
	switch {
	case r.hasRow():
		end := r.equalUntil(o.run.key)
		if err := o.keepRun(end); err != nil {
			return err
		}
		if end == r.batch.Len {
			return nil
		}
	case !r.ended:
		o.need = stream.Input(1)
		return nil
	}
	o.rows[1] = nil
	return o.run.finish()
}

// endRun forgets a run, after what was found in it has been emitted.
func (o *Merge) endRun() error {
	if o.run.isKept() && o.found.len() > 0 {
		o.flush = true
		return nil
	}
	if o.run.isKept() {
		o.rows[1] = nil
	}
	return o.run.end()
}

// match pairs the left rows whose key is the run's with it.
func (o *Merge) match() {
	l := &o.sides[0]
	end := l.equalUntil(o.run.key)
	switch {
	case o.spec.givesPairs():
		o.cross = cross{active: true, from: l.row, to: end, left: l.row, places: o.run.places}
	case o.spec.Type == Semi:
		for row := l.row; row < end; row++ {
			o.found.add(0, columnar.Place{Row: uint32(row)}, nowhere)
		}
		l.row = end
	default:
		l.row = end
	}
}

// cross is left rows paired with right rows of the same key, all with all.
type cross struct {
	active   bool
	from, to int // left rows
	left     int // the one to go on with
	places   []columnar.Place
	right    int         // the place to go on with
	reader   batchReader // of the spilled rest of the run; nil: not begun
	spilled  columnar.Batch
}

type batchReader interface {
	Next() (columnar.Batch, error)
	Close() error
}

// multiply adds pairs until there are enough for a batch or all have been added.
func (o *Merge) multiply() error {
	c := &o.cross
	for ; c.left < c.to; c.left++ {
		left := columnar.Place{Row: uint32(c.left)}
		for ; c.right < len(c.places); c.right++ {
			if o.found.len() >= batchRows {
				return nil
			}
			o.found.add(0, left, c.places[c.right])
		}
		c.right = 0
	}
	if o.run.spilled == nil {
		return o.endCross()
	}
	if o.found.len() > 0 {
		o.flush = true
		return nil
	}
	return o.nextSpilled()
}

// nextSpilled goes on with the next batch of the run that was spilled.
func (o *Merge) nextSpilled() error {
	c := &o.cross
	if c.reader == nil {
		r, err := o.run.spilled.Open(o.env.Context)
		if err != nil {
			return fmt.Errorf("opening spilled rows of one key: %w", err)
		}
		c.reader = r
	}
	b, err := c.reader.Next()
	if errors.Is(err, io.EOF) {
		return o.endCross()
	}
	if err != nil {
		return fmt.Errorf("reading spilled rows of one key: %w", err)
	}
	o.rows[1] = nil
	c.spilled, c.left, c.places = b, c.from, make([]columnar.Place, b.Len)
	for i := range c.places {
		c.places[i] = columnar.Place{Batch: spilledSlot, Row: uint32(i)}
	}
	return nil
}

// endCross goes on behind the left rows.
func (o *Merge) endCross() error {
	o.sides[0].row = o.cross.to
	reader := o.cross.reader
	o.cross = cross{}
	if reader == nil {
		return nil
	}
	if err := reader.Close(); err != nil {
		return fmt.Errorf("closing spilled rows of one key: %w", err)
	}
	return nil
}

// EmitsFresh says that batches may be kept.
func (*Merge) EmitsFresh(bool) bool { return true }

// Close implements stream.Operator.
func (o *Merge) Close() error {
	if o.env == nil {
		return nil
	}
	for i := range o.sides {
		o.env.Memory.Release(o.sides[i].held)
		o.sides[i].held = 0
	}
	return errors.Join(o.endCross(), o.run.end())
}
