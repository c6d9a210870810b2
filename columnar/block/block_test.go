package block_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"github.com/zeebo/xxh3"
	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/block"
	"github.com/millrace/millrace/internal/invariant"
	"github.com/millrace/millrace/internal/testkit/batches"
)

var allCodecs = []block.Codec{block.None, block.LZ4, block.S2, block.Zstd}

// TestRoundTrip writes random batches of random schemas into one stream and reads them back, row by row the same.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		schema := batches.Schema(t, 5)
		codec := rapid.SampledFrom(allCodecs).Draw(t, "codec")
		encoder := block.NewEncoder(schema, codec)
		var stream []byte
		var want [][]string
		for i := range rapid.IntRange(1, 4).Draw(t, "blocks") {
			b := batches.Batch(t, schema, 300)
			var err error
			if stream, err = encoder.Encode(stream, uint32(i), uint64(i)*7, b); err != nil {
				t.Fatal(err)
			}
			want = append(want, batches.Text(b))
		}
		kept := slices.Clone(stream)
		r := block.NewReader(iotest.OneByteReader(bytes.NewReader(stream)), block.NewDecoder(schema))
		for i := range want {
			h, b, err := r.Next()
			if err != nil {
				t.Fatal(err)
			}
			if h.Channel != uint32(i) || h.Sequence != uint64(i)*7 || h.Rows != len(want[i]) || h.Kind != block.Rows {
				t.Fatalf("block %d has header %+v", i, h)
			}
			if b.Len != h.Rows || b.Sel != nil || b.Schema != schema {
				t.Fatalf("block %d has %d rows of %d, selection %v", i, b.Len, h.Rows, b.Sel)
			}
			if diff := cmp.Diff(want[i], batches.Text(b)); diff != "" {
				t.Fatal(diff)
			}
		}
		if _, _, err := r.Next(); !errors.Is(err, io.EOF) {
			t.Fatalf("at the end: %v", err)
		}
		// Decode does not keep its source.
		first, err := firstBlock(block.NewDecoder(schema), stream)
		if err != nil {
			t.Fatal(err)
		}
		clear(stream)
		if diff := cmp.Diff(want[0], batches.Text(first)); diff != "" {
			t.Fatal("the batch changed with the bytes it was decoded from:", diff)
		}
		owned, err := ownedBlock(block.NewDecoder(schema), kept)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want[0], batches.Text(owned)); diff != "" {
			t.Fatal(diff)
		}
	})
}

func firstBlock(d *block.Decoder, src []byte) (columnar.Batch, error) {
	_, b, err := d.Decode(src)
	return b, err
}

func ownedBlock(d *block.Decoder, src []byte) (columnar.Batch, error) {
	_, b, err := d.DecodeOwned(src)
	return b, err
}

// TestSelectionEqualsClone compares the block of a selection with that of its compact copy, byte by byte.
func TestSelectionEqualsClone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		schema := batches.Schema(t, 4)
		b := batches.Batch(t, schema, 100)
		x, err := block.NewEncoder(schema, block.None).Encode(nil, 1, 2, b)
		if err != nil {
			t.Fatal(err)
		}
		y, err := block.NewEncoder(schema, block.None).Encode(nil, 1, 2, b.Clone())
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(x, y) {
			t.Fatalf("the blocks differ: %d and %d bytes\n%x\n%x", len(x), len(y), x, y)
		}
	})
}

// TestLayout pins the format down: the documented bytes of a small block.
func TestLayout(t *testing.T) {
	schema := columnar.NewSchema(columnar.Field{Name: "s", Type: columnar.StringType, Nullable: true}, columnar.Field{Name: "n", Type: columnar.Int32Type})
	bb := columnar.NewBatchBuilder(schema, 3)
	for _, s := range []string{"ab", "", "cde"} {
		if s == "" {
			bb.Column(0).AppendNulls(1)
		} else {
			bb.Column(0).AppendString(s)
		}
		columnar.AppendFixed(bb.Column(1), int32(len(s)))
	}
	bb.Added(3)
	b := bb.Finish()
	b.Kind = []columnar.RowKind{columnar.Insert, columnar.Delete, columnar.UpdateAfter}
	got, err := block.NewEncoder(schema, block.Zstd).Encode(nil, 9, 5, b)
	if err != nil {
		t.Fatal(err)
	}
	payload := "" +
		"\x01\x00\x00\x00\x00\x00\x00\x00" + // columns: s has a validity bitmap and lengths of one byte
		"\x05\x00\x00\x00\x00\x00\x00\x00" + // s: validity
		"\x02\x00\x03\x00\x00\x00\x00\x00" + // s: lengths
		"abcde\x00\x00\x00" + // s: bytes
		"\x02\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00" + // n
		"\x00\x03\x02\x00\x00\x00\x00\x00" // row kinds
	header := "MRB\x01\x01\x00\x02\x00\x09\x00\x00\x00\x03\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x38\x00\x00\x00\x38\x00\x00\x00"
	want := []byte(header)
	want = binary.LittleEndian.AppendUint32(want, uint32(xxh3.Hash(block.EncodeSchema(nil, schema))))
	check := uint32(xxh3.Hash(want))
	want = binary.LittleEndian.AppendUint32(want, check)
	want = binary.LittleEndian.AppendUint64(want, xxh3.HashSeed([]byte(payload), uint64(check)))
	want = append(want, payload...)
	if !bytes.Equal(got, want) {
		t.Errorf("got\n%x\nwant\n%x", got, want)
	}
}

// TestDamageIsFound flips each bit of a block, and cuts it at each byte.
func TestDamageIsFound(t *testing.T) {
	schema := columnar.NewSchema(columnar.Field{Name: "s", Type: columnar.StringType, Nullable: true}, columnar.Field{Name: "n", Type: columnar.Int64Type})
	for _, codec := range allCodecs {
		t.Run(codec.String(), func(t *testing.T) {
			good, err := block.NewEncoder(schema, codec).Encode(nil, 3, 4, batches.Random(schema, 40, 1))
			if err != nil {
				t.Fatal(err)
			}
			d := block.NewDecoder(schema)
			h, err := block.ParseHeader(good)
			if err != nil {
				t.Fatal(err)
			}
			for bit := range 8 * (block.HeaderSize + h.Stored) {
				bad := slices.Clone(good)
				bad[bit/8] ^= 1 << (bit % 8)
				if _, _, err := d.Decode(bad); !errors.Is(err, block.ErrCorrupt) {
					t.Fatalf("bit %d is wrong, got %v", bit, err)
				}
			}
			for n := range len(good) {
				r := block.NewReader(bytes.NewReader(good[:n]), d)
				_, _, err := r.Next()
				if n == 0 && !errors.Is(err, io.EOF) || n > 0 && !errors.Is(err, block.ErrCorrupt) {
					t.Fatalf("cut at %d: got %v", n, err)
				}
			}
		})
	}
}

func TestErrorsSayWhereAndWhat(t *testing.T) {
	schema := columnar.NewSchema(columnar.Field{Name: "price", Type: columnar.Int64Type})
	good, err := block.NewEncoder(schema, block.None).Encode(nil, 3, 4, batches.Random(schema, 10, 1))
	if err != nil {
		t.Fatal(err)
	}
	other := columnar.NewSchema(columnar.Field{Name: "cost", Type: columnar.Int64Type})
	_, _, err = block.NewDecoder(other).Decode(good)
	var c *block.CorruptError
	if !errors.As(err, &c) || c.Channel != 3 || c.Sequence != 4 || !strings.Contains(err.Error(), "another schema") {
		t.Errorf("another schema: %v", err)
	}
	d := block.NewDecoder(schema)
	d.MaxBytes = 50
	if _, _, err := d.Decode(good); !errors.As(err, &c) || c.Part != "header" {
		t.Errorf("a small limit: %v", err)
	}
	broken := errors.New("disk on fire")
	r := block.NewReader(io.MultiReader(bytes.NewReader(good[:60]), iotest.ErrReader(broken)), block.NewDecoder(schema))
	if _, _, err := r.Next(); !errors.Is(err, broken) || errors.Is(err, block.ErrCorrupt) {
		t.Errorf("a failing stream: %v", err)
	}
}

// TestHostileBlocks has right checksums around payloads that no encoder writes.
func TestHostileBlocks(t *testing.T) {
	text := columnar.NewSchema(columnar.Field{Name: "s", Type: columnar.StringType})
	lists := columnar.NewSchema(columnar.Field{Name: "l", Type: columnar.ListOf(columnar.Int64Type, false)})
	none := columnar.NewSchema()
	for name, c := range map[string]struct {
		schema  *columnar.Schema
		rows    uint32
		flags   byte
		payload string
	}{
		"no columns byte":     {text, 0, 0, ""},
		"lengths missing":     {text, 1 << 30, 0, "\x00\x00\x00\x00\x00\x00\x00\x00"},
		"bytes missing":       {text, 1, 0, "\x00\x00\x00\x00\x00\x00\x00\x00\xff\x00\x00\x00\x00\x00\x00\x00"},
		"width unknown":       {text, 1, 0, "\x06\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00abcdefgh"},
		"lengths overflow":    {text, 2, 0, "\x04\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff"},
		"bytes left over":     {text, 1, 0, "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00abcdefgh"},
		"items missing":       {lists, 1, 0, "\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00abcdefgh"},
		"times missing":       {none, 5, 1, ""},
		"unknown row kind":    {none, 1, 2, "\x04\x00\x00\x00\x00\x00\x00\x00"},
		"too many rows":       {none, 1 << 31, 0, ""},
		"unknown flags":       {none, 1, 4, ""},
		"validity missing":    {text, 64, 0, "\x01\x00\x00\x00\x00\x00\x00\x00"},
		"payload not aligned": {text, 0, 0, "\x00"},
	} {
		t.Run(name, func(t *testing.T) {
			src := forge(c.schema, c.rows, c.flags, block.None, []byte(c.payload), len(c.payload))
			_, _, err := block.NewDecoder(c.schema).Decode(src)
			if !errors.Is(err, block.ErrCorrupt) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestBombs claims a gigabyte of plain bytes that the stored ones cannot make: it must be refused before memory is taken.
func TestBombs(t *testing.T) {
	schema := columnar.NewSchema(columnar.Field{Name: "n", Type: columnar.Int64Type})
	for codec, stored := range map[block.Codec]string{block.LZ4: "anything", block.S2: "\x05hello", block.Zstd: "\x28\xb5\x2f\xfd\x20\x05hello"} {
		t.Run(codec.String(), func(t *testing.T) {
			src := forge(schema, 1<<27-1, 0, codec, []byte(stored), 1<<30)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, _, err := block.NewDecoder(schema).Decode(src)
			runtime.ReadMemStats(&after)
			if !errors.Is(err, block.ErrCorrupt) {
				t.Errorf("got %v", err)
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
				t.Errorf("%d bytes were allocated", n)
			}
		})
	}
}

// forge makes a block with right checksums around any payload.
func forge(s *columnar.Schema, rows uint32, flags byte, codec block.Codec, stored []byte, plain int) []byte {
	le := binary.LittleEndian
	out := []byte{'M', 'R', 'B', 1, byte(block.Rows), byte(codec), flags, 0, 0, 0, 0, 0}
	out = le.AppendUint32(out, rows)
	out = le.AppendUint64(out, 0)
	out = le.AppendUint32(out, uint32(len(stored)))
	out = le.AppendUint32(out, uint32(plain))
	out = le.AppendUint32(out, uint32(xxh3.Hash(block.EncodeSchema(nil, s))))
	check := uint32(xxh3.Hash(out))
	out = le.AppendUint32(out, check)
	out = le.AppendUint64(out, xxh3.HashSeed(stored, uint64(check)))
	return append(out, stored...)
}

func TestCompressionIsSkippedWhenItDoesNotPay(t *testing.T) {
	schema := columnar.NewSchema(columnar.Field{Name: "n", Type: columnar.Int64Type})
	noise := batches.Random(columnar.NewSchema(columnar.Field{Name: "n", Type: columnar.Int64Type}), 4000, 1)
	for i, v := range noise.Time { // random bits, unlike the column
		columnar.Values[int64](noise.Columns[0])[i] = v
	}
	noise.Time, noise.Kind = nil, nil
	zeros := columnar.Batch{Schema: schema, Len: 4000, Columns: []columnar.Column{columnar.Of(columnar.Int64Type, make([]int64, 4000), columnar.Bitmap{})}}
	for _, codec := range allCodecs[1:] {
		t.Run(codec.String(), func(t *testing.T) {
			e := block.NewEncoder(schema, codec)
			used := func(b columnar.Batch) block.Codec {
				out, err := e.Encode(nil, 0, 0, b)
				if err != nil {
					t.Fatal(err)
				}
				h, err := block.ParseHeader(out)
				if err != nil {
					t.Fatal(err)
				}
				return h.Codec
			}
			if got := used(zeros); got != codec {
				t.Fatalf("zeros are stored as %v", got)
			}
			if got := used(noise); got != block.None {
				t.Fatalf("noise is stored as %v", got)
			}
			for range 200 {
				used(noise)
			}
			tries := 0
			for used(zeros) == block.None {
				tries++
			}
			if tries == 0 || tries > 64 {
				t.Errorf("after noise %d blocks of zeros were stored plain, want 1 to 64", tries)
			}
			if got := used(zeros); got != codec {
				t.Errorf("zeros are stored as %v once compression pays again", got)
			}
		})
	}
}

func TestRaw(t *testing.T) {
	src, err := block.AppendRaw([]byte("x"), block.FirstOwnKind, 7, 8, []byte("barrier 3"))
	if err != nil {
		t.Fatal(err)
	}
	h, payload, err := block.DecodeRaw(src[1:])
	if err != nil || string(payload) != "barrier 3" || h.Kind != block.FirstOwnKind || h.Channel != 7 || h.Sequence != 8 || h.Size() != len(src)-1 {
		t.Errorf("got %q, %+v, %v", payload, h, err)
	}
	schema := columnar.NewSchema()
	if _, _, err := block.NewDecoder(schema).Decode(src[1:]); !errors.Is(err, block.ErrCorrupt) {
		t.Errorf("decoded as rows: %v", err)
	}
	rows, err := block.NewEncoder(schema, block.None).Encode(nil, 0, 0, columnar.Batch{Schema: schema, Len: 3})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := block.DecodeRaw(rows); !errors.Is(err, block.ErrCorrupt) {
		t.Errorf("rows decoded as raw: %v", err)
	}
	if b, err := firstBlock(block.NewDecoder(schema), rows); err != nil || b.Len != 3 {
		t.Errorf("a batch without columns: %d rows, %v", b.Len, err)
	}
}

func TestPoisonedInput(t *testing.T) {
	if !invariant.Enabled {
		t.Skip("only builds with the tag invariants poison")
	}
	schema := columnar.NewSchema(columnar.Field{Name: "n", Type: columnar.Int64Type})
	b := batches.Random(schema, 100, 1)
	want := batches.Text(b)
	out, err := block.NewEncoder(schema, block.LZ4).Encode(nil, 0, 0, b)
	if err != nil {
		t.Fatal(err)
	}
	invariant.Poison(columnar.Values[int64](b.Columns[0]))
	got, err := firstBlock(block.NewDecoder(schema), out)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, batches.Text(got)); diff != "" {
		t.Error(diff)
	}
}

func TestWrongNumberOfColumns(t *testing.T) {
	schema := columnar.NewSchema(columnar.Field{Name: "n", Type: columnar.Int64Type})
	if out, err := block.NewEncoder(schema, block.None).Encode([]byte("kept"), 0, 0, columnar.Batch{}); err == nil || string(out) != "kept" {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestSchemaRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := batches.Schema(t, 6)
		got, err := block.DecodeSchema(block.EncodeSchema(nil, want))
		if err != nil || !got.Equal(want) {
			t.Fatalf("got %v, %v; want %v", got, err, want)
		}
	})
	if _, err := block.DecodeSchema(append(block.EncodeSchema(nil, columnar.NewSchema()), 0)); !errors.Is(err, block.ErrCorrupt) {
		t.Errorf("bytes behind it: %v", err)
	}
}

func TestParseCodec(t *testing.T) {
	for _, c := range allCodecs {
		if got, err := block.ParseCodec(c.String()); got != c || err != nil {
			t.Errorf("%v is parsed as %v, %v", c, got, err)
		}
	}
	if _, err := block.ParseCodec("brotli"); err == nil {
		t.Error("brotli is a codec")
	}
}

func FuzzDecodeSchema(f *testing.F) {
	f.Add(block.EncodeSchema(nil, fuzzSchema))
	f.Fuzz(func(t *testing.T, src []byte) {
		s, err := block.DecodeSchema(src)
		if err != nil {
			if !errors.Is(err, block.ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		again, err := block.DecodeSchema(block.EncodeSchema(nil, s))
		if err != nil || !again.Equal(s) {
			t.Fatalf("%v was read back as %v, %v", s, again, err)
		}
		_ = s.String()
	})
}

var fuzzSchema = columnar.NewSchema(
	columnar.Field{Name: "b", Type: columnar.BoolType, Nullable: true},
	columnar.Field{Name: "n", Type: columnar.Int64Type},
	columnar.Field{Name: "s", Type: columnar.StringType, Nullable: true},
	columnar.Field{Name: "d", Type: columnar.DecimalOf(10, 2)},
	columnar.Field{Name: "f", Type: columnar.Type{Kind: columnar.FixedBinary, Width: 5}},
	columnar.Field{Name: "l", Type: columnar.ListOf(columnar.StringType, true)},
	columnar.Field{Name: "m", Type: columnar.MapOf(columnar.StringType, columnar.Int32Type, true), Nullable: true},
	columnar.Field{Name: "t", Type: columnar.StructOf(columnar.Field{Name: "x", Type: columnar.TimestampType}, columnar.Field{Name: "y", Type: columnar.StringType})},
)

// FuzzDecode decodes whatever comes: as it is, and with both checksums made right, so that what is behind them is reached.
func FuzzDecode(f *testing.F) {
	for i, codec := range allCodecs {
		src, err := block.NewEncoder(fuzzSchema, codec).Encode(nil, 1, 2, batches.Random(fuzzSchema, 20*i+3, uint64(i)))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		d := block.NewDecoder(fuzzSchema)
		d.MaxBytes = 1 << 20
		decodeAnything(t, d, src)
		if len(src) >= block.HeaderSize {
			decodeAnything(t, d, rectified(src))
		}
	})
}

// rectified returns src with right checksums.
func rectified(src []byte) []byte {
	out := slices.Clone(src)
	le := binary.LittleEndian
	check := uint32(xxh3.Hash(out[:36]))
	le.PutUint32(out[36:], check)
	stored := out[block.HeaderSize:]
	stored = stored[:min(uint64(len(stored)), uint64(le.Uint32(out[24:])))]
	le.PutUint64(out[40:], xxh3.HashSeed(stored, uint64(check)))
	return out
}

// decodeAnything touches each value of what could be decoded, and encodes it again.
func decodeAnything(t *testing.T, d *block.Decoder, src []byte) {
	t.Helper()
	_, b, err := d.Decode(src)
	if err != nil {
		if !errors.Is(err, block.ErrCorrupt) {
			t.Fatal(err)
		}
		return
	}
	if b.Len > 1<<20 {
		t.Fatalf("%d rows from %d bytes", b.Len, len(src))
	}
	want := batches.Text(b)
	again, err := block.NewEncoder(fuzzSchema, block.None).Encode(nil, 0, 0, b)
	if err != nil {
		t.Fatal(err)
	}
	got, err := firstBlock(block.NewDecoder(fuzzSchema), again)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(want, batches.Text(got)) {
		t.Fatal("a decoded batch changes when it is encoded and decoded again")
	}
}

// BenchmarkBlock encodes and decodes blocks of about 256 KiB of words with counts, as a word count's exchange has them.
func BenchmarkBlock(b *testing.B) {
	schema := columnar.NewSchema(columnar.Field{Name: "word", Type: columnar.StringType}, columnar.Field{Name: "n", Type: columnar.Int64Type})
	batch := words(schema, 16_384)
	half := batch
	for i := 0; i < batch.Len; i += 2 {
		half.Sel = append(half.Sel, int32(i))
	}
	for _, codec := range allCodecs {
		b.Run(fmt.Sprintf("encode/%s", codec), func(b *testing.B) { encode(b, codec, batch) })
	}
	b.Run("encode/selected/none", func(b *testing.B) { encode(b, block.None, half) })
	for _, codec := range allCodecs {
		b.Run(fmt.Sprintf("decode/%s", codec), func(b *testing.B) {
			src, err := block.NewEncoder(schema, codec).Encode(nil, 0, 0, batch)
			if err != nil {
				b.Fatal(err)
			}
			d := block.NewDecoder(schema)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := firstBlock(d, src); err != nil {
					b.Fatal(err)
				}
			}
			rates(b, batch)
		})
	}
}

func encode(b *testing.B, codec block.Codec, batch columnar.Batch) {
	e := block.NewEncoder(batch.Schema, codec)
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if out, err = e.Encode(out[:0], 0, 0, batch); err != nil {
			b.Fatal(err)
		}
	}
	rates(b, batch)
	b.ReportMetric(float64(len(out))/float64(batch.Rows()), "B/row")
}

func rates(b *testing.B, batch columnar.Batch) {
	rows := float64(batch.Rows()) * float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(rows, "rows/s")
	b.ReportMetric(rows*float64(batch.Size())/float64(batch.Len)/1e6, "MB/s")
}

// words has words of the lengths and repetition of English text, and small counts.
func words(s *columnar.Schema, n int) columnar.Batch {
	vocabulary := batches.Random(columnar.NewSchema(columnar.Field{Name: "w", Type: columnar.StringType}), 3000, 5)
	bb := columnar.NewBatchBuilder(s, n)
	state := uint32(1)
	for range n {
		state = state*1664525 + 1013904223
		w := vocabulary.Columns[0].Text(int(state>>8) % vocabulary.Len % (1 + int(state>>20)%3000))
		bb.Column(0).AppendString(w[:min(len(w), 14)])
		columnar.AppendFixed(bb.Column(1), int64(state>>27))
	}
	bb.Added(n)
	return bb.Finish()
}

func TestDecodedBuffersAreAligned(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := batches.Batch(t, fuzzSchema, 30)
		src, err := block.NewEncoder(fuzzSchema, rapid.SampledFrom(allCodecs).Draw(t, "codec")).Encode(nil, 0, 0, b)
		if err != nil {
			t.Fatal(err)
		}
		got, err := firstBlock(block.NewDecoder(fuzzSchema), src)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range got.Columns {
			if at := uintptr(unsafe.Pointer(unsafe.SliceData(c.Data))); at%8 != 0 {
				t.Fatalf("the data of %s begins at %x", c.Type, at)
			}
		}
	})
}
