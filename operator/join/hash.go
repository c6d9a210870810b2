package join

import (
	"errors"
	"fmt"
	"io"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/budget"
	"github.com/millrace/millrace/internal/kept"
	"github.com/millrace/millrace/internal/spill"
	"github.com/millrace/millrace/stream"
)

// Hash is the operator of a join with a table. It reads all of the build side first.
//
// It is a machine that joins one thing at a time: first its inputs, then each pair of spilled partitions. Of each it takes the build rows,
// makes a table, and passes the probe rows by it.
type Hash struct {
	spec  Spec
	build int
	env   *stream.Env

	rows  *kept.Rows  // the build rows, while they are in one piece
	parts *partitions // instead, once memory was refused
	with  *shared     // whose the table is; nil: it is the operator's own
	depth int
	pass  pass

	ended   [2]bool // inputs
	pending []pair
	current *pair         // being joined; nil: the inputs
	chunk   *spill.Reader // of current's build run, which is taken in chunks
	ahead   *columnar.Batch
	probes  *spill.Reader // of current's probe run
}

var (
	_ stream.Resumer  = (*Hash)(nil)
	_ stream.Chooser  = (*Hash)(nil)
	_ stream.Finisher = (*Hash)(nil)
)

// Open implements stream.Operator.
func (o *Hash) Open(env *stream.Env) error {
	o.env, o.build = env, o.spec.Build
	o.rows = kept.New(env.Inputs[o.build], env.Memory, linkBytes)
	o.pass = o.newPass()
	return nil
}

func (o *Hash) newPass() pass {
	in := o.env.Inputs
	return pass{spec: o.spec, build: o.build, schema: o.spec.output(in), in: in, equal: o.spec.equalKeys(in), last: true}
}

// Wants implements stream.Chooser: the build side first.
func (o *Hash) Wants() stream.InputSet {
	if !o.ended[o.build] {
		return stream.Input(o.build)
	}
	return stream.Input(1 - o.build)
}

// IsFinished implements stream.Finisher: probe rows do not matter when there is nothing that they could match.
func (o *Hash) IsFinished() bool {
	return o.ended[o.build] && o.parts == nil && o.pass.table != nil && o.pass.table.isEmpty() && !o.spec.givesUnmatched(1-o.build)
}

// Process implements stream.Operator.
func (o *Hash) Process(input int, b columnar.Batch, _ stream.Output) error {
	if input == o.build {
		return o.add(b, o.env.Fresh)
	}
	return o.probe(b)
}

// add takes build rows. Fresh ones are given away.
func (o *Hash) add(b columnar.Batch, fresh bool) error {
	switch {
	case o.parts != nil:
	case fresh && o.rows.TryKeep(b), !fresh && o.rows.TryAdd(b):
		return nil
	}
	if err := o.cut(); err != nil {
		return err
	}
	if err := o.parts.add(b); err != nil {
		return fmt.Errorf("spilling a join: %w", err)
	}
	return nil
}

// cut brings the build rows into partitions.
func (o *Hash) cut() error {
	if o.parts != nil {
		return nil
	}
	o.parts = newPartitions(o.env, o.build, o.depth, o.spec)
	batches := o.rows.Batches()
	o.rows.Free()
	for i, b := range batches {
		batches[i] = columnar.Batch{} // copied below, and free then
		if err := o.parts.add(b); err != nil {
			return fmt.Errorf("spilling a join: %w", err)
		}
	}
	return nil
}

// shareTable takes the table that the tasks of this process have in common, or makes it. Without an error or a table the operator makes its
// own.
func (o *Hash) shareTable() (err error) {
	if o.env.Shared == nil || o.env.Tasks == 1 || o.parts != nil || o.pass.marks() {
		return nil
	}
	s := o.env.Shared(newShared).(*shared)
	t, forAll, err := s.enter(o.env.Context)
	if forAll {
		var all *table
		defer func() { // also of a panic: the others wait
			if o.pass.table = s.made(all); o.pass.table != nil {
				o.with = s
				o.rows.Free()
			}
		}()
		all, err = newTable(o.buildOf(s.memory, false))
		if errors.Is(err, budget.ErrExceeded) {
			return nil
		}
		if err == nil && all.packed == nil {
			all.free()
			all = nil
		}
		return err
	}
	if t != nil {
		o.pass.table, o.with = t, s
		o.rows.Free()
	}
	return err
}

// buildOf says what the table is made of.
func (o *Hash) buildOf(account *budget.Account, force bool) build {
	batches, n := o.rows.Batches(), o.rows.Len()
	if o.parts != nil {
		batches, n = o.parts.kept()
	}
	return build{
		schema: o.env.Inputs[o.build], batches: batches, rows: n, keys: o.spec.keys(o.build), payload: o.pass.payload(),
		account: account, force: force || n == 0, pack: !force && o.parts == nil, marks: o.pass.marks(),
	}
}

// makeTable makes the table of the build rows in memory, and spills partitions until it fits.
func (o *Hash) makeTable(force bool) error {
	for {
		t, err := newTable(o.buildOf(o.env.Memory, force))
		if err == nil {
			if o.pass.table = t; t.packed != nil {
				o.rows.Free()
			}
			return nil
		}
		if !errors.Is(err, budget.ErrExceeded) {
			return fmt.Errorf("making a join's table: %w", err)
		}
		if err := o.cut(); err != nil {
			return err
		}
		if err := o.parts.evict(); err != nil {
			return fmt.Errorf("spilling a join: %w", err)
		}
	}
}

// probe begins to join a batch of the probe side.
func (o *Hash) probe(b columnar.Batch) error {
	if o.parts != nil {
		var err error
		if b, err = o.parts.probe(b); err != nil {
			return fmt.Errorf("spilling a join: %w", err)
		}
	}
	if b.Rows() > 0 {
		o.pass.probe(b)
	}
	return nil
}

// EndInput implements stream.Operator.
func (o *Hash) EndInput(input int, _ stream.Output) error {
	o.ended[input] = true
	if input != o.build {
		return o.endProbe()
	}
	if err := o.shareTable(); err != nil || o.pass.table != nil {
		return err
	}
	return o.makeTable(false)
}

// endProbe is called when all probe rows have passed the table.
func (o *Hash) endProbe() error {
	o.pass.end()
	if o.parts == nil {
		return nil
	}
	spilled, err := o.parts.finish(o.depth + 1)
	o.pending = append(o.pending, spilled...)
	return err
}

// Resume implements stream.Resumer.
func (o *Hash) Resume(out stream.Output) (bool, error) {
	for out.Room() > 0 {
		if o.pass.resume(out) {
			continue
		}
		if !o.ended[0] || !o.ended[1] {
			return false, nil
		}
		if out.Room() == 0 { // the next step may overwrite what was emitted
			return true, nil
		}
		more, err := o.advance()
		if err != nil || !more {
			return false, err
		}
	}
	return true, nil
}

// advance takes the next step on spilled rows: the next probe rows, the next chunk of the build side, or the next pair. False: all is done.
func (o *Hash) advance() (bool, error) {
	if o.probes != nil {
		b, err := o.probes.Next()
		if err == nil {
			return true, o.probe(b)
		}
		if !errors.Is(err, io.EOF) {
			return false, fmt.Errorf("reading a spilled join: %w", err)
		}
		if err := o.closeProbes(); err != nil {
			return false, err
		}
		return true, o.endProbe()
	}
	if o.chunk != nil && o.ahead != nil {
		return true, o.nextChunk()
	}
	if err := o.finishCurrent(); err != nil || len(o.pending) == 0 {
		return false, err
	}
	last := len(o.pending) - 1
	p := o.pending[last]
	o.pending = o.pending[:last]
	if !o.isNeeded(p) {
		return true, p.remove(o.env)
	}
	return true, o.begin(p)
}

// isNeeded says whether a pair can give rows.
func (o *Hash) isNeeded(p pair) bool {
	build, probe := p.build.Rows() > 0, p.probe != nil && p.probe.Rows() > 0
	return build && probe || build && o.spec.givesUnmatched(o.build) || probe && o.spec.givesUnmatched(1-o.build)
}

// begin takes the build side of a pair, as if it were the input.
func (o *Hash) begin(p pair) (err error) {
	o.current, o.depth, o.pass = &p, p.depth, o.newPass()
	reader, err := p.build.Open(o.env.Context)
	if err != nil {
		return fmt.Errorf("opening a spilled join: %w", err)
	}
	o.chunk = reader
	if p.chunks {
		if probe := 1 - o.build; p.probe != nil && (o.spec.givesUnmatched(probe) || o.spec.givesMatched(probe)) {
			o.pass.seen = make([]bool, p.probe.Rows())
		}
		if err := o.readAhead(); err != nil {
			return err
		}
		return o.nextChunk()
	}
	for {
		if err := o.readAhead(); err != nil {
			return err
		}
		if o.ahead == nil {
			break
		}
		if err := o.add(*o.ahead, true); err != nil {
			return err
		}
	}
	if err := o.makeTable(false); err != nil {
		return err
	}
	return o.openProbes()
}

// readAhead reads the next batch of the build side, nil at the end.
func (o *Hash) readAhead() error {
	b, err := o.chunk.Next()
	if errors.Is(err, io.EOF) {
		o.ahead = nil
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading a spilled join: %w", err)
	}
	o.ahead = &b
	return nil
}

// nextChunk makes a table of as much of the build side as fits, at least a batch, and lets all probe rows pass it.
func (o *Hash) nextChunk() error {
	o.freeTable()
	seen := o.pass.seen
	o.pass = o.newPass()
	o.pass.seen = seen
	for o.ahead != nil {
		if o.rows.Len() == 0 {
			o.rows.Keep(*o.ahead)
		} else if !o.rows.TryKeep(*o.ahead) {
			break
		}
		if err := o.readAhead(); err != nil {
			return err
		}
	}
	o.pass.last = o.ahead == nil
	if err := o.makeTable(true); err != nil {
		return err
	}
	return o.openProbes()
}

// openProbes begins to read the pair's probe side.
func (o *Hash) openProbes() error {
	if o.current.probe == nil {
		return o.endProbe()
	}
	reader, err := o.current.probe.Open(o.env.Context)
	if err != nil {
		return fmt.Errorf("opening a spilled join: %w", err)
	}
	o.probes = reader
	return nil
}

// freeTable forgets the build rows in memory.
func (o *Hash) freeTable() {
	switch {
	case o.with != nil:
		o.with.leave()
	case o.pass.table != nil:
		o.pass.table.free()
	}
	o.with, o.pass.table = nil, nil
	o.rows.Free()
}

// finishCurrent forgets what has been joined.
func (o *Hash) finishCurrent() error {
	o.freeTable()
	var errs []error
	if o.parts != nil {
		errs = append(errs, o.parts.free())
		o.parts = nil
	}
	if o.chunk != nil {
		errs = append(errs, o.chunk.Close())
		o.chunk, o.ahead = nil, nil
	}
	if o.current != nil {
		errs = append(errs, o.current.remove(o.env))
		o.current = nil
	}
	return errors.Join(errs...)
}

func (o *Hash) closeProbes() error {
	r := o.probes
	o.probes = nil
	if err := r.Close(); err != nil {
		return fmt.Errorf("closing a spilled join: %w", err)
	}
	return nil
}

// EmitsFresh says that batches may be kept when those of the probe side may: its columns may be passed on.
func (*Hash) EmitsFresh(input bool) bool { return input }

// Close implements stream.Operator. Spilled runs that are left go with the job's.
func (o *Hash) Close() error {
	if o.rows == nil {
		return nil
	}
	o.freeTable()
	var errs []error
	if o.parts != nil {
		errs = append(errs, o.parts.free())
	}
	if o.chunk != nil {
		errs = append(errs, o.chunk.Close())
	}
	if o.probes != nil {
		errs = append(errs, o.probes.Close())
	}
	return errors.Join(errs...)
}
