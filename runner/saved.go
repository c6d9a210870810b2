package runner

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/millrace/millrace/checkpoint"
	"github.com/millrace/millrace/runner/worker"
	"github.com/millrace/millrace/vfs"
)

// OpenSaved opens the checkpoint or savepoint whose folder url is. Of a folder of checkpoints it opens the last one that is whole.
func OpenSaved(ctx context.Context, files *vfs.Resolver, url string) (*checkpoint.Saved, error) {
	fsys, path, err := files.FS(ctx, url)
	if err != nil {
		return nil, err
	}
	at, o := checkpoint.Folder{FS: fsys, Path: path}, checkpoint.Options{Resolve: files.FS, Native: nativeReader(inspectDir, time.Now)}
	saved, err := checkpoint.Load(ctx, at, o)
	if !errors.Is(err, fs.ErrNotExist) {
		return saved, err
	}
	last, lastErr := checkpoint.Latest(ctx, at, o)
	if lastErr == nil && last == nil {
		return nil, err
	}
	return last, lastErr
}

// Diff prints what the program's job would make of the state that the setting from names, without running it, and returns the exit code: whether
// it could begin from there.
func (p Program) Diff(s *Settings) int {
	p.name(s)
	_, err := p.parse()
	if err == nil {
		err = p.validate()
	}
	if err == nil && s.Streaming.From == "" {
		err = &UsageError{errors.New("--from is missing: the checkpoint or savepoint to compare with")}
	}
	if err != nil {
		return p.fail(err)
	}
	ctx, stop := WithSignals(context.Background(), p.Stderr)
	defer stop()
	c, err := p.compare(ctx, s)
	if err != nil {
		return p.fail(Cause(ctx, err))
	}
	if s.JSON {
		e := json.NewEncoder(p.Stdout)
		e.SetIndent("", "  ")
		err = e.Encode(c)
	} else {
		err = c.Write(p.Stdout)
	}
	if err == nil && c.IsRefused() {
		return ExitFailed
	}
	return p.fail(err)
}

// compare compares the program's job with saved state.
func (p Program) compare(ctx context.Context, s *Settings) (checkpoint.Comparison, error) {
	o := s.Options
	o.Files = NewFiles(s.HDFS)
	defer func() { _ = o.Files.Close() }() // only read from
	url := s.Streaming.From
	if url == FromLatest {
		url = s.Streaming.Checkpoints.FolderOf(s.Name)
	}
	saved, err := OpenSaved(ctx, o.Files, url)
	if errors.Is(err, fs.ErrNotExist) {
		err = &UsageError{err}
	}
	if err != nil {
		return checkpoint.Comparison{}, err
	}
	o.Streaming.Always = true // as what it is compared with was
	o.Streaming.KeyGroups = cmp.Or(o.Streaming.KeyGroups, saved.Manifest.KeyGroups())
	_, compiled, err := Plan(ctx, p.Job.Build, o)
	if err != nil {
		return checkpoint.Comparison{}, err
	}
	declared, err := worker.Declared(compiled)
	if err != nil {
		return checkpoint.Comparison{}, fmt.Errorf("asking the job for its state: %w", err)
	}
	return checkpoint.Compare(saved.Manifest, declared, s.Streaming.AllowDropped), nil
}
