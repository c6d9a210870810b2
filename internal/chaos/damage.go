package chaos

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"path"
	"slices"
	"strings"

	"github.com/millrace/millrace/checkpoint"
	"github.com/millrace/millrace/vfs"
)

// damage cuts a file of the newest checkpoint short, or changes a byte of it: its manifest or one of those with state. It needs another one that
// is whole, to which the job can go back, and lets the last one of a job alone that has ended: there is nothing to go back for. It says whether
// it has damaged one.
func damage(ctx context.Context, r *rand.Rand, at checkpoint.Folder, o checkpoint.Options) (bool, error) {
	infos, err := at.FS.List(ctx, at.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var whole []*checkpoint.Saved
	var newest checkpoint.Folder
	for _, info := range slices.Backward(infos) {
		if !info.IsDir || !strings.HasPrefix(info.Name(), "chk-") {
			continue
		}
		dir := checkpoint.Folder{FS: at.FS, Path: info.Path}
		saved, err := checkpoint.Load(ctx, dir, o)
		if err != nil || saved.Verify(ctx) != nil {
			continue
		}
		if len(whole) == 0 {
			newest = dir
		}
		if whole = append(whole, saved); len(whole) == 2 {
			break
		}
	}
	if len(whole) < 2 || hasEnded(whole[0].Manifest) {
		return false, nil
	}
	files, err := filesOf(ctx, newest)
	if err != nil {
		return false, err
	}
	name := files[r.IntN(len(files))]
	data, err := vfs.ReadFile(ctx, at.FS, name)
	if err != nil {
		return false, err
	}
	broken := slices.Clone(data)
	if len(broken) > 0 && r.IntN(2) == 0 {
		broken = broken[:r.IntN(len(broken))]
	} else if len(broken) > 0 {
		broken[r.IntN(len(broken))] ^= byte(1 + r.IntN(255))
	}
	if err := vfs.WriteFileAtomic(ctx, at.FS, name, broken); err != nil {
		return false, err
	}
	saved, err := checkpoint.Load(ctx, newest, o)
	if err == nil {
		err = saved.Verify(ctx)
	}
	if err != nil && !errors.Is(err, checkpoint.ErrDamaged) { // the number of the format, by chance: nobody goes back over what a later version wrote
		return false, vfs.WriteFileAtomic(ctx, at.FS, name, data)
	}
	return err != nil, nil // else it is a file that nothing refers to, or a blank of a manifest
}

// hasEnded says whether a checkpoint is the last of a job, or has the last state of all its tasks: all output is published then, for good.
func hasEnded(m *checkpoint.Manifest) bool {
	for _, o := range m.Operators {
		if slices.ContainsFunc(o.Parts, func(p checkpoint.Part) bool { return !p.Ended }) {
			return m.Kind == checkpoint.Last
		}
	}
	return true
}

// filesOf lists the files of a checkpoint's folder that are not hidden.
func filesOf(ctx context.Context, dir checkpoint.Folder) ([]string, error) {
	infos, err := dir.FS.List(ctx, dir.Path)
	var out []string
	for _, info := range infos {
		if !info.IsDir && !vfs.IsHidden(path.Base(info.Path)) {
			out = append(out, info.Path)
		}
	}
	return out, err
}
