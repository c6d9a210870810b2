package coordinator

import (
	"slices"
	"time"

	"github.com/millrace/millrace/checkpoint"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/runner/control"
)

// The event and the action of sources that work off what was there before they come to what is new.
type (
	// Backlogged says that the reader of a source's attempt has come into its backlog, or out of it.
	Backlogged struct {
		Attempt control.Attempt
		Is      bool
	}
	// InBacklog tells which source stages work off a backlog, when they are others than before.
	InBacklog struct{ Stages []int }
)

func (Backlogged) event() {}
func (InBacklog) action() {}

// backlog is what is known of the sources' backlogs since the job began, or began again.
type backlog struct {
	behind map[control.Attempt]bool // whose readers are in theirs
	stages []int                    // as was told, ascending
}

// backlogged takes what an attempt's reader says.
func (c *Core) backlogged(e Backlogged) {
	if _, current := c.state(e.Attempt); current && e.Is {
		c.flow.backlog.behind[e.Attempt] = true
	} else {
		delete(c.flow.backlog.behind, e.Attempt)
	}
}

// lookBack tells the checkpoint protocol and the world when other sources than before work off a backlog. A job is in one while any source is
// (Flink's FLIP-309).
func (c *Core) lookBack(now time.Time) ([]Action, error) {
	b := &c.flow.backlog
	var stages []int
	for _, s := range c.stages {
		if s.enum != nil && c.isInBacklog(s) {
			stages = append(stages, s.stage.ID)
		}
	}
	if slices.Equal(stages, b.stages) {
		return nil, nil
	}
	changed := len(stages) == 0 || len(b.stages) == 0
	b.stages = stages
	out := []Action{InBacklog{Stages: slices.Clone(stages)}}
	if !changed {
		return out, nil
	}
	more, err := c.protocol(now, checkpoint.Backlog{Is: len(stages) > 0})
	return append(out, more...), err
}

// isInBacklog says whether a source's enumerator is in its backlog, or the reader of one of its attempts that run.
func (c *Core) isInBacklog(s *stageState) bool {
	if b, ok := s.enum.(connectors.Backlogged); ok && b.IsInBacklog() {
		return true
	}
	for t := range s.running {
		if s.running[t] && c.flow.backlog.behind[name(s, t)] {
			return true
		}
	}
	return false
}
