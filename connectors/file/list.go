package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/vfs"
)

// found is a file to read.
type found struct {
	URL  string
	Size int64
	Keys []key // from the names of its folders, outermost first
	Time time.Time
}

// listing is the files that a path stands for, in order of path.
type listing struct {
	files []found
	cut   bool     // the pruner's budget ran out: there may be more
	held  []string // URLs of files that are there and not to be taken yet
}

func (l *listing) bytes() int64 {
	total := int64(0)
	for _, f := range l.files {
		total += f.Size
	}
	return total
}

// prune returns the listing without files that the pruner rules out.
func (l *listing) prune(p pruner) *listing {
	kept := &listing{cut: l.cut}
	for _, f := range l.files {
		if p.keeps(f.Keys) {
			kept.files = append(kept.files, f)
		}
	}
	return kept
}

// splitPaths splits a list of paths at the commas outside braces.
func splitPaths(list string) []string {
	var paths []string
	depth, from := 0, 0
	add := func(to int) {
		if p := strings.TrimSpace(list[from:to]); p != "" {
			paths = append(paths, p)
		}
		from = to + 1
	}
	for i := range len(list) {
		switch {
		case list[i] == '{':
			depth++
		case list[i] == '}' && depth > 0:
			depth--
		case list[i] == ',' && depth == 0:
			add(i)
		}
	}
	add(len(list))
	return paths
}

// list returns the files that the paths stand for. A path or a glob that stands for nothing is fs.ErrNotExist.
func list(ctx context.Context, files *vfs.Resolver, paths []string, flat bool, p pruner) (*listing, error) {
	l := &lister{flat: flat, pruner: p, seen: map[string]bool{}}
	for _, url := range paths {
		fsys, root, err := files.FS(ctx, url)
		if err != nil {
			return nil, err
		}
		l.fsys = fsys
		if err := l.add(ctx, root); err != nil {
			return nil, fmt.Errorf("listing %s: %w", url, err)
		}
	}
	return &l.out, nil
}

// lister gathers files.
type lister struct {
	fsys   vfs.FileSystem
	flat   bool
	pruner pruner
	seen   map[string]bool // by URL: paths may overlap
	out    listing
	listed int // folders
}

// add adds what the path stands for: the file or folder of that very name, else what it matches as a glob.
func (l *lister) add(ctx context.Context, root string) error {
	info, err := l.fsys.Stat(ctx, root)
	infos := []vfs.Info{info}
	if errors.Is(err, fs.ErrNotExist) && vfs.HasMeta(root) {
		if infos, err = vfs.Glob(ctx, l.fsys, root); err == nil && len(infos) == 0 {
			return vfs.PathError("glob", l.fsys.URL(root), fmt.Errorf("no file matches: %w", fs.ErrNotExist))
		}
	}
	if err != nil {
		return err
	}
	for _, info := range infos {
		dir := info.Path
		if !info.IsDir {
			dir = path.Dir(dir)
		}
		if err := l.walk(ctx, info, trailingKeys(dir)); err != nil {
			return err
		}
	}
	return nil
}

// walk adds the file, or the files below the folder, whose name has those keys.
func (l *lister) walk(ctx context.Context, info vfs.Info, keys []key) error {
	if !l.pruner.keeps(keys) {
		return nil
	}
	if !info.IsDir {
		if url := l.fsys.URL(info.Path); !l.seen[url] {
			l.seen[url] = true
			l.out.files = append(l.out.files, found{URL: url, Size: info.Size, Keys: keys, Time: info.ModTime})
		}
		return nil
	}
	if l.listed++; l.pruner.budget > 0 && l.listed > l.pruner.budget {
		l.out.cut = true
		return nil
	}
	children, err := l.fsys.List(ctx, info.Path)
	if err != nil {
		return err
	}
	for _, c := range children {
		below := keys
		if c.IsDir {
			if k, ok := parseKey(c.Name()); ok {
				below = append(slices.Clip(keys), k)
			}
		}
		if vfs.IsHidden(c.Name()) || c.IsDir && l.flat {
			continue
		}
		if err := l.walk(ctx, c, below); err != nil {
			return err
		}
	}
	return nil
}
