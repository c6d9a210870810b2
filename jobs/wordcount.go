package jobs

import (
	"flag"

	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/formats/csv"
	"github.com/millrace/millrace/formats/text"
	"github.com/millrace/millrace/plan"
)

// WordCount counts words: what stands between blanks, in lower case unless Exact is set.
type WordCount struct {
	In, Out string
	Exact   bool
	Files   int
	Mode    file.Mode
}

// Flags implements runner.Job.
func (w *WordCount) Flags(f *flag.FlagSet) {
	f.StringVar(&w.In, "in", w.In, "text files: `path`, glob or folder")
	f.StringVar(&w.Out, "out", w.Out, "output `folder`, for files of word,count")
	f.BoolVar(&w.Exact, "exact", w.Exact, "tell upper from lower case")
	f.IntVar(&w.Files, "files", w.Files, "write at most so many files; 0: one a task")
	f.Var(&w.Mode, "mode", "what becomes of data in the output folder: error, append, overwrite")
}

// Count is a word and how often it occurs.
type Count struct {
	Word string
	N    int64
}

// Validate reports parameters that cannot work.
func (w *WordCount) Validate() error {
	return needed(param{"in", w.In}, param{"out", w.Out})
}

// Build implements runner.Job.
func (w *WordCount) Build(job *plan.Job) {
	lines := dataset.Read(job, file.Source[string]{Path: w.In, Format: text.Lines{}})
	words := dataset.FlatMap(lines, text.Words)
	counts := dataset.Aggregate(dataset.GroupBy(words, caseOf(w.Exact)), agg.Count[string](), func(word string, n int64) Count {
		return Count{word, n}
	})
	dataset.Write(counts, file.Sink[Count]{Path: w.Out, Format: csv.Format[Count]{}, Mode: w.Mode, Files: w.Files})
}
