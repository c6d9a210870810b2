package runner

import (
	"context"
	"errors"
	"maps"

	"github.com/millrace/millrace/runner/control"
	"github.com/millrace/millrace/runner/status"
)

// settleLooks is after how many looks at which no task has done anything since the one before none has anything to do: a task that goes to
// sleep hands on what it has buffered after it was looked at, and whoever gets that is looked at once before it does something about it.
const settleLooks = 4

// Settle implements Controls.
func (h *helm) Settle(ctx context.Context) error {
	var before map[control.Attempt]int64
	for same := 0; same < settleLooks; {
		turns, err := h.turns(ctx)
		switch {
		case err != nil:
			return err
		case turns != nil && maps.Equal(turns, before):
			same++
		default:
			same = 0
		}
		before = turns
	}
	return nil
}

// turns returns how often each task has done something; nil while some are not there.
func (h *helm) turns(ctx context.Context) (map[control.Attempt]int64, error) {
	h.mu.Lock()
	isOver, isRunning := h.isOver, h.state != status.Restarting
	h.mu.Unlock()
	if isOver {
		return nil, errEnded
	}
	look, cancel := context.WithTimeout(ctx, inspection)
	defer cancel()
	views, all := h.worker.Inspect(look)
	if ctx.Err() != nil {
		return nil, errors.Join(context.Cause(ctx), errNotSettled)
	}
	if !all || !isRunning {
		return nil, nil
	}
	turns := map[control.Attempt]int64{}
	for a, v := range views {
		turns[a] = v.Turns
	}
	return turns, nil
}

var errNotSettled = errors.New("tasks still have something to do")
