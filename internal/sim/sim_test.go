package sim_test

import (
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/connectors/generate"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/formats/text"
	"github.com/millrace/millrace/internal/fault"
	"github.com/millrace/millrace/internal/sim"
	"github.com/millrace/millrace/internal/testkit/subject"
	"github.com/millrace/millrace/plan"
)

var (
	seeds  = flag.Int("seeds", 70, "seeds to try in all")
	first  = flag.Uint64("seed", 1, "the first seed")
	logs   = flag.String("logs", "", "folder for a file with all that happened under each seed that fails")
	faults = flag.String("faults", fault.Join(sim.All()), "kinds of faults")
)

// size has every job read for about a minute.
var size = subject.Size{Rows: 600, Timed: 600, Rate: 10, Keys: 7, Alarm: 3 * time.Second, Roll: file.Rolling{Size: 1 << 10, Every: 15 * time.Second}}

func TestMain(m *testing.M) {
	flag.Parse()
	goleak.VerifyTestMain(m)
}

// Under faults of every kind, each job writes what it writes undisturbed.
func TestExactlyOnce(t *testing.T) {
	kinds, err := fault.Parse(*faults, sim.All())
	if err != nil {
		t.Fatal(err)
	}
	o := sim.Options{Faults: kinds}
	if *logs != "" {
		o.Log = slog.LevelDebug
	}
	all := size.Jobs()
	for i, job := range all {
		t.Run(job.Name, func(t *testing.T) {
			t.Parallel()
			tester := sim.New(t, job)
			t.Log(tester)
			total := fault.Counts{}
			for n := i; n < *seeds; n += len(all) {
				seed := *first + uint64(n)
				counts, log, err := tester.Try(t, seed, o)
				if err != nil {
					t.Errorf("seed %d: %v\n%s\ngo test ./internal/sim -run '%s' -seeds %d -seed %d -faults %s\n%s",
						seed, err, counts, t.Name(), len(all), seed-uint64(i), *faults, keep(t, seed, log))
				}
				total.Add(counts)
			}
			t.Log(total)
		})
	}
}

// A job that keeps its count where no checkpoint has it is found out.
func TestForgetful(t *testing.T) {
	var n atomic.Int64
	tester := sim.New(t, subject.Job{Name: "forgetful", Build: func(out string) func(*plan.Job) {
		n.Store(0)
		return func(job *plan.Job) {
			numbered := datastream.Map(size.Readings(job), func(subject.Reading) subject.Counted { return subject.Counted{N: n.Add(1)} })
			subject.Write(numbered, out, "numbered")
		}
	}})
	for seed := range uint64(10) {
		if _, _, err := tester.Try(t, seed, sim.Options{Faults: []fault.Kind{sim.Kill}}); err != nil {
			return
		}
	}
	t.Error("ten seeds have not found it")
}

// A job that does not end is found out, with what its goroutines wait for.
func TestHang(t *testing.T) {
	ends := true
	tester := sim.New(t, subject.Job{Name: "endless", Build: func(out string) func(*plan.Job) {
		s := generate.Source[string]{Rows: 10, Rate: 1, At: func(i int64) string { return fmt.Sprint(i) }}
		if !ends {
			s.Rows, s.Endless, s.Rate = 0, true, 1.0/600
		}
		return func(job *plan.Job) {
			datastream.Write(datastream.Read(job, s), file.Sink[string]{Path: out, Format: text.Lines{}}, plan.UID("out"))
		}
	}})
	ends = false
	_, _, err := tester.Try(t, 1, sim.Options{Longest: 3 * time.Minute})
	if err == nil || !strings.Contains(err.Error(), "has not ended") || !strings.Contains(err.Error(), "runner/task.(*Task).sleep") {
		t.Errorf("the error is %v", err)
	}
}

// keep writes a log to the folder for logs and returns its name, or if there is none, the log's end.
func keep(t *testing.T, seed uint64, log string) string {
	t.Helper()
	const most = 4 << 10
	if *logs == "" {
		return log[max(0, len(log)-most):]
	}
	name := filepath.Join(*logs, fmt.Sprintf("seed-%d.log", seed))
	if err := os.WriteFile(name, []byte(log), 0o600); err != nil {
		t.Error(err)
	}
	return name
}
