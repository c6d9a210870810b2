package sim_test

import (
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/millrace/millrace/internal/sim"
)

var (
	seeds  = flag.Int("seeds", 100, "seeds to try in all")
	first  = flag.Uint64("seed", 1, "the first seed")
	logs   = flag.String("logs", "", "folder for a file with all that happened under each seed that fails")
	faults = flag.String("faults", sim.Join(sim.All()), "kinds of faults")
)

func TestMain(m *testing.M) {
	flag.Parse()
	goleak.VerifyTestMain(m)
}

// Under faults of every kind, each job writes what it writes undisturbed.
func TestExactlyOnce(t *testing.T) {
	kinds, err := sim.ParseFaults(*faults)
	if err != nil {
		t.Fatal(err)
	}
	o := sim.Options{Faults: kinds}
	if *logs != "" {
		o.Log = slog.LevelDebug
	}
	all := underTest()
	for i, job := range all {
		t.Run(job.Name, func(t *testing.T) {
			t.Parallel()
			tester := sim.New(t, job)
			t.Log(tester)
			var total sim.Counts
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
