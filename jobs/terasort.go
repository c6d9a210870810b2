package jobs

import (
	"flag"

	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/formats/fixed"
	"github.com/millrace/millrace/plan"
)

// TeraSort sorts records of the sort benchmark by their keys: the files written are in order by their names, and each within.
type TeraSort struct {
	In, Out string
	Mode    file.Mode
}

// Flags implements runner.Job.
func (s *TeraSort) Flags(f *flag.FlagSet) {
	f.StringVar(&s.In, "in", s.In, "files of records: `path`, glob or folder")
	f.StringVar(&s.Out, "out", s.Out, "output `folder`")
	f.Var(&s.Mode, "mode", "what becomes of data in the output folder: error, append, overwrite")
}

// Validate reports parameters that cannot work.
func (s *TeraSort) Validate() error {
	return needed(param{"in", s.In}, param{"out", s.Out})
}

// Build implements runner.Job.
func (s *TeraSort) Build(job *plan.Job) {
	records := dataset.Read(job, file.Source[TeraRecord]{Path: s.In, Format: fixed.Records[TeraRecord]{}})
	ordered := dataset.Sort(records, teraKey, dataset.Ascending)
	dataset.Write(ordered, file.Sink[TeraRecord]{Path: s.Out, Format: fixed.Records[TeraRecord]{}, Mode: s.Mode})
}
