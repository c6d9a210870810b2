package file

import (
	"context"
	"errors"
	"fmt"
	"path"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/vfs"
)

// part is one file being written.
type part struct {
	url    string // of the file, for messages
	path   string // relative to the target
	folder string // of its partition, "" for none
	name   string
	file   *sized
	out    formats.Writer
	rows   int64
	begun  time.Time
}

// sized counts the bytes written to a file.
type sized struct {
	vfs.Writer
	n int64
}

func (s *sized) Write(p []byte) (int, error) {
	n, err := s.Writer.Write(p)
	s.n += int64(n)
	return n, err
}

// openPart creates a file of the target and begins it.
func openPart(ctx context.Context, t target, format formats.Format, schema *columnar.Schema, rel string) (*part, error) {
	full := t.path(rel)
	if err := t.fsys.Mkdir(ctx, path.Dir(full)); err != nil {
		return nil, fmt.Errorf("writing %s: %w", t.fsys.URL(t.root), err)
	}
	// The context of one call does not bound the life of the file: the next Write has another.
	file, err := t.fsys.Create(context.WithoutCancel(ctx), full)
	if err != nil {
		return nil, fmt.Errorf("writing %s: %w", t.fsys.URL(t.root), err)
	}
	p := &part{url: t.fsys.URL(full), path: rel, file: &sized{Writer: file}}
	if p.out, err = format.NewWriter(p.file, schema); err != nil {
		return nil, errors.Join(fmt.Errorf("writing %s: %w", p.url, err), file.Abort())
	}
	return p, nil
}

func (p *part) write(b columnar.Batch) error {
	p.rows += int64(b.Rows())
	if err := p.out.Write(b); err != nil {
		return fmt.Errorf("writing %s: %w", p.url, err)
	}
	return nil
}

// close ends the file and returns its size. After an error the part is still open.
func (p *part) close() (int64, error) {
	err := p.out.Close()
	if err == nil {
		err = p.file.Close()
	}
	if err != nil {
		return 0, fmt.Errorf("writing %s: %w", p.url, err)
	}
	return p.file.n, nil
}

func (p *part) abort() error { return p.file.Abort() }
