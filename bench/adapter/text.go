package main

import (
	"os"

	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/formats/csv"
	"github.com/millrace/millrace/formats/text"
	"github.com/millrace/millrace/plan"
)

type count struct {
	Word string
	N    int64
}

// wordCount counts by word, split at blanks.
func wordCount(in, out string) func(*plan.Job) {
	return func(job *plan.Job) {
		lines := dataset.Read(job, file.Source[string]{Path: in + "/*.txt", Format: text.Lines{}})
		words := dataset.FlatMap(lines, text.Words)
		counts := dataset.Aggregate(dataset.GroupBy(words, func(w string) string { return w }), agg.Count[string](), func(w string, n int64) count {
			return count{w, n}
		})
		dataset.Write(counts, file.Sink[count]{Path: out, Format: csv.Format[count]{}, Mode: file.Overwrite})
	}
}

// keyBytes is how much of a record is its key.
const keyBytes = 10

// sorted sorts records by their first ten bytes.
func sorted(in, out string) func(*plan.Job) {
	return func(job *plan.Job) {
		lines := dataset.Read(job, file.Source[string]{Path: in + "/*.txt", Format: text.Lines{}})
		ordered := dataset.Sort(lines, func(record string) string { return record[:keyBytes] }, dataset.Ascending)
		dataset.Write(ordered, file.Sink[string]{Path: out, Format: text.Lines{}, Mode: file.Overwrite})
	}
}

// hello prints ten literal rows.
func hello(job *plan.Job) {
	rows := dataset.Generate(job, 10, func(i int64) int64 { return i })
	dataset.Print(rows, os.Stdout, 10)
}
