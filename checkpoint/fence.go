package checkpoint

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
	"time"

	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/vfs"
)

// ErrFenced says that a newer incarnation of the job has taken the checkpoint folder over. This one must end.
var ErrFenced = errors.New("another incarnation of the job has taken over")

const (
	epochPrefix = "epoch-"
	chkPrefix   = "chk-"
	deadPrefix  = "dead-"
)

// holder is the content of an epoch's file: who took it, for messages.
type holder struct {
	Job  string    `json:"job"`
	Run  string    `json:"run"`
	Time time.Time `json:"time"`
}

// contents is what lies in a folder of checkpoints. Names of others are not in it.
type contents struct {
	epoch       int64                 // the newest; 0: none
	epochs      []int64               // all
	checkpoints []stream.CheckpointID // whose folders are there, ascending
	dead        []dead
}

// dead is a folder that was put aside.
type dead struct {
	id    stream.CheckpointID
	epoch int64 // that put it aside
}

func (d dead) dir() string { return fmt.Sprintf("%s%08d-%08d", deadPrefix, d.id, d.epoch) }

func listing(ctx context.Context, at Folder) (contents, error) {
	var out contents
	infos, err := at.FS.List(ctx, at.Path)
	if err != nil {
		return out, err
	}
	for _, i := range infos {
		name := i.Name()
		if n, ok := numbers(name, epochPrefix, 1); ok && !i.IsDir {
			out.epochs = append(out.epochs, n[0])
			out.epoch = max(out.epoch, n[0])
		}
		if n, ok := numbers(name, chkPrefix, 1); ok && i.IsDir {
			out.checkpoints = append(out.checkpoints, stream.CheckpointID(n[0]))
		}
		if n, ok := numbers(name, deadPrefix, 2); ok && i.IsDir {
			out.dead = append(out.dead, dead{id: stream.CheckpointID(n[0]), epoch: n[1]})
		}
	}
	slices.Sort(out.checkpoints)
	return out, nil
}

// numbers returns the n numbers of a name behind its prefix: chk-00000017.
func numbers(name, prefix string, n int) ([]int64, bool) {
	rest, ok := strings.CutPrefix(name, prefix)
	parts := strings.Split(rest, "-")
	if !ok || len(parts) != n {
		return nil, false
	}
	out := make([]int64, n)
	for i, p := range parts {
		v, err := strconv.ParseInt(p, 10, 64)
		if err != nil || v <= 0 || len(p) < 8 {
			return nil, false
		}
		out[i] = v
	}
	return out, true
}

// newest is the greatest number that a checkpoint has had.
func (c contents) newest() (id stream.CheckpointID) {
	for _, n := range c.checkpoints {
		id = max(id, n)
	}
	for _, d := range c.dead {
		id = max(id, d.id)
	}
	return id
}

func epochPath(at Folder, epoch int64) string {
	return path.Join(at.Path, fmt.Sprintf("%s%08d", epochPrefix, epoch))
}

// takeEpoch makes the file of the next epoch. Create is exclusive: of several who try, each gets another number, and the greatest counts.
func takeEpoch(ctx context.Context, at Folder, h holder) (epoch int64, err error) {
	data, err := json.Marshal(h)
	if err != nil {
		return 0, err
	}
	err = retried(ctx, func() error {
		l, err := listing(ctx, at)
		if err != nil {
			return err
		}
		epoch = l.epoch + 1
		w, err := at.FS.Create(ctx, epochPath(at, epoch))
		if err != nil {
			return err
		}
		if _, err := w.Write(data); err != nil {
			return errors.Join(err, w.Abort())
		}
		if err := w.Close(); err != nil {
			return errors.Join(err, w.Abort())
		}
		return fence(ctx, at, epoch)
	})
	return epoch, err
}

// fence fails when a newer incarnation has taken the folder over.
func fence(ctx context.Context, at Folder, epoch int64) error {
	l, err := listing(ctx, at)
	if err != nil || l.epoch <= epoch {
		return err
	}
	by := fmt.Sprintf("epoch %d, ours is %d", l.epoch, epoch)
	if data, err := vfs.ReadFile(ctx, at.FS, epochPath(at, l.epoch)); err == nil {
		var h holder
		if json.Unmarshal(data, &h) == nil {
			by += fmt.Sprintf(", by run %s of %s at %s", h.Run, h.Job, h.Time.Format(time.RFC3339))
		}
	}
	return fmt.Errorf("%w: %s (%s)", ErrFenced, at, by)
}

// orFenced returns the reason behind a failure to write when that is another incarnation, which puts aside what is not complete; else err.
func orFenced(ctx context.Context, at Folder, epoch int64, err error) error {
	if fenced := fence(ctx, at, epoch); errors.Is(fenced, ErrFenced) {
		return fenced
	}
	return err
}

// putAside renames the folders of checkpoints that earlier incarnations have not completed, and removes their epochs' files. An
// incarnation that still lives and is about to rename a manifest into such a folder then fails. Invariant: a folder that was made after our
// epoch needs no renaming, for its manifest is preceded by a look at the epochs. Folders of retired checkpoints have no manifest either: those
// whose files others refer to stay, and nobody will complete them, for they were complete once.
func (s *Store) putAside(ctx context.Context) error {
	l, needed, err := s.needed(ctx)
	if err != nil {
		return err
	}
	for _, id := range l.checkpoints {
		if needed[checkpointDir(id)] {
			continue
		}
		if err := retried(ctx, func() error { return s.putAsideOne(ctx, dead{id: id, epoch: s.epoch}) }); err != nil {
			return err
		}
	}
	// An earlier incarnation may have died having put aside what had just become complete.
	for _, d := range l.dead {
		if err := retried(ctx, func() error { return s.bringBack(ctx, d) }); err != nil {
			return err
		}
	}
	if err := s.bringBackNeeded(ctx); err != nil {
		return err
	}
	for _, e := range l.epochs {
		if e < s.epoch {
			if err := s.folder.FS.Remove(ctx, epochPath(s.folder, e)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				s.o.Log.Warn("epoch's file was not removed", "error", err)
			}
		}
	}
	return nil
}

// needed lists what there is, and the folders in which files of complete checkpoints lie. What cannot be read for damage needs nothing.
func (s *Store) needed(ctx context.Context) (l contents, dirs map[string]bool, err error) {
	if l, err = listing(ctx, s.folder); err != nil {
		return l, nil, err
	}
	dirs = map[string]bool{}
	for _, id := range l.checkpoints {
		m, err := readManifest(ctx, s.folder.join(checkpointDir(id)))
		if err != nil && !isDamage(err) {
			return l, nil, err
		}
		if err == nil && m.Moved == "" {
			for f := range m.files {
				dirs[path.Dir(f.Path)] = true
			}
		}
	}
	return l, dirs, nil
}

// bringBackNeeded undoes putting a folder aside that has files of a checkpoint which was completed when we had looked already, or that an
// incarnation which died had put aside.
func (s *Store) bringBackNeeded(ctx context.Context) error {
	l, needed, err := s.needed(ctx)
	if err != nil {
		return err
	}
	for _, d := range l.dead {
		if to := checkpointDir(d.id); needed[to] {
			err := retried(ctx, func() error { return s.folder.FS.Rename(ctx, s.folder.join(d.dir()).Path, s.folder.join(to).Path) })
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

func (s *Store) putAsideOne(ctx context.Context, d dead) error {
	from := s.folder.join(checkpointDir(d.id))
	if ok, err := exists(ctx, from.join(manifestName)); ok || err != nil {
		return err
	}
	if err := s.folder.FS.Rename(ctx, from.Path, s.folder.join(d.dir()).Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return s.bringBack(ctx, d)
}

// bringBack undoes putting a checkpoint aside that was complete.
func (s *Store) bringBack(ctx context.Context, d dead) error {
	from := s.folder.join(d.dir())
	if ok, err := exists(ctx, from.join(manifestName)); !ok || err != nil {
		return err
	}
	return s.folder.FS.Rename(ctx, from.Path, s.folder.join(checkpointDir(d.id)).Path)
}

func exists(ctx context.Context, at Folder) (bool, error) {
	_, err := at.FS.Stat(ctx, at.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
