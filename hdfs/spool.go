package hdfs

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// spoolMemory is how much of a spool stays in memory; most files are smaller.
const spoolMemory = 256 << 10

// spool keeps bytes for a replay: in memory, and beyond spoolMemory in a scratch file that has no name any more.
type spool struct {
	dir  string
	mem  []byte
	file *os.File
	size int64 // bytes in all; those after the first len(mem) lie in file
}

// append adds bytes.
func (s *spool) append(p []byte) error {
	if s.size == int64(len(s.mem)) {
		n := min(len(p), spoolMemory-len(s.mem))
		s.mem = append(s.mem, p[:n]...)
		s.size += int64(n)
		p = p[n:]
	}
	if len(p) == 0 {
		return nil
	}
	if err := s.open(); err != nil {
		return err
	}
	n, err := s.file.WriteAt(p, s.size-int64(len(s.mem)))
	s.size += int64(n)
	if err != nil {
		return fmt.Errorf("spooling: %w", err)
	}
	return nil
}

// open makes the scratch file and takes its name away, so that nothing is left when the process dies.
func (s *spool) open() error {
	if s.file != nil {
		return nil
	}
	f, err := os.CreateTemp(s.dir, "millrace-spool-*")
	if err != nil {
		return fmt.Errorf("spooling: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		return errors.Join(fmt.Errorf("spooling: %w", err), f.Close())
	}
	s.file = f
	return nil
}

// reset forgets all bytes and keeps the room.
func (s *spool) reset() { s.mem, s.size = s.mem[:0], 0 }

// replay writes all bytes to w.
func (s *spool) replay(w io.Writer) error {
	if _, err := w.Write(s.mem); err != nil || s.file == nil {
		return err
	}
	rest := io.NewSectionReader(s.file, 0, s.size-int64(len(s.mem)))
	_, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{rest}, make([]byte, maxChunk))
	return err
}

// close gives the room back.
func (s *spool) close() error {
	s.mem, s.size = nil, 0
	if s.file == nil {
		return nil
	}
	f := s.file
	s.file = nil
	return f.Close()
}
