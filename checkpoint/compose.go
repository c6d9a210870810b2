package checkpoint

import (
	"context"
	"fmt"
	"path"
	"slices"
	"time"
)

// Piece is what a savepoint that no job has made is to have of one operator in one task.
type Piece struct {
	Task  Task
	Ended bool
	State OperatorState // released when it is written
}

// Compose makes a savepoint without a job, in a folder that has none: of head, whose operators have neither tables nor parts, and the pieces.
// Root, Epoch and Kind are set.
func Compose(ctx context.Context, at Folder, head Manifest, pieces func(yield func(Piece, error) bool)) (*Manifest, error) {
	m, err := compose(ctx, at, head, pieces)
	if err != nil {
		return nil, fmt.Errorf("writing a savepoint to %s: %w", at, err)
	}
	return m, nil
}

func compose(ctx context.Context, at Folder, head Manifest, pieces func(yield func(Piece, error) bool)) (*Manifest, error) {
	if ok, err := exists(ctx, at.join(manifestName)); ok || err != nil {
		if err == nil {
			err = fmt.Errorf("there is one already, in %s", path.Join(at.Path, manifestName))
		}
		return nil, err
	}
	if err := at.FS.Mkdir(ctx, at.Path); err != nil {
		return nil, err
	}
	s := &Store{folder: at, o: Options{Job: head.Job, Run: head.Run, Now: func() time.Time { return head.Time }}}
	c := Completion{
		Place:     Place{ID: head.ID, Kind: Savepoint, Root: at},
		Operators: slices.Clone(head.Operators), Committables: head.Committables, Fingerprint: head.Fingerprint, Plan: head.Plan,
	}
	w := &Writer{Folder: at}
	for p, err := range pieces {
		if err != nil {
			return nil, err
		}
		h, err := w.Write(ctx, c.Place, p.Task, []OperatorState{p.State})
		if p.State.Frozen != nil {
			p.State.Frozen.Release()
		}
		if err != nil {
			return nil, err
		}
		h.Ended = p.Ended
		c.Handles = append(c.Handles, h)
	}
	m, err := s.manifest(c)
	if err != nil {
		return nil, err
	}
	return m, s.writeManifest(ctx, at, m)
}
