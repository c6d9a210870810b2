package source

import (
	"maps"
	"slices"

	"github.com/millrace/millrace/connectors"
)

// Positions is where a task is in its splits: after the rows it has taken, which may be fewer than its reader has read. One goroutine uses it.
type Positions struct {
	at    map[string]connectors.Position
	done  []string // until a completed checkpoint has them
	split string   // of the rows taken last
}

// IsOther says whether what was polled, and not taken yet, has rows of another split than those taken last.
func (p *Positions) IsOther(g Got) bool { return g.Split != "" && g.Split != p.split }

// Take follows what was polled and says whether the rows are of another split than those before.
func (p *Positions) Take(g Got) (changed bool) {
	if p.at == nil {
		p.at = map[string]connectors.Position{}
	}
	for i, s := range g.Assigned.Splits {
		p.at[s.ID] = g.Assigned.Positions[i]
	}
	if g.Split == "" {
		return false
	}
	if g.Next != nil {
		p.at[g.Split] = g.Next
	}
	if g.Done {
		delete(p.at, g.Split)
		p.done = append(p.done, g.Split)
	}
	changed = p.IsOther(g)
	p.split = g.Split
	return changed
}

// Snapshot returns the position in each split that is not read to its end, and those that are.
func (p *Positions) Snapshot() (at map[string]connectors.Position, done []string) {
	return maps.Clone(p.at), slices.Clone(p.done)
}

// Forget drops splits that a completed checkpoint has as read to their end: else there would be more and more of them.
func (p *Positions) Forget(done []string) {
	gone := make(map[string]bool, len(done))
	for _, s := range done {
		gone[s] = true
	}
	p.done = slices.DeleteFunc(p.done, func(s string) bool { return gone[s] })
}
