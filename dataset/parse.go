package dataset

import (
	"github.com/millrace/millrace/connectors/onbad"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/stream/rows"
)

// Parse gives f of each record. What becomes of records for which f returns an error, policy says: the job fails (onbad.Fail), or they are
// counted and left out (onbad.Skip, onbad.SkipShare). The run's summary has their number.
func Parse[In, Out any](d DataSet[In], f func(In) (Out, error), policy onbad.Policy, options ...plan.Option) DataSet[Out] {
	if err := policy.Validate(); err != nil {
		d.job.Fail("Parse", err)
	}
	tail, err := rows.Records[Out]()
	if err != nil {
		d.job.Fail("Parse", err)
	}
	op := plan.Rows{Program: rows.Program{Stages: []rows.Stage{rows.Parse(f)}, Tail: tail}, OnBad: &policy}
	return DataSet[Out]{d.job, d.job.Add(op, []*plan.Node{d.node}, options...)}
}
