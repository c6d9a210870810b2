package chaos_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/connectors/generate"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/formats/csv"
	"github.com/millrace/millrace/formats/text"
	"github.com/millrace/millrace/internal/chaos"
	"github.com/millrace/millrace/jobs"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/state"
)

// fixed is a job that is built without errors.
func fixed(name string, build func(out string) func(*plan.Job)) chaos.Job {
	return chaos.Job{Name: name, Build: func(out string) (func(*plan.Job), error) { return build(out), nil }}
}

func nexmark(query string) chaos.Job {
	const events = 150_000
	return fixed(query, func(out string) func(*plan.Job) { return (&jobs.Nexmark{Query: query, Events: events, Out: out}).Build })
}

// underTest are the jobs. in is a folder of text files.
func underTest(in string) []chaos.Job {
	return []chaos.Job{
		fixed("rolling", rolling),
		fixed("twostages", twoStages),
		nexmark("q5"), nexmark("q7"), nexmark("q8"), nexmark("q3"),
		fixed("wordcount", func(out string) func(*plan.Job) { return words(in, out) }),
		fixed("copy", func(out string) func(*plan.Job) { return copied(in, out) }),
	}
}

type reading struct{ Sensor, Value int64 }

type counted struct{ Key, N int64 }

const readings = 40_000

func source(job *plan.Job) datastream.Stream[reading] {
	return datastream.Read(job, generate.Source[reading]{Rows: readings, SplitRows: readings / 16, At: func(i int64) reading {
		return reading{i * 2654435761 % 97, i}
	}})
}

// rolling counts the readings of each sensor, and writes each count.
func rolling(out string) func(*plan.Job) {
	return func(job *plan.Job) {
		sensors := datastream.KeyBy(source(job), func(r reading) int64 { return r.Sensor })
		counts := datastream.Aggregate(sensors, agg.Count[reading](), func(k, n int64) counted { return counted{k, n} }, plan.UID("counts"))
		datastream.Write(counts, file.Sink[counted]{Path: out, Format: csv.Format[counted]{}}, plan.UID("out"))
	}
}

// tally numbers the records of its key. What it writes does not depend on their order.
type tally struct {
	N    state.Value[int64] `state:"n"`
	Tens state.List[int64]  `state:"tens"`
}

func (t *tally) OnRecord(ctx *datastream.Context[int64, counted], c counted) error {
	n, _ := t.N.Get()
	t.N.Set(n + 1)
	t.Tens.Add(n)
	ctx.Emit(counted{ctx.Key(), n + 1})
	if n%10 == 9 {
		var sum int64
		for v := range t.Tens.All() {
			sum += v
		}
		t.Tens.Clear()
		ctx.Emit(counted{-ctx.Key(), sum})
	}
	return nil
}

// twoStages has keyed functions with state, one behind the other.
func twoStages(out string) func(*plan.Job) {
	return func(job *plan.Job) {
		rows := datastream.Map(source(job), func(r reading) counted { return counted{r.Sensor, r.Value} })
		first := datastream.Process(datastream.KeyBy(rows, func(c counted) int64 { return 1 + c.Key }), func() *tally { return &tally{} }, plan.UID("first"))
		second := datastream.Process(datastream.KeyBy(first, func(c counted) int64 { return 1 + c.N%13 }), func() *tally { return &tally{} }, plan.UID("second"))
		datastream.Write(second, file.Sink[counted]{Path: out, Format: csv.Format[counted]{}}, plan.UID("out"))
	}
}

type wordCount struct {
	Word string
	N    int64
}

// words counts words and writes each count.
func words(in, out string) func(*plan.Job) {
	return func(job *plan.Job) {
		lines := datastream.From(dataset.Read(job, file.Source[string]{Path: in, Format: text.Lines{}, SplitBytes: 64 << 10}))
		byWord := datastream.KeyBy(datastream.FlatMap(lines, text.Words), func(w string) string { return w })
		counts := datastream.Aggregate(byWord, agg.Count[string](), func(w string, n int64) wordCount { return wordCount{w, n} }, plan.UID("counts"))
		datastream.Write(counts, file.Sink[wordCount]{Path: out, Format: csv.Format[wordCount]{}}, plan.UID("out"))
	}
}

// copied copies lines. The files that it writes roll over.
func copied(in, out string) func(*plan.Job) {
	return func(job *plan.Job) {
		lines := datastream.From(dataset.Read(job, file.Source[string]{Path: in, Format: text.Lines{}, SplitBytes: 64 << 10}))
		sink := file.Sink[string]{Path: out, Format: text.Lines{}, Rolling: file.Rolling{Size: 64 << 10, Every: 20 * time.Millisecond}}
		datastream.Write(lines, sink, plan.UID("out"))
	}
}

// books writes text files and returns their folder.
func books(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for f := range 6 {
		var b strings.Builder
		for i := range 5_000 {
			fmt.Fprintf(&b, "word%d of book %d line%d\n", (i*31+f)%997, f, i)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("book%d.txt", f)), []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
