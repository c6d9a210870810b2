package text_test

import (
	"bytes"
	"compress/bzip2"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/text"
	"github.com/millrace/millrace/internal/testkit/formattest"
)

// TestBzip2Ranges cuts a bzip2 file of six blocks anywhere, also inside its header: each line is read once.
func TestBzip2Ranges(t *testing.T) {
	packed, err := os.ReadFile("../compress/testdata/blocks.bz2")
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(bzip2.NewReader(bytes.NewReader(packed)))
	if err != nil {
		t.Fatal(err)
	}
	for name, copies := range map[string]int{"one stream": 1, "two streams": 2} {
		t.Run(name, func(t *testing.T) {
			in := formattest.NewFile("a.bz2", bytes.Repeat(packed, copies))
			want := split(string(bytes.Repeat(plain, copies)))
			rng := rand.New(rand.NewPCG(1, 2))
			for round := range 4 {
				cuts := []int64{0, rng.Int64N(8), rng.Int64N(in.Size()), rng.Int64N(in.Size()), in.Size()}
				slices.Sort(cuts)
				var got []string
				for i, to := range cuts[1:] {
					o := formats.ReadOptions{Rows: 20_000}
					part, err := read(t, text.Lines{}, in, formats.Range{From: cuts[i], To: to}, o, round == 3)
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, part...)
				}
				if !slices.Equal(got, want) {
					t.Fatalf("cuts %v: got %d lines, want %d", cuts, len(got), len(want))
				}
			}
		})
	}
	ranges, err := text.Lines{}.Split(t.Context(), formattest.NewFile("a.bz2", packed), 10_000)
	if err != nil || len(ranges) != len(packed)/10_000+1 {
		t.Errorf("%d ranges, %v", len(ranges), err)
	}
}
