package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/vfs"
)

// tidy removes what is not needed any more. The checkpoint that has just been completed does not depend on it.
func (s *Store) tidy(ctx context.Context) {
	s.retire(ctx)
	s.mu.Lock()
	unswept := s.unswept
	s.unswept = false
	s.mu.Unlock()
	if !unswept {
		return
	}
	if err := s.Sweep(ctx); err != nil {
		s.o.Log.Warn("unfinished checkpoints were not removed", "error", err)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.unswept = true
	}
}

// retire removes the oldest complete checkpoints, so that Keep are left, and what those before them have left. What goes wrong is logged, and
// tried again the next time.
func (s *Store) retire(ctx context.Context) {
	s.mu.Lock()
	n := max(0, len(s.complete)-s.o.Keep)
	for _, p := range s.begun {
		// What is under way may refer to files of its base, and so to all that came after.
		for p.Base > 0 && n > 0 && s.complete[n-1].ID >= p.Base {
			n--
		}
	}
	for _, m := range s.complete[:n] {
		s.leftover = append(s.leftover, m.ID)
	}
	s.complete = slices.Clone(s.complete[n:])
	old := s.leftover
	s.leftover = nil
	var newest stream.CheckpointID
	for _, m := range s.complete {
		newest = m.ID
	}
	s.mu.Unlock()
	var left []stream.CheckpointID
	for _, id := range old {
		if id > newest { // numbers grow by it
			left = append(left, id)
			continue
		}
		gone, err := s.drop(ctx, checkpointDir(id), true)
		if err != nil {
			s.o.Log.Warn("old checkpoint was not removed", "checkpoint", id, "error", err)
		}
		if !gone {
			left = append(left, id)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leftover = append(s.leftover, left...)
}

// Discard removes what there is of a checkpoint that was begun and will not be completed, a savepoint's folder included. Tasks may still be
// writing it: that fails, or is removed with the next that is completed.
func (s *Store) Discard(ctx context.Context, id stream.CheckpointID) error {
	s.mu.Lock()
	p, ok := s.begun[id]
	s.mu.Unlock()
	if !ok {
		return nil
	}
	err := s.empty(ctx, checkpointDir(id))
	if p.Kind.IsSavepoint() {
		err = errors.Join(err, p.Root.FS.RemoveAll(ctx, p.Root.Path))
	}
	if err != nil {
		return fmt.Errorf("discarding %s %d in %s: %w", p.Kind, id, p.Folder(), err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.begun, id)
	s.leftover = append(s.leftover, id)
	return nil
}

// Sweep removes what nothing refers to: folders of checkpoints that were not completed, by this or by earlier incarnations, and files in
// folders of complete ones that came too late or failed. It does not touch what is under way, nor what later incarnations have, nor names that
// are not ours. It fails with ErrFenced when there is a later incarnation. Complete does it by itself when there may be something.
func (s *Store) Sweep(ctx context.Context) error {
	if err := fence(ctx, s.folder, s.epoch); err != nil {
		return err
	}
	l, err := listing(ctx, s.folder)
	if err != nil {
		return fmt.Errorf("sweeping %s: %w", s.folder, err)
	}
	var errs []error
	for _, d := range l.dead {
		if d.epoch <= s.epoch {
			_, err := s.drop(ctx, d.dir(), d.id < l.newest())
			errs = append(errs, err)
		}
	}
	for _, id := range l.checkpoints {
		if s.isOver(id) {
			_, err := s.drop(ctx, checkpointDir(id), id < l.newest())
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("sweeping %s: %w", s.folder, err)
	}
	return nil
}

// isOver says whether nobody writes into a checkpoint's folder any more who is to be heard: it is of an earlier incarnation, or of ours and not
// under way. Numbers of later incarnations are greater than those we have begun.
func (s *Store) isOver(id stream.CheckpointID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.begun[id]; ok {
		return false
	}
	if slices.Contains(s.damaged, id) {
		// It may have been read badly. It goes when there are enough others.
		return len(s.complete) >= s.o.Keep && id < s.complete[0].ID
	}
	last := s.first - 1
	for _, m := range s.complete {
		last = max(last, m.ID)
	}
	return id <= last
}

// drop empties a folder, and removes it too unless it has the greatest number: numbers grow by it. It returns whether nothing is left.
func (s *Store) drop(ctx context.Context, dir string, too bool) (gone bool, err error) {
	if err := s.empty(ctx, dir); err != nil || !too {
		return false, err
	}
	err = s.folder.FS.Remove(ctx, s.folder.join(dir).Path)
	switch {
	case errors.Is(err, vfs.ErrNotEmpty): // something that is kept
		return false, nil
	case err == nil, errors.Is(err, fs.ErrNotExist):
		return true, nil
	default:
		return false, err
	}
}

// empty removes what is in a folder, the manifest first, but for what checkpoints that are kept refer to.
func (s *Store) empty(ctx context.Context, dir string) error {
	kept := s.kept()
	manifest := path.Join(dir, manifestName)
	if !kept[manifest] {
		if err := s.folder.FS.Remove(ctx, s.folder.join(manifest).Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	infos, err := s.folder.FS.List(ctx, s.folder.join(dir).Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var errs []error
	for _, i := range infos {
		if rel := path.Join(dir, i.Name()); kept[rel] || rel == manifest {
			continue
		}
		if err := s.folder.FS.RemoveAll(ctx, i.Path); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// kept is the paths of the manifests that are kept and of all files that they refer to.
func (s *Store) kept() map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]bool{}
	for _, m := range s.complete {
		out[path.Join(checkpointDir(m.ID), manifestName)] = true
		for f := range m.files {
			out[f.Path] = true
		}
	}
	return out
}
