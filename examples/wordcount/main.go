// Command wordcount counts the words of text files.
package main

import (
	"flag"
	"strings"

	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/formats/csv"
	"github.com/millrace/millrace/formats/text"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
)

type Count struct {
	Word string
	N    int64
}

type WordCount struct{ In, Out string }

func (w *WordCount) Flags(f *flag.FlagSet) {
	f.StringVar(&w.In, "in", "", "text files: path, glob or folder")
	f.StringVar(&w.Out, "out", "", "output folder")
}

func (w *WordCount) Build(job *plan.Job) {
	lines := dataset.Read(job, file.Source[string]{Path: w.In, Format: text.Lines{}})
	words := dataset.FlatMap(lines, strings.FieldsSeq)
	groups := dataset.GroupBy(words, strings.ToLower)
	counts := dataset.Aggregate(groups, agg.Count[string](), func(w string, n int64) Count { return Count{w, n} })
	dataset.Write(counts, file.Sink[Count]{Path: w.Out, Format: csv.Format[Count]{}})
}

func main() { runner.Main(&WordCount{}) }
