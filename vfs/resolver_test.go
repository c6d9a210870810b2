package vfs_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/millrace/millrace/vfs"
	"github.com/millrace/millrace/vfs/mem"
)

// closing counts the calls of Close.
type closing struct {
	*mem.FS
	closed *atomic.Int32
}

func (c closing) Close() error {
	c.closed.Add(1)
	return nil
}

func TestResolverOpensOnce(t *testing.T) {
	var opened, closed atomic.Int32
	r := vfs.NewResolver(map[string]vfs.Opener{"mem": func(_ context.Context, authority string) (vfs.FileSystem, error) {
		opened.Add(1)
		return closing{mem.New(authority), &closed}, nil
	}})
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			fsys, p, err := r.FS(t.Context(), []string{"mem://a/x/y", "mem://b/x/y"}[i%2])
			if err != nil || p != "/x/y" || !strings.HasPrefix(fsys.URL(p), "mem://") {
				t.Errorf("%v, %q, %v", fsys, p, err)
			}
		})
	}
	wg.Wait()
	if opened.Load() != 2 {
		t.Errorf("opened %d times", opened.Load())
	}
	if err := r.Close(); err != nil || closed.Load() != 2 {
		t.Errorf("closed %d, %v", closed.Load(), err)
	}
	if _, _, err := r.FS(t.Context(), "mem://a/"); err == nil {
		t.Error("resolves after Close")
	}
}

func TestResolverForgetsFailures(t *testing.T) {
	fail := errors.New("not now")
	calls := 0
	r := vfs.NewResolver(map[string]vfs.Opener{"mem": func(context.Context, string) (vfs.FileSystem, error) {
		if calls++; calls == 1 {
			return nil, fail
		}
		return mem.New(""), nil
	}})
	defer r.Close()
	if _, _, err := r.FS(t.Context(), "mem:///x"); !errors.Is(err, fail) {
		t.Errorf("got %v", err)
	}
	if _, _, err := r.FS(t.Context(), "mem:///x"); err != nil {
		t.Error(err)
	}
	if _, _, err := r.FS(t.Context(), "s3://bucket/x"); !errors.Is(err, vfs.ErrScheme) || !strings.Contains(err.Error(), "mem") {
		t.Errorf("unknown scheme: %v", err)
	}
}

func TestResolverWaitEndsWithContext(t *testing.T) {
	started, release := make(chan struct{}), make(chan struct{})
	r := vfs.NewResolver(map[string]vfs.Opener{"mem": func(context.Context, string) (vfs.FileSystem, error) {
		close(started)
		<-release
		return mem.New(""), nil
	}})
	defer r.Close()
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, _, err := r.FS(t.Context(), "mem:///x"); err != nil {
			t.Error(err)
		}
	})
	<-started
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := r.FS(ctx, "mem:///y"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(release)
	wg.Wait()
}

func TestUnavailable(t *testing.T) {
	cause := errors.New("refused")
	err := vfs.PathError("open", "hdfs://h/x", vfs.Unavailable(vfs.Unavailable(cause)))
	if !vfs.IsUnavailable(err) || !errors.Is(err, cause) || err.Error() != "open hdfs://h/x: storage unavailable: refused" {
		t.Errorf("got %v", err)
	}
	if vfs.IsUnavailable(vfs.Unavailable(context.Canceled)) || vfs.Unavailable(nil) != nil || vfs.PathError("x", "y", nil) != nil {
		t.Error("cancelled or nil counts as unavailable")
	}
	if again := vfs.PathError("read", "hdfs://h/x", err); again != err { //nolint:errorlint // identity is the point
		t.Errorf("wrapped twice: %v", again)
	}
}
