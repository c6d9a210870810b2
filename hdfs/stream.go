package hdfs

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/colinmarc/hdfs/v2"
)

const (
	minChunk = 64 << 10
	maxChunk = 1 << 20
)

// stream reads a file forward, in chunks that a goroutine fetches: one at a time, and one ahead.
//
//	consumed | have (fetched)   | chunk under way (coming) | ...
//	         ^ pos                                         ^ next
//
// One goroutine at a time uses a stream. The library's reader is touched by the running fetch only.
type stream struct {
	file *file
	r    *hdfs.FileReader // nil until needed, and after a failure
	rpos int64            // where r stands
	sure bool             // r reads the file that was opened, not another of its name

	pos, next int64
	have      []byte
	coming    chan chunk // nil when no fetch runs
	chunk     int        // size of the next fetch when going forward; doubles
	mem       []byte     // what have is a part of
	spare     []byte     // memory of the chunk before
	used      bool       // was read from
	forward   bool       // reads follow each other: fetch ahead
	broken    bool       // a fetch failed or was abandoned: of no further use
}

// chunk is the outcome of a fetch: data may come with an error.
type chunk struct {
	mem  []byte
	data int
	err  error
}

// seek moves to another offset. It waits for a fetch under way, whose outcome no longer matters.
func (s *stream) seek(off int64) {
	if s.coming != nil {
		s.await()
	}
	s.pos, s.next, s.have = off, off, nil
	s.forward, s.used = false, false
}

// read returns bytes at pos, at least one unless there is an error. The caller wants them up to until; beyond it is
// fetched only when reads have followed each other.
func (s *stream) read(p []byte, until int64) (int, error) {
	if s.broken { // by seek
		return 0, context.Cause(s.file.ctx)
	}
	s.forward = s.forward || s.used || until == s.file.Size() && s.pos == 0
	s.used = true
	if s.forward {
		until = s.file.Size()
	}
	if len(s.have) == 0 {
		if s.coming == nil {
			s.start(until)
		}
		c := s.await()
		s.spare, s.mem, s.have = s.mem, c.mem, c.mem[:c.data]
		if c.err != nil {
			s.broken = true
			return s.consume(p), c.err
		}
	}
	if s.coming == nil && s.next < until {
		s.start(until)
	}
	return s.consume(p), nil
}

// consume moves bytes from have to p.
func (s *stream) consume(p []byte) int {
	n := copy(p, s.have)
	s.have = s.have[n:]
	s.pos += int64(n)
	return n
}

// start begins to fetch the chunk at next.
func (s *stream) start(until int64) {
	s.chunk = min(max(2*s.chunk, minChunk), maxChunk)
	if !s.forward {
		s.chunk = maxChunk
	}
	n := int(min(int64(s.chunk), until-s.next))
	mem := s.spare
	s.spare = nil
	if cap(mem) < n {
		mem = make([]byte, n)
	}
	mem = mem[:n]
	at := s.next
	s.next += int64(n)
	coming := make(chan chunk, 1)
	s.coming = coming
	s.file.fsys.running.Go(func() {
		n, err := s.fetch(s.file.ctx, mem, at)
		coming <- chunk{mem, n, err}
	})
}

// await waits for the chunk under way, or the end of the file's context.
func (s *stream) await() chunk {
	select {
	case c := <-s.coming:
		s.coming = nil
		return c
	case <-s.file.ctx.Done():
		s.broken = true
		return chunk{err: context.Cause(s.file.ctx)}
	}
}

// drop gives the stream up; its reader is closed when a fetch under way has ended.
func (s *stream) drop() {
	s.file.fsys.running.Go(func() {
		if s.coming != nil {
			<-s.coming
		}
		s.closeReader()
	})
}

// closeReader closes the library's reader, which is of no use after an error.
func (s *stream) closeReader() {
	if s.r != nil {
		_ = s.r.Close() // it only read
		s.r = nil
	}
}

// fetch fills mem with the bytes at off. When all replicas fail it reopens the file there, as often as patience
// allows; each byte that came renews it.
func (s *stream) fetch(ctx context.Context, mem []byte, off int64) (n int, err error) {
	p := s.file.fsys.patience()
	for {
		var m int
		m, err = s.fill(mem[n:], off+int64(n))
		n += m
		if n == len(mem) {
			return n, nil
		}
		s.closeReader()
		if m > 0 {
			p.reset()
		}
		if err = translateRead(err); !p.wait(ctx, err) {
			return n, err
		}
	}
}

// fill reads at off once, opening the file if need be.
func (s *stream) fill(mem []byte, off int64) (n int, err error) {
	if s.r == nil {
		if s.r, err = s.reopen(); err != nil {
			return 0, err
		}
		s.rpos, s.sure = 0, false
	}
	if s.rpos != off {
		if _, err := s.r.Seek(off, io.SeekStart); err != nil {
			return 0, err
		}
		s.rpos = off
	}
	n, err = io.ReadFull(s.r, mem)
	s.rpos += int64(n)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("block data ends at offset %d of %d: %w", s.rpos, s.file.Size(), io.ErrUnexpectedEOF)
	}
	if n > 0 && !s.sure {
		if err := s.verify(); err != nil {
			return 0, err
		}
	}
	return n, err
}

// verify makes sure that the bytes read are of the file that was opened. The library asks for the blocks by name,
// and only when it first reads: another file may have taken the name since. If the name still leads to the inode
// that was opened, it did so then.
func (s *stream) verify() error {
	info, err := s.file.fsys.client.Stat(s.file.path)
	if err != nil {
		return err
	}
	if inode(info) != inode(s.file.info) {
		return errReplaced
	}
	s.sure = true
	return nil
}

// reopen opens the file again, unless another has taken its name.
func (s *stream) reopen() (*hdfs.FileReader, error) {
	r, err := s.file.fsys.client.Open(s.file.path)
	if err != nil {
		return nil, err
	}
	if inode(r.Stat()) != inode(s.file.info) {
		return nil, errors.Join(errReplaced, r.Close())
	}
	return r, nil
}
