package vfs

import (
	"context"
	"io"
	"time"
)

// FileSystem is a store of files in folders. Implementations are safe for concurrent use.
//
// Paths are absolute and slash-separated ("/a/b"); "/" is the root. They are cleaned on the way in, so a
// trailing slash or ".." does no harm. The local file system also takes relative paths, against the working
// directory of the process.
type FileSystem interface {
	// URL returns path as a user would write it, with scheme and authority: for messages, plans and logs.
	URL(path string) string

	// Open opens a file for reading. ctx bounds the whole life of the File: once it ends, reads fail.
	// A missing file is fs.ErrNotExist, a folder ErrIsDir.
	Open(ctx context.Context, path string) (File, error)

	// Create makes a new file and opens it for writing. It replaces nothing: an existing file or folder is
	// fs.ErrExist, a missing parent fs.ErrNotExist. ctx bounds the whole life of the Writer.
	Create(ctx context.Context, path string) (Writer, error)

	// Stat describes a file or folder. A link is followed.
	Stat(ctx context.Context, path string) (Info, error)

	// List describes the direct children of a folder, sorted by name. A file is ErrNotDir.
	List(ctx context.Context, dir string) ([]Info, error)

	// Mkdir makes a folder and the missing ones above it. A folder that exists is no error, a file in the way
	// is ErrNotDir.
	Mkdir(ctx context.Context, dir string) error

	// Rename moves a file or folder, atomically. It replaces a file by a file and an empty folder by a folder;
	// a folder that is not empty is ErrNotEmpty. The parent of to must exist. Renaming to itself does nothing.
	Rename(ctx context.Context, from, to string) error

	// Remove deletes a file or an empty folder. A missing one is fs.ErrNotExist, a full folder ErrNotEmpty.
	Remove(ctx context.Context, path string) error

	// RemoveAll deletes path and all below it; a missing path is no error. It is not atomic. The root is refused.
	RemoveAll(ctx context.Context, path string) error

	// Close releases connections. Open Files and Writers must be closed before.
	Close() error
}

// File is a file open for reading. Read is for one goroutine at a time; ReadAt may be called by several at once
// and does not move Read's position.
type File interface {
	io.Reader
	io.ReaderAt
	io.Closer
	// Size is the file's length in bytes when it was opened.
	Size() int64
}

// Writer is a file open for writing, used by one goroutine. Either Close or Abort ends it; Abort after a
// successful Close does nothing, so that `defer w.Abort()` is a safe habit.
type Writer interface {
	io.Writer
	// Close finishes the file, which is durable when it returns nil. After an error the file is not to be
	// trusted: Abort it.
	Close() error
	// Abort drops the file and removes what was written. It works also after the Writer's context ended.
	Abort() error
}

// Info describes a file or folder.
type Info struct {
	Path    string // inside its FileSystem, cleaned
	Size    int64  // bytes; 0 for a folder
	ModTime time.Time
	IsDir   bool
}

// Name is the last element of the path.
func (i Info) Name() string { return Base(i.Path) }
