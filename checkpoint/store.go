package checkpoint

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/millrace/millrace/formats/arrowipc"
	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/vfs"
)

// Options say how a store is kept.
type Options struct {
	Job  string // its name
	Run  string // identifies the incarnation
	Keep int    // complete checkpoints to keep; 0: 2, so that there is one to fall back to
	// Codec compresses files. The zero value does not.
	Codec arrowipc.Codec
	// MergeBelow is the size, in bytes, below which files of checkpoints are put together into larger ones; 0: none are.
	MergeBelow int
	// Resolve finds the file system of a URL, for savepoints; nil: targets are paths of the store's.
	Resolve func(ctx context.Context, url string) (vfs.FileSystem, string, error)
	Native  NativeReader     // reads what a back end saved in files of its own; nil: there is none that does
	Now     func() time.Time // nil: the system's
	Log     *slog.Logger     // nil: nowhere
}

// Store keeps the checkpoints of a job in a folder, for one incarnation of it. It is safe for concurrent use.
type Store struct {
	folder Folder
	o      Options
	epoch  int64
	first  stream.CheckpointID

	mu       sync.Mutex // guards what follows
	begun    map[stream.CheckpointID]Place
	complete []*Manifest // that are kept, by number; Moved ones included
	damaged  []stream.CheckpointID
	leftover []stream.CheckpointID // gone, but something of them may be there
	unswept  bool                  // there may be something that nothing refers to
}

// Open takes a folder over: from now on, writing by earlier incarnations fails with ErrFenced. What they have not completed is put aside. The
// folder is made when it is not there.
func Open(ctx context.Context, at Folder, o Options) (*Store, error) {
	o.Keep = cmp.Or(o.Keep, 2)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Store{folder: at, o: o, begun: map[stream.CheckpointID]Place{}, unswept: true}
	if err := s.open(ctx); err != nil {
		return nil, fmt.Errorf("opening the checkpoints in %s: %w", at, err)
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	if err := s.folder.FS.Mkdir(ctx, s.folder.Path); err != nil {
		return err
	}
	var err error
	if s.epoch, err = takeEpoch(ctx, s.folder, holder{Job: s.o.Job, Run: s.o.Run, Time: s.o.Now()}); err != nil {
		return err
	}
	if err := s.putAside(ctx); err != nil {
		return err
	}
	l, err := listing(ctx, s.folder)
	if err != nil {
		return err
	}
	s.first = l.newest() + 1
	for _, id := range l.checkpoints {
		m, err := readManifest(ctx, s.folder.join(checkpointDir(id)))
		switch {
		case err == nil:
			s.complete = append(s.complete, m)
		case errors.Is(err, fs.ErrNotExist): // retired, but for files that others refer to
			s.leftover = append(s.leftover, id)
		case isDamage(err):
			s.o.Log.Warn("checkpoint cannot be read", "checkpoint", id, "error", err)
			s.damaged = append(s.damaged, id)
		default:
			return err
		}
	}
	return fence(ctx, s.folder, s.epoch)
}

// Writer returns what tasks write by.
func (s *Store) Writer() *Writer {
	return &Writer{Folder: s.folder, Epoch: s.epoch, Codec: s.o.Codec, MergeBelow: s.o.MergeBelow}
}

// First is the number for the first checkpoint of this incarnation: greater than all before.
func (s *Store) First() stream.CheckpointID { return s.first }

// Oldest is the oldest complete checkpoint that is kept, as far as is known; 0: there is none.
func (s *Store) Oldest() stream.CheckpointID {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.complete) == 0 {
		return 0
	}
	return s.complete[0].ID
}

// IsNewest says whether that is the newest complete checkpoint of this folder, or the savepoint that it stands for.
func (s *Store) IsNewest(m *Manifest) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.complete)
	for _, id := range s.damaged {
		if n > 0 && id > s.complete[n-1].ID {
			return false
		}
	}
	return n > 0 && s.complete[n-1].ID == m.ID && s.complete[n-1].Run == m.Run
}

// Folder is where the checkpoints are.
func (s *Store) Folder() Folder { return s.folder }

// Begin makes room for a checkpoint. Of a savepoint target is the folder in which a new one for it is made; else it is not looked at.
func (s *Store) Begin(ctx context.Context, id stream.CheckpointID, kind Kind, target string) (Place, error) {
	p := Place{ID: id, Kind: kind, Root: s.folder, Sub: checkpointDir(id)}
	err := retried(ctx, func() error {
		if err := fence(ctx, s.folder, s.epoch); err != nil {
			return err
		}
		// Also for a savepoint: it takes the number.
		if err := s.folder.FS.Mkdir(ctx, p.Folder().Path); err != nil || !kind.IsSavepoint() {
			return err
		}
		if target == "" {
			return fmt.Errorf("%w: no folder is given for it", errFinal)
		}
		at, err := s.resolve(ctx, target)
		if err != nil {
			return err
		}
		p.Root, p.Sub = at.join(fmt.Sprintf("%s-%08d-%s", plain(s.o.Job), id, plain(s.o.Run))), ""
		return p.Root.FS.Mkdir(ctx, p.Root.Path)
	})
	if err != nil {
		return Place{}, fmt.Errorf("beginning %s %d in %s: %w", kind, id, s.folder, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.complete {
		if m.Epoch == s.epoch {
			p.Base = m.ID
		}
	}
	s.begun[id] = p
	return p, nil
}

func (s *Store) resolve(ctx context.Context, url string) (Folder, error) {
	if s.o.Resolve == nil {
		return Folder{FS: s.folder.FS, Path: url}, nil
	}
	fsys, p, err := s.o.Resolve(ctx, url)
	return Folder{FS: fsys, Path: p}, err
}

// Completion is what a checkpoint is made of.
type Completion struct {
	Place        Place
	Handles      []Handle
	Committables []Committable
	// Operators of the job, without tables and parts, which come from the handles. A UID that is missing here has its parallelism from them.
	Operators   []Operator
	Fingerprint string
	Plan        json.RawMessage
}

// Complete writes the manifest: when it returns nil, the checkpoint is complete and is what Latest finds, but for a Savepoint, which is for its
// user. Older checkpoints go, and what nothing refers to. After an error it is not known to be complete; Discard it.
func (s *Store) Complete(ctx context.Context, c Completion) (*Manifest, error) {
	m, err := s.finish(ctx, c)
	if err != nil {
		err = orFenced(ctx, s.folder, s.epoch, err)
		return nil, fmt.Errorf("completing %s %d in %s: %w", c.Place.Kind, c.Place.ID, c.Place.Folder(), err)
	}
	s.mu.Lock()
	delete(s.begun, m.ID)
	if m.Kind == Savepoint {
		s.leftover = append(s.leftover, m.ID) // the folder that took its number
	}
	s.mu.Unlock()
	s.tidy(ctx)
	return m, nil
}

func (s *Store) finish(ctx context.Context, c Completion) (*Manifest, error) {
	p := c.Place
	m, err := s.manifest(c)
	if err != nil {
		return nil, err
	}
	if p.Kind.IsSavepoint() {
		err = s.gather(ctx, p, m)
	} else {
		err = s.checkReferences(p, m)
	}
	if err != nil {
		return nil, err
	}
	if err := s.writeManifest(ctx, p.Folder(), m); err != nil {
		return nil, err
	}
	if p.Kind == Savepoint {
		return m, nil
	}
	kept := m
	if p.Kind.IsSavepoint() {
		// The job is begun from it when nothing else is said: its effects are committed.
		kept = &Manifest{ID: m.ID, Kind: m.Kind, Job: m.Job, Run: m.Run, Epoch: m.Epoch, Time: m.Time, Root: "..", Moved: p.Root.String()}
		if err := s.writeManifest(ctx, s.folder.join(checkpointDir(p.ID)), kept); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.complete = append(s.complete, kept)
	slices.SortFunc(s.complete, func(a, b *Manifest) int { return cmp.Compare(a.ID, b.ID) })
	return m, nil
}

// manifest puts together what the handles say, operator by operator.
func (s *Store) manifest(c Completion) (*Manifest, error) {
	m := &Manifest{
		ID: c.Place.ID, Kind: c.Place.Kind, Job: s.o.Job, Run: s.o.Run, Epoch: s.epoch, Time: s.o.Now().UTC(), Root: ".",
		Fingerprint: c.Fingerprint, Plan: c.Plan, Operators: slices.Clone(c.Operators), Committables: c.Committables,
	}
	if c.Place.Sub != "" {
		m.Root = ".."
	}
	for _, h := range c.Handles {
		m.Unaligned = m.Unaligned || h.Unaligned
		for _, part := range h.Operators {
			o := m.Operator(part.UID)
			if o == nil {
				m.Operators = append(m.Operators, Operator{UID: part.UID})
				o = &m.Operators[len(m.Operators)-1]
			}
			for _, t := range part.Tables {
				if known, ok := o.Table(t.Name); !ok {
					o.Tables = append(o.Tables, t)
				} else if !known.Schema().Equal(t.Schema()) || known.Distribution != t.Distribution {
					return nil, fmt.Errorf("broken invariant: tasks disagree on table %q of %s", t.Name, part.UID)
				}
			}
			o.Parts = append(o.Parts, Part{Task: h.Task, Ended: h.Ended, Blobs: part.Blobs, Tables: part.Rows, Native: part.Native})
		}
	}
	for i := range m.Operators {
		o := &m.Operators[i]
		slices.SortStableFunc(o.Parts, func(a, b Part) int { return a.Task.compare(b.Task) })
		o.Parallelism = cmp.Or(o.Parallelism, len(o.Parts))
	}
	return m, m.validate()
}

// checkReferences wants what a checkpoint refers to outside of its folder to be kept.
func (s *Store) checkReferences(p Place, m *Manifest) error {
	kept := s.kept()
	for f := range m.files {
		if !f.isInline() && path.Dir(f.Path) != p.Sub && !kept[f.Path] {
			return fmt.Errorf("%w: it refers to %s, which is not kept any more", errFinal, f.Path)
		}
	}
	return nil
}

// gather copies into a savepoint what lies elsewhere: the final states of tasks that have gone. Their files come from a checkpoint's folder.
func (s *Store) gather(ctx context.Context, p Place, m *Manifest) error {
	from := &Saved{Root: s.folder}
	for f := range m.files {
		if f.Path == "" || !strings.Contains(f.Path, "/") {
			continue
		}
		err := retried(ctx, func() error {
			out := newStateFile(ctx, p.Root, f.ownName(), -1)
			err := from.copy(ctx, f, out)
			var file File
			if err == nil {
				if file, err = out.publish(""); err == nil && file.Check != f.Check {
					err = fmt.Errorf("%w: %s", ErrDamaged, f.Path)
				}
			}
			if err != nil {
				return errors.Join(err, out.drop())
			}
			f.Path, f.Offset, f.Merged = file.Path, 0, false
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ownName is what a file is called in a savepoint, where it lies alone.
func (f *File) ownName() string {
	name := path.Base(f.Path)
	if !f.Merged {
		return name
	}
	suffix := ".arrow"
	if len(f.Index) == 0 {
		suffix = ".native"
	}
	return fmt.Sprintf("%s-%d%s", strings.TrimSuffix(name, path.Ext(name)), f.Offset, suffix)
}

// copy copies a file's bytes.
func (s *Saved) copy(ctx context.Context, f *File, to io.Writer) (err error) {
	in, err := s.open(ctx, f)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	_, err = io.CopyBuffer(to, struct{ io.Reader }{io.NewSectionReader(in, 0, f.Size)}, make([]byte, writeSize))
	return err
}

// writeManifest makes a checkpoint complete by a rename, behind the check that the folder is still ours: who takes it over renames what is
// incomplete, so that one of the two renames fails.
func (s *Store) writeManifest(ctx context.Context, dir Folder, m *Manifest) error {
	data, err := m.Encode()
	if err != nil {
		return err
	}
	to := path.Join(dir.Path, manifestName)
	return retried(ctx, func() error {
		f := newStateFile(ctx, dir, manifestName, -1)
		if _, err := f.Write(data); err != nil {
			return errors.Join(err, f.dropTemp())
		}
		if err := f.close(); err != nil {
			return errors.Join(err, f.dropTemp())
		}
		if err := fence(ctx, s.folder, s.epoch); err != nil {
			return errors.Join(err, f.dropTemp())
		}
		if err := dir.FS.Rename(ctx, f.tmp, to); err != nil {
			// The answer may be lost, and the manifest in place.
			if got, readErr := vfs.ReadFile(ctx, dir.FS, to); readErr == nil && bytes.Equal(got, data) {
				return nil
			}
			return errors.Join(err, f.dropTemp())
		}
		return nil
	})
}

func checkpointDir(id stream.CheckpointID) string { return fmt.Sprintf("chk-%08d", id) }

// readManifest reads the manifest in a folder.
func readManifest(ctx context.Context, dir Folder) (*Manifest, error) {
	data, err := vfs.ReadFile(ctx, dir.FS, path.Join(dir.Path, manifestName))
	if err != nil {
		var where *fs.PathError
		if errors.As(err, &where) && where.Op == "read" {
			err = unreadable(ctx, err)
		}
		return nil, err
	}
	m, err := Decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return m, nil
}

// unreadable makes damage of a failure to read a file that could be opened, unless the surroundings are at fault.
func unreadable(ctx context.Context, err error) error {
	if ctx.Err() != nil || vfs.IsUnavailable(err) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrDamaged, err)
}

// isDamage says whether an error is about what is stored, not about reaching it.
func isDamage(err error) bool { return errors.Is(err, ErrDamaged) || errors.Is(err, fs.ErrNotExist) }
