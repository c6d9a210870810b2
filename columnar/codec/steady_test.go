package codec_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
)

// TestManyRows passes more rows than an encoder lets wait, and a decoder fills at once.
func TestManyRows(t *testing.T) {
	values := lines(5000)
	c, err := codec.Of[line]()
	if err != nil {
		t.Fatal(err)
	}
	e := c.Encoder()
	size := 0
	for i, v := range values {
		e.Append(v)
		if e.Len() != i+1 || e.Size() < size {
			t.Fatalf("Len is %d and Size %d after %d rows, when Size was %d before", e.Len(), e.Size(), i+1, size)
		}
		if i%100 == 0 {
			size = e.Size() - e.Size()/4 // rows that wait count with their gaps
		}
	}
	columns, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	b := columnar.Batch{Schema: c.Schema(), Columns: columns, Len: len(values)}
	if got := valuesOf[line](t, b); !slices.Equal(got, values) {
		t.Error("the rows came back changed")
	}
	if e.Len() != 0 {
		t.Errorf("Len is %d after Finish", e.Len())
	}
	b.Sel = everySecond(len(values))
	got := valuesOf[line](t, b)
	for i, r := range b.Sel {
		if got[i] != values[r] {
			t.Fatalf("selected row %d came back changed", r)
		}
	}
}

// TestFreshColumns holds that columns are not touched after Finish.
func TestFreshColumns(t *testing.T) {
	t.Run("int64", func(t *testing.T) { checkFresh(t, 1, 2) })
	t.Run("string", func(t *testing.T) { checkFresh(t, "first", "second") })
	t.Run("bool", func(t *testing.T) { checkFresh(t, true, false) })
	t.Run("pointer", func(t *testing.T) { checkFresh(t, new(1), nil) })
	t.Run("struct", func(t *testing.T) { checkFresh(t, lines(2)[0], lines(2)[1]) })
}

func checkFresh[T any](t *testing.T, first, second T) {
	t.Helper()
	c, err := codec.Of[T]()
	if err != nil {
		t.Fatal(err)
	}
	const n = 3000
	e := c.Encoder()
	var batches []columnar.Batch
	for _, v := range []T{first, second, first} {
		for range n {
			e.Append(v)
		}
		columns, err := e.Finish()
		if err != nil {
			t.Fatal(err)
		}
		batches = append(batches, columnar.Batch{Schema: c.Schema(), Columns: columns, Len: n})
	}
	for i, want := range []T{first, second, first} {
		for _, got := range valuesOf[T](t, batches[i]) {
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("batch %d has %v, want %v", i, got, want)
			}
		}
	}
}

// TestSizeOfStrings holds that strings which wait are counted.
func TestSizeOfStrings(t *testing.T) {
	c, err := codec.Of[struct{ A, B string }]()
	if err != nil {
		t.Fatal(err)
	}
	e := c.Encoder()
	text := string(make([]byte, 1000))
	for i := range 10 {
		e.Append(struct{ A, B string }{text, text})
		if want := 2000 * (i + 1); e.Size() < want || e.Size() > want+100*(i+1) {
			t.Errorf("Size is %d after %d bytes of strings", e.Size(), want)
		}
	}
}

// TestAllocations holds that flat records cost no allocation each, on either way.
func TestAllocations(t *testing.T) {
	values := lines(columnar.DefaultRows)
	c, err := codec.Of[line]()
	if err != nil {
		t.Fatal(err)
	}
	e := c.Encoder()
	var columns []columnar.Column
	encode := testing.AllocsPerRun(5, func() {
		for _, v := range values {
			e.Append(v)
		}
		if columns, err = e.Finish(); err != nil {
			t.Fatal(err)
		}
	})
	if encode > 20 {
		t.Errorf("encoding a batch of 7 columns allocates %v times", encode)
	}
	d, err := c.Decoder(c.Schema())
	if err != nil {
		t.Fatal(err)
	}
	b := columnar.Batch{Schema: c.Schema(), Columns: columns, Len: len(values)}
	var dst []line
	decode := testing.AllocsPerRun(5, func() {
		if dst, err = d.Decode(b, dst); err != nil {
			t.Fatal(err)
		}
	})
	if decode != 0 {
		t.Errorf("decoding a batch allocates %v times", decode)
	}
}
