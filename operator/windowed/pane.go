package windowed

import (
	"fmt"
	"math"
	"slices"
	"sort"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/internal/budget"
)

// part is states of keys that change no more: a slice whose first window has fired, or late rows of it. The keys are ids of the pane.
type part struct {
	slice  int64 // start
	ids    []int32
	states [][]columnar.Column // by call
	entry  int32               // its first entry in the front, -1: it has none
	bytes  int64
}

// sizeOf returns about the bytes of states of keys.
func sizeOf(n int, states [][]columnar.Column) int64 {
	size := 4 * int64(n)
	for _, call := range states {
		for i := range call {
			size += int64(call[i].Size())
		}
	}
	return size
}

// pane is the running value of a sliding window for every key: the newest slices are added, the oldest taken away.
//
// Aggregates that can subtract have one running state a key. The others have two stacks a key (Tangwongsan et al., General Incremental
// Sliding-Window Aggregation, PVLDB 8(7), 2015), cut between slices at the same time for all keys:
//
//	oldest [ front: an entry for each key of a slice, the aggregate from there to the cut | back: one state a key ] newest
//
// A key's value is its head entry and its back state together. An entry knows the key's next one, so that taking a slice away costs a step
// for each of its keys. When the front is empty the slices of the back become entries, from the newest to the oldest: each slice is turned
// once. Keys that a slice does not have cost nothing there.
//
// Late rows of slices in the front are kept beside it until it is made anew.
type pane struct {
	account *budget.Account
	calls   []call
	types   []columnar.Type
	index   *keys.Grouper
	live    []int32 // by id: parts in the window
	refs    []int32 // by id: parts there are
	dead    int     // ids without refs
	parts   int64   // bytes of all parts there are

	window  []*part             // in the window, by slice
	sums    []agg.Accumulator   // by call
	ways    []way               // by call
	turning bool                // a call is
	cut     int64               // slices from here on are in the back
	head    []int32             // by id: one more than its first entry in the front
	next    []int32             // by entry: the same of the key's next one
	front   [][]columnar.Column // by call: states by entry
	late    []*part             // not in the front, though their slices are

	scratch       []agg.Accumulator
	groups, heads []int32
	each          []int32 // 0, 1, ...
}

// way is how a call's running value is kept.
type way uint8

const (
	subtracting way = iota // by taking the oldest slice out
	turning                // by two stacks
	direct                 // not: the slices are merged anew for each window, in order
)

// wayOf returns the way for a call.
func wayOf(c call, a agg.Accumulator) way {
	switch {
	case agg.CanSubtract(a):
		return subtracting
	case c.Function.Name == "first", c.Function.Name == "last", c.Function.Name == "collect":
		return direct
	default:
		return turning
	}
}

// newPane returns the pane of an empty window.
func newPane(types []columnar.Type, calls []call, account *budget.Account) *pane {
	p := &pane{account: account, calls: calls, types: types, index: keys.NewGrouper(types, account), cut: math.MinInt64}
	for i, c := range calls {
		p.sums = append(p.sums, c.Function.New())
		p.scratch = append(p.scratch, c.Function.New())
		p.ways = append(p.ways, wayOf(c, p.sums[i]))
		p.turning = p.turning || p.ways[i] == turning
	}
	return p
}

// freeze makes a part of the states of keys.
func (p *pane) freeze(slice int64, cols []columnar.Column, states [][]columnar.Column, n int) (*part, error) {
	out := &part{slice: slice, ids: make([]int32, n), states: states, entry: -1, bytes: sizeOf(n, states)}
	if err := p.index.Find(cols, nil, n, out.ids); err != nil {
		return nil, fmt.Errorf("windows hold all their keys in memory: %w", err)
	}
	p.grow()
	p.parts += out.bytes
	for _, id := range out.ids {
		if p.refs[id] == 0 {
			p.dead--
		}
		p.refs[id]++
	}
	return out, nil
}

// grow makes room for all ids.
func (p *pane) grow() {
	n := p.index.Len()
	for len(p.live) < n {
		p.live, p.refs, p.head = append(p.live, 0), append(p.refs, 0), append(p.head, 0)
		p.dead++
	}
	for _, a := range p.sums {
		a.Grow(n)
	}
}

// push puts a part into the window.
func (p *pane) push(x *part) error {
	at := sort.Search(len(p.window), func(i int) bool { return p.window[i].slice > x.slice })
	p.window = append(p.window, nil)
	copy(p.window[at+1:], p.window[at:])
	p.window[at] = x
	for _, id := range x.ids {
		p.live[id]++
	}
	inFront := x.slice < p.cut
	for i, a := range p.sums {
		if p.ways[i] == direct || inFront && p.ways[i] == turning {
			continue
		}
		if err := a.Merge(x.ids, x.states[i], nil); err != nil {
			return err
		}
	}
	if inFront && p.turning {
		p.late = append(p.late, x)
	}
	return nil
}

// popBefore takes the slices before start out of the window.
func (p *pane) popBefore(start int64) error {
	n := sort.Search(len(p.window), func(i int) bool { return p.window[i].slice >= start })
	if n == 0 {
		return nil
	}
	turn := p.turning && p.window[n-1].slice >= p.cut
	for _, x := range p.window[:n] {
		for _, id := range x.ids {
			p.live[id]--
		}
		for i, a := range p.sums {
			if p.ways[i] == subtracting {
				if err := agg.Subtract(a, x.ids, x.states[i], nil); err != nil {
					return err
				}
			}
		}
		if x.entry >= 0 && !turn {
			for k, id := range x.ids {
				p.head[id] = p.next[int(x.entry)+k]
			}
		}
		x.entry = -1
	}
	p.window = append(p.window[:0], p.window[n:]...)
	kept := p.late[:0]
	for _, x := range p.late {
		if x.slice >= start {
			kept = append(kept, x)
		}
	}
	p.late = kept
	if turn {
		return p.turn()
	}
	return nil
}

// turn makes the front anew of all parts in the window, and empties the back.
func (p *pane) turn() error {
	clear(p.head)
	p.next, p.late = p.next[:0], p.late[:0]
	p.cut = math.MinInt64
	if n := len(p.window); n > 0 {
		p.cut = p.window[n-1].slice + 1
	}
	for i, a := range p.sums {
		if p.ways[i] == turning {
			a.Reset()
			a.Grow(p.index.Len())
		}
	}
	builders := p.builders()
	for _, x := range slices.Backward(p.window) {
		if err := p.enter(x, builders); err != nil {
			return err
		}
	}
	p.front = make([][]columnar.Column, len(p.calls))
	for i, a := range p.sums {
		if p.ways[i] != turning {
			continue
		}
		for _, b := range builders[i] {
			p.front[i] = append(p.front[i], b.Finish())
		}
		a.Reset()
		a.Grow(p.index.Len())
	}
	return nil
}

// builders returns a builder for each state column of the calls that cannot subtract.
func (p *pane) builders() [][]*columnar.Builder {
	rows := 0
	for _, x := range p.window {
		rows += len(x.ids)
	}
	out := make([][]*columnar.Builder, len(p.calls))
	for i, c := range p.calls {
		if p.ways[i] != turning {
			continue
		}
		for _, f := range c.Function.State {
			out[i] = append(out[i], columnar.NewBuilder(f.Type, rows))
		}
	}
	return out
}

// enter makes the entries of a part. The sums have those of all newer parts in them.
func (p *pane) enter(x *part, builders [][]*columnar.Builder) error {
	if len(x.ids) == 0 {
		return nil
	}
	x.entry = int32(len(p.next))
	for k, id := range x.ids {
		p.next = append(p.next, p.head[id])
		p.head[id] = x.entry + int32(k) + 1
	}
	for i, a := range p.sums {
		if p.ways[i] != turning {
			continue
		}
		if err := a.Merge(x.ids, x.states[i], nil); err != nil {
			return err
		}
		states, err := agg.Gather(a, x.ids)
		if err != nil {
			return err
		}
		for k, b := range builders[i] {
			b.AppendRange(states[k], 0, len(x.ids))
		}
	}
	return nil
}

// prepare makes the window ready for results.
func (p *pane) prepare() error {
	for i, a := range p.sums {
		if p.ways[i] != direct {
			continue
		}
		a.Reset()
		a.Grow(p.index.Len())
		for _, x := range p.window {
			if err := a.Merge(x.ids, x.states[i], nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// results returns the results of the window, by call, for the ids from from to to.
func (p *pane) results(from, to int) ([]columnar.Column, error) {
	out := make([]columnar.Column, len(p.calls))
	p.groups, p.heads = p.groups[:0], p.heads[:0]
	for id := from; id < to && len(p.next) > 0; id++ {
		if h := p.head[id]; h > 0 {
			p.groups, p.heads = append(p.groups, int32(id-from)), append(p.heads, h-1)
		}
	}
	for i, a := range p.sums {
		var err error
		if p.ways[i] == turning && (len(p.heads) > 0 || len(p.late) > 0) {
			out[i], err = p.combine(i, from, to)
		} else {
			out[i], err = a.Result(from, to)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// combine returns the results of the front, late parts and the back together.
func (p *pane) combine(call, from, to int) (columnar.Column, error) {
	n, a := to-from, p.scratch[call]
	a.Reset()
	a.Grow(n)
	back, err := p.sums[call].State(from, to)
	if err != nil {
		return columnar.Column{}, err
	}
	if err := a.Merge(p.upTo(n), back, nil); err != nil {
		return columnar.Column{}, err
	}
	if len(p.heads) > 0 {
		if err := a.Merge(p.groups, p.front[call], p.heads); err != nil {
			return columnar.Column{}, err
		}
	}
	for _, x := range p.late {
		groups, sel := []int32{}, []int32{}
		for k, id := range x.ids {
			if int(id) >= from && int(id) < to {
				groups, sel = append(groups, id-int32(from)), append(sel, int32(k))
			}
		}
		if err := a.Merge(groups, x.states[call], sel); err != nil {
			return columnar.Column{}, err
		}
	}
	return a.Result(0, n)
}

// upTo returns 0 to n-1.
func (p *pane) upTo(n int) []int32 {
	for len(p.each) < n {
		p.each = append(p.each, int32(len(p.each)))
	}
	return p.each[:n]
}

// drop forgets a part that is in the window no more.
func (p *pane) drop(x *part) {
	p.parts -= x.bytes
	for _, id := range x.ids {
		if p.refs[id]--; p.refs[id] == 0 {
			p.dead++
		}
	}
}

// fewDead is the number of keys without data that are not worth the work.
const fewDead = 4096

// compact numbers the keys anew when most of them have no data any more. all are the parts there are.
func (p *pane) compact(all func(func(*part))) error {
	n := p.index.Len()
	if p.dead < fewDead || 2*p.dead < n {
		return nil
	}
	kept, renamed := make([]int32, 0, n-p.dead), make([]int32, n)
	for id, refs := range p.refs {
		if refs > 0 {
			renamed[id] = int32(len(kept))
			kept = append(kept, int32(id))
		}
	}
	index := keys.NewGrouper(p.types, p.account)
	cols := p.index.Keys(0, n)
	if err := index.Find(cols, kept, len(kept), make([]int32, len(kept))); err != nil {
		index.Free()
		return nil //nolint:nilerr // there is no memory to make room with: the keys stay as they are
	}
	for i, a := range p.sums {
		if err := p.move(i, a, kept); err != nil {
			return err
		}
	}
	p.index.Free()
	p.index = index
	p.live, p.refs, p.head = gather(p.live, kept), gather(p.refs, kept), gather(p.head, kept)
	p.dead = 0
	all(func(x *part) { x.ids = gather(renamed, x.ids) })
	return nil
}

// move makes the sums of the kept ids those of 0, 1, ...
func (p *pane) move(call int, a agg.Accumulator, kept []int32) error {
	if len(kept) == 0 {
		a.Reset()
		return nil
	}
	states, err := agg.Gather(a, kept)
	if err != nil {
		return err
	}
	a.Reset()
	a.Grow(len(kept))
	if p.ways[call] == direct {
		return nil
	}
	return a.Merge(p.upTo(len(kept)), states, nil)
}

// gather returns the values at those positions, in a slice of their own.
func gather[T any](values []T, at []int32) []T {
	out := make([]T, len(at))
	for k, i := range at {
		out[k] = values[i]
	}
	return out
}

// size returns the bytes of what is not counted in the account.
func (p *pane) size() int64 {
	size := p.parts + int64(12*cap(p.live)+4*cap(p.next))
	for _, a := range p.sums {
		size += int64(a.Size())
	}
	for _, call := range p.front {
		for i := range call {
			size += int64(call[i].Size())
		}
	}
	return size
}

func (p *pane) close() {
	p.index.Free()
	for i := range p.sums {
		p.sums[i].Free()
		p.scratch[i].Free()
	}
}
