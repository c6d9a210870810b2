package program

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/millrace/millrace/connectors"
)

// version is the first byte of splits, positions, states and committables.
const version = 1

// enumerator gives out the splits: to each task that asks all of its share, which it reads at a time.
type enumerator struct {
	splits  int
	tasks   int // 0: the run has not begun
	pending []given
}

// given is a split and where it goes on.
type given struct {
	Split connectors.Split
	At    connectors.Position
}

var _ connectors.Exhaustible = (*enumerator)(nil)

// split returns the split of a number.
func split(n int) connectors.Split {
	return connectors.Split{ID: fmt.Sprint(n), Data: binary.AppendUvarint([]byte{version}, uint64(n)), Bytes: -1}
}

func numberOf(s connectors.Split) (int, error) {
	if len(s.Data) > 1 && s.Data[0] == version {
		if n, read := binary.Uvarint(s.Data[1:]); read == len(s.Data)-1 {
			return int(n), nil
		}
	}
	return 0, fmt.Errorf("program: the split %s is not of this version", s.ID)
}

// Step implements connectors.Enumerator.
func (e *enumerator) Step(event connectors.Event) ([]connectors.Action, error) {
	switch event := event.(type) {
	case connectors.Started:
		e.tasks = event.Tasks
		for n := range e.splits {
			e.pending = append(e.pending, given{Split: split(n)})
		}
		return []connectors.Action{connectors.Known{Splits: e.splits, Bytes: -1}}, nil
	case connectors.Restored:
		return nil, e.restored(event)
	case connectors.Returned:
		e.add(event.Splits, event.Positions)
		return nil, nil
	case connectors.Requested:
		return e.requested(event.Task)
	default:
		return nil, fmt.Errorf("program: unknown event %T", event)
	}
}

func (e *enumerator) requested(task int) ([]connectors.Action, error) {
	a := connectors.Assign{Task: task}
	var others []given
	for _, g := range e.pending {
		n, err := numberOf(g.Split)
		if err != nil {
			return nil, err
		}
		if n%e.tasks != task {
			others = append(others, g)
			continue
		}
		a.Splits, a.Positions = append(a.Splits, g.Split), append(a.Positions, g.At)
	}
	e.pending = others
	if len(a.Splits) == 0 {
		return []connectors.Action{connectors.NoMore{Task: task}}, nil
	}
	return []connectors.Action{a}, nil
}

func (e *enumerator) add(splits []connectors.Split, at []connectors.Position) {
	for i, s := range splits {
		g := given{Split: s}
		if i < len(at) {
			g.At = at[i]
		}
		e.pending = append(e.pending, g)
	}
}

func (e *enumerator) restored(event connectors.Restored) error {
	if len(event.State) == 0 || event.State[0] != version {
		return errors.New("program: the enumerator's state is not of this version")
	}
	if err := json.Unmarshal(event.State[1:], &e.pending); err != nil {
		return fmt.Errorf("program: reading the enumerator's state: %w", err)
	}
	e.tasks = event.Tasks
	e.add(event.Splits, event.Positions)
	return nil
}

// IsExhausted implements connectors.Exhaustible.
func (e *enumerator) IsExhausted() bool { return e.tasks > 0 && len(e.pending) == 0 }

// Snapshot implements connectors.Enumerator: a version and JSON of what is not assigned.
func (e *enumerator) Snapshot() ([]byte, error) {
	data, err := json.Marshal(e.pending)
	return append([]byte{version}, data...), err
}
