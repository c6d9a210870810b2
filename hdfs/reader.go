package hdfs

import (
	"context"
	"io"
	"io/fs"
	"os"
	"slices"
	"sync"

	"github.com/colinmarc/hdfs/v2"

	"github.com/millrace/millrace/vfs"
)

// file is an open file: a few streams, each of which reads forward. A read takes the stream that stands at its
// offset, so that reading on goes on with the same connection and with what was fetched ahead.
type file struct {
	fsys *FS
	path string
	info os.FileInfo
	ctx  context.Context //nolint:containedctx // it bounds the file's life, by the contract of vfs
	end  context.CancelFunc
	pos  int64 // of Read

	mu     sync.Mutex // guards idle and closed
	idle   []*stream  // least recently used first
	closed bool
}

// maxIdle bounds the streams that wait with an open connection and up to two chunks of memory.
const maxIdle = 4

// Open opens a file for reading.
func (f *FS) Open(ctx context.Context, p string) (vfs.File, error) {
	r, err := persist(ctx, f, func(bool) (*hdfs.FileReader, error) { return f.client.Open(clean(p)) }, (*hdfs.FileReader).Close)
	if err != nil {
		return nil, f.fail("open", p, err)
	}
	if r.Stat().IsDir() {
		return nil, f.fail("open", p, vfs.ErrIsDir)
	}
	o := &file{fsys: f, path: clean(p), info: r.Stat()}
	o.ctx, o.end = context.WithCancel(ctx)
	o.idle = []*stream{{file: o, r: r}}
	return o, nil
}

// Size is the length when the file was opened.
func (o *file) Size() int64 { return o.info.Size() }

// Read reads on, and lets the next chunk be fetched meanwhile.
func (o *file) Read(p []byte) (int, error) {
	if err := o.state(); err != nil {
		return 0, err
	}
	if o.pos >= o.Size() {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	s := o.take(o.pos)
	n, err := s.read(p, o.Size())
	o.pos += int64(n)
	o.give(s)
	return n, o.fsys.fail("read", o.path, translateRead(err))
}

// ReadAt reads at an offset. A call that begins where another ended counts as reading forward, and fetches ahead.
func (o *file) ReadAt(p []byte, off int64) (n int, err error) {
	if err := o.state(); err != nil {
		return 0, err
	}
	if off < 0 {
		return 0, o.fsys.fail("read", o.path, fs.ErrInvalid)
	}
	until := min(off+int64(len(p)), o.Size())
	s := o.take(off)
	for off+int64(n) < until && err == nil {
		var m int
		m, err = s.read(p[n:until-off], until)
		n += m
	}
	o.give(s)
	if err == nil && n < len(p) {
		return n, io.EOF
	}
	return n, o.fsys.fail("read", o.path, translateRead(err))
}

// state tells why nothing can be read.
func (o *file) state() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.closed:
		return o.fsys.fail("read", o.path, fs.ErrClosed)
	case o.ctx.Err() != nil:
		return o.fsys.fail("read", o.path, context.Cause(o.ctx))
	}
	return nil
}

// take returns a stream for the caller alone that stands at off: one that got there by reading, or one that was not
// reading forward (it knows the blocks, which a new one has to ask for), or a new one, or the least used one.
func (o *file) take(off int64) *stream {
	s := o.pick(off)
	if s.pos != off {
		s.seek(off)
	}
	return s
}

func (o *file) pick(off int64) *stream {
	o.mu.Lock()
	defer o.mu.Unlock()
	at := slices.IndexFunc(o.idle, func(s *stream) bool { return s.pos == off })
	if at < 0 {
		at = slices.IndexFunc(o.idle, func(s *stream) bool { return !s.forward })
	}
	if at < 0 && len(o.idle) == maxIdle {
		at = 0
	}
	if at < 0 {
		return &stream{file: o, pos: off, next: off}
	}
	s := o.idle[at]
	o.idle = slices.Delete(o.idle, at, at+1)
	return s
}

// give puts a stream back.
func (o *file) give(s *stream) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || s.broken {
		s.drop()
		return
	}
	o.idle = append(o.idle, s)
	if len(o.idle) > maxIdle {
		o.idle[0].drop()
		o.idle = o.idle[1:]
	}
}

// Close ends the file; a fetch under way ends by itself.
func (o *file) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return o.fsys.fail("close", o.path, fs.ErrClosed)
	}
	o.closed = true
	o.end()
	for _, s := range o.idle {
		s.drop()
	}
	o.idle = nil
	return nil
}
