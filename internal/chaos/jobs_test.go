package chaos_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/connectors/ratelimit"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/formats/csv"
	"github.com/millrace/millrace/formats/text"
	"github.com/millrace/millrace/internal/chaos"
	"github.com/millrace/millrace/internal/testkit/subject"
	"github.com/millrace/millrace/jobs"
	"github.com/millrace/millrace/plan"
)

// fixed is a job that is built without errors.
func fixed(name string, build func(out string) func(*plan.Job)) chaos.Job {
	return chaos.Job{Name: name, Build: func(out string) (func(*plan.Job), error) { return build(out), nil }}
}

func nexmark(query string) chaos.Job {
	const events = 150_000
	return fixed(query, func(out string) func(*plan.Job) { return (&jobs.Nexmark{Query: query, Events: events, Out: out}).Build })
}

// underTest are the jobs that run in this process. in is a folder of text files.
func underTest(in string) []chaos.Job {
	b := bookJobs{in: in}
	all := []chaos.Job{nexmark("q5"), nexmark("q7"), nexmark("q8"), nexmark("q3"), fixed("wordcount", b.words), fixed("lines", b.copied)}
	for _, job := range size.Jobs() {
		all = append(all, fixed(job.Name, job.Build))
	}
	return all
}

// slowly is the size of jobs that run as processes: small, and so slow that there is time for checkpoints and faults.
var slowly = subject.Size{Rows: 2400, Timed: 2400, Rate: 6000, Keys: 31, Alarm: 20 * time.Millisecond, Roll: file.Rolling{Size: 8 << 10, Every: 50 * time.Millisecond}}

// asPrograms are the jobs that run as processes.
func asPrograms(in string) []subject.Job {
	b := bookJobs{in: in, rate: slowly.Rate}
	return append(slowly.Jobs(), subject.Job{Name: "wordcount", Build: b.words})
}

// forgetful is the name of a job that is none: it numbers records by a count that no checkpoint has.
const forgetful = "forgetful"

func numbered(size subject.Size) func(out string) func(*plan.Job) {
	return func(out string) func(*plan.Job) {
		var n atomic.Int64
		count := func(subject.Reading) subject.Counted { return subject.Counted{N: n.Add(1)} }
		return func(job *plan.Job) {
			subject.Write(datastream.Map(size.Readings(job), count), out, forgetful)
		}
	}
}

// bookJobs read text files.
type bookJobs struct {
	in   string  // folder
	rate float64 // lines a second; 0: as fast as they can be read
}

func (b bookJobs) lines(job *plan.Job) datastream.Stream[string] {
	var lines connectors.TypedSource[string] = file.Source[string]{Path: b.in, Format: text.Lines{}, SplitBytes: 64 << 10}
	if b.rate > 0 {
		lines = ratelimit.Source[string]{TypedSource: lines, Rows: b.rate}
	}
	return datastream.Read(job, lines)
}

type wordCount struct {
	Word string
	N    int64
}

// words counts words and writes each count.
func (b bookJobs) words(out string) func(*plan.Job) {
	return func(job *plan.Job) {
		byWord := datastream.KeyBy(datastream.FlatMap(b.lines(job), text.Words), func(w string) string { return w })
		counts := datastream.Aggregate(byWord, agg.Count[string](), func(w string, n int64) wordCount { return wordCount{w, n} }, plan.UID("counts"))
		datastream.Write(counts, file.Sink[wordCount]{Path: out, Format: csv.Format[wordCount]{}}, plan.UID("out"))
	}
}

// copied copies lines. The files that it writes roll over.
func (b bookJobs) copied(out string) func(*plan.Job) {
	return func(job *plan.Job) {
		datastream.Write(b.lines(job), file.Sink[string]{Path: out, Format: text.Lines{}, Rolling: size.Roll}, plan.UID("out"))
	}
}

// books writes six text files of so many lines and returns their folder.
func books(t *testing.T, lines int) string {
	t.Helper()
	dir := t.TempDir()
	for f := range 6 {
		var b strings.Builder
		for i := range lines {
			fmt.Fprintf(&b, "word%d of book %d line%d\n", (i*31+f)%997, f, i)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("book%d.txt", f)), []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
