// Package mem is a vfs in memory: scheme mem, for tests, examples and simulation.
//
// One FS is one tree under one lock. It keeps the contract of package vfs to the letter, so that what passes
// here fails elsewhere only for want of a disk or a network. It starts nothing. Stability: extension.
package mem

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/millrace/millrace/vfs"
)

// FS is a tree of files in memory. Make one with New.
type FS struct {
	name string
	mu   sync.RWMutex // guards the tree
	root *node
}

// node is a file or a folder. A file's data only ever grows at its end, so a reader may keep a slice of it.
type node struct {
	children map[string]*node // nil for a file
	data     []byte
	modTime  time.Time
}

var _ vfs.FileSystem = (*FS)(nil)

// New returns an empty file system. name is the authority of its URLs: mem://name/path.
func New(name string) *FS { return &FS{name: name, root: folder()} }

func folder() *node { return &node{children: map[string]*node{}, modTime: time.Now()} }

func (n *node) isDir() bool { return n.children != nil }

// URL returns mem://name/path.
func (m *FS) URL(p string) string { return vfs.Format("mem", m.name, p) }

// clean makes a path absolute, the only kind there is.
func clean(p string) string { return path.Clean("/" + p) }

// names splits a path into its elements; the root has none.
func names(p string) []string {
	p = strings.Trim(clean(p), "/")
	if p == "" {
		return nil
	}
	return strings.Split(p, "/")
}

// find returns the node at p. The lock is held.
func (m *FS) find(p string) (*node, error) {
	n := m.root
	for _, name := range names(p) {
		if !n.isDir() {
			return nil, vfs.ErrNotDir
		}
		child, ok := n.children[name]
		if !ok {
			return nil, fs.ErrNotExist
		}
		n = child
	}
	return n, nil
}

// parent returns the folder that p lies in, and p's name there. The lock is held.
func (m *FS) parent(p string) (*node, string, error) {
	p = clean(p)
	if p == "/" {
		return nil, "", fs.ErrInvalid
	}
	dir, err := m.find(path.Dir(p))
	if err != nil {
		return nil, "", err
	}
	if !dir.isDir() {
		return nil, "", vfs.ErrNotDir
	}
	return dir, path.Base(p), nil
}

// Open opens a file for reading what it holds now.
func (m *FS) Open(ctx context.Context, p string) (vfs.File, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	n, err := m.find(p)
	switch {
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case err == nil && n.isDir():
		err = vfs.ErrIsDir
	}
	if err != nil {
		return nil, vfs.PathError("open", m.URL(p), err)
	}
	return &file{url: m.URL(p), data: n.data, alive: ctx.Err}, nil
}

// Create makes a new file.
func (m *FS) Create(ctx context.Context, p string) (vfs.Writer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, name, err := m.parent(p)
	switch {
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case err == nil && dir.children[name] != nil:
		err = fs.ErrExist
	}
	if err != nil {
		return nil, vfs.PathError("create", m.URL(p), err)
	}
	n := &node{modTime: time.Now()}
	dir.children[name] = n
	return &writer{fsys: m, path: clean(p), node: n, alive: ctx.Err}, nil
}

// Stat describes a file or folder.
func (m *FS) Stat(ctx context.Context, p string) (vfs.Info, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	n, err := m.find(p)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return vfs.Info{}, vfs.PathError("stat", m.URL(p), err)
	}
	return n.info(clean(p)), nil
}

func (n *node) info(p string) vfs.Info {
	return vfs.Info{Path: p, Size: int64(len(n.data)), ModTime: n.modTime, IsDir: n.isDir()}
}

// List describes the children of a folder.
func (m *FS) List(ctx context.Context, dir string) ([]vfs.Info, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	n, err := m.find(dir)
	switch {
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case err == nil && !n.isDir():
		err = vfs.ErrNotDir
	}
	if err != nil {
		return nil, vfs.PathError("list", m.URL(dir), err)
	}
	infos := make([]vfs.Info, 0, len(n.children))
	for _, name := range slices.Sorted(maps.Keys(n.children)) {
		infos = append(infos, n.children[name].info(path.Join(clean(dir), name)))
	}
	return infos, nil
}

// Mkdir makes a folder and those above it.
func (m *FS) Mkdir(ctx context.Context, dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if ctx.Err() != nil {
		return vfs.PathError("mkdir", m.URL(dir), context.Cause(ctx))
	}
	n := m.root
	for _, name := range names(dir) {
		child, ok := n.children[name]
		if !ok {
			child = folder()
			n.children[name] = child
		}
		if !child.isDir() {
			return vfs.PathError("mkdir", m.URL(dir), vfs.ErrNotDir)
		}
		n = child
	}
	return nil
}

// Rename moves a file or folder.
func (m *FS) Rename(ctx context.Context, from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if ctx.Err() != nil {
		return vfs.PathError("rename", m.URL(from), context.Cause(ctx))
	}
	fromDir, fromName, err := m.parent(from)
	if err != nil {
		return vfs.PathError("rename", m.URL(from), err)
	}
	n := fromDir.children[fromName]
	if n == nil {
		return vfs.PathError("rename", m.URL(from), fs.ErrNotExist)
	}
	toDir, toName, err := m.parent(to)
	if err == nil {
		err = replaceable(n, toDir.children[toName])
	}
	if strings.HasPrefix(clean(to), clean(from)+"/") {
		err = errors.Join(err, fs.ErrInvalid)
	}
	if err != nil {
		return vfs.PathError("rename", m.URL(to), err)
	}
	delete(fromDir.children, fromName)
	toDir.children[toName] = n
	return nil
}

// replaceable tells why n cannot take the place of old, which may be nil or n itself.
func replaceable(n, old *node) error {
	switch {
	case old == nil || old == n:
		return nil
	case old.isDir() && !n.isDir():
		return vfs.ErrIsDir
	case !old.isDir() && n.isDir():
		return vfs.ErrNotDir
	case len(old.children) > 0:
		return vfs.ErrNotEmpty
	}
	return nil
}

// Remove deletes a file or an empty folder.
func (m *FS) Remove(ctx context.Context, p string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, name, err := m.parent(p)
	switch {
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case err == nil && dir.children[name] == nil:
		err = fs.ErrNotExist
	case err == nil && len(dir.children[name].children) > 0:
		err = vfs.ErrNotEmpty
	}
	if err != nil {
		return vfs.PathError("remove", m.URL(p), err)
	}
	delete(dir.children, name)
	return nil
}

// RemoveAll deletes a tree.
func (m *FS) RemoveAll(ctx context.Context, p string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if ctx.Err() != nil {
		return vfs.PathError("remove all", m.URL(p), context.Cause(ctx))
	}
	dir, name, err := m.parent(p)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return vfs.PathError("remove all", m.URL(p), err)
	}
	delete(dir.children, name)
	return nil
}

// Close does nothing: the files stay as long as the FS is referenced.
func (m *FS) Close() error { return nil }
