package file

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/vfs"
)

// A stream's journals are kept as records, a file for each checkpoint, as long as the stream may go back behind it:
//
//	_temporary/<owner>commits/chk-00000017.json
//
// To take a publishing back is to rename its files to where they were prepared. That is why pieces that were made into a published file go only
// with its record: the state that the stream goes back to may have them. A record whose files were taken back stays, without them: behind its
// Oldest there may have been others that are gone, so that nobody may go there.

const (
	recordsSuffix = "commits"
	recordPrefix  = "chk-"
)

func recordsDir(owner string) string { return path.Join(temporaryName, owner+recordsSuffix) }

func recordName(owner string, id stream.CheckpointID) string {
	return path.Join(recordsDir(owner), fmt.Sprintf("%s%08d%s", recordPrefix, id, journalSuffix))
}

// record makes a record of a journal that has been carried out.
func (t target) record(ctx context.Context, j journal) error {
	if err := t.fsys.Mkdir(ctx, t.path(recordsDir(j.Owner))); err != nil {
		return err
	}
	return t.move(ctx, prepared{From: journalName(j.Run), To: recordName(j.Owner, j.Checkpoint)})
}

// writeRecord writes a record anew.
func (t target) writeRecord(ctx context.Context, j journal) error {
	data, err := json.Marshal(j)
	if err != nil {
		return err
	}
	if err := t.fsys.Mkdir(ctx, t.path(recordsDir(j.Owner))); err != nil {
		return err
	}
	return vfs.WriteFileAtomic(ctx, t.fsys, t.path(recordName(j.Owner, j.Checkpoint)), data)
}

// recorded returns the checkpoints that have records, ascending.
func (t target) recorded(ctx context.Context, owner string) ([]stream.CheckpointID, error) {
	infos, err := t.fsys.List(ctx, t.path(recordsDir(owner)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var ids []stream.CheckpointID
	for _, info := range infos {
		text, isOne := strings.CutPrefix(strings.TrimSuffix(info.Name(), journalSuffix), recordPrefix)
		if id, err := strconv.ParseInt(text, 10, 64); err == nil && isOne {
			ids = append(ids, stream.CheckpointID(id))
		}
	}
	slices.Sort(ids)
	return ids, err
}

// forget removes the records of checkpoints up to one, and what was kept for them. It returns the others.
func (t target) forget(ctx context.Context, owner string, ids []stream.CheckpointID, to stream.CheckpointID) ([]stream.CheckpointID, error) {
	for len(ids) > 0 && ids[0] <= to {
		name := recordName(owner, ids[0])
		j, err := t.readJournal(ctx, t.path(name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return ids, err
		}
		for _, piece := range j.Remove {
			if err := t.remove(ctx, piece); err != nil {
				return ids, err
			}
		}
		if err := t.remove(ctx, name); err != nil {
			return ids, err
		}
		ids = ids[1:]
	}
	return ids, nil
}

// undoing is what there is to be taken back.
type undoing struct {
	later []journal // of checkpoints after the one gone back to, descending, without what was published before
	floor stream.CheckpointID
	ended *success // the stream has ended, with this; nil: it has not
}

// undoing finds what was published after a checkpoint. A publishing that was interrupted is ended first.
func (t target) undoing(ctx context.Context, owner string, to stream.CheckpointID) (u undoing, err error) {
	if err := t.repair(ctx); errors.Is(err, fs.ErrNotExist) {
		return u, nil // there is no target yet
	} else if err != nil {
		return u, err
	}
	ids, err := t.recorded(ctx, owner)
	if err != nil {
		return u, err
	}
	if len(ids) == 0 {
		u.ended, err = t.endOf(ctx, owner)
		return u, err
	}
	before := map[string]bool{} // what was not known to be published when a later checkpoint was made is in two
	for _, id := range ids {
		j, err := t.readJournal(ctx, t.path(recordName(owner, id)))
		if err != nil {
			return u, err
		}
		u.floor = max(u.floor, j.Oldest)
		if id > to {
			j.Rename = slices.DeleteFunc(j.Rename, func(f prepared) bool { return before[f.To] })
			u.later = append(u.later, j)
			continue
		}
		for _, f := range j.Rename {
			before[f.To] = true
		}
	}
	slices.Reverse(u.later)
	return u, nil
}

// endOf returns what _SUCCESS says of a run of the owner; nil: there is none.
func (t target) endOf(ctx context.Context, owner string) (*success, error) {
	data, err := vfs.ReadFile(ctx, t.fsys, t.path(successName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s := &success{}
	if err := json.Unmarshal(data, s); err == nil && strings.HasPrefix(s.Run, owner) {
		return s, nil
	}
	return nil, nil // it is somebody else's
}

// check returns connectors.ErrPublic when not all can be taken back to a checkpoint.
func (u undoing) check(ctx context.Context, t target, to stream.CheckpointID) error {
	switch {
	case u.ended != nil && u.ended.Checkpoint > to:
		return fmt.Errorf("the job ended with checkpoint %d, and %s has all of its output: %w", u.ended.Checkpoint, t.fsys.URL(t.root), connectors.ErrPublic)
	case u.floor > to:
		return fmt.Errorf("%s has output of up to checkpoint %d that is there to stay: %w", t.fsys.URL(t.root), u.floor, connectors.ErrPublic)
	}
	for _, j := range u.later {
		for _, f := range j.Rename {
			err := t.find(ctx, prepared{From: f.To, To: f.From})
			if errors.Is(err, fs.ErrNotExist) {
				err = fmt.Errorf("%s, of checkpoint %d, is not there any more: %w", t.fsys.URL(t.path(f.To)), j.Checkpoint, connectors.ErrPublic)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// undo takes one publishing back. A file that somebody has removed stays gone.
func (t target) undo(ctx context.Context, j journal) error {
	folders := map[string]bool{}
	for _, folder := range j.Marks { // whoever goes on marks anew what is past then
		if err := t.remove(ctx, path.Join(folder, successName)); err != nil {
			return err
		}
	}
	for _, f := range j.Rename {
		if err := t.fsys.Mkdir(ctx, t.path(path.Dir(f.From))); err != nil {
			return err
		}
		if err := t.move(ctx, prepared{From: f.To, To: f.From}); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		folders[path.Dir(f.To)] = true
	}
	for folder := range folders {
		for ; folder != "."; folder = path.Dir(folder) {
			if err := t.remove(ctx, folder); errors.Is(err, vfs.ErrNotEmpty) {
				break
			} else if err != nil {
				return err
			}
		}
	}
	return t.writeRecord(ctx, journal{Run: j.Run, Owner: j.Owner, Checkpoint: j.Checkpoint, Oldest: j.Oldest})
}
