package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
)

const (
	// heldBytes is about how much of a snapshot waits in memory to be put into a file with others.
	heldBytes = 4 << 20
	// mergedBytes is about how large a file becomes at most that others are put into: one that fails is written again as a whole.
	mergedBytes = 32 << 20
)

// merger puts small files of the snapshots that a process writes at the same time one behind the other into one. On file systems like HDFS each
// file costs the master memory, and several calls.
//
// Nobody waits for more to come: of the tasks that have something to write, one writes, and what others bring meanwhile goes into the next file
// together. So the slower the file system, the fewer the files (group commit, as in DeWitt et al. 1984, "Implementation techniques for main
// memory database systems"). A task's snapshot is only said to be durable when the file that has the last of it is closed.
//
//	task 1  |--- writes ---|
//	task 2     waits       |-- writes those of 2, 3 and 4 --|
//	task 3        waits                 done                |
//	task 4            waits             done                |
type merger struct {
	mu      sync.Mutex // guards what follows
	writing bool
	waiting []*bundle
}

// bundle is what a task brings.
type bundle struct {
	at    Place
	files []held
	bytes int64
	turn  chan bool // true: the task is to write; false: another has written it
	err   error     // of the other
}

// held is a file whose bytes are where inline ones are, until it has been put somewhere.
type held struct {
	file   *File
	name   func() string // another one each time, should it come to lie alone
	shared bool
}

// hold takes a file that has been published. One that is in memory, and not so small that it stays in the manifest, is to be put into another.
func (s *snapshot) hold(ctx context.Context, f *File, name func() string, isShared bool) error {
	if !f.isInline() || !isShared && f.Size <= inlineBytes {
		return nil
	}
	s.held = append(s.held, held{f, name, isShared})
	if s.bytes += f.Size; s.bytes < heldBytes {
		return nil
	}
	return s.merge(ctx)
}

// merge puts what is held into files, together with that of other tasks. Also of nothing it looks whether the folder is ours.
func (s *snapshot) merge(ctx context.Context) error {
	s.fenced = true
	b := &bundle{at: s.at, files: s.held, bytes: s.bytes, turn: make(chan bool, 1)}
	s.held, s.bytes = nil, 0
	m := &s.writer.merger
	m.mu.Lock()
	m.waiting = append(m.waiting, b)
	if m.writing {
		m.mu.Unlock()
		if isTurn := <-b.turn; !isTurn { // in bounded time: what writes ends with the context of the worker, as this does
			return b.err
		}
		m.mu.Lock()
	}
	m.writing = true
	all := m.take(b)
	m.mu.Unlock()
	err := s.writer.writeMerged(ctx, s.at, all)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.next()
	for _, other := range all {
		if other != b {
			other.err = err
			other.turn <- false
		}
	}
	return err
}

// next has the first of those that wait write, if there are any. mu is held.
func (m *merger) next() {
	m.writing = len(m.waiting) > 0
	if m.writing {
		m.waiting[0].turn <- true
	}
}

// take removes from those that wait one bundle and others of the same checkpoint that are written with it. mu is held.
func (m *merger) take(first *bundle) []*bundle {
	all, bytes := []*bundle{first}, first.bytes
	m.waiting = slices.DeleteFunc(m.waiting, func(b *bundle) bool {
		if b == first {
			return true
		}
		if b.at.ID != first.at.ID || bytes+b.bytes > mergedBytes {
			return false
		}
		all, bytes = append(all, b), bytes+b.bytes
		return true
	})
	return all
}

// writeMerged writes bundles. Files that only this checkpoint will have go into one, those that later ones may have too into another: it stays as
// long as one of them is needed.
func (w *Writer) writeMerged(ctx context.Context, at Place, bundles []*bundle) error {
	if err := retried(ctx, func() error { return fence(ctx, w.Folder, w.Epoch) }); err != nil {
		return err
	}
	var own, shared []held
	for _, b := range bundles {
		for _, h := range b.files {
			if h.shared {
				shared = append(shared, h)
			} else {
				own = append(own, h)
			}
		}
	}
	if err := w.writeTogether(ctx, at, own); err != nil {
		return err
	}
	return w.writeTogether(ctx, at, shared)
}

// mergedName returns a new name for a merged file.
func mergedName() string { return fmt.Sprintf("merged-%012x.parts", rand.Uint64()>>16) }

// writeTogether writes files one behind the other.
func (w *Writer) writeTogether(ctx context.Context, at Place, files []held) error {
	if len(files) == 0 {
		return nil
	}
	var whole File
	err := retried(ctx, func() error {
		name := files[0].name
		if len(files) > 1 {
			name = mergedName
		}
		f := newStateFile(ctx, at.Folder(), name(), -1)
		err := error(nil)
		for _, h := range files {
			if _, err = f.Write(h.file.Inline); err != nil {
				break
			}
		}
		if err == nil {
			whole, err = f.publish(at.Sub)
		}
		if err != nil {
			return errors.Join(err, f.drop())
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%d files in one: %w", len(files), err)
	}
	offset := int64(0)
	for _, h := range files {
		h.file.Path, h.file.Inline = whole.Path, nil
		if len(files) > 1 {
			h.file.Merged, h.file.Offset = true, offset
		}
		offset += h.file.Size
	}
	if files[0].shared && len(files) > 1 {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.merged == nil {
			w.merged = map[string]int64{}
		}
		w.merged[whole.Path] = whole.Size
	}
	return nil
}
