package jobs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/jobs"
	"github.com/millrace/millrace/runner"
)

// items is a CSV file with a header; every third price is missing.
func items(n int) (text string, rows [][]string) {
	text = "id,name,price,day\n"
	for i := range n {
		price := fmt.Sprintf("%d.25", i%50)
		if i%3 == 0 {
			price = ""
		}
		row := []string{fmt.Sprint(i), fmt.Sprintf("item %d", i%7), price, fmt.Sprintf("2026-01-%02d", 1+i%4)}
		rows = append(rows, row)
		text += strings.Join(row, ",") + "\n"
	}
	return text, rows
}

// csvLines returns the rows of headed CSV files, sorted, after a check of each file's header.
func csvLines(t *testing.T, dir, header string) []string {
	t.Helper()
	var out []string
	for _, name := range files(t, dir) {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		all := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
		if all[0] != header {
			t.Errorf("%s has the header %q, want %q", name, all[0], header)
		}
		out = append(out, all[1:]...)
	}
	slices.Sort(out)
	return out
}

// Through every format and back the rows are the same.
func TestConvertThere(t *testing.T) {
	text, rows := items(1000)
	dir := t.TempDir()
	in := put(t, dir, "items.csv", text)
	var want []string
	for _, r := range rows {
		want = append(want, strings.Join(r, ","))
	}
	slices.Sort(want)
	for _, c := range []struct{ format, codec string }{
		{"csv", ""},
		{"csv", "gzip"},
		{"tsv", "zstd"},
		{"json", ""},
		{"json", "lz4"},
		{"parquet", ""},
		{"parquet", "zstd"},
		{"parquet", "none"},
		{"arrow", ""},
		{"arrow", "zstd"},
		{"avro", ""},
		{"avro", "deflate"},
	} {
		t.Run(c.format+" "+c.codec, func(t *testing.T) {
			for name, o := range settings(t) {
				t.Run(name, func(t *testing.T) {
					there, back := t.TempDir(), t.TempDir()
					run(t, &jobs.Convert{In: in, Out: there, To: c.format, Codec: c.codec}, o)
					run(t, &jobs.Convert{In: there, From: c.format, Out: back, To: "csv"}, o)
					if diff := gocmp.Diff(want, csvLines(t, back, "id,name,price,day")); diff != "" {
						t.Errorf("rows differ (-want +got):\n%.2000s", diff)
					}
				})
			}
		})
	}
}

func TestConvertSome(t *testing.T) {
	text, rows := items(1000)
	dir := t.TempDir()
	put(t, dir, "items.csv", text)
	var want []string
	for i, r := range rows {
		if r[2] != "" && i >= 500 {
			want = append(want, fmt.Sprintf("%s,%d", r[1], 2*i))
		}
	}
	slices.Sort(want)
	run(t, &jobs.Convert{In: dir + "/*.csv", Out: dir + "/all.parquet"}, runner.Options{Parallelism: 2})
	for _, in := range []string{dir + "/items.csv", dir + "/all.parquet"} {
		for name, o := range settings(t) {
			t.Run(name, func(t *testing.T) {
				out := t.TempDir()
				run(t, &jobs.Convert{In: in, Out: out, To: "csv", Filter: "price is not null and id >= 500", Columns: "name, id * 2 as double", Files: 2}, o)
				if diff := gocmp.Diff(want, csvLines(t, out, "name,double")); diff != "" {
					t.Errorf("rows differ (-want +got):\n%.2000s", diff)
				}
				if n := len(files(t, out)); n > 2 {
					t.Errorf("%d files", n)
				}
			})
		}
	}
}

// Columns become folders, and columns again when the folders are read.
func TestConvertPartitioned(t *testing.T) {
	text, rows := items(400)
	dir := t.TempDir()
	in := put(t, dir, "items.csv", text)
	out, back := filepath.Join(dir, "by.json"), filepath.Join(dir, "back.csv")
	run(t, &jobs.Convert{In: in, Out: out, PartitionBy: "day, name", Filter: "price is not null"}, runner.Options{Parallelism: 2})
	for _, name := range files(t, out) {
		if !strings.HasPrefix(name, "day=2026-01-0") || !strings.Contains(name, "/name=item%20") && !strings.Contains(name, "/name=item ") {
			t.Errorf("file %s", name)
		}
	}
	run(t, &jobs.Convert{In: out, Out: back, Columns: "id,name,price,day", Filter: "day = '2026-01-02'"}, runner.Options{Parallelism: 2})
	var want []string
	for _, r := range rows {
		if r[2] != "" && r[3] == "2026-01-02" {
			want = append(want, strings.Join(r, ","))
		}
	}
	slices.Sort(want)
	if diff := gocmp.Diff(want, csvLines(t, back, "id,name,price,day")); diff != "" {
		t.Errorf("rows differ (-want +got):\n%.2000s", diff)
	}
}

func TestConvertText(t *testing.T) {
	dir := t.TempDir()
	in := put(t, dir, "a.log", "one\ntwo words\nthree\n")
	run(t, &jobs.Convert{In: in, Out: dir + "/out.json", Filter: "value like 't%'"}, runner.Options{Parallelism: 1})
	if got := content(t, dir+"/out.json"); got != "{\"value\":\"two words\"}\n{\"value\":\"three\"}\n" {
		t.Errorf("got %q", got)
	}
	run(t, &jobs.Convert{In: dir + "/out.json", Out: dir + "/back.txt", Columns: "upper(value) as line"}, runner.Options{Parallelism: 1})
	if got := content(t, dir+"/back.txt"); got != "TWO WORDS\nTHREE\n" {
		t.Errorf("got %q", got)
	}
}

func TestConvertMistakes(t *testing.T) {
	dir := t.TempDir()
	in := put(t, dir, "a.csv", "id,name\n1,one\n2,two\n")
	out := filepath.Join(dir, "out.csv")
	for name, c := range map[string]struct {
		job   jobs.Convert
		texts []string
	}{
		"no suffix":      {jobs.Convert{In: dir, Out: out}, []string{"names no format", "--from"}},
		"unknown format": {jobs.Convert{In: in, Out: out, To: "xls"}, []string{`unknown format "xls"`, "parquet"}},
		"unknown codec":  {jobs.Convert{In: in, Out: out, Codec: "rar"}, []string{`unknown codec "rar"`}},
		"unknown column": {jobs.Convert{In: in, Out: out, Columns: "id, nam"}, []string{`"nam"`, "convert.go:"}},
		"no condition":   {jobs.Convert{In: in, Out: out, Filter: "id + 1"}, []string{"not bool"}},
		"no expression":  {jobs.Convert{In: in, Out: out, Filter: "id >"}, []string{"--filter"}},
		"two columns":    {jobs.Convert{In: in, Out: dir + "/out.txt"}, []string{"one column of strings"}},
	} {
		t.Run(name, func(t *testing.T) { fails(t, &c.job, c.texts...) })
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a job that failed left its folder")
	}
}
