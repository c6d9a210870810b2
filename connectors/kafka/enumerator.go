package kafka

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/millrace/millrace/connectors"
)

// enumerator shares the partitions among the tasks: each goes to the task that has fewest. A task gets its first ones when it asks; those that
// are found later are given to it unasked.
type enumerator struct {
	find     func(ctx context.Context, known map[string]bool, first bool) ([]span, error)
	wanted   func(topic string) bool // whether the source still reads it; nil: all
	again    time.Duration           // between two looks for new partitions; 0: only one look
	bounded  bool
	tasks    int
	looked   bool            // in this run
	begun    bool            // there was a first look, in whatever run
	known    map[string]bool // all partitions ever found
	shares   []share         // by task
	lastSeen int
}

// share is what one task has.
type share struct {
	splits  map[string]bool // those it was given or will be
	pending []given         // those it was not given yet
	waiting bool            // it has asked and there was nothing
	reading bool            // it was given some
}

// given is a split and where in it to begin.
type given struct {
	Split connectors.Split
	At    connectors.Position
}

var _ connectors.Enumerator = (*enumerator)(nil)

const (
	findCall  = "partitions"
	findLater = "partitions later"
)

// Step implements connectors.Enumerator.
func (e *enumerator) Step(event connectors.Event) ([]connectors.Action, error) {
	switch event := event.(type) {
	case connectors.Started:
		e.begin(event.Tasks)
		return []connectors.Action{e.look()}, nil
	case connectors.Restored:
		return e.restored(event)
	case connectors.Called:
		return e.called(event)
	case connectors.Requested:
		return e.requested(event.Task), nil
	case connectors.Returned:
		return e.returned(event)
	default:
		return nil, fmt.Errorf("kafka: unknown event %T", event)
	}
}

func (e *enumerator) begin(tasks int) {
	e.tasks, e.shares = tasks, make([]share, tasks)
	if e.known == nil {
		e.known = map[string]bool{}
	}
	for i := range e.shares {
		e.shares[i].splits = map[string]bool{}
	}
}

// look asks for the partitions that are not known yet.
func (e *enumerator) look() connectors.Action {
	known, first := maps.Clone(e.known), !e.begun
	return connectors.Call{Name: findCall, Do: func(ctx context.Context) (any, error) { return e.find(ctx, known, first) }}
}

// called takes the partitions found. A look that fails is fatal only when it is the first.
func (e *enumerator) called(event connectors.Called) ([]connectors.Action, error) {
	if event.Name == findLater {
		return []connectors.Action{e.look()}, nil
	}
	if event.Err != nil && !e.looked {
		return nil, event.Err
	}
	e.looked, e.begun = true, true
	var actions []connectors.Action
	if event.Err == nil {
		for _, s := range event.Result.([]span) {
			if !e.known[s.id()] {
				e.known[s.id()] = true
				e.add(given{Split: s.encode()})
			}
		}
	}
	if len(e.known) != e.lastSeen {
		e.lastSeen = len(e.known)
		actions = append(actions, connectors.Known{Splits: len(e.known), Bytes: -1})
	}
	actions = append(actions, e.hand()...)
	if e.again > 0 {
		actions = append(actions, connectors.Later{Name: findLater, After: e.again})
	}
	return actions, nil
}

// IsExhausted implements connectors.Exhaustible.
func (e *enumerator) IsExhausted() bool {
	return e.looked && e.again == 0 && !slices.ContainsFunc(e.shares, func(s share) bool { return len(s.pending) > 0 })
}

// add gives a split to the task that has fewest.
func (e *enumerator) add(g given) {
	least := 0
	for i := range e.shares {
		if len(e.shares[i].splits) < len(e.shares[least].splits) {
			least = i
		}
	}
	s := &e.shares[least]
	s.splits[g.Split.ID] = true
	s.pending = append(s.pending, g)
}

// hand gives what is pending to the tasks that wait or read, and tells those that wait for nothing.
func (e *enumerator) hand() []connectors.Action {
	var actions []connectors.Action
	for task := range e.shares {
		s := &e.shares[task]
		switch {
		case len(s.pending) > 0 && (s.waiting || s.reading):
			actions = append(actions, e.assign(task))
		case s.waiting && e.looked && e.again == 0:
			s.waiting = false
			actions = append(actions, connectors.NoMore{Task: task})
		}
	}
	return actions
}

func (e *enumerator) assign(task int) connectors.Action {
	s := &e.shares[task]
	a := connectors.Assign{Task: task}
	for _, g := range s.pending {
		a.Splits, a.Positions = append(a.Splits, g.Split), append(a.Positions, g.At)
	}
	s.pending, s.waiting, s.reading = nil, false, true
	return a
}

func (e *enumerator) requested(task int) []connectors.Action {
	s := &e.shares[task]
	s.waiting = true
	if s.reading && e.bounded { // it has read all that it had
		s.reading = false
	}
	return e.hand()
}

// returned takes back what a failed task had; it goes to the same task again when that asks.
func (e *enumerator) returned(event connectors.Returned) ([]connectors.Action, error) {
	for i, split := range event.Splits {
		owner := slices.IndexFunc(e.shares, func(s share) bool { return s.splits[split.ID] })
		if owner < 0 {
			return nil, fmt.Errorf("kafka: the split %s is of no task", split.ID)
		}
		s := &e.shares[owner]
		s.pending, s.reading = append(s.pending, given{split, positionOf(event.Positions, i)}), false
	}
	return e.hand(), nil
}

func positionOf(all []connectors.Position, i int) connectors.Position {
	if i < len(all) {
		return all[i]
	}
	return nil
}

// enumeratorVersion begins a snapshot; JSON of savedEnumerator follows.
const enumeratorVersion = 1

// savedEnumerator is what a checkpoint keeps of an enumerator.
type savedEnumerator struct {
	Looked  bool
	Known   []string
	Pending []given
}

// Snapshot implements connectors.Enumerator.
func (e *enumerator) Snapshot() ([]byte, error) {
	saved := savedEnumerator{Looked: e.begun, Known: slices.Sorted(maps.Keys(e.known))}
	for _, s := range e.shares {
		saved.Pending = append(saved.Pending, s.pending...)
	}
	data, err := json.Marshal(saved)
	return append([]byte{enumeratorVersion}, data...), err
}

var errState = errors.New("kafka: the enumerator's state is not of this version")

// restored shares out anew what is left, and looks for what has come meanwhile.
func (e *enumerator) restored(event connectors.Restored) ([]connectors.Action, error) {
	e.begin(event.Tasks)
	if len(event.State) == 0 || event.State[0] != enumeratorVersion {
		return nil, errState
	}
	var saved savedEnumerator
	if err := json.Unmarshal(event.State[1:], &saved); err != nil {
		return nil, fmt.Errorf("kafka: reading the enumerator's state: %w", err)
	}
	isSame, err := e.keep(saved, event)
	if err != nil {
		return nil, err
	}
	e.begun = saved.Looked && (isSame || len(e.known) > 0)
	if e.begun && isSame && e.again == 0 {
		e.looked = true
		return nil, nil
	}
	return []connectors.Action{e.look()}, nil
}

// keep takes over the partitions of topics that are still to be read. false: of others there were some, so that there may be new ones too.
func (e *enumerator) keep(saved savedEnumerator, event connectors.Restored) (isSame bool, _ error) {
	isSame = true
	take := func(id string) (bool, error) {
		s, err := spanOf(id)
		if err != nil {
			return false, fmt.Errorf("kafka: reading the enumerator's state: %w", err)
		}
		isWanted := e.wanted == nil || e.wanted(s.Topic)
		if isWanted {
			e.known[id] = true
		}
		isSame = isSame && isWanted
		return isWanted, nil
	}
	for _, id := range saved.Known {
		if _, err := take(id); err != nil {
			return false, err
		}
	}
	all := saved.Pending
	for i, split := range event.Splits {
		all = append(all, given{split, positionOf(event.Positions, i)})
	}
	for _, g := range all {
		is, err := take(g.Split.ID)
		if err != nil {
			return false, err
		}
		if is {
			e.add(g)
		}
	}
	return isSame, nil
}
