package spill

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/block"
	"github.com/millrace/millrace/internal/budget"
	"github.com/millrace/millrace/vfs"
)

const (
	// folderPrefix begins the name of each owner's folder, so that Sweep knows its own.
	folderPrefix = "millrace-spill-"
	// DefaultBlockBytes is the plain size at which a block is written: what a merge holds in memory of each run.
	DefaultBlockBytes = 256 << 10
)

// Dir is a folder for scratch files. It need not exist.
type Dir struct {
	FS   vfs.FileSystem
	Path string
}

// URL returns the folder as users write it.
func (d Dir) URL() string { return d.FS.URL(d.Path) }

// Options say where and how a Manager spills.
type Options struct {
	Dirs       []Dir           // files go to them in turn: one a disk. At least one
	Owner      string          // names the folder below each Dir: the job's id, and the worker's where several share a disk
	Codec      block.Codec     // default none: a local disk's cache is faster than any codec
	BlockBytes int             // plain bytes of a block, default DefaultBlockBytes
	Memory     *budget.Account // counts the buffers of writers and readers, by force: spilling must not fail for want of memory
}

// Manager gives out spill files.
type Manager struct {
	opts   Options
	ready  sync.Mutex // guards opened
	opened bool
	files  atomic.Int64
	counts counters
}

// Stats is what was spilled so far.
type Stats struct {
	Files     int64
	Runs      int64 // runs with rows in them
	Rows      int64
	Bytes     int64 // as stored
	BytesRead int64
}

type counters struct{ files, runs, rows, bytes, bytesRead atomic.Int64 }

// NewManager returns a manager. It touches no disk before something is spilled.
func NewManager(o Options) (*Manager, error) {
	if len(o.Dirs) == 0 || o.Owner == "" {
		return nil, errors.New("spilling needs a folder and an owner")
	}
	if o.BlockBytes == 0 {
		o.BlockBytes = DefaultBlockBytes
	}
	return &Manager{opts: o}, nil
}

// Stats returns the counters.
func (m *Manager) Stats() Stats {
	c := &m.counts
	return Stats{Files: c.files.Load(), Runs: c.runs.Load(), Rows: c.rows.Load(), Bytes: c.bytes.Load(), BytesRead: c.bytesRead.Load()}
}

// Close removes all files. Readers and writers are closed before.
func (m *Manager) Close(ctx context.Context) error {
	var errs []error
	for _, d := range m.opts.Dirs {
		errs = append(errs, d.FS.RemoveAll(ctx, m.folder(d)))
	}
	return errors.Join(errs...)
}

// folder returns the owner's folder below d.
func (m *Manager) folder(d Dir) string { return path.Join(d.Path, folderPrefix+fileName(m.opts.Owner)) }

// open makes the owner's folders anew, once. What a crashed process of the same owner left there goes.
func (m *Manager) open(ctx context.Context) error {
	m.ready.Lock()
	defer m.ready.Unlock()
	if m.opened {
		return nil
	}
	for _, d := range m.opts.Dirs {
		folder := m.folder(d)
		if err := d.FS.RemoveAll(ctx, folder); err != nil {
			return fmt.Errorf("clearing spill folder %s: %w", d.URL(), err)
		}
		if err := d.FS.Mkdir(ctx, folder); err != nil {
			return fmt.Errorf("making spill folder %s: %w", d.URL(), err)
		}
	}
	m.opened = true
	return nil
}

// NewWriter begins a run of batches of that schema in a file of its own. name says what for, in the file's name and in errors: "sort".
// ctx bounds the writer's life.
func (m *Manager) NewWriter(ctx context.Context, name string, schema *columnar.Schema) (*Writer, error) {
	p, err := m.NewPartitioned(ctx, name, schema, 1)
	if err != nil {
		return nil, err
	}
	return &Writer{p}, nil
}

// NewPartitioned begins n runs of batches of that schema in one file. Use as for NewWriter.
func (m *Manager) NewPartitioned(ctx context.Context, name string, schema *columnar.Schema, n int) (*Partitioned, error) {
	perRun := max(partitionBuffers/n, leastBlock)
	return m.create(ctx, name, schema, n, min(m.opts.BlockBytes, perRun), n)
}

// NewOrdered is NewPartitioned for a caller that appends to one run, ends it, and goes on to the next: blocks are larger then, and buffers
// smaller.
func (m *Manager) NewOrdered(ctx context.Context, name string, schema *columnar.Schema, n int) (*Partitioned, error) {
	return m.create(ctx, name, schema, n, m.opts.BlockBytes, 1)
}

// create begins n runs, of which so many are appended to at a time, in blocks of so many plain bytes.
func (m *Manager) create(ctx context.Context, name string, schema *columnar.Schema, n, blockBytes, atATime int) (*Partitioned, error) {
	if err := m.open(ctx); err != nil {
		return nil, err
	}
	number := m.files.Add(1)
	dir := m.opts.Dirs[int(number)%len(m.opts.Dirs)]
	file := &file{manager: m, dir: dir, path: path.Join(m.folder(dir), fmt.Sprintf("%s-%06d", fileName(name), number))}
	w, err := dir.FS.Create(ctx, file.path)
	if err != nil {
		return nil, file.failed("creating", err)
	}
	m.counts.files.Add(1)
	return newPartitioned(file, w, schema, n, blockBytes, atATime), nil
}

// fileName returns s with what file systems may not like replaced.
func fileName(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' {
			return r
		}
		return '-'
	}, s)
}

// Sweep removes the spill folders in dir of owners that are gone: those for which alive says false. A process that was killed leaves its
// folder behind; whoever knows the living, a worker at its start, sweeps.
func Sweep(ctx context.Context, dir Dir, alive func(owner string) bool) error {
	infos, err := dir.FS.List(ctx, dir.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("sweeping spill folder %s: %w", dir.URL(), err)
	}
	var errs []error
	for _, info := range infos {
		owner, ours := strings.CutPrefix(info.Name(), folderPrefix)
		if ours && info.IsDir && !alive(owner) {
			errs = append(errs, dir.FS.RemoveAll(ctx, info.Path))
		}
	}
	return errors.Join(errs...)
}
