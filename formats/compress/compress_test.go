package compress_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/formats/compress"
)

var written = []compress.Codec{
	compress.None, compress.Gzip, compress.Zstd, compress.LZ4, compress.Snappy, compress.HadoopLZ4, compress.HadoopSnappy,
}

func pack(t testing.TB, c compress.Codec, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := compress.NewWriter(c, &buf)
	if err != nil {
		t.Fatal(err)
	}
	for len(data) > 0 { // in uneven pieces
		n := min(len(data), 70_001)
		if _, err := w.Write(data[:n]); err != nil {
			t.Fatal(err)
		}
		data = data[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func unpack(c compress.Codec, data []byte) ([]byte, error) {
	r, err := compress.NewReader(c, bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// mixed is text that compresses, followed by noise that does not.
func mixed(n int) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	for b.Len() < n/2 {
		fmt.Fprintf(&b, "line %d of %d\n", rng.IntN(1000), rng.IntN(10))
	}
	for b.Len() < n {
		b.WriteByte(byte(rng.Uint32()))
	}
	return b.Bytes()
}

func TestRoundTrip(t *testing.T) {
	for _, c := range written {
		for _, n := range []int{0, 1, 1000, 700_000} {
			t.Run(fmt.Sprintf("%s/%d", c, n), func(t *testing.T) {
				data := mixed(n)[:n]
				packed := pack(t, c, data)
				found := compress.BySuffix("a/b" + c.Suffix())
				got, err := unpack(found, packed)
				if err != nil || !bytes.Equal(got, data) {
					t.Fatalf("got %d bytes, %v; want %d", len(got), err, len(data))
				}
				if n == 0 {
					return
				}
				got, err = unpack(found, append(bytes.Clone(packed), packed...))
				if err != nil || len(got) != 2*len(data) {
					t.Fatalf("two files in one: got %d bytes, %v; want %d", len(got), err, 2*len(data))
				}
			})
		}
	}
}

func TestRoundTripAnyBytes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := rapid.SampledFrom(written).Draw(rt, "codec")
		data := rapid.SliceOf(rapid.Byte()).Draw(rt, "data")
		got, err := unpack(compress.BySuffix(c.Suffix()), pack(t, c, data))
		if err != nil || !bytes.Equal(got, data) {
			rt.Fatalf("%s: got %q, %v; want %q", c, got, err, data)
		}
	})
}

// TestCut cuts files at every byte: no cut may pass for a whole file, but between the parts of formats that have no end mark.
func TestCut(t *testing.T) {
	data := mixed(1500)
	for _, c := range written[1:] {
		t.Run(c.String(), func(t *testing.T) {
			packed := pack(t, c, data)
			for n := range packed {
				got, err := unpack(compress.BySuffix(c.Suffix()), packed[:n])
				var damaged *compress.Error
				switch {
				case errors.As(err, &damaged):
				case err == nil && len(got) == 0 && (n == 0 || c != compress.LZ4) && c != compress.Gzip && c != compress.Zstd:
				default:
					t.Fatalf("cut at %d of %d: got %d bytes, %v", n, len(packed), len(got), err)
				}
			}
		})
	}
}

func TestMessages(t *testing.T) {
	packed := pack(t, compress.Gzip, mixed(3000))
	_, err := unpack(compress.Gzip, packed[:1000])
	if want := "unexpected end of gzip data at byte 1000"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	packed[len(packed)-6]++
	_, err = unpack(compress.Gzip, packed)
	if err == nil || !strings.HasPrefix(err.Error(), "damaged gzip data before byte") {
		t.Errorf("got %v", err)
	}
	if err := compress.Bzip2.Validate(); err == nil {
		t.Error("bzip2 can be written")
	}
	var c compress.Codec
	if err := c.Set("lzo"); err == nil || !strings.Contains(err.Error(), "hadoop-snappy") {
		t.Errorf("got %v", err)
	}
}

// faulty fails all reads behind its half.
type faulty struct{ data []byte }

var errDisk = errors.New("disk on fire")

func (f faulty) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > int64(len(f.data)/2) {
		return 0, errDisk
	}
	return copy(p, f.data[off:]), nil
}

func TestFileErrorIsKept(t *testing.T) {
	for _, c := range written {
		packed := pack(t, c, mixed(2<<20))
		r, err := compress.NewReader(compress.BySuffix(c.Suffix()), faulty{packed}, int64(len(packed)))
		if err == nil {
			_, err = io.Copy(io.Discard, r)
			r.Close()
		}
		if !errors.Is(err, errDisk) {
			t.Errorf("%s: got %v", c, err)
		}
	}
}

// bzip2Text is what testdata/blocks.bz2 holds, written by `bzip2 -1`: six blocks.
func bzip2Text() []byte {
	rng := rand.New(rand.NewPCG(3, 4))
	var b bytes.Buffer
	for i := 0; b.Len() < 540_000; i++ {
		fmt.Fprintf(&b, "%06d %s\n", i, strings.Repeat("abcdefghij"[:1+rng.IntN(10)], rng.IntN(9)))
	}
	return b.Bytes()
}

func bzip2File(t testing.TB) []byte {
	t.Helper()
	packed, err := os.ReadFile("testdata/blocks.bz2")
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

func TestBzip2Whole(t *testing.T) {
	packed, want := bzip2File(t), bzip2Text()
	got, err := unpack(compress.Bzip2, packed)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("got %d bytes, %v; want %d", len(got), err, len(want))
	}
	got, err = unpack(compress.Bzip2, append(bytes.Clone(packed), packed...))
	if err != nil || len(got) != 2*len(want) {
		t.Fatalf("two streams: got %d bytes, %v; want %d", len(got), err, 2*len(want))
	}
	for _, n := range []int{0, 1, 3, 4, 5, 100, len(packed) / 2, len(packed) - 10, len(packed) - 1} {
		if _, err := unpack(compress.Bzip2, packed[:n]); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut at %d of %d: %v", n, len(packed), err)
		}
	}
	packed[len(packed)/2]++
	var damaged *compress.Error
	if _, err := unpack(compress.Bzip2, packed); !errors.As(err, &damaged) {
		t.Errorf("damaged: %v", err)
	}
}

// TestBzip2Ranges cuts the file anywhere: the ranges' own parts give the text once.
func TestBzip2Ranges(t *testing.T) {
	packed, want := bzip2File(t), bzip2Text()
	rng := rand.New(rand.NewPCG(5, 6))
	for range 6 {
		cuts := []int64{0, rng.Int64N(8), rng.Int64N(int64(len(packed))), int64(len(packed))}
		if cuts[1] > cuts[2] {
			cuts[1], cuts[2] = cuts[2], cuts[1]
		}
		var got []byte
		for i := range 3 {
			b := compress.NewBlocks(bytes.NewReader(packed), int64(len(packed)), cuts[i], cuts[i+1])
			got = append(got, own(t, b)...)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("cuts %v: got %d bytes, want %d", cuts, len(got), len(want))
		}
	}
}

// own reads up to b's End.
func own(t *testing.T, b *compress.Blocks) []byte {
	t.Helper()
	var all []byte
	buf := make([]byte, 32<<10)
	for {
		n, err := b.Read(buf)
		all = append(all, buf[:n]...)
		if b.End() < math.MaxInt64 {
			return all[:b.End()]
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func FuzzReader(f *testing.F) {
	for i, c := range written {
		f.Add(uint8(i), pack(f, c, mixed(300)))
	}
	f.Add(uint8(len(written)), bzip2File(f)[:2000])
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		codecs := append(slices.Clip(written), compress.Bzip2)
		c := codecs[int(which)%len(codecs)]
		r, err := compress.NewReader(c, bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		defer r.Close()
		_, _ = io.Copy(io.Discard, io.LimitReader(r, 16<<20))
	})
}
