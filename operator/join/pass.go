package join

import (
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/stream"
)

// pass joins the probe rows that it is given with one table: of the whole build side, of one partition, or of a chunk of one.
type pass struct {
	spec   Spec
	build  int // input
	schema *columnar.Schema
	in     []*columnar.Schema
	table  *table

	// Which probe rows have matched something in an earlier chunk. seen is nil when there is only one chunk, or it does not matter.
	seen   []bool // by number of the row
	number int    // of the first row of the batch
	last   bool   // this is the last chunk

	busy   bool // a batch is being joined
	batch  columnar.Batch
	sides  [2]*columnar.Interleaver
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
			places[row] = p.table.links[g].place // Invariant: keys with one row each are numbered as the rows are
		}
		if g >= 0 || keepAll {
			rows = append(rows, int32(row))
		}
	}
	if p.table.rows.Fit(places, sharedBytes) < len(places) {
		return false
	}
	columns := append([]columnar.Column(nil), b.Columns...)
	if matches := p.table.rows.Take(places).Columns; p.build == 0 {
		columns = append(matches, columns...)
	} else {
		columns = append(columns, matches...)
	}
	if len(rows) == b.Len {
		rows = nil
	}
	out.Emit(columnar.Batch{Schema: p.schema, Columns: columns, Len: b.Len, Sel: rows})
	return true
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
		out.Emit(p.found.take(p.spec, p.schema, p.sides))
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
			p.chain = p.table.heads[g]
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
			l := p.table.links[p.chain]
			p.found.add(p.build, l.place, probe)
			p.chain = l.next
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
	for p.found.len() < batchRows && p.rest <= len(p.table.heads) {
		if !p.inRow {
			p.chain = p.restOf(p.rest)
			p.inRow = true
		}
		for p.chain >= 0 && p.found.len() < batchRows {
			l := p.table.links[p.chain]
			p.found.add(p.build, l.place, nowhere)
			p.chain = l.next
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
	out.Emit(p.found.take(p.spec, p.schema, p.sides))
	return true
}

// restOf returns the last row of key k when its rows come out at the end, else -1. The key after the last one stands for nulls.
func (p *pass) restOf(k int) int32 {
	switch {
	case k == len(p.table.heads) && p.spec.givesUnmatched(p.build):
		return p.table.nulls
	case k == len(p.table.heads) || p.table.matched[k] == p.spec.givesUnmatched(p.build):
		return -1
	default:
		return p.table.heads[k]
	}
}
