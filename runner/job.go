package runner

import (
	"flag"

	"github.com/millrace/millrace/plan"
)

// Job is a program as a command: a struct whose fields are its parameters. Flags binds them to flags, whose defaults are the fields' values;
// Build adds the job's nodes, without I/O, and may be called more than once.
type Job interface {
	Flags(f *flag.FlagSet)
	Build(job *plan.Job)
}
