package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream"
)

// NativeReader opens a snapshot that a back end has saved in files of its own, to read its rows. Those of other key groups may be left out.
type NativeReader func(ctx context.Context, files []state.File, groups state.Groups) (state.Frozen, error)

// sharedName is a file that later checkpoints may have too.
type sharedName struct {
	uid  string
	task Task
	name string
}

// writeNative saves files of a back end's own, if it has some: shared ones that the checkpoint's base has are not saved again, unless they lie in a
// merged file of which little else is needed.
func (s *snapshot) writeNative(ctx context.Context, uid string, frozen state.Native) ([]NativeFile, error) {
	base := s.writer.base(s.at.Base)
	var have []state.File
	for name, f := range base.files {
		if name.uid == uid && name.task == s.task {
			have = append(have, state.File{Name: name.name, Size: f.Size, Shared: true})
		}
	}
	files := frozen.Files(have)
	out := make([]NativeFile, len(files)) // which does not move
	for i, f := range files {
		key := sharedName{uid, s.task, f.Name}
		saved, ok := base.files[key]
		out[i] = NativeFile{Name: f.Name, File: saved}
		if !ok || !f.Shared || saved.Size != f.Size || f.Open != nil && base.isSparse(saved) {
			if err := s.saveFile(ctx, uid, f, &out[i].File); err != nil {
				return nil, fmt.Errorf("file %s: %w", f.Name, err)
			}
		}
		if f.Shared {
			s.kept[key] = &out[i].File
		}
	}
	return out, nil
}

// base is the shared files of a checkpoint.
type base struct {
	files  map[sharedName]File
	needed map[string]int64 // by path of merged files: bytes of files that the checkpoint has
	merged map[string]int64 // and bytes in all
}

// isSparse says whether a file lies in a merged one of which the checkpoint needs less than half: what refers to it keeps all of it.
func (b base) isSparse(f File) bool { return f.Merged && 2*b.needed[f.Path] < b.merged[f.Path] }

// base returns the shared files of a checkpoint that this writer has written.
func (w *Writer) base(id stream.CheckpointID) base {
	w.mu.Lock()
	defer w.mu.Unlock()
	b := base{files: maps.Clone(w.shared[id]), needed: map[string]int64{}, merged: maps.Clone(w.merged)}
	for _, f := range b.files {
		if f.Merged {
			b.needed[f.Path] += f.Size
		}
	}
	return b
}

// remember notes the shared files of one task, for checkpoints whose base this one will be. Older ones will not be one.
func (w *Writer) remember(at Place, files map[sharedName]*File) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.shared == nil {
		w.shared = map[stream.CheckpointID]map[sharedName]File{}
	}
	if w.oldest < at.Base {
		w.forget(at.Base)
	}
	if w.shared[at.ID] == nil {
		w.shared[at.ID] = map[sharedName]File{}
	}
	for name, f := range files {
		w.shared[at.ID][name] = *f
	}
}

// forget drops what is of no use to checkpoints that have that base, or a later one. mu is held.
func (w *Writer) forget(base stream.CheckpointID) {
	w.oldest = base
	maps.DeleteFunc(w.shared, func(id stream.CheckpointID, _ map[sharedName]File) bool { return id < base })
	needed := map[string]bool{}
	for _, files := range w.shared {
		for _, f := range files {
			needed[f.Path] = true
		}
	}
	maps.DeleteFunc(w.merged, func(path string, _ int64) bool { return !needed[path] && path < checkpointDir(base) })
}

// saveFile copies a file into the checkpoint.
func (s *snapshot) saveFile(ctx context.Context, uid string, f state.File, to *File) error {
	name := func() string { return fileName(uid, s.task, f.Name, "native") }
	err := retried(ctx, func() error {
		out := s.file(ctx, name(), f.Shared)
		if err := copyFile(out, f); err != nil {
			return errors.Join(err, out.drop())
		}
		saved, err := out.publish(s.at.Sub)
		if err != nil {
			return errors.Join(err, out.drop())
		}
		*to = saved
		return nil
	})
	if err != nil {
		return err
	}
	return s.hold(ctx, to, name, f.Shared)
}

func copyFile(out *stateFile, f state.File) (err error) {
	in, err := f.Open()
	if err != nil {
		return fmt.Errorf("%w: %w", errFinal, err)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	n, err := io.Copy(out, in)
	if err == nil && f.Size >= 0 && n != f.Size {
		err = fmt.Errorf("%w: it has %d bytes of %d", errFinal, n, f.Size)
	}
	return err
}

// Native returns the files that a back end has saved of an operator, when they are as they stand what a task is to begin from: the task that
// wrote them had the same key groups. ctx bounds their reading. Else Rows gives the rows of such files too.
func (s *Saved) Native(ctx context.Context, uid string, share Share) ([]state.File, bool) {
	o := s.Manifest.Operator(uid)
	if o == nil || len(o.Parts) != share.Tasks || o.KeyGroups != share.KeyGroups || len(o.Parts[share.Task].Native) == 0 {
		return nil, false
	}
	return s.nativeFiles(ctx, o.Parts[share.Task]), true
}

func (s *Saved) nativeFiles(ctx context.Context, p Part) []state.File {
	files := make([]state.File, 0, len(p.Native))
	for _, f := range p.Native {
		files = append(files, state.File{Name: f.Name, Size: f.Size, Shared: !f.isInline(), Open: func() (io.ReadCloser, error) {
			in, err := s.open(ctx, &f.File)
			if err != nil {
				return nil, err
			}
			return struct {
				*io.SectionReader
				io.Closer
			}{io.NewSectionReader(in, 0, in.size), in}, nil
		}})
	}
	return files
}

// eachNative gives do the rows of a table in files of a back end.
func (r *reader) eachNative(ctx context.Context, t state.Table, wanted state.Groups, do func(columnar.Batch) error) error {
	schema, keyed := fileSchema(t), t.Distribution == state.Keyed
	for i, have := range r.native.Tables() {
		if have.Name != t.Name {
			continue
		}
		for rows, err := range r.native.Read(ctx, i) {
			if err == nil && (!keyed || wanted.Has(rows.Group)) {
				rows.Batch = rows.Batch.Clone()
				err = do(withGroup(schema, keyed, rows))
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}
