package file

import (
	"context"
	"errors"
	"fmt"

	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/stream"
)

// CommitAt implements connectors.Undoer.
func (c *committer) CommitAt(ctx context.Context, at connectors.Point, list []connectors.Committable, final bool) (connectors.Published, error) {
	published, err := c.commit(ctx, at, list, final)
	if err != nil || final {
		return published, err
	}
	t, err := c.target(ctx)
	if err == nil {
		err = c.forget(ctx, t, at)
	}
	if err != nil {
		return connectors.Published{}, fmt.Errorf("forgetting what is published in %s for good: %w", c.path, err)
	}
	return published, nil
}

// forget removes the records that nobody can need any more.
func (c *committer) forget(ctx context.Context, t target, at connectors.Point) (err error) {
	owner := runOf(c.env).owner
	if c.records == nil {
		if c.records, err = t.recorded(ctx, owner); err != nil {
			return err
		}
	} else if last := len(c.records) - 1; last < 0 || c.records[last] < at.ID {
		c.records = append(c.records, at.ID)
	}
	c.records, err = t.forget(ctx, owner, c.records, min(at.Oldest, at.ID-1))
	return err
}

// CheckBack implements connectors.Undoer.
func (c *committer) CheckBack(ctx context.Context, to stream.CheckpointID) error {
	t, err := c.target(ctx)
	if err != nil {
		return err
	}
	u, err := t.undoing(ctx, runOf(c.env).owner, to)
	if err != nil {
		return fmt.Errorf("looking what %s has of checkpoints after %d: %w", c.path, to, err)
	}
	return u.check(ctx, t, to)
}

// TakeBack implements connectors.Undoer.
func (c *committer) TakeBack(ctx context.Context, to stream.CheckpointID) error {
	c.records, c.marker = nil, nil
	t, err := c.target(ctx)
	if err != nil {
		return err
	}
	u, err := t.undoing(ctx, runOf(c.env).owner, to)
	for _, j := range u.later {
		if err == nil {
			err = t.undo(ctx, j)
		}
	}
	if err != nil {
		return fmt.Errorf("taking back what %s has of checkpoints after %d: %w", c.path, to, err)
	}
	return nil
}

// Settle implements connectors.Undoer.
func (c *committer) Settle(ctx context.Context, at stream.CheckpointID) error {
	c.records = nil
	t, err := c.target(ctx)
	if err == nil {
		err = t.settle(ctx, runOf(c.env), at)
	}
	if err != nil {
		return fmt.Errorf("settling what is published in %s: %w", c.path, err)
	}
	return nil
}

// settle puts one record in the place of all: there is no way back behind it. What was kept for them stays until the stream ends: the state
// that it begins from may have it.
func (t target) settle(ctx context.Context, r run, at stream.CheckpointID) error {
	ids, err := t.recorded(ctx, r.owner)
	if err != nil {
		return err
	}
	end, err := t.endOf(ctx, r.owner)
	if err != nil || len(ids) == 0 && end == nil {
		return err
	}
	if err := t.writeRecord(ctx, journal{Run: r.name, Owner: r.owner, Checkpoint: at, Oldest: at}); err != nil {
		return err
	}
	var errs []error
	for _, id := range ids {
		if id != at {
			errs = append(errs, t.remove(ctx, recordName(r.owner, id)))
		}
	}
	return errors.Join(errs...)
}
