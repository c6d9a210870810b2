package coordinator

import (
	"slices"
	"time"

	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/plan/physical"
	"github.com/millrace/millrace/runner/control"
	"github.com/millrace/millrace/stream"
)

// The events and the action of sources that are aligned by event time, so that none runs far ahead of the slowest (Flink's FLIP-182).
type (
	// Paced says how far the splits of a source's attempt have come.
	Paced struct {
		Attempt control.Attempt
		Pace    control.Pace
	}
	// AlignDue says that attempts may be told again.
	AlignDue struct{}
	// Align tells attempts how far the slowest split of their group has come.
	Align struct {
		Group    string
		Least    stream.Watermark
		Attempts []control.Attempt
	}
)

func (Paced) event()    {}
func (AlignDue) event() {}
func (Align) action()   {}

// pacing is what is known of the alignment groups of attempts that run.
type pacing struct {
	groups  []*paceGroup // by name
	told    time.Time    // when attempts were told last
	waiting bool         // AlignDue will come
}

// paceGroup is the source stages of a group.
type paceGroup struct {
	name   string
	stages []int
	paces  map[control.Attempt]control.Pace
	least  stream.Watermark // as the attempts were told; NoWatermark: they were not
}

// newPacing returns the pacing of a job that begins, or begins again.
func newPacing(p *physical.Plan) pacing {
	var out pacing
	for _, s := range p.Stages {
		name := groupOf(s)
		if name == "" {
			continue
		}
		i := slices.IndexFunc(out.groups, func(g *paceGroup) bool { return g.name == name })
		if i < 0 {
			i = len(out.groups)
			out.groups = append(out.groups, &paceGroup{name: name, paces: map[control.Attempt]control.Pace{}, least: stream.NoWatermark})
		}
		out.groups[i].stages = append(out.groups[i].stages, s.ID)
	}
	return out
}

// groupOf returns the alignment group that the splits of a source's stage belong to, "" for none: that of the first that gives them event time
// in a group.
func groupOf(s *physical.Stage) string {
	if !s.IsSource() {
		return ""
	}
	for _, op := range s.Chain {
		placed, _ := op.Spec.(physical.Placed)
		if e, ok := placed.Op.(plan.EventTime); ok && e.Strategy.Group != "" {
			return e.Strategy.Group
		}
	}
	return ""
}

// paced takes how far an attempt has come.
func (c *Core) paced(now time.Time, e Paced) []Action {
	p := &c.flow.pacing
	i := slices.IndexFunc(p.groups, func(g *paceGroup) bool { return g.name == e.Pace.Group })
	if _, current := c.state(e.Attempt); !current || i < 0 {
		return nil
	}
	p.groups[i].paces[e.Attempt] = e.Pace
	if due := p.told.Add(control.PaceEvery); now.Before(due) && !e.Pace.IsHeld {
		if p.waiting {
			return nil
		}
		p.waiting = true
		return []Action{Wake{At: due, Event: AlignDue{}}}
	}
	return c.align(now)
}

// align tells the attempts of groups what is news.
func (c *Core) align(now time.Time) []Action {
	p := &c.flow.pacing
	p.waiting, p.told = false, now
	var out []Action
	for _, g := range p.groups {
		least, attempts := c.least(g)
		if least != g.least && len(attempts) > 0 {
			g.least = least
			out = append(out, Align{Group: g.name, Least: least, Attempts: attempts})
		}
	}
	return out
}

// least returns how far the slowest split of a group has come, and the attempts that want to know. As long as rows of any time may come
// somewhere it does not grow, and nothing is told at first: tasks go by what they see themselves. It goes back when a split has come that is
// farther behind. Attempts that are done, or idle, do not count; if none counts it stays as it is.
func (c *Core) least(g *paceGroup) (least stream.Watermark, attempts []control.Attempt) {
	least = stream.EndOfTime
	open, active := false, false
	for _, id := range g.stages {
		s := c.stages[id]
		for t := range s.tasks {
			if !s.running[t] {
				continue
			}
			a := name(s, t)
			pace, known := g.paces[a]
			attempts = append(attempts, a)
			open = open || !known || pace.IsOpen
			if known && !pace.IsIdle && pace.Least != stream.EndOfTime {
				least, active = min(least, pace.Least), true
			}
		}
	}
	if !active || open {
		least = min(least, g.least)
	}
	return least, attempts
}
