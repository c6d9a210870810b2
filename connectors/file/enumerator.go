package file

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/millrace/millrace/connectors"
)

// enumerator hands out splits one at a time, in order of path, to whoever asks; of the first few it prefers one that is local to who asks.
type enumerator struct {
	list    func(ctx context.Context, tasks int) (planned, error)
	listed  bool
	pending []connectors.Split
	waiting []connectors.Requested // who asked before the listing was there
}

var _ connectors.Enumerator = (*enumerator)(nil)

const (
	listCall = "list"
	// localWindow is how far down the list a split is looked for that is local.
	localWindow = 256
)

// Step does what the event asks for.
func (e *enumerator) Step(event connectors.Event) ([]connectors.Action, error) {
	switch event := event.(type) {
	case connectors.Started:
		return e.start(event.Tasks), nil
	case connectors.Restored:
		return e.restored(event)
	case connectors.Called:
		return e.called(event)
	case connectors.Requested:
		if !e.listed {
			e.waiting = append(e.waiting, event)
			return nil, nil
		}
		return []connectors.Action{e.serve(event)}, nil
	case connectors.Returned:
		return nil, e.takeBack(event)
	default:
		return nil, fmt.Errorf("file: unknown event %T", event)
	}
}

// start asks for the listing.
func (e *enumerator) start(tasks int) []connectors.Action {
	return []connectors.Action{connectors.Call{Name: listCall, Do: func(ctx context.Context) (any, error) { return e.list(ctx, tasks) }}}
}

// IsExhausted implements connectors.Exhaustible.
func (e *enumerator) IsExhausted() bool { return e.listed && len(e.pending) == 0 }

// enumeratorVersion begins a snapshot; JSON of savedEnumerator follows.
const enumeratorVersion = 1

// savedEnumerator is what is left to hand out.
type savedEnumerator struct {
	Listed  bool
	Pending []connectors.Split
}

// Snapshot implements connectors.Enumerator.
func (e *enumerator) Snapshot() ([]byte, error) {
	data, err := json.Marshal(savedEnumerator{e.listed, e.pending})
	return append([]byte{enumeratorVersion}, data...), err
}

// restored goes on with the splits that were left, those read in part first.
func (e *enumerator) restored(event connectors.Restored) ([]connectors.Action, error) {
	if len(event.State) == 0 || event.State[0] != enumeratorVersion {
		return nil, fmt.Errorf("file: the enumerator's state is not of version %d", enumeratorVersion)
	}
	var saved savedEnumerator
	if err := json.Unmarshal(event.State[1:], &saved); err != nil {
		return nil, fmt.Errorf("file: reading the enumerator's state: %w", err)
	}
	if !saved.Listed {
		return e.start(event.Tasks), nil
	}
	e.listed, e.pending = true, saved.Pending
	return nil, e.takeBack(connectors.Returned{Splits: event.Splits, Positions: event.Positions})
}

// called takes the listing and serves who waits for it.
func (e *enumerator) called(event connectors.Called) ([]connectors.Action, error) {
	if event.Err != nil {
		return nil, event.Err
	}
	plan := event.Result.(planned)
	e.listed = true
	e.pending = append(e.pending, plan.splits...)
	actions := []connectors.Action{connectors.Known{Splits: len(plan.splits), Bytes: plan.bytes}}
	for _, who := range e.waiting {
		actions = append(actions, e.serve(who))
	}
	e.waiting = nil
	return actions, nil
}

// serve gives a task its next split.
func (e *enumerator) serve(who connectors.Requested) connectors.Action {
	if len(e.pending) == 0 {
		return connectors.NoMore{Task: who.Task}
	}
	i := slices.IndexFunc(e.pending[:min(len(e.pending), localWindow)], func(s connectors.Split) bool { return slices.Contains(s.Hosts, who.Host) })
	i = max(i, 0)
	split := e.pending[i]
	e.pending = slices.Delete(e.pending, i, i+1)
	return connectors.Assign{Task: who.Task, Splits: []connectors.Split{split}}
}

// takeBack puts what is left of splits in front.
func (e *enumerator) takeBack(event connectors.Returned) error {
	left, err := leftOf(event.Splits, event.Positions)
	e.pending = append(left, e.pending...)
	return err
}

// leftOf returns splits that have what is left behind the positions.
func leftOf(splits []connectors.Split, positions []connectors.Position) ([]connectors.Split, error) {
	var left []connectors.Split
	for i, s := range splits {
		var at connectors.Position
		if i < len(positions) {
			at = positions[i]
		}
		s, err := resumed(s, at)
		if err != nil {
			return nil, err
		}
		left = append(left, s)
	}
	return left, nil
}
