package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/zeebo/xxh3"
	"golang.org/x/sync/errgroup"

	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/vfs"
)

// Saved is a complete checkpoint, to be read. It is safe for concurrent use.
type Saved struct {
	Manifest *Manifest
	Root     Folder    // that its files are relative to
	Allowed  []string  // UIDs of operators whose state may be lost when it does not fit
	Skipped  []Skipped // newer ones, by Latest, that are damaged
	native   NativeReader
}

// Skipped is a checkpoint that was passed over. What it committed is out in the world.
type Skipped struct {
	ID       stream.CheckpointID
	Err      error
	Manifest *Manifest // nil: it is what cannot be read
}

// at finds the folder that a URL names.
func (o Options) at(ctx context.Context, url string) (Folder, error) {
	if o.Resolve == nil {
		return Folder{}, fmt.Errorf("%s: nothing is known to reach it by", url)
	}
	fsys, p, err := o.Resolve(ctx, url)
	return Folder{FS: fsys, Path: p}, err
}

// Latest returns the newest complete checkpoint in the folder, a savepoint that the job was stopped with included. One that is damaged is
// passed over with a warning; files are read whole to know. nil, when there is none. What cannot be reached is an error, not damage. It fails with
// ErrFenced when there is a later incarnation: what that has made is not for this one to go on from, nor to take back.
func (s *Store) Latest(ctx context.Context) (*Saved, error) {
	if err := fence(ctx, s.folder, s.epoch); err != nil {
		return nil, err
	}
	saved, err := Latest(ctx, s.folder, s.o)
	if saved != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, skip := range saved.Skipped {
			s.complete = slices.DeleteFunc(s.complete, func(m *Manifest) bool { return m.ID == skip.ID })
			if !slices.Contains(s.damaged, skip.ID) {
				s.damaged = append(s.damaged, skip.ID)
			}
		}
	}
	return saved, err
}

// Latest is Store.Latest for those who only read. It takes nothing over.
func Latest(ctx context.Context, at Folder, o Options) (*Saved, error) {
	l, err := listing(ctx, at)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for checkpoints in %s: %w", at, err)
	}
	var skipped []Skipped
	for _, id := range slices.Backward(l.checkpoints) {
		dir := at.join(checkpointDir(id))
		if ok, err := exists(ctx, dir.join(manifestName)); err != nil {
			return nil, fmt.Errorf("looking for checkpoints in %s: %w", at, err)
		} else if !ok {
			continue
		}
		skip := Skipped{ID: id}
		saved, err := Load(ctx, dir, o)
		if err == nil {
			skip.Manifest = saved.Manifest
			err = saved.Verify(ctx)
		}
		switch {
		case err == nil:
			saved.Skipped = skipped
			return saved, nil
		case !isDamage(err):
			return nil, err
		}
		if o.Log != nil {
			o.Log.Warn("checkpoint is damaged; the one before is tried", "checkpoint", id, "error", err)
		}
		skip.Err = err
		skipped = append(skipped, skip)
	}
	if len(skipped) > 0 {
		return nil, fmt.Errorf("all %d checkpoints in %s are damaged, the newest: %w", len(skipped), at, skipped[0].Err)
	}
	return nil, nil
}

// Load opens the checkpoint or savepoint whose manifest is in a folder. It is not verified.
func Load(ctx context.Context, at Folder, o Options) (*Saved, error) {
	m, err := readManifest(ctx, at)
	if err != nil {
		return nil, fmt.Errorf("opening the checkpoint in %s: %w", at, err)
	}
	if m.Moved != "" {
		to, err := o.at(ctx, m.Moved)
		if err != nil {
			return nil, fmt.Errorf("opening the savepoint that checkpoint %d of %s stands for: %w", m.ID, at, err)
		}
		m, err = readManifest(ctx, to)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			// Falling back to what was before it would repeat what it has committed.
			return nil, fmt.Errorf("the job was stopped with a savepoint in %s, which is not there any more; begin from where it is now: %v", to, err) //nolint:errorlint // not damage
		case err == nil && m.Moved != "":
			err = fmt.Errorf("%w: it stands for another one", ErrDamaged)
		}
		if err != nil {
			return nil, fmt.Errorf("opening the savepoint in %s: %w", to, err)
		}
		at = to
	}
	return &Saved{Manifest: m, Root: at.join(m.Root), native: o.Native}, nil
}

// verifiers is how many files are read at once to verify them.
const verifiers = 4

// Verify reads all files and compares their checks. The error matches ErrDamaged, or fs.ErrNotExist when a file is missing.
func (s *Saved) Verify(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(verifiers)
	for path, files := range s.Manifest.byPath() {
		g.Go(func() error { return s.verify(ctx, path, files) })
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("verifying %s %d in %s: %w", s.Manifest.Kind, s.Manifest.ID, s.Root, err)
	}
	return nil
}

// verify compares the checks of what lies in a file, or of what is in the manifest.
func (s *Saved) verify(ctx context.Context, path string, files []*File) (err error) {
	var in vfs.File
	if path != "" {
		if in, err = s.Root.FS.Open(ctx, s.Root.join(path).Path); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, in.Close()) }()
	}
	buffer := make([]byte, writeSize)
	for _, f := range files {
		got, err := check(ctx, in, f, buffer)
		if err != nil {
			return err
		}
		if got != f.Check {
			return fmt.Errorf("%w: file %s has another check than its manifest says", ErrDamaged, f.Path)
		}
	}
	return nil
}

func check(ctx context.Context, in vfs.File, f *File, buffer []byte) (Check, error) {
	if f.isInline() {
		return Check(xxh3.Hash(f.Inline)), nil
	}
	if err := f.isWithin(in.Size()); err != nil {
		return 0, err
	}
	h := xxh3.New()
	n, err := io.CopyBuffer(h, struct{ io.Reader }{io.NewSectionReader(in, f.Offset, f.Size)}, buffer)
	if err == nil && n < f.Size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return 0, unreadable(ctx, err)
	}
	return Check(h.Sum64()), nil
}
