package checkpoint

import (
	"slices"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/state"
)

// pick decides which rows of which tasks are given to a task.
type pick struct {
	distribution state.Distribution
	share        Share
	groups       state.Groups
	rehash       bool  // there is another number of key groups now, so that the hash decides
	keys         []int // positions of the key columns in a file
	own          bool  // each task gets its own rows
	one          int   // of a broadcast table: whose rows; -1: none
	parts        []Part
	row          int64 // of a table that is spread: rows so far
	hashes       []uint64
}

func newPick(o *Operator, saved, want state.Table, share Share) *pick {
	p := &pick{distribution: want.Distribution, share: share, parts: o.Parts, one: -1}
	if saved.Distribution == state.Keyed {
		p.groups = state.Share(share.Task, share.Tasks, share.KeyGroups)
		p.rehash = share.KeyGroups != o.KeyGroups
		for i := range saved.Keys {
			p.keys = append(p.keys, i+1)
		}
	}
	p.own = p.distribution == state.Spread && len(o.Parts) == share.Tasks
	for i, part := range o.Parts {
		// One that has ended saw no more of the broadcast stream than the others.
		if part.has(saved.Name) && (p.one < 0 || !part.Ended && o.Parts[p.one].Ended) {
			p.one = i
		}
	}
	return p
}

func (p Part) has(table string) bool {
	return len(p.Native) > 0 || slices.ContainsFunc(p.Tables, func(r Rows) bool { return r.Table == table })
}

// isNative says whether a table of the part is in files of the back end's.
func (p Part) isNative(table string) bool {
	return len(p.Native) > 0 && !slices.ContainsFunc(p.Tables, func(r Rows) bool { return r.Table == table })
}

// part says whether rows of a task, by its place, can be picked. Invariant: parts come in order.
func (p *pick) part(i int) bool {
	switch {
	case p.distribution == state.Broadcast:
		return i == p.one
	case p.own:
		return i == p.share.Task
	default:
		return true
	}
}

// wanted is the saved key groups that can have rows that are picked.
func (p *pick) wanted(o *Operator) state.Groups {
	if p.distribution == state.Keyed && !p.rehash {
		return p.groups
	}
	return o.allGroups()
}

// rows selects the rows of a record batch that are picked, and leaves the key group out.
func (p *pick) rows(b columnar.Batch) columnar.Batch {
	switch {
	case p.distribution == state.Keyed:
		b = p.keyed(b)
		b.Columns = b.Columns[1:]
	case p.distribution == state.Spread && !p.own:
		from := p.row
		p.row += int64(b.Len)
		b.Sel = make([]int32, 0, b.Len/p.share.Tasks+1)
		for i := range b.Len {
			if (from+int64(i))%int64(p.share.Tasks) == int64(p.share.Task) {
				b.Sel = append(b.Sel, int32(i))
			}
		}
	}
	return b
}

// keyed selects the rows whose key group is the task's.
func (p *pick) keyed(b columnar.Batch) columnar.Batch {
	if p.rehash {
		cols := make([]columnar.Column, 0, len(p.keys))
		for _, i := range p.keys {
			cols = append(cols, b.Columns[i])
		}
		p.hashes = append(p.hashes[:0], make([]uint64, b.Len)...)
		keys.Hash(cols, nil, b.Len, p.hashes)
		b.Sel = make([]int32, 0, b.Len)
		for i, h := range p.hashes {
			if p.groups.Has(p.groups.Of(h)) {
				b.Sel = append(b.Sel, int32(i))
			}
		}
		return b
	}
	groups := columnar.Values[int32](b.Columns[0])
	from, to := 0, len(groups)
	for from < to && int(groups[from]) < p.groups.From {
		from++
	}
	for from < to && int(groups[to-1]) >= p.groups.To {
		to--
	}
	return b.Slice(from, to-from)
}
