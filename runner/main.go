package runner

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/plan/physical"
)

// Main makes a command of a job and exits with one of the exit codes. All flags are the job's own; settings come from code, which is at most
// one Options, from a configuration file and from the environment: see Load. What it prints:
//
//   - stdout: what the job prints; the summary with the setting json; the plan with the setting explain.
//   - stderr: progress, logs, a short summary, errors.
//
// With MILLRACE_SHOW=config it prints its settings and parameters, with MILLRACE_SHOW=diff what it would make of saved state, and runs nothing;
// `millrace config` and `millrace diff` use that.
func Main(job Job, code ...Options) {
	p := Program{Name: filepath.Base(os.Args[0]), Job: job, Args: os.Args[1:], Stdout: os.Stdout, Stderr: os.Stderr}
	from := Sources{}
	if len(code) > 0 {
		from.Code = code[0]
	}
	s, err := Load(from)
	if err != nil {
		os.Exit(p.fail(err))
	}
	switch os.Getenv(showVariable) {
	case "config":
		os.Exit(p.ShowConfig(s))
	case "diff":
		os.Exit(p.Diff(s))
	default:
		os.Exit(p.Execute(s))
	}
}

// Program is a job as a command that is about to run.
type Program struct {
	Name           string   // the job's, where no setting names it
	Job            Job      // its parameters are set by Execute
	Args           []string // the job's own flags
	Again          []string // the process's arguments that start the job anew; nil: Args
	Stdout, Stderr io.Writer
}

// validator is a job that knows which parameters cannot work.
type validator interface{ Validate() error }

// Execute sets the job's parameters, runs or explains it, and returns the exit code.
func (p Program) Execute(s *Settings) int {
	p.name(s)
	flags, err := p.parse()
	if errors.Is(err, flag.ErrHelp) {
		PrintFlags(p.Stdout, flags)
		return ExitComplete
	}
	if err == nil {
		err = p.validate()
	}
	if err != nil {
		return p.fail(err)
	}
	if s.Cores > 0 {
		runtime.GOMAXPROCS(s.Cores)
	}
	ctx, stop := WithSignals(context.Background(), p.Stderr)
	defer stop()
	if s.Explain != "" {
		return p.fail(p.explain(ctx, s))
	}
	if err := s.findRecord(); err != nil {
		return p.fail(err)
	}
	return p.run(ctx, s, flags)
}

// name gives the job its own name where no setting does.
func (p Program) name(s *Settings) {
	if s.Name == "" {
		s.Name = p.Name
		s.show("name", p.Name)
	}
}

// fail prints an error, if there is one, and returns the exit code for it.
func (p Program) fail(err error) int {
	if err != nil {
		fmt.Fprintf(p.Stderr, "%s: %v\n", p.Name, err)
	}
	return ExitCode(err)
}

// parse sets the job's parameters from its flags.
func (p Program) parse() (*flag.FlagSet, error) {
	flags := flag.NewFlagSet(p.Name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	p.Job.Flags(flags)
	err := flags.Parse(p.Args)
	if errors.Is(err, flag.ErrHelp) {
		return flags, err
	}
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q; parameters are given as flags", flags.Arg(0))
	}
	return flags, asUsage(err)
}

// validate reports parameters that cannot work.
func (p Program) validate() error {
	if v, ok := p.Job.(validator); ok {
		return asUsage(v.Validate())
	}
	return nil
}

func asUsage(err error) error {
	if err == nil {
		return nil
	}
	return &UsageError{fmt.Errorf("%w (--help lists the flags)", err)}
}

// PrintFlags prints flags with their defaults.
func PrintFlags(w io.Writer, flags *flag.FlagSet) {
	flags.VisitAll(func(f *flag.Flag) {
		value, usage := flag.UnquoteUsage(f)
		line := "  --" + f.Name
		if value != "" {
			line += " " + value
		}
		if f.DefValue != "" && f.DefValue != "0" && f.DefValue != "false" {
			usage += " (default " + f.DefValue + ")"
		}
		fmt.Fprintf(w, "%-24s %s\n", line, usage)
	})
}

// run runs the job, with progress, log and history.
func (p Program) run(ctx context.Context, s *Settings, flags *flag.FlagSet) int {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	o := s.Options
	o.RunID, o.Govern = newRunID(time.Now()), true
	here, err := p.presence(s, o.RunID, cancel)
	if err != nil {
		return p.fail(err)
	}
	past := HistoryOf(s).begin(o.RunID, configText(s, flags), s.HistoryDays)
	screen := &console{out: p.Stderr}
	logs, err := openLog(s, screen)
	if err != nil {
		return p.fail(err)
	}
	width := terminalWidth(p.Stderr)
	if here.starter != nil {
		width = nil
	}
	o.Log = newLogger(s, logs, past, width != nil).With("job", s.Name, "run", o.RunID)
	s.HDFS.Logger = o.Log
	if o.Files, err = s.openFiles(); err != nil {
		return p.fail(err)
	}
	o.Progress = logProgress(o.Log, logEvery)
	here.show = logLine(o.Log)
	if width != nil {
		o.Progress, here.show = drawProgress(screen, width), showLine(screen, width)
	}
	if here.starter != nil {
		if err := here.toBackground(o.Log); err != nil {
			return p.fail(refusedName(err))
		}
	}
	here.hook(&o, cancel)
	planned := o.Planned
	o.Planned = func(logical *plan.Job, compiled *physical.Plan) {
		past.plan(logical, compiled)
		planned(logical, compiled)
	}
	quiet := io.Writer(logs) // the summary says on stderr how the job ended
	if s.LogFile == "" && s.LogFormat == "text" {
		quiet = io.Discard
	}
	o.Record = filepath.Join(past.dir, historyPublishing)
	o.Log.Info("job started")
	summary, err := p.runWith(ctx, s.With, o)
	err = Cause(ctx, errors.Join(err, o.Files.Close()))
	here.ended(err)
	screen.draw(nil)
	summary.setError(err)
	logEnd(newLogger(s, quiet, past, false).With("job", s.Name, "run", o.RunID), summary, err)
	if err := past.end(summary, err); err != nil {
		o.Log.Warn("the history of this run could not be written", "error", err)
	}
	code := p.report(s, summary, err)
	if err := here.leave(); err != nil {
		o.Log.Warn("the end of this job could not be noted", "error", err)
	}
	if err := logs.Close(); err != nil && code == ExitComplete {
		return p.fail(err)
	}
	return code
}

// runWith runs the job in a folder of its own if it is given files, else where the process is.
func (p Program) runWith(ctx context.Context, with []string, o Options) (*Summary, error) {
	if len(with) == 0 {
		return Run(ctx, p.Job.Build, o)
	}
	w, err := enterWorkdir(ctx, o.Files, with, o.Scratch)
	if err != nil {
		return &Summary{Job: o.Name, RunID: o.RunID, Started: time.Now()}, err
	}
	summary, err := Run(ctx, p.Job.Build, o)
	return summary, errors.Join(err, w.leave())
}

// report prints what the run did.
func (p Program) report(s *Settings, summary *Summary, err error) int {
	summary.Print(p.Stderr)
	if s.JSON {
		if printErr := summary.printJSON(p.Stdout); printErr != nil && err == nil {
			return p.fail(printErr)
		}
	}
	return ExitCode(err)
}

func logEnd(log *slog.Logger, s *Summary, err error) {
	if err != nil {
		log.Error("job failed", "error", detail(err))
		return
	}
	log.Info("job complete", "wall_s", toMillis(s.Wall), "cpu_s", toMillis(s.CPU), "rows_written", s.RowsOut)
}

// toMillis leaves out of seconds what is less than a millisecond.
func toMillis(seconds float64) float64 { return math.Round(seconds*1000) / 1000 }

// newLogger returns a logger to where the user wants logs and to the history. On a terminal the progress says what the life of a healthy job
// is, so only warnings are written above it, unless the user chose a level.
func newLogger(s *Settings, logs, past io.Writer, drawn bool) *slog.Logger {
	shown := *s
	if drawn && s.LogFile == "" && s.origin("log-level") == originDefault {
		shown.LogLevel = slog.LevelWarn
	}
	return slog.New(slog.NewMultiHandler(newHandler(logs, &shown), newHandler(past, s)))
}

func (s *Settings) origin(name string) string {
	for _, v := range s.values {
		if v.Name == name {
			return v.Origin
		}
	}
	return ""
}

// terminalWidth returns a function for the columns of the terminal that w is; nil when it is none.
func terminalWidth(w io.Writer) func() int {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return func() int {
		width, _, err := term.GetSize(int(f.Fd()))
		if err != nil || width <= 0 {
			return 80
		}
		return width
	}
}

// ShowConfig prints each setting and each parameter of the job with its value and where that comes from.
func (p Program) ShowConfig(s *Settings) int {
	flags, err := p.parse()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		return p.fail(err)
	}
	p.name(s)
	PrintValues(p.Stdout, append(s.Values(), parameters(flags)...))
	return ExitComplete
}

// parameters returns the job's parameters as values.
func parameters(flags *flag.FlagSet) []Value {
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	var values []Value
	flags.VisitAll(func(f *flag.Flag) {
		v := Value{Name: "--" + f.Name, Value: f.Value.String(), Origin: "the job's default"}
		if given[f.Name] {
			v.Origin = "the job's flag"
		}
		values = append(values, v)
	})
	return values
}

// PrintValues prints values as a table, secrets masked.
func PrintValues(w io.Writer, values []Value) {
	width := 0
	for _, v := range values {
		width = max(width, len(v.Name))
	}
	for _, v := range values {
		fmt.Fprintf(w, "%-*s  %-32s %s\n", width, v.Name, mask(v.Name, v.Value), v.Origin)
	}
}

// configText is the effective configuration as YAML, with secrets masked.
func configText(s *Settings, flags *flag.FlagSet) string {
	var b strings.Builder
	for _, v := range s.values {
		fmt.Fprintf(&b, "%s: %q # %s\n", v.Name, mask(v.Name, v.Value), v.Origin)
	}
	b.WriteString("parameters:\n")
	for _, v := range parameters(flags) {
		name := strings.TrimPrefix(v.Name, "--")
		fmt.Fprintf(&b, "  %s: %q # %s\n", name, mask(name, v.Value), v.Origin)
	}
	return b.String()
}
