//go:build integration

package hdfs_test

import (
	"fmt"
	"io"
	"testing"

	"github.com/millrace/millrace/hdfs"
	"github.com/millrace/millrace/internal/testkit/hadoop"
	"github.com/millrace/millrace/vfs"
)

// BenchmarkTransfer writes and reads one file of 128 MiB on one DataNode of the same machine; the daemons' share of
// the processors is part of the figures.
func BenchmarkTransfer(b *testing.B) {
	c := hadoop.Start(b, hadoop.Options{BlockSize: 64 << 20})
	c.Setenv(b)
	fsys, err := hdfs.Options{SpoolDir: b.TempDir()}.Open(b.Context(), c.NameNode)
	if err != nil {
		b.Fatal(err)
	}
	defer fsys.Close()
	data := random(128 << 20)

	b.Run("write", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if err := create(b.Context(), fsys, fmt.Sprintf("/f%d", i), data, nil); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			if i > 0 {
				if err := fsys.Remove(b.Context(), fmt.Sprintf("/f%d", i)); err != nil {
					b.Fatal(err)
				}
			}
			b.StartTimer()
		}
	})
	read := func(reader func(f vfs.File) io.Reader) func(b *testing.B) {
		return func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			buf := make([]byte, 256<<10)
			for b.Loop() {
				f, err := fsys.Open(b.Context(), "/f0")
				if err != nil {
					b.Fatal(err)
				}
				n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{reader(f)}, buf)
				if err != nil || n != int64(len(data)) {
					b.Fatal(n, err)
				}
				if err := f.Close(); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	b.Run("read", read(func(f vfs.File) io.Reader { return f }))
	b.Run("read-at", read(func(f vfs.File) io.Reader { return io.NewSectionReader(f, 0, f.Size()) }))
}
