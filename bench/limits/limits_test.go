package main

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// writeRaw writes a column of int64, float64 or string values in the raw layout.
func writeRaw[T int64 | float64 | string](t *testing.T, dir, name string, values []T) {
	t.Helper()
	var data []byte
	suffix := ".i64"
	starts := []int64{0}
	for _, v := range values {
		switch v := any(v).(type) {
		case string:
			suffix = ".str"
			data = append(data, v...)
			starts = append(starts, int64(len(data)))
		case float64:
			suffix = ".f64"
			data = binary.LittleEndian.AppendUint64(data, math.Float64bits(v))
		case int64:
			data = binary.LittleEndian.AppendUint64(data, uint64(v))
		}
	}
	writeFile(t, filepath.Join(dir, name+suffix), data)
	if suffix == ".str" {
		writeRaw(t, dir, name, starts)
		if err := os.Rename(filepath.Join(dir, name+".i64"), filepath.Join(dir, name+".off")); err != nil {
			t.Fatal(err)
		}
	}
}

func writeFile(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// result runs a workload and returns its rows, sorted.
func result(t *testing.T, workload, in string, threads int) [][]string {
	t.Helper()
	out := t.TempDir()
	if err := jobs()[workload](in, out, threads); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(out, "*.csv"))
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		part, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, part...)
	}
	slices.SortFunc(rows, slices.Compare)
	return rows
}

func column[T any](n int, value func() T) []T {
	c := make([]T, n)
	for i := range c {
		c[i] = value()
	}
	return c
}

func TestGroupByEqualsMaps(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const rows = 20_011
	dir := t.TempDir()
	v1 := column(rows, func() int64 { return r.Int64N(1000) })
	v2 := column(rows, func() float64 { return float64(r.IntN(1000)) }) // sums of integers do not depend on their order
	few := column(rows, func() int64 { return r.Int64N(700) })
	many := column(rows, func() int64 { return r.Int64N(15_000) - 5 })
	writeRaw(t, dir, "v1", v1)
	writeRaw(t, dir, "v2", v2)
	writeRaw(t, dir, "k_1k", few)
	writeRaw(t, dir, "k_1m", many)
	writeRaw(t, dir, "s_1k", names(few))
	writeRaw(t, dir, "s_1m", names(many))
	integer := func(k int64) string { return strconv.FormatInt(k, 10) }
	for workload, want := range map[string][][]string{
		"groupby-int-1k":    groupByMap(few, v1, v2, integer),
		"groupby-int-1m":    groupByMap(many, v1, v2, integer),
		"groupby-string-1k": groupByMap(few, v1, v2, name),
		"groupby-string-1m": groupByMap(many, v1, v2, name),
	} {
		for _, threads := range []int{1, 3} {
			if diff := cmp.Diff(want, result(t, workload, dir, threads)); diff != "" {
				t.Errorf("%s with %d threads (-want +got):\n%s", workload, threads, diff)
			}
		}
	}
}

// name maps a key to a string of 1 to 23 bytes.
func name(key int64) string {
	s := fmt.Sprintf("%d", key)
	return s + "abcdefghijklmnopqrstuvw"[:int(uint64(key)%uint64(maxShort-len(s)+1))]
}

func names(keys []int64) []string {
	s := make([]string, len(keys))
	for i, k := range keys {
		s[i] = name(k)
	}
	return s
}

func groupByMap(keys, v1 []int64, v2 []float64, text func(int64) string) [][]string {
	groups := map[int64]group[int64]{}
	for i, k := range keys {
		g := groups[k]
		groups[k] = group[int64]{n: g.n + 1, v1: g.v1 + v1[i], v2: g.v2 + v2[i]}
	}
	var rows [][]string
	for k, g := range groups {
		avg := strconv.FormatFloat(g.v2/float64(g.n), 'g', -1, 64)
		rows = append(rows, []string{text(k), strconv.FormatInt(g.n, 10), strconv.FormatInt(g.v1, 10), avg})
	}
	slices.SortFunc(rows, slices.Compare)
	return rows
}

func TestJoinEqualsMap(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	dir := t.TempDir()
	key := make([]int64, 500)
	for i, p := range r.Perm(len(key)) {
		key[i] = int64(p) * 1_000_003
	}
	region := column(len(key), func() string { return []string{"Oulu", "Porto", "Quito"}[r.IntN(3)] })
	factKey := column(5000, func() int64 { return r.Int64N(600) * 1_000_003 })
	amount := column(5000, func() int64 { return r.Int64N(100) })
	writeRaw(t, filepath.Join(dir, "dim"), "key", key)
	writeRaw(t, filepath.Join(dir, "dim"), "region", region)
	writeRaw(t, filepath.Join(dir, "fact"), "key", factKey)
	writeRaw(t, filepath.Join(dir, "fact"), "amount", amount)

	regionOf := map[int64]string{}
	for i, k := range key {
		regionOf[k] = region[i]
	}
	count, sum := map[string]int{}, map[string]int64{}
	for i, k := range factKey {
		if name, ok := regionOf[k]; ok {
			count[name]++
			sum[name] += amount[i]
		}
	}
	var want [][]string
	for name, n := range count {
		want = append(want, []string{name, strconv.Itoa(n), strconv.FormatInt(sum[name], 10)})
	}
	want = append(want, []string{"region", "n", "amount_sum"})
	slices.SortFunc(want, slices.Compare)
	for _, threads := range []int{1, 3} {
		if diff := cmp.Diff(want, result(t, "join", dir, threads)); diff != "" {
			t.Errorf("%d threads (-want +got):\n%s", threads, diff)
		}
	}
}

func TestScanEqualsLoop(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	const rows = 5003
	dir := t.TempDir()
	date := column(rows, func() int64 { return day(1993) + r.Int64N(4*365) })
	date[0], date[1], date[2], date[3] = day(1994)-1, day(1994), day(1996)-1, day(1996)
	discount := column(rows, func() int64 { return r.Int64N(11) })
	discount[0], discount[1], discount[2], discount[3] = 5, 5, 7, 7
	money := column(rows, func() int64 { return r.Int64N(10_000) })
	comment := column(rows, func() string { return fmt.Sprintf(`note "%d"`, r.IntN(1e6)) })
	for name, c := range map[string][]int64{"l_shipdate": date, "l_discount": discount, "l_quantity": money, "l_extendedprice": money, "l_tax": money} {
		writeRaw(t, filepath.Join(dir, "lineitem"), name, c)
	}
	writeRaw(t, filepath.Join(dir, "lineitem"), "l_comment", comment)

	var sum int64
	var hits []string
	for i := range rows {
		if date[i] >= day(1994) && date[i] < day(1996) && discount[i] >= 5 && discount[i] <= 7 {
			hits = append(hits, comment[i])
			sum += money[i]
		}
	}
	total := fmt.Sprintf("%d.%02d", sum/100, sum%100)
	want := [][]string{
		{strconv.Itoa(len(hits)), total, total, total, slices.Min(hits), slices.Max(hits)},
		{"n", "quantity_sum", "price_sum", "tax_sum", "comment_min", "comment_max"},
	}
	for _, threads := range []int{1, 3} {
		if diff := cmp.Diff(want, result(t, "scan", dir, threads)); diff != "" {
			t.Errorf("%d threads (-want +got):\n%s", threads, diff)
		}
	}
}

const ordersText = `id,account,quantity,price,discount,weight,status,customer,note,created
1,10000000000,5,12.50,0.10,115.23101250626624,open,"Ito, Björn",plain words,2015-01-01
2,20000000000,7,0.05,,0.5,paid,"Abara, Ada","so ""quoted"", please",2024-12-31
`

func TestCSVOfTwoFiles(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "a.csv"), []byte(ordersText))
	writeFile(t, filepath.Join(dir, "b.csv"), []byte(ordersText))
	rows := result(t, "csv", dir, 2)
	if len(rows) != 2 {
		t.Fatalf("%d rows, want a header and a row", len(rows))
	}
	want := []string{
		"4",
		"4", "6", "1", "2", "4", "60000000000", "10000000000", "20000000000", "4", "24", "5", "7",
		"4", "25.1", "0.05", "12.5", "2", "0.2", "0.1", "0.1", "4", "231.46202501253248", "0.5", "115.23101250626624",
		"4", "open", "paid", "4", "Abara, Ada", "Ito, Björn", "4", "plain words", `so "quoted", please`, "4", "2015-01-01", "2024-12-31",
	}
	if diff := cmp.Diff(want, rows[0]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCSVIsCutBehindNewlines(t *testing.T) {
	dir := t.TempDir()
	header, body, _ := bytes.Cut([]byte(ordersText), []byte("\n"))
	body = bytes.Repeat(body, 5*pieceBytes/2/len(body))
	writeFile(t, filepath.Join(dir, "a.csv"), slices.Concat(header, []byte("\n"), body))
	pieces, err := csvPieces(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(pieces) != 3 {
		t.Errorf("%d pieces, want 3", len(pieces))
	}
	for i, p := range pieces {
		if !bytes.HasSuffix(p, []byte("\n")) {
			t.Errorf("piece %d ends in %q", i, p[len(p)-10:])
		}
	}
	if !bytes.Equal(slices.Concat(pieces...), body) {
		t.Error("the pieces together are not the body")
	}
}

// FuzzCSV checks that malformed rows are refused, never read past, and that floats are those of strconv.
func FuzzCSV(f *testing.F) {
	_, body, _ := bytes.Cut([]byte(ordersText), []byte("\n"))
	f.Add(body)
	f.Add([]byte("1,2,3,9007199254740993,,1e5,a,\"b\"\"\",c,2020-02-30\n"))
	f.Add([]byte(`1,2,3,4,5,6,a,"unclosed`))
	f.Add([]byte("0,0,0,0,,0,,,,0000-01-01,"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var o orders
		if err := o.scan(text); err == nil && o.rows > int64(bytes.Count(text, []byte("\n"))) {
			t.Errorf("%d rows of %q", o.rows, text)
		}
		c := cursor{text: append(slices.Clone(text), ',')}
		got := c.float()
		if want, err := strconv.ParseFloat(string(text), 64); err == nil && !c.bad && c.at == len(c.text) && got != want && got == got {
			t.Errorf("%q is read as %v, want %v", text, got, want)
		}
	})
}
