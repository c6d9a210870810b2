package file

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/vfs"
)

// journal is what one publishing does. Once it is written, the publishing is decided; whoever finds it does all of it, again if need be.
type journal struct {
	Run     string     `json:"run"`
	Owner   string     `json:"owner,omitempty"` // of a stream: its other runs end with it
	Rename  []prepared `json:"rename"`
	Remove  []string   `json:"remove,omitempty"`  // files, relative to the target
	Folders []string   `json:"folders,omitempty"` // that may be empty then, deepest first
	Marks   []string   `json:"marks,omitempty"`   // folders by time whose rows are all there then
	Success *success   `json:"success,omitempty"` // what _SUCCESS is to hold; nil: more will follow
	// Checkpoint is what a stream publishes for: the journal becomes a record then (record.go). Oldest is where the stream may go back to.
	Checkpoint stream.CheckpointID `json:"checkpoint,omitempty"`
	Oldest     stream.CheckpointID `json:"oldest,omitempty"`
}

// isRecorded says whether a publishing may be taken back.
func (j journal) isRecorded() bool { return j.Checkpoint > 0 && j.Success == nil }

// success is the content of _SUCCESS.
type success struct {
	Run   string `json:"run"`
	Files int    `json:"files"`
	Rows  int64  `json:"rows"`
	Bytes int64  `json:"bytes"`
	// Checkpoint is the last of the stream that Run is of.
	Checkpoint stream.CheckpointID `json:"checkpoint,omitempty"`
}

func journalName(run string) string { return journalPrefix + run + journalSuffix }

// publish writes the journal and does what it says.
func (t target) publish(ctx context.Context, j journal) error {
	data, err := json.Marshal(j)
	if err != nil {
		return err
	}
	if err := t.write(ctx, j.Run, journalName(j.Run), data); err != nil {
		return err
	}
	return t.rollForward(ctx, j)
}

// write writes a file of the target at once; what a crash leaves of it goes with the run's temporary folder.
func (t target) write(ctx context.Context, run, name string, data []byte) error {
	dir := t.path(path.Join(temporaryName, run))
	if err := t.fsys.Mkdir(ctx, dir); err != nil {
		return err
	}
	if err := vfs.WriteFileAtomic(ctx, t.fsys, path.Join(dir, name), data); err != nil {
		return err
	}
	return t.fsys.Rename(ctx, path.Join(dir, name), t.path(name))
}

// rollForward does what the journal says and removes it, or makes it a record. Every step may have been done before.
func (t target) rollForward(ctx context.Context, j journal) error {
	if err := t.remove(ctx, successName); err != nil {
		return err
	}
	made := map[string]bool{}
	for _, f := range j.Rename {
		if dir := path.Dir(f.To); dir != "." && !made[dir] {
			if err := t.fsys.Mkdir(ctx, t.path(dir)); err != nil {
				return err
			}
			made[dir] = true
		}
		if err := t.move(ctx, f); err != nil {
			return err
		}
	}
	for _, folder := range j.Marks {
		if err := t.mark(ctx, j.Run, folder); err != nil {
			return err
		}
	}
	if j.isRecorded() { // what goes, goes when nobody can want it back
		return t.record(ctx, j)
	}
	for _, name := range j.Remove {
		if err := t.remove(ctx, name); err != nil {
			return err
		}
	}
	for _, dir := range j.Folders {
		if err := t.remove(ctx, dir); err != nil && !errors.Is(err, vfs.ErrNotEmpty) {
			return err
		}
	}
	if err := t.clean(ctx, j); err != nil {
		return err
	}
	return t.remove(ctx, journalName(j.Run))
}

// clean writes _SUCCESS and removes the run's temporary folder, if the run has ended.
func (t target) clean(ctx context.Context, j journal) error {
	if j.Success == nil {
		return nil
	}
	data, err := json.Marshal(j.Success)
	if err != nil {
		return err
	}
	if err := t.write(ctx, j.Run, successName, append(data, '\n')); err != nil {
		return err
	}
	if j.Owner == "" {
		return t.removeTemporary(ctx, j.Run)
	}
	return t.removeOwned(ctx, j.Owner)
}

// removeOwned removes what all runs of a stream have not published.
func (t target) removeOwned(ctx context.Context, owner string) error {
	infos, err := t.fsys.List(ctx, t.path(temporaryName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, info := range infos {
		if err == nil && strings.HasPrefix(info.Name(), owner) {
			err = t.removeTemporary(ctx, info.Name())
		}
	}
	return err
}

// removeTemporary removes what the run has not published.
func (t target) removeTemporary(ctx context.Context, run string) error {
	if err := t.fsys.RemoveAll(ctx, t.path(path.Join(temporaryName, run))); err != nil {
		return err
	}
	return t.removeIfEmpty(ctx, temporaryName) // others may be at work
}

// repair ends every publishing that was interrupted.
func (t target) repair(ctx context.Context) error {
	infos, err := t.fsys.List(ctx, t.root)
	if err != nil {
		return err
	}
	for _, info := range infos {
		if info.IsDir || !strings.HasPrefix(info.Name(), journalPrefix) || !strings.HasSuffix(info.Name(), journalSuffix) {
			continue
		}
		j, err := t.readJournal(ctx, info.Path)
		if errors.Is(err, fs.ErrNotExist) { // its run has just ended it
			continue
		}
		if err == nil {
			err = t.rollForward(ctx, j)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (t target) readJournal(ctx context.Context, p string) (j journal, err error) {
	data, err := vfs.ReadFile(ctx, t.fsys, p)
	if err != nil {
		return j, err
	}
	if err := json.Unmarshal(data, &j); err != nil {
		return j, fmt.Errorf("reading the journal %s: %w", t.fsys.URL(p), err)
	}
	return j, nil
}

// replaced returns the files below dir that the run did not write, and the folders that have them, deepest first.
func (t target) replaced(ctx context.Context, dir, run string) (files, folders []string, err error) {
	for info, err := range vfs.Walk(ctx, t.fsys, t.path(dir)) {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil, nil
		}
		if err != nil {
			return nil, nil, err
		}
		if isOfRun(info.Name(), run) {
			continue
		}
		name := t.rel(info.Path)
		files = append(files, name)
		for d := path.Dir(name); d != "." && !slices.Contains(folders, d); d = path.Dir(d) {
			folders = append(folders, d)
		}
	}
	slices.SortFunc(folders, func(a, b string) int { return strings.Compare(b, a) })
	return files, folders, nil
}
