package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/vfs"
)

// target is the folder that a sink writes to.
type target struct {
	fsys vfs.FileSystem
	root string
}

// path returns the path of a name relative to the target.
func (t target) path(rel string) string { return path.Join(t.root, rel) }

// rel is the inverse of path.
func (t target) rel(p string) string {
	return strings.TrimPrefix(strings.TrimPrefix(p, path.Clean(t.root)), "/")
}

// remove removes a file of the target; it may be gone already.
func (t target) remove(ctx context.Context, rel string) error {
	err := t.fsys.Remove(ctx, t.path(rel))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// removeIfEmpty removes a folder of the target that may be gone already, or not be empty.
func (t target) removeIfEmpty(ctx context.Context, rel string) error {
	if err := t.remove(ctx, rel); !errors.Is(err, vfs.ErrNotEmpty) {
		return err
	}
	return nil
}

// prune removes a folder of the target, and those in it, as far as there are no files.
func (t target) prune(ctx context.Context, rel string) error {
	infos, err := t.fsys.List(ctx, t.path(rel))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, info := range infos {
		if err == nil && info.IsDir {
			err = t.prune(ctx, path.Join(rel, info.Name()))
		}
	}
	if err != nil {
		return err
	}
	return t.removeIfEmpty(ctx, rel)
}

// move renames a file of the target; it may have been moved already.
func (t target) move(ctx context.Context, f prepared) error {
	err := t.fsys.Rename(ctx, t.path(f.From), t.path(f.To))
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	_, there := t.fsys.Stat(ctx, t.path(f.To))
	if errors.Is(there, fs.ErrNotExist) {
		return fmt.Errorf("%w; it has not been published either: has the sink been given another folder since this was written?", err)
	}
	return there
}

// find looks for a file where it was prepared or, moved already, where it belongs.
func (t target) find(ctx context.Context, f prepared) error {
	_, err := t.fsys.Stat(ctx, t.path(f.From))
	if errors.Is(err, fs.ErrNotExist) {
		if _, moved := t.fsys.Stat(ctx, t.path(f.To)); moved == nil {
			return nil
		}
	}
	return err
}

// run is how what a run writes is named. A stream's data is of all its runs: its names begin with its owner, the job and node.
type run struct {
	name  string
	owner string // "": the run's own data only
}

func runOf(env connectors.Env) run {
	if !env.IsStreaming {
		return run{name: env.RunID}
	}
	owner := strings.Map(func(r rune) rune {
		if r == '/' || r == ownerEnd || r < ' ' {
			return '_'
		}
		return r
	}, env.Job+"-"+env.UID) + string(ownerEnd)
	return run{name: owner + "-" + env.RunID, owner: owner}
}

// ownerEnd ends an owner in names.
const ownerEnd = '~'

// isOfRun says whether a part file was written by the run, or one of the owner.
func isOfRun(name, run string) bool {
	return strings.HasPrefix(name, "part-") && strings.Contains(name, "-"+run)
}
