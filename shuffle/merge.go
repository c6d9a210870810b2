package shuffle

import (
	"context"
	"errors"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
)

// mergedBytes bounds a merged batch softly.
const mergedBytes = 1 << 20

// OpenMerge returns a gate over the rows of all outputs whose keys are at least lower and below upper, in order; a nil bound is open. Rows
// with equal keys come in the order of the outputs, and of the runs within. ctx bounds the gate's life.
func OpenMerge(ctx context.Context, outputs []*SortedOutput, lower, upper []byte) (Gate, error) {
	g := &mergeGate{}
	for _, o := range outputs {
		for _, r := range o.runs {
			c, err := r.open(ctx, o.config, lower, upper)
			if err != nil {
				return nil, errors.Join(err, g.Close())
			}
			if c != nil {
				c.loaded = g.enlist
				g.cursors = append(g.cursors, c)
			}
		}
	}
	return g, nil
}

// mergeGate merges runs by a tree of losers and gathers rows of the result a batch at a time.
type mergeGate struct {
	cursors []*cursor
	merge   *keys.Merge[*cursor]
	batches []columnar.Batch // that places name
	places  []columnar.Place
	ended   bool
}

// enlist gives a cursor's new batch a number that places can name.
func (g *mergeGate) enlist(c *cursor) {
	c.number = uint32(len(g.batches))
	g.batches = append(g.batches, c.batch)
}

// Poll implements Gate. It reads scratch files where there are any.
func (g *mergeGate) Poll() (columnar.Batch, bool, error) {
	if g.ended {
		return columnar.Batch{}, false, nil
	}
	if len(g.cursors) == 1 {
		return g.pass(g.cursors[0])
	}
	if g.merge == nil {
		m, err := keys.NewMerge(g.cursors)
		if err != nil {
			return columnar.Batch{}, false, err
		}
		g.merge = m
	}
	if err := g.choose(); err != nil {
		return columnar.Batch{}, false, err
	}
	if len(g.places) == 0 {
		g.ended = true
		return columnar.Batch{}, false, nil
	}
	b := columnar.NewInterleaver(g.batches[0].Schema, g.batches).Take(g.places)
	g.restart()
	return b, true, nil
}

// pass returns the next rows of the only run: nothing is to be merged, and nothing copied.
func (g *mergeGate) pass(c *cursor) (columnar.Batch, bool, error) {
	more, err := c.settle()
	if !more || err != nil {
		g.ended = true
		return columnar.Batch{}, false, err
	}
	b := c.batch.Slice(c.row, c.end-c.row)
	c.row = c.end
	g.restart()
	return b, true, nil
}

// choose picks the next rows in order until they make a batch.
func (g *mergeGate) choose() error {
	bytes := 0
	for len(g.places) < columnar.DefaultRows && bytes < mergedBytes && g.merge.More() {
		c := g.cursors[g.merge.Run()]
		g.places = append(g.places, columnar.Place{Batch: c.number, Row: uint32(c.row)})
		bytes += c.rowBytes
		if err := g.merge.Next(); err != nil {
			return err
		}
	}
	return nil
}

// restart forgets the places taken, and the batches that no cursor stands in any more.
func (g *mergeGate) restart() {
	g.places = g.places[:0]
	clear(g.batches)
	g.batches = g.batches[:0]
	for _, c := range g.cursors {
		if c.row < c.end {
			g.enlist(c)
		}
	}
}

// HasEnded implements Gate.
func (g *mergeGate) HasEnded() bool { return g.ended }

// Close implements Gate.
func (g *mergeGate) Close() error {
	var errs []error
	for _, c := range g.cursors {
		errs = append(errs, c.close())
	}
	g.cursors, g.ended = nil, true
	return errors.Join(errs...)
}
