package join

import (
	"errors"
	"fmt"
	"slices"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/internal/kept"
	"github.com/millrace/millrace/internal/spill"
	"github.com/millrace/millrace/stream"
)

const (
	// fan is into how many partitions rows are cut; fanBits the bits of the hash that tell.
	fanBits = 4
	fan     = 1 << fanBits
	// firstBit is the lowest bit of the hash that tells partitions: the low ones told tasks, the high ones tell slots of tables.
	firstBit = 20
	// deepest is how often rows are partitioned before chunks are taken instead.
	deepest = 6
)

// splitter cuts batches into partitions.
type splitter struct {
	depth  int
	hashes []uint64
	parts  [fan][]int32
}

// split calls f with the rows of b in each partition, as a batch with a selection that is valid until f returns.
func (s *splitter) split(b columnar.Batch, key []int, f func(partition int, b columnar.Batch) error) error {
	n := b.Rows()
	if cap(s.hashes) < n {
		s.hashes = make([]uint64, n)
	}
	hashes := s.hashes[:n]
	keys.Hash(pick(b.Columns, key), b.Sel, n, hashes)
	for p := range s.parts {
		s.parts[p] = s.parts[p][:0]
	}
	for i, h := range hashes {
		p := h >> (firstBit + s.depth*fanBits) % fan
		s.parts[p] = append(s.parts[p], int32(b.Row(i)))
	}
	for p, rows := range s.parts {
		if len(rows) == 0 {
			continue
		}
		b.Sel = rows
		if err := f(p, b); err != nil {
			return err
		}
	}
	return nil
}

// partitions is the build side in partitions, some in memory and some spilled, and the probe rows of the spilled ones.
type partitions struct {
	env      *stream.Env
	schemas  [2]*columnar.Schema // of the build side, of the probe side
	keys     [2][]int
	split    splitter
	rows     [fan]*kept.Rows // nil: spilled
	writers  [2]*spill.Partitioned
	selected []int32 // scratch
}

func newPartitions(env *stream.Env, build, depth int, spec Spec) *partitions {
	p := &partitions{env: env, split: splitter{depth: depth}}
	for i, input := range []int{build, 1 - build} {
		p.schemas[i], p.keys[i] = env.Inputs[input], spec.keys(input)
	}
	for i := range p.rows {
		p.rows[i] = kept.New(p.schemas[0], env.Memory, linkBytes)
	}
	return p
}

// add takes rows of the build side, and spills partitions as memory is refused.
func (p *partitions) add(b columnar.Batch) error {
	return p.split.split(b, p.keys[0], func(i int, b columnar.Batch) error {
		for p.rows[i] != nil {
			if p.rows[i].TryAdd(b) {
				return nil
			}
			if err := p.evict(); err != nil {
				return err
			}
		}
		return p.writers[0].Append(i, b)
	})
}

// evict spills the largest partition in memory.
func (p *partitions) evict() error {
	largest := -1
	for i, r := range p.rows {
		if r != nil && (largest < 0 || r.Held() > p.rows[largest].Held()) {
			largest = i
		}
	}
	if largest < 0 {
		return errors.New("all partitions are spilled already")
	}
	if p.writers[0] == nil {
		var err error
		if p.writers[0], err = p.env.Spill.NewPartitioned(p.env.Context, "join-build", p.schemas[0], fan); err != nil {
			return err
		}
	}
	r := p.rows[largest]
	p.rows[largest] = nil
	defer r.Free()
	for _, b := range r.Batches() {
		if err := p.writers[0].Append(largest, b); err != nil {
			return err
		}
	}
	return nil
}

// kept returns the rows in memory.
func (p *partitions) kept() (batches []columnar.Batch, n int) {
	for _, r := range p.rows {
		if r != nil {
			batches = append(batches, r.Batches()...)
			n += r.Len()
		}
	}
	return batches, n
}

// probe spills the probe rows of spilled partitions and returns the others: b with a selection that is valid until the next call.
func (p *partitions) probe(b columnar.Batch) (columnar.Batch, error) {
	if p.writers[0] == nil {
		return b, nil
	}
	if p.writers[1] == nil {
		var err error
		if p.writers[1], err = p.env.Spill.NewPartitioned(p.env.Context, "join-probe", p.schemas[1], fan); err != nil {
			return b, err
		}
	}
	if p.selected == nil {
		p.selected = make([]int32, 0, columnar.DefaultRows) // not nil: that would select all
	}
	p.selected = p.selected[:0]
	err := p.split.split(b, p.keys[1], func(i int, b columnar.Batch) error {
		if p.rows[i] == nil {
			return p.writers[1].Append(i, b)
		}
		p.selected = append(p.selected, b.Sel...)
		return nil
	})
	slices.Sort(p.selected)
	b.Sel = p.selected
	return b, err
}

// finish ends the writing and returns the pairs of runs to be joined. The rows in memory stay.
func (p *partitions) finish(depth int) ([]pair, error) {
	if p.writers[0] == nil {
		return nil, nil
	}
	var runs [2][]*spill.Run
	for side, w := range p.writers {
		if w == nil { // no probe row ever came
			runs[side] = make([]*spill.Run, fan)
			continue
		}
		p.writers[side] = nil
		r, err := w.Finish()
		if err != nil {
			return nil, fmt.Errorf("spilling a join: %w", errors.Join(err, w.Abort()))
		}
		runs[side] = r
	}
	var out []pair
	total := int64(0)
	for i := range fan {
		out = append(out, pair{runs[0][i], runs[1][i], depth, false})
		total += runs[0][i].Rows()
		if p.rows[i] != nil {
			total += int64(p.rows[i].Len())
		}
		for side := range runs {
			if runs[side][i] != nil {
				p.env.Metrics.Spilled.Add(runs[side][i].Bytes())
			}
		}
	}
	for i := range out {
		out[i].chunks = depth >= deepest || out[i].build.Rows() > total-total/8
	}
	return out, nil
}

// free gives the memory back and removes what is being written.
func (p *partitions) free() error {
	var errs []error
	for _, r := range p.rows {
		if r != nil {
			r.Free()
		}
	}
	for side, w := range p.writers {
		if w != nil {
			p.writers[side] = nil
			errs = append(errs, w.Abort())
		}
	}
	return errors.Join(errs...)
}

// pair is a partition of the two sides on disk.
type pair struct {
	build, probe *spill.Run // probe may be nil: no rows
	depth        int        // how often its rows have been partitioned
	chunks       bool       // partitioning does not help: take the build side in chunks
}

// remove gives both runs up.
func (p pair) remove(env *stream.Env) error {
	var errs []error
	for _, r := range []*spill.Run{p.build, p.probe} {
		if r != nil {
			errs = append(errs, r.Remove(env.Context))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("removing a spilled join: %w", err)
	}
	return nil
}
