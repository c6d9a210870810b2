package errfs_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/vfs"
	"github.com/millrace/millrace/vfs/errfs"
	"github.com/millrace/millrace/vfs/mem"
	"github.com/millrace/millrace/vfs/vfstest"
)

var errBoom = errors.New("boom")

func TestTransparentWithoutFaults(t *testing.T) {
	vfstest.Run(t, func(*testing.T) (vfs.FileSystem, string) {
		return errfs.New(mem.New("t"), errfs.Options{}), "/"
	})
}

func TestNthRenameFails(t *testing.T) {
	ctx := t.Context()
	fsys := errfs.New(mem.New("t"), errfs.Options{Faults: []errfs.Fault{{Op: errfs.Rename, Nth: 2, Err: errBoom}}})
	for i, want := range []error{nil, errBoom, nil} {
		if err := vfs.WriteFileAtomic(ctx, fsys, "/f", []byte{byte(i)}); !errors.Is(err, want) {
			t.Errorf("write %d: got %v, want %v", i, err, want)
		}
	}
	if n := fsys.Count(errfs.Rename); n != 3 {
		t.Errorf("counted %d renames", n)
	}
	if infos, err := fsys.List(ctx, "/"); err != nil || len(infos) != 1 {
		t.Errorf("the failed write left something: %v, %v", infos, err)
	}
}

func TestFaultByName(t *testing.T) {
	ctx := t.Context()
	fsys := errfs.New(mem.New("t"), errfs.Options{Faults: []errfs.Fault{{Op: errfs.Create, Name: "*.bad", Err: fs.ErrPermission}}})
	if _, err := fsys.Create(ctx, "/x.good"); err != nil {
		t.Error(err)
	}
	if _, err := fsys.Create(ctx, "/x.bad"); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %v", err)
	}
}

func TestLostAnswer(t *testing.T) {
	ctx := t.Context()
	fsys := errfs.New(mem.New("t"), errfs.Options{Faults: []errfs.Fault{{Op: errfs.Rename, Err: errBoom, Late: true}}})
	w, err := fsys.Create(ctx, "/a")
	if err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	if err := fsys.Rename(ctx, "/a", "/b"); !errors.Is(err, errBoom) {
		t.Errorf("got %v", err)
	}
	if _, err := fsys.Stat(ctx, "/b"); err != nil {
		t.Error("the rename did not take effect:", err)
	}
}

func TestFullDisk(t *testing.T) {
	fsys := errfs.New(mem.New("t"), errfs.Options{Capacity: 10})
	w, err := fsys.Create(t.Context(), "/f")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{6, 4, 0} {
		n, err := w.Write(make([]byte, 6))
		if n != want || (i > 0) != errors.Is(err, syscall.ENOSPC) || (i > 0) != vfs.IsUnavailable(err) {
			t.Errorf("write %d: %d bytes, %v", i, n, err)
		}
	}
}

func TestShortWriteAndTruncatedRead(t *testing.T) {
	ctx, inner := t.Context(), mem.New("t")
	fsys := errfs.New(inner, errfs.Options{Faults: []errfs.Fault{
		{Op: errfs.Write, Nth: 1, Short: 3, Err: errBoom},
		{Op: errfs.Read, Short: 2, Err: io.EOF},
	}})
	w, err := fsys.Create(ctx, "/f")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := w.Write([]byte("abcdef")); n != 3 || !errors.Is(err, errBoom) {
		t.Errorf("short write: %d, %v", n, err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if data, err := vfs.ReadFile(ctx, inner, "/f"); err != nil || !bytes.Equal(data, []byte("abc")) {
		t.Errorf("inside: %q, %v", data, err)
	}
	if _, err := vfs.ReadFile(ctx, fsys, "/f"); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("truncated read: got %v", err)
	}
}

func TestCloseFailsAndAbortCleansUp(t *testing.T) {
	ctx := t.Context()
	fsys := errfs.New(mem.New("t"), errfs.Options{Faults: []errfs.Fault{{Op: errfs.Close, Err: errBoom}}})
	if err := vfs.WriteFileAtomic(ctx, fsys, "/f", []byte("x")); !errors.Is(err, errBoom) {
		t.Errorf("got %v", err)
	}
	if infos, err := fsys.List(ctx, "/"); err != nil || len(infos) != 0 {
		t.Errorf("left behind: %v, %v", infos, err)
	}
}

func TestSlowCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fsys := errfs.New(mem.New("t"), errfs.Options{Faults: []errfs.Fault{{Op: errfs.Stat, Delay: time.Hour}}})
		start := time.Now()
		if _, err := fsys.Stat(t.Context(), "/"); err != nil {
			t.Error(err)
		}
		if got := time.Since(start); got != time.Hour {
			t.Errorf("took %v", got)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := fsys.Stat(ctx, "/"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestSeededFaultsRepeat(t *testing.T) {
	run := func(seed uint64) (failed []int) {
		fsys := errfs.New(mem.New("t"), errfs.Options{Seed: seed, Rate: 0.1})
		for i := range 200 {
			if _, err := fsys.Stat(t.Context(), "/"); err != nil {
				if !errors.Is(err, errfs.ErrInjected) || !vfs.IsUnavailable(err) {
					t.Fatal(err)
				}
				failed = append(failed, i)
			}
		}
		return failed
	}
	a, b, c := run(1), run(1), run(2)
	if !slices.Equal(a, b) || slices.Equal(a, c) || len(a) < 5 || len(a) > 50 {
		t.Errorf("seed 1: %v, again %v, seed 2: %v", a, b, c)
	}
}
