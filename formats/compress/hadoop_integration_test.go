//go:build integration

package compress_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/millrace/millrace/formats/compress"
	"github.com/millrace/millrace/internal/testkit/hadoop"
)

// codecs is Hadoop's tool that compresses (-in) and decompresses (-out) files by their suffix, with SnappyCodec, Lz4Codec and the others.
const codecs = "org.apache.hadoop.io.compress.CompressionCodecFactory"

// sizes go around the chunks of both sides: ours of 192 KiB, Hadoop's buffers of 256 KiB.
var sizes = []int{0, 1, 1000, 192 << 10, 192<<10 + 1, 256 << 10, 256<<10 + 1, 700_000, 3 << 20}

// TestHadoopReadsOurs has Hadoop's codecs decompress what we have written.
func TestHadoopReadsOurs(t *testing.T) {
	dir := t.TempDir()
	args := []string{"-out"}
	var want []byte
	for _, c := range []compress.Codec{compress.HadoopSnappy, compress.HadoopLZ4, compress.Gzip} {
		for _, n := range sizes {
			data := mixed(n)[:n]
			path := filepath.Join(dir, fmt.Sprintf("%s-%d%s", c, n, c.Suffix()))
			if err := os.WriteFile(path, pack(t, c, data), 0o600); err != nil {
				t.Fatal(err)
			}
			args, want = append(args, path), append(want, data...)
		}
	}
	if got := hadoop.Run(t, codecs, args...); !bytes.Equal(got, want) {
		t.Errorf("Hadoop has read %d bytes, or other ones, of %d", len(got), len(want))
	}
}

// TestOursReadHadoop reads what Hadoop's codecs have compressed.
func TestOursReadHadoop(t *testing.T) {
	dir := t.TempDir()
	args := []string{"-in"}
	type file struct {
		path string
		data []byte
	}
	var files []file
	for _, suffix := range []string{".snappy", ".lz4", ".gz", ".bz2"} {
		for _, n := range sizes {
			f := file{filepath.Join(dir, fmt.Sprintf("%d%s", n, suffix)), mixed(n)[:n]}
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(n)), f.data, 0o600); err != nil {
				t.Fatal(err)
			}
			args, files = append(args, f.path), append(files, f)
		}
	}
	hadoop.Run(t, codecs, args...)
	for _, f := range files {
		t.Run(filepath.Base(f.path), func(t *testing.T) {
			packed, err := os.ReadFile(f.path)
			if err != nil {
				t.Fatal(err)
			}
			got, err := unpack(compress.BySuffix(f.path), packed)
			if err != nil || !bytes.Equal(got, f.data) {
				t.Errorf("got %d bytes of %d, %v", len(got), len(f.data), err)
			}
		})
	}
}
