package chaos_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/millrace/millrace/internal/chaos"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
)

// programVariable makes this test binary a program: the one of the tests' jobs that it names.
const programVariable = "CHAOS_PROGRAM"

// program is one of the tests' jobs as a program.
type program struct{ name, in, out, brokers, from, to string }

func (p *program) Flags(f *flag.FlagSet) {
	f.StringVar(&p.in, "in", "", "text files")
	f.StringVar(&p.out, "out", "", "output folder")
	f.StringVar(&p.brokers, "brokers", "", "of Kafka")
	f.StringVar(&p.from, "from", "", "topic that is read")
	f.StringVar(&p.to, "to", "", "topic that is written")
}

func (p *program) Build(job *plan.Job) {
	if p.brokers != "" {
		p.throughKafka(job)
		return
	}
	for _, j := range underTest(p.in) {
		if j.Name != p.name {
			continue
		}
		build, err := j.Build(p.out)
		if err != nil {
			panic(err)
		}
		build(job)
	}
}

// becomeProgram runs a job and exits, if this process is one.
func becomeProgram() {
	if name := os.Getenv(programVariable); name != "" {
		runner.Main(&program{name: name})
	}
}

// aProgram is one of the tests' jobs as a program of its own.
func aProgram(t *testing.T, name, in string) chaos.Command {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return chaos.Command{
		Name: name, Path: self, Env: []string{programVariable + "=" + name},
		Args: func(out string) []string { return []string{"--in", in, "--out", out} },
	}
}

// Processes are killed, stopped, interrupted, and their last checkpoint is damaged; the output stays the same.
func TestProcesses(t *testing.T) {
	in := books(t)
	var disturbed int
	for i, name := range []string{"rolling", "twostages", "copy"} {
		t.Run(name, func(t *testing.T) {
			tester, err := chaos.NewCommand(t.Context(), aProgram(t, name, in), chaos.Options{Scratch: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			var total chaos.Counts
			for n := range uint64(*processSeeds) {
				result, err := tester.Try(t.Context(), *first+uint64(i)+3*n)
				total.Add(result.Counts)
				if err != nil {
					t.Fatal(err)
				}
				if result.Difference != "" {
					t.Errorf("seed %d: %s\n%s", result.Seed, result.Difference, result.Counts)
				}
			}
			t.Log(total)
			disturbed += total.Kills + total.Aborts + total.Rescales
		})
	}
	if disturbed == 0 {
		t.Error("no process was disturbed")
	}
}

// A program that cannot run, one without output, and faults that are not for programs are told at once.
func TestProcessMistakes(t *testing.T) {
	ctx, o := t.Context(), chaos.Options{Scratch: t.TempDir()}
	good := aProgram(t, "rolling", "")
	for name, change := range map[string]func(*chaos.Command, *chaos.Options){
		"no program":   func(c *chaos.Command, _ *chaos.Options) { c.Path = filepath.Join(o.Scratch, "none") },
		"bad flags":    func(c *chaos.Command, _ *chaos.Options) { c.Args = func(string) []string { return []string{"--nope"} } },
		"other faults": func(_ *chaos.Command, o *chaos.Options) { o.Faults = []chaos.Fault{chaos.Store} },
		"nothing written": func(c *chaos.Command, _ *chaos.Options) {
			elsewhere := t.TempDir()
			c.Args = func(string) []string { return []string{"--out", filepath.Join(elsewhere, "out")} }
		},
	} {
		c, options := good, o
		change(&c, &options)
		if _, err := chaos.NewCommand(ctx, c, options); err == nil {
			t.Errorf("%s: there is no error", name)
		}
	}
}
