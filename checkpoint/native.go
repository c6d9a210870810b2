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

// writeNative saves files of a back end's own, if it has some: shared ones that the checkpoint's base has are not saved again.
func (w *Writer) writeNative(ctx context.Context, at Place, task Task, uid string, frozen state.Native) ([]NativeFile, error) {
	base := w.base(at.Base)
	var have []state.File
	for name, f := range base {
		if name.uid == uid && name.task == task {
			have = append(have, state.File{Name: name.name, Size: f.Size, Shared: true})
		}
	}
	var out []NativeFile
	kept := map[sharedName]File{}
	for _, f := range frozen.Files(have) {
		key := sharedName{uid, task, f.Name}
		saved, ok := base[key]
		if !ok || !f.Shared || saved.Size != f.Size {
			var err error
			if saved, err = w.saveFile(ctx, at, task, uid, f); err != nil {
				return nil, fmt.Errorf("file %s: %w", f.Name, err)
			}
		}
		if f.Shared {
			kept[key] = saved
		}
		out = append(out, NativeFile{Name: f.Name, File: saved})
	}
	w.remember(at, kept)
	return out, nil
}

// base returns the shared files of a checkpoint that this writer has written.
func (w *Writer) base(id stream.CheckpointID) map[sharedName]File {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.shared[id])
}

// remember notes the shared files of one operator in one task, for checkpoints whose base this one will be. Older ones will not be one.
func (w *Writer) remember(at Place, files map[sharedName]File) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.shared == nil {
		w.shared = map[stream.CheckpointID]map[sharedName]File{}
	}
	maps.DeleteFunc(w.shared, func(id stream.CheckpointID, _ map[sharedName]File) bool { return id < at.Base })
	if w.shared[at.ID] == nil {
		w.shared[at.ID] = map[sharedName]File{}
	}
	maps.Copy(w.shared[at.ID], files)
}

// saveFile copies a file into the checkpoint.
func (w *Writer) saveFile(ctx context.Context, at Place, task Task, uid string, f state.File) (saved File, err error) {
	inline := inlineBytes
	if f.Shared {
		inline = -1 // a manifest that repeats it would be no gain
	}
	err = retried(ctx, func() error {
		out := newStateFile(ctx, at.Folder(), fileName(uid, task, f.Name, "native"), inline)
		if err := copyFile(out, f); err != nil {
			return errors.Join(err, out.drop())
		}
		var err error
		if saved, err = out.publish(at.Sub); err != nil {
			return errors.Join(err, out.drop())
		}
		return nil
	})
	return saved, err
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
