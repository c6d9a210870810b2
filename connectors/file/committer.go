package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/stream"
)

// committer publishes a run's files.
type committer struct {
	settings
	env    connectors.Env
	refuse func(ctx context.Context, t target, run string) error
	// records are the checkpoints whose publishing can be taken back, as far as this committer knows; nil: it has not looked.
	records []stream.CheckpointID
	// marker is of Buckets.Mark; nil: it is not needed yet.
	marker *marker
}

var (
	_ connectors.Undoer = (*committer)(nil)
	_ connectors.Leaver = (*committer)(nil)
)

// Commit publishes the files. It may be called again with the same ones.
func (c *committer) Commit(ctx context.Context, list []connectors.Committable, final bool) (connectors.Published, error) {
	return c.commit(ctx, connectors.Point{}, list, final)
}

// commit publishes files, for a checkpoint if at has one.
func (c *committer) commit(ctx context.Context, at connectors.Point, list []connectors.Committable, final bool) (connectors.Published, error) {
	run := runOf(c.env)
	j := journal{Run: run.name, Owner: run.owner, Checkpoint: at.ID, Oldest: at.Oldest}
	published := connectors.Published{}
	folders := map[string]bool{}
	for _, item := range list {
		files, err := decodeCommittable(item.Data)
		if err != nil {
			return connectors.Published{}, fmt.Errorf("publishing %s: %w", c.path, err)
		}
		j.Rename = append(j.Rename, files.Files...)
		j.Remove = append(j.Remove, files.Remove...)
		for _, f := range files.Files {
			folders[path.Dir(f.To)] = true
		}
		published.Files += item.Files
		published.Rows += item.Rows
		published.Bytes += item.Bytes
	}
	if len(c.partitionBy) > 0 || c.buckets.isOn() {
		published.Partitions = len(folders)
	}
	if c.buckets.Mark {
		if err := c.marks(ctx, &j, list, final); err != nil {
			return connectors.Published{}, fmt.Errorf("publishing %s: %w", c.path, err)
		}
	}
	if final {
		j.Success = &success{Run: j.Run, Files: published.Files, Rows: published.Rows, Bytes: published.Bytes, Checkpoint: at.ID}
	}
	if err := c.publish(ctx, j, folders); err != nil {
		return connectors.Published{}, fmt.Errorf("publishing %s: %w", c.path, err)
	}
	if c.marker != nil {
		c.marker.marked(j.Marks)
	}
	return published, nil
}

// marks adds to a journal the folders whose rows are all there with it.
func (c *committer) marks(ctx context.Context, j *journal, list []connectors.Committable, final bool) error {
	if c.marker == nil {
		t, err := c.target(ctx)
		if err != nil {
			return err
		}
		if c.marker, err = newMarker(ctx, c.buckets, t, j.Owner); err != nil {
			return err
		}
	}
	for _, item := range list {
		files, err := decodeCommittable(item.Data)
		if err != nil {
			return err
		}
		for _, f := range files.Files {
			c.marker.publishes(path.Dir(f.To))
		}
		if files.Time != nil {
			c.marker.take(*files.Time)
		}
	}
	j.Marks = c.marker.due(final)
	return nil
}

// Check implements connectors.Checker: the files are there, and the mode allows them.
func (c *committer) Check(ctx context.Context, list []connectors.Committable) error {
	t, err := c.target(ctx)
	for _, item := range list {
		var files committable
		if err == nil {
			files, err = decodeCommittable(item.Data)
		}
		for _, f := range files.Files {
			if err == nil {
				err = t.find(ctx, f)
			}
		}
	}
	if err == nil && c.mode == ErrorIfExists && !c.env.IsStreaming {
		if err = c.refuse(ctx, t, c.env.RunID); errors.Is(err, fs.ErrNotExist) {
			err = nil // there is no folder yet
		}
	}
	if err != nil {
		return fmt.Errorf("publishing %s: %w", c.path, err)
	}
	return nil
}

// publish adds to the journal what the mode has to be removed, and does it.
func (c *committer) publish(ctx context.Context, j journal, folders map[string]bool) error {
	t, err := c.target(ctx)
	if err != nil {
		return err
	}
	if err := t.fsys.Mkdir(ctx, t.root); err != nil {
		return err
	}
	if err := t.repair(ctx); err != nil {
		return err
	}
	mode := c.mode
	if c.env.IsStreaming { // Begin has looked
		mode = Append
	}
	switch mode {
	case ErrorIfExists:
		err = c.refuse(ctx, t, j.Run)
	case Overwrite:
		j.Remove, j.Folders, err = t.replaced(ctx, "", j.Run)
	case OverwritePartitions:
		for folder := range folders {
			files, dirs, err := t.replaced(ctx, folder, j.Run)
			if err != nil {
				return err
			}
			j.Remove = append(j.Remove, files...)
			j.Folders = append(j.Folders, dirs...)
		}
		slices.Sort(j.Remove)
	case Append:
	}
	if err != nil {
		return err
	}
	return t.publish(ctx, j)
}

func (c *committer) target(ctx context.Context) (target, error) {
	fsys, root, err := c.env.Files.FS(ctx, c.path)
	return target{fsys: fsys, root: root}, err
}

// Leave implements connectors.Leaver: the folders go in which the run has nothing any more.
func (c *committer) Leave(ctx context.Context) error {
	t, err := c.target(ctx)
	if err == nil {
		err = t.prune(ctx, path.Join(temporaryName, runOf(c.env).name))
	}
	if err == nil {
		err = t.removeIfEmpty(ctx, temporaryName)
	}
	if err != nil {
		return fmt.Errorf("removing the empty folders in %s: %w", c.path, err)
	}
	return nil
}

// Abort removes what the run has written. What a stream has written, a later run may go on from.
func (c *committer) Abort(ctx context.Context) error {
	if c.env.IsStreaming {
		return nil
	}
	t, err := c.target(ctx)
	if err == nil {
		err = t.removeTemporary(ctx, c.env.RunID)
	}
	if err != nil {
		return fmt.Errorf("removing what was not published of %s: %w", c.path, err)
	}
	return nil
}
