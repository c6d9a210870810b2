package chaos_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/millrace/millrace/internal/chaos"
	"github.com/millrace/millrace/internal/fault"
	"github.com/millrace/millrace/internal/testkit/subject"
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
	for _, j := range append(asPrograms(p.in), subject.Job{Name: forgetful, Build: numbered(slowly)}) {
		if j.Name == p.name {
			j.Build(p.out)(job)
		}
	}
}

// becomeProgram runs a job and exits, if this process is one.
func becomeProgram() {
	name := os.Getenv(programVariable)
	if name == "" {
		return
	}
	o, err := chaos.Obey()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(runner.ExitUsage)
	}
	runner.Main(&program{name: name}, o)
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

// Processes are killed in any step, stopped, interrupted, their store fails and their last checkpoint is damaged; the output stays the same.
func TestProcesses(t *testing.T) {
	in := books(t, 250)
	trials := trials{flag: "processes", seeds: *processSeeds}
	for _, job := range asPrograms(in) {
		trials.jobs = append(trials.jobs, trial{job.Name, func(t *testing.T) (tester, error) {
			t.Helper()
			command := aProgram(t, job.Name, in)
			command.Obeys = true
			return chaos.NewCommand(t.Context(), command, chaos.Options{Scratch: t.TempDir(), Faults: moreKills(kinds(t)), State: runner.StateBackend(*where)})
		}})
	}
	trials.run(t)
	if slices.Equal(kinds(t), chaos.All()) {
		trials.require(t, map[fault.Event]float64{
			chaos.Runs: 1.5, chaos.Kills: 0.5, chaos.FailedCalls: 0.5, chaos.SlowCalls: 0.5, chaos.Rescales: 0.02, chaos.Aborts: 0.02, chaos.Damages: 0.02,
		})
	}
	trials.report(t, "As processes, killed by SIGKILL", chaos.Runs, chaos.Kills, chaos.FailedCalls, chaos.SlowCalls, chaos.FailedRuns, chaos.Rescales, chaos.Aborts, chaos.Damages)
}

// moreKills has processes end by being killed as often as by all other faults.
func moreKills(kinds []fault.Kind) []fault.Kind {
	if slices.Contains(kinds, chaos.Kill) {
		kinds = append(kinds, chaos.Kill, chaos.Kill)
	}
	return kinds
}

// A program that keeps its count where no checkpoint has it is found out.
func TestForgetfulProgram(t *testing.T) {
	command := aProgram(t, forgetful, "")
	command.Obeys = true
	tester, err := chaos.NewCommand(t.Context(), command, chaos.Options{Scratch: t.TempDir(), Faults: []fault.Kind{chaos.Kill}})
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(10) {
		result, err := tester.Try(t.Context(), seed)
		if err != nil {
			t.Fatal(err)
		}
		if result.Difference != "" {
			return
		}
	}
	t.Error("ten seeds have not found it")
}

// A program that cannot run, one without output, and faults that are not for programs are told at once.
func TestProcessMistakes(t *testing.T) {
	ctx, o := t.Context(), chaos.Options{Scratch: t.TempDir()}
	good := aProgram(t, "rolling", "")
	for name, change := range map[string]func(*chaos.Command, *chaos.Options){
		"no program":   func(c *chaos.Command, _ *chaos.Options) { c.Path = filepath.Join(o.Scratch, "none") },
		"bad flags":    func(c *chaos.Command, _ *chaos.Options) { c.Args = func(string) []string { return []string{"--nope"} } },
		"other faults": func(_ *chaos.Command, o *chaos.Options) { o.Faults = []fault.Kind{chaos.Store} },
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
