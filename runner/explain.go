package runner

import (
	"context"

	"github.com/millrace/millrace/plan/physical"
)

// explain prints the plan of the job in the form that the settings ask for.
func (p Program) explain(ctx context.Context, s *Settings) error {
	o := s.Options
	o.Files = NewFiles(s.HDFS)
	defer func() { _ = o.Files.Close() }() // only read from
	_, compiled, err := Plan(ctx, p.Job.Build, o)
	if err != nil {
		return withCause(ctx, err)
	}
	_, err = p.Stdout.Write([]byte(explainText(compiled)))
	return err
}

func explainText(p *physical.Plan) string { return stageName(p.Stages[0]) + "\n" }
