package join

import (
	"slices"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/stream"
)

// pass joins the probe rows that it is given with one table: of the whole build side, of one partition, or of a chunk of one.
type pass struct {
	spec   Spec
	build  int // input
	schema *columnar.Schema
	in     []*columnar.Schema
	equal  []int // by column of the build side: a column of the probe side that stands for it; -1: it is taken from the table
	table  *table

	// Which probe rows have matched something in an earlier chunk. seen is nil when there is only one chunk, or it does not matter.
	seen   []bool // by number of the row
	number int    // of the first row of the batch
	last   bool   // this is the last chunk

	busy   bool // a batch is being joined
	batch  columnar.Batch
	sides  [2]source
	groups []int32 // by row of the batch that counts: its key, -1 when the table does not have it
	next   int     // the row to go on with
	chain  int32   // its next match; -1: begin with the row
	inRow  bool    // chain belongs to row next
	found  pairs
	places []columnar.Place // scratch

	rest  int  // the key to go on with among those whose rows are given at the end
	ended bool // the rows at the end are being given
}

// probe begins to join a batch, which is borrowed until resume has said that nothing more is owed.
func (p *pass) probe(b columnar.Batch) {
	n := b.Rows()
	if cap(p.groups) < n {
		p.groups = make([]int32, max(n, columnar.DefaultRows))
	}
	p.groups = p.groups[:n]
	p.table.keys.Lookup(pick(b.Columns, p.spec.keys(1-p.build)), b.Sel, n, p.groups)
	p.busy, p.batch, p.next, p.inRow = true, b, 0, false
	p.sides[p.build] = p.table.rows
	p.sides[1-p.build] = nil
	if p.marks() {
		for _, g := range p.groups {
			if g >= 0 {
				p.table.matched[g] = true
			}
		}
	}
}

// marks says whether it counts which keys of the table were found.
func (p *pass) marks() bool { return p.spec.givesUnmatched(p.build) || p.spec.givesMatched(p.build) }

// resume emits at most one batch of what is owed for the last batch probed, or at the end. False: nothing more is owed.
func (p *pass) resume(out stream.Output) bool {
	switch {
	case p.ended:
		return p.giveRest(out)
	case !p.busy:
		return false
	case !p.spec.givesPairs() && p.build == 1:
		p.giveRows(out)
	case !p.spec.givesPairs():
		// The left side is the table: which rows come out is known at the end.
	case p.canShare() && p.giveShared(out):
	default:
		return p.givePairs(out)
	}
	p.done()
	return false
}

// done ends a batch: its buffers are not used any more, but for what was emitted.
func (p *pass) done() {
	if p.seen != nil {
		for i, g := range p.groups {
			if g >= 0 {
				p.seen[p.number+i] = true
			}
		}
		p.number += len(p.groups)
	}
	p.busy, p.batch, p.sides[1-p.build] = false, columnar.Batch{}, nil
}

// isNew says whether row i of the batch has matched nothing in earlier chunks.
func (p *pass) isNew(i int) bool { return p.seen == nil || !p.seen[p.number+i] }

// giveRows emits the rows of the batch that a semi or anti join gives: the batch itself, with a selection.
func (p *pass) giveRows(out stream.Output) {
	rows := make([]int32, 0, len(p.groups))
	for i, g := range p.groups {
		if g >= 0 == (p.spec.Type == Semi) && p.isNew(i) && (p.last || p.spec.Type == Semi) {
			rows = append(rows, int32(p.batch.Row(i)))
		}
	}
	if len(rows) > 0 {
		b := p.batch
		b.Sel = rows
		out.Emit(b)
	}
}

// canShare says whether the probe rows need not be copied: each comes out at most once, and enough of them do.
func (p *pass) canShare() bool {
	if !p.table.isUnique() || p.seen != nil || p.next > 0 || p.inRow || p.found.len() > 0 {
		return false
	}
	if p.spec.givesUnmatched(1 - p.build) {
		return len(p.groups)*shareOf >= p.batch.Len
	}
	found := 0
	for _, g := range p.groups {
		if g >= 0 {
			found++
		}
	}
	return found*shareOf >= p.batch.Len
}

// shareOf is one over the least share of a batch's rows for which it is emitted with a selection rather than copied.
const shareOf = 2

// sharedBytes bounds what is copied beside columns that are not.
const sharedBytes = 4 * batchBytes

// giveShared emits the batch's own columns beside those of the rows they match. False: that would be too large.
func (p *pass) giveShared(out stream.Output) bool {
	b := p.batch
	keepAll := p.spec.givesUnmatched(1 - p.build)
	places := p.shared(b.Len, keepAll)
	rows := make([]int32, 0, len(p.groups))
	for i, g := range p.groups {
		row := b.Row(i)
		if g >= 0 {
			places[row], _ = p.table.row(g) // Invariant: keys with one row each are numbered as the rows are
		}
		if g >= 0 || keepAll {
			rows = append(rows, int32(row))
		}
	}
	if p.table.rows.Fit(places, sharedBytes) < len(places) {
		return false
	}
	if len(rows) == b.Len {
		rows = nil
	}
	columns := p.assemble(b.Columns, p.table.rows.Take(places).Columns)
	out.Emit(columnar.Batch{Schema: p.schema, Columns: columns, Len: b.Len, Sel: rows})
	return true
}

// payload returns the columns of the build side that are taken from the table.
func (p *pass) payload() []int {
	var out []int
	for c, probe := range p.equal {
		if probe < 0 {
			out = append(out, c)
		}
	}
	return out
}

// assemble returns the columns of the output: those of the probe side, and of the build side those that the table gave and those that probe
// has too.
func (p *pass) assemble(probe, payload []columnar.Column) []columnar.Column {
	built := make([]columnar.Column, 0, len(p.equal))
	for _, from := range p.equal {
		if from >= 0 {
			built = append(built, probe[from])
			continue
		}
		built, payload = append(built, payload[0]), payload[1:]
	}
	if p.build == 0 {
		return append(built, probe...)
	}
	return slices.Concat(probe, built)
}

// takePairs copies the first pairs into a batch.
func (p *pass) takePairs() columnar.Batch {
	b := p.found.take(p.spec, p.schema, p.sides)
	if !p.spec.givesPairs() {
		return b
	}
	if probes := len(p.in[1-p.build].Fields); p.build == 0 {
		at := len(b.Columns) - probes
		b.Columns = p.assemble(b.Columns[at:], b.Columns[:at])
	} else {
		b.Columns = p.assemble(b.Columns[:probes], b.Columns[probes:])
	}
	return b
}

// shared returns n places: of no row, or of any where rows that do not count may hold anything.
func (p *pass) shared(n int, missing bool) []columnar.Place {
	if cap(p.places) < n {
		p.places = make([]columnar.Place, max(n, columnar.DefaultRows))
	}
	places := p.places[:n]
	clear(places)
	if missing {
		for i := range places {
			places[i] = nowhere
		}
	}
	return places
}

// givePairs emits one batch of pairs.
func (p *pass) givePairs(out stream.Output) bool {
	if p.sides[1-p.build] == nil {
		p.sides[1-p.build] = columnar.NewInterleaver(p.in[1-p.build], []columnar.Batch{p.batch})
	}
	p.findPairs()
	if p.found.len() > 0 {
		out.Emit(p.takePairs())
	}
	if p.next == len(p.groups) && p.found.len() == 0 {
		p.done()
		return false
	}
	return true
}

// findPairs collects pairs until there are enough for a batch or the batch probed is through.
func (p *pass) findPairs() {
	keep := p.spec.givesUnmatched(1-p.build) && p.last
	for ; p.next < len(p.groups); p.next++ {
		probe := columnar.Place{Row: uint32(p.batch.Row(p.next))}
		if g := p.groups[p.next]; !p.inRow && g >= 0 {
			p.chain = p.table.last(g)
		} else if !p.inRow {
			p.chain = -1
			if keep && p.isNew(p.next) {
				p.found.add(p.build, nowhere, probe)
			}
		}
		p.inRow = true
		for p.chain >= 0 {
			if p.found.len() >= batchRows {
				return
			}
			place, next := p.table.row(p.chain)
			p.found.add(p.build, place, probe)
			p.chain = next
		}
		p.inRow = false
	}
}

// end is called after the last batch: rows of the table may come out.
func (p *pass) end() { p.ended = p.marks() }

// giveRest emits one batch of the table's rows that come out at the end: those of the keys that were found, or were not, and with nulls.
func (p *pass) giveRest(out stream.Output) bool {
	if p.sides[1-p.build] == nil {
		p.sides[p.build] = p.table.rows
		p.sides[1-p.build] = columnar.NewInterleaver(p.in[1-p.build], nil)
	}
	for p.found.len() < batchRows && p.rest <= p.table.keys.Len() {
		if !p.inRow {
			p.chain = p.restOf(p.rest)
			p.inRow = true
		}
		for p.chain >= 0 && p.found.len() < batchRows {
			place, next := p.table.row(p.chain)
			p.found.add(p.build, place, nowhere)
			p.chain = next
		}
		if p.chain < 0 {
			p.rest++
			p.inRow = false
		}
	}
	if p.found.len() == 0 {
		p.ended = false
		return false
	}
	out.Emit(p.takePairs())
	return true
}

// restOf returns the last row of key k when its rows come out at the end, else -1. The key after the last one stands for nulls.
func (p *pass) restOf(k int) int32 {
	switch n := p.table.keys.Len(); {
	case k == n && p.spec.givesUnmatched(p.build):
		return p.table.nulls
	case k == n || p.table.matched[k] == p.spec.givesUnmatched(p.build):
		return -1
	default:
		return p.table.last(int32(k))
	}
}
