package jobs

import (
	"flag"
	"math"
	"os"
	"regexp"
	"strconv"

	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/formats/text"
	"github.com/millrace/millrace/plan"
)

// Grep gives the lines of text files that a regular expression matches, or their number. Without Out they are printed, in no defined order.
type Grep struct {
	Pattern    string // as package regexp has it
	In, Out    string
	Invert     bool // the lines that do not match
	IgnoreCase bool
	Count      bool // their number
	Files      int
	Mode       file.Mode
}

// Flags implements runner.Job.
func (g *Grep) Flags(f *flag.FlagSet) {
	f.StringVar(&g.Pattern, "pattern", g.Pattern, "regular `expression` (Go's syntax)")
	f.StringVar(&g.In, "in", g.In, "text files: `path`, glob or folder")
	f.StringVar(&g.Out, "out", g.Out, "output `folder`; none: the lines are printed")
	f.BoolVar(&g.Invert, "v", g.Invert, "the lines that do not match")
	f.BoolVar(&g.IgnoreCase, "i", g.IgnoreCase, "upper and lower case are the same")
	f.BoolVar(&g.Count, "count", g.Count, "only the number of lines")
	f.IntVar(&g.Files, "files", g.Files, "write at most so many files; 0: one a task")
	f.Var(&g.Mode, "mode", "what becomes of data in the output folder: error, append, overwrite")
}

// Validate reports parameters that cannot work.
func (g *Grep) Validate() error {
	return needed(param{"pattern", g.Pattern}, param{"in", g.In})
}

// Build implements runner.Job.
func (g *Grep) Build(job *plan.Job) {
	pattern := g.Pattern
	if g.IgnoreCase {
		pattern = "(?i)" + pattern
	}
	expression, err := regexp.Compile(pattern)
	if err != nil {
		job.Fail("grep", err)
		return
	}
	lines := dataset.Read(job, file.Source[string]{Path: g.In, Format: text.Lines{}})
	found := dataset.Filter(lines, func(line string) bool { return expression.MatchString(line) != g.Invert })
	if g.Count {
		number := dataset.Map(dataset.Count(found), func(n int64) string { return strconv.FormatInt(n, 10) })
		write(number, g.Out, g.Mode, 1)
		return
	}
	write(found, g.Out, g.Mode, g.Files)
}

// write writes lines, or prints them when there is no folder.
func write(lines dataset.DataSet[string], out string, mode file.Mode, files int) {
	if out == "" {
		printLines(lines)
		return
	}
	dataset.Write(lines, file.Sink[string]{Path: out, Format: text.Lines{}, Mode: mode, Files: files})
}

// printLines prints all lines when the job is complete.
func printLines(lines dataset.DataSet[string]) { dataset.Print(lines, os.Stdout, math.MaxInt64) }
