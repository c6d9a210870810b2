package nexmark

import (
	"encoding/json"
	"fmt"

	"github.com/millrace/millrace/connectors"
)

// enumerator gives each task a stride of its own, so that all advance together in event time. When a job goes on with other tasks, what is left of
// the old strides below the block that one of them has come to is made first, and new strides begin there.
type enumerator struct {
	events  int64 // the number after the last
	pending []given
}

// given is a split and where in it to begin.
type given struct {
	Split connectors.Split
	At    connectors.Position
}

var _ connectors.Enumerator = (*enumerator)(nil)

// Step implements connectors.Enumerator.
func (e *enumerator) Step(event connectors.Event) ([]connectors.Action, error) {
	switch event := event.(type) {
	case connectors.Started:
		e.divide(0, event.Tasks)
		return []connectors.Action{connectors.Known{Splits: event.Tasks, Bytes: -1}}, nil
	case connectors.Restored:
		return nil, e.restored(event)
	case connectors.Returned:
		e.takeBack(event.Splits, event.Positions)
		return nil, nil
	case connectors.Requested:
		return []connectors.Action{e.next(event.Task)}, nil
	case connectors.Called:
		return nil, nil
	default:
		return nil, fmt.Errorf("nexmark: unknown event %T", event)
	}
}

// IsExhausted implements connectors.Exhaustible.
func (e *enumerator) IsExhausted() bool { return len(e.pending) == 0 }

// divide makes strides from a block on.
func (e *enumerator) divide(block int64, tasks int) {
	for i := range int64(tasks) {
		s := stride{First: block + i, Step: int64(tasks), To: e.events}
		if s.start() < s.To {
			e.pending = append(e.pending, given{Split: s.encode()})
		}
	}
}

func (e *enumerator) takeBack(splits []connectors.Split, positions []connectors.Position) {
	for i, s := range splits {
		g := given{Split: s}
		if i < len(positions) {
			g.At = positions[i]
		}
		e.pending = append(e.pending, g)
	}
}

func (e *enumerator) next(task int) connectors.Action {
	if len(e.pending) == 0 {
		return connectors.NoMore{Task: task}
	}
	g := e.pending[0]
	e.pending = e.pending[1:]
	return connectors.Assign{Task: task, Splits: []connectors.Split{g.Split}, Positions: []connectors.Position{g.At}}
}

// Snapshot implements connectors.Enumerator: a version and JSON of what is not assigned.
func (e *enumerator) Snapshot() ([]byte, error) {
	data, err := json.Marshal(e.pending)
	return append([]byte{version}, data...), err
}

func (e *enumerator) restored(event connectors.Restored) error {
	if len(event.State) == 0 || event.State[0] != version {
		return fmt.Errorf("nexmark: the enumerator's state: %w", errVersion)
	}
	if err := json.Unmarshal(event.State[1:], &e.pending); err != nil {
		return fmt.Errorf("nexmark: reading the enumerator's state: %w", err)
	}
	e.takeBack(event.Splits, event.Positions)
	return e.redivide(event.Tasks)
}

// redivide makes as many strides as there are tasks, if there are others. When one of them has come to its end, what the others have left stays
// as it is: new strides would have the blocks behind the frontier that the one has made.
func (e *enumerator) redivide(tasks int) error {
	frontier := int64(0) // a block
	endless, strides := 0, 0
	left := e.pending
	for _, g := range left {
		s, err := decodeStride(g.Split)
		if err != nil {
			return err
		}
		at, err := s.at(g.At)
		if err != nil {
			return err
		}
		frontier = max(frontier, (at+blockEvents-1)/blockEvents)
		if s.To == e.events {
			endless++
			strides = int(s.Step)
		}
	}
	if endless == tasks || endless < strides || endless == 0 {
		return nil
	}
	e.pending = nil
	for _, g := range left {
		s, err := decodeStride(g.Split)
		if err != nil {
			return err
		}
		if s.To == e.events {
			s.To = min(s.To, frontier*blockEvents)
		}
		at, err := s.at(g.At)
		if err != nil {
			return err
		}
		if at < s.To {
			e.pending = append(e.pending, given{s.encode(), g.At})
		}
	}
	e.divide(frontier, tasks)
	return nil
}
