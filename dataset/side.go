package dataset

import (
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/onbad"
	"github.com/millrace/millrace/plan"
)

// WriteBad gives the job a sink for bad records: sources and functions whose policy is onbad.Side(name) write theirs to it. They become
// visible with the job's other output.
func WriteBad(job *plan.Job, name string, sink connectors.TypedSink[onbad.Record]) {
	job.Side(name, sink)
}
