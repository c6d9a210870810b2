package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// readAll returns the files of a folder, joined in the order of their paths.
func readAll(t *testing.T, dir string) []byte {
	t.Helper()
	var all []byte
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		all = append(all, b...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestDataSetsStayTheSame pins the bytes of each data set: results in docs/benchmarks are comparable over time
// only as long as they do not change.
func TestDataSetsStayTheSame(t *testing.T) {
	golden := []struct {
		name  string
		n     int64
		parts int
		want  string
	}{
		{"words", 100_000, 2, "75728a5a20a2f843"},
		{"tera", 500, 2, "ae78fd7431f1fd42"},
		{"orders", 500, 2, "5172845dc704747a"},
		{"groups", 500, 1, "377c44379ebdc621"},
		{"star", 500, 1, "f5853b3928f8c175"},
		{"nexmark", 2500, 2, "75f405ac8e81cb99"},
	}
	for _, g := range golden {
		t.Run(g.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := makers()[g.name](dir, g.n, g.parts); err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(readAll(t, dir))
			if got := hex.EncodeToString(sum[:8]); got != g.want {
				t.Errorf("the data set has changed: sha256 begins with %s, want %s", got, g.want)
			}
		})
	}
}

func TestZipfDrawsByRank(t *testing.T) {
	const draws = 1_000_000
	z, r := newZipf(1000), &rng{1}
	counts := make([]float64, 1000)
	for range draws {
		counts[z.next(r)]++
	}
	weight := zipfWeights(1000)
	for _, rank := range []int{0, 1, 9, 99} {
		want := weight[rank] / 1000 * draws
		if got := counts[rank]; got < want*0.9 || got > want*1.1 {
			t.Errorf("rank %d was drawn %.0f times, want about %.0f", rank, got, want)
		}
	}
}

// TestOrdersAreCSV reads every row with the standard library and checks the types that the header promises.
func TestOrdersAreCSV(t *testing.T) {
	dir := t.TempDir()
	if err := writeOrders(dir, 3000, 1); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(readAll(t, dir))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 3001 {
		t.Fatalf("%d rows with the header, want 3001", len(rows))
	}
	var empty, quotes, commas int
	for _, row := range rows[1:] {
		checkOrder(t, row)
		if row[4] == "" {
			empty++
		}
		if strings.Contains(row[8], `"`) {
			quotes++
		}
		if strings.Contains(row[8], ",") {
			commas++
		}
	}
	if empty == 0 || quotes == 0 || commas == 0 {
		t.Errorf("%d empty cells, %d notes with quotes, %d with commas: want some of each", empty, quotes, commas)
	}
}

func checkOrder(t *testing.T, row []string) {
	t.Helper()
	for i, cell := range row {
		var err error
		switch {
		case i < 3:
			_, err = strconv.ParseInt(cell, 10, 64)
		case i < 6 && cell != "":
			_, err = strconv.ParseFloat(cell, 64)
		case i == 9:
			_, err = time.Parse(time.DateOnly, cell)
		}
		if err != nil {
			t.Errorf("column %d: %v", i, err)
		}
	}
}

func TestNamesAreDistinct(t *testing.T) {
	seen := map[string]bool{}
	for key := range int64(100_000) {
		name := string(appendName(nil, key))
		if len(name) < 5 || len(name) > 20 || seen[name] {
			t.Fatalf("name %q of key %d is a repetition or not of 5 to 20 bytes", name, key)
		}
		seen[name] = true
	}
}

func TestValsort(t *testing.T) {
	dir := t.TempDir()
	if err := writeTera(dir, 300, 1); err != nil {
		t.Fatal(err)
	}
	records := strings.SplitAfter(strings.TrimSuffix(string(readAll(t, dir)), "\n"), "\n")
	records[len(records)-1] += "\n"
	raw := valsortOf(t, records)
	slices.Sort(records)
	sorted := valsortOf(t, records)
	if sorted[0] != "300" || sorted[1] != "sorted" || sorted[2] != raw[2] {
		t.Errorf("sorted records give %v, unsorted ones %v", sorted, raw)
	}
	if !strings.HasPrefix(raw[1], "UNSORTED(") {
		t.Errorf("unsorted records give %v", raw)
	}
	if again := valsortOf(t, append(records, records[299])); again[2] == sorted[2] {
		t.Error("a repeated record does not change the checksum")
	}
}

func valsortOf(t *testing.T, records []string) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "records")
	if err := os.WriteFile(path, []byte(strings.Join(records, "")), 0o644); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := valsort(&out, []string{path}); err != nil {
		t.Fatal(err)
	}
	return strings.Fields(out.String())
}

func TestSumWordsIgnoresOrderAndSeparator(t *testing.T) {
	sum := func(text string) string {
		path := filepath.Join(t.TempDir(), "counts")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := sumWords(&out, []string{path}); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	if a, b := sum("one\t1\ntwo\t2\n"), sum("two,2\r\none,1\r\n"); a != b {
		t.Errorf("%s and %s differ", a, b)
	}
	if a, b := sum("one\t1\ntwo\t2\n"), sum("one\t2\ntwo\t1\n"); a == b {
		t.Errorf("other counts give the same sum %s", a)
	}
}

func TestRunRefuses(t *testing.T) {
	for _, args := range [][]string{nil, {"words"}, {"words", "x"}, {"words", "x", "many"}, {"words", "x", "10", "0"}, {"nothing", "x", "1"}} {
		if run(args) == nil {
			t.Errorf("run(%q) succeeded", args)
		}
	}
}
