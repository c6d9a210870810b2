package mem_test

import (
	"testing"

	"github.com/millrace/millrace/vfs"
	"github.com/millrace/millrace/vfs/mem"
	"github.com/millrace/millrace/vfs/vfstest"
)

func TestConformance(t *testing.T) {
	fsys := mem.New("t")
	vfstest.Run(t, func(t *testing.T) (vfs.FileSystem, string) {
		t.Helper()
		dir := "/" + t.Name()
		if err := fsys.Mkdir(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
		return fsys, dir
	})
}

// A file being read keeps what it held when it was opened, whatever happens to its name.
func TestReaderKeepsItsContent(t *testing.T) {
	ctx, fsys := t.Context(), mem.New("t")
	if err := vfs.WriteFileAtomic(ctx, fsys, "/f", []byte("old")); err != nil {
		t.Fatal(err)
	}
	f, err := fsys.Open(ctx, "/f")
	if err != nil {
		t.Fatal(err)
	}
	if err := vfs.WriteFileAtomic(ctx, fsys, "/f", []byte("new!")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 10)
	if n, _ := f.ReadAt(buf, 0); string(buf[:n]) != "old" {
		t.Errorf("read %q", buf[:n])
	}
}
