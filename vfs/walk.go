package vfs

import (
	"context"
	"iter"
)

// Walk yields the files below root, depth first, each folder in order of name. Files and folders with hidden
// names (IsHidden) are left out; root itself may have one. If root is a file, it alone is yielded. Folders are
// not yielded. An error is yielded once, as the last pair.
func Walk(ctx context.Context, fsys FileSystem, root string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		info, err := fsys.Stat(ctx, root)
		if err != nil {
			yield(Info{}, err)
			return
		}
		walk(ctx, fsys, info, IsHidden, yield)
	}
}

// walk yields the files of the tree at info and reports whether to go on.
func walk(ctx context.Context, fsys FileSystem, info Info, skip func(string) bool, yield func(Info, error) bool) bool {
	if !info.IsDir {
		return yield(info, nil)
	}
	children, err := fsys.List(ctx, info.Path)
	if err != nil {
		yield(Info{}, err)
		return false
	}
	for _, c := range children {
		if !skip(c.Name()) && !walk(ctx, fsys, c, skip, yield) {
			return false
		}
	}
	return true
}

// Usage is the sum of the files of a tree, hidden ones included.
type Usage struct {
	Files int64
	Bytes int64
}

// DiskUsage sums up the files at and below root. It lists every folder: one round trip each.
func DiskUsage(ctx context.Context, fsys FileSystem, root string) (Usage, error) {
	info, err := fsys.Stat(ctx, root)
	if err != nil {
		return Usage{}, err
	}
	var used Usage
	all := func(string) bool { return false }
	walk(ctx, fsys, info, all, func(i Info, e error) bool {
		if err = e; e == nil {
			used.Files++
			used.Bytes += i.Size
		}
		return e == nil
	})
	return used, err
}
