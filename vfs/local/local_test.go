package local_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/millrace/millrace/vfs"
	"github.com/millrace/millrace/vfs/local"
	"github.com/millrace/millrace/vfs/vfstest"
)

func TestConformance(t *testing.T) {
	for name, fsys := range map[string]vfs.FileSystem{"durable": local.FS{}, "scratch": local.FS{NoSync: true}} {
		t.Run(name, func(t *testing.T) {
			vfstest.Run(t, func(t *testing.T) (vfs.FileSystem, string) {
				t.Helper()
				return fsys, t.TempDir()
			})
		})
	}
}

func TestOpenerRefusesOtherHosts(t *testing.T) {
	if _, err := local.Open(t.Context(), "elsewhere"); err == nil {
		t.Error("file://elsewhere/ was opened")
	}
	if _, err := local.Open(t.Context(), ""); err != nil {
		t.Error(err)
	}
}

func TestRelativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("f", []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	infos, err := vfs.Glob(t.Context(), local.FS{}, "*")
	if err != nil || len(infos) != 1 || infos[0].Path != "f" {
		t.Errorf("got %v, %v", infos, err)
	}
}

func TestLinksAreFollowed(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "f"), []byte("abc"), 0o600),
		os.Symlink("f", filepath.Join(dir, "link")), os.Symlink("nowhere", filepath.Join(dir, "dangling")),
		os.Symlink(".", filepath.Join(dir, "up"))); err != nil {
		t.Fatal(err)
	}
	infos, err := local.FS{}.List(t.Context(), dir)
	if err != nil || len(infos) != 3 {
		t.Fatalf("got %v, %v; want f, link, up", infos, err)
	}
	if infos[1].Size != 3 || !infos[2].IsDir {
		t.Errorf("links are not described by their targets: %+v", infos)
	}
}

func TestFullDiskIsUnavailable(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Fatal("this test needs /dev/full:", err)
	}
	dir := t.TempDir()
	// Create is exclusive, so the full device is reached by the same translation over a link.
	if err := os.Symlink("/dev/full", filepath.Join(dir, "full")); err != nil {
		t.Fatal(err)
	}
	err := local.WriteForTest(filepath.Join(dir, "full"), []byte("x"))
	if !vfs.IsUnavailable(err) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v, want ENOSPC marked unavailable", err)
	}
	var p *fs.PathError
	if !errors.As(err, &p) || p.Path != filepath.Join(dir, "full") {
		t.Errorf("%v does not name the file", err)
	}
}
