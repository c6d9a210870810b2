package file

import (
	"context"
	"fmt"
	"io"

	"github.com/millrace/millrace/vfs"
)

// input is a file that is opened when it is first read. One goroutine uses it. It keeps the context that bounds the life of the open file,
// because formats read by io.ReaderAt, which takes none.
type input struct {
	files *vfs.Resolver
	url   string
	size  int64           // as listed; what is appended later is not read
	ctx   context.Context //nolint:containedctx // see above
	file  vfs.File
}

// Name returns the URL.
func (i *input) Name() string { return i.url }

// Size returns the size as listed.
func (i *input) Size() int64 { return i.size }

// ReadAt reads; it opens the file first.
func (i *input) ReadAt(p []byte, off int64) (int, error) {
	if i.file == nil {
		if err := i.open(); err != nil {
			return 0, err
		}
	}
	if off >= i.size {
		return 0, io.EOF
	}
	if left := i.size - off; int64(len(p)) > left {
		n, err := i.file.ReadAt(p[:left], off)
		if err == nil {
			err = io.EOF
		}
		return n, err
	}
	return i.file.ReadAt(p, off)
}

func (i *input) open() error {
	fsys, path, err := i.files.FS(i.ctx, i.url)
	if err != nil {
		return err
	}
	file, err := fsys.Open(i.ctx, path)
	if err != nil {
		return err
	}
	if file.Size() < i.size {
		_ = file.Close() // the error below is the one to report
		return vfs.PathError("read", i.url, fmt.Errorf("the file has %d bytes; when it was listed it had %d", file.Size(), i.size))
	}
	i.file = file
	return nil
}

// Close closes the file if it was opened.
func (i *input) Close() error {
	if i.file == nil {
		return nil
	}
	file := i.file
	i.file = nil
	return file.Close()
}
