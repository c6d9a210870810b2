package physical_test

import (
	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/formats/text"
	"github.com/millrace/millrace/plan"
)

// oneFile writes a join of a large source with a small one to one file.
func oneFile(job *plan.Job, hint dataset.Hint) {
	many := dataset.Generate(job, 10_000_000, func(i int64) sale { return sale{Shop: i} })
	names := dataset.Join(many, shops(job), shopOf, idOf, func(_ sale, p shop) string { return p.Name }, hint)
	dataset.Write(names, file.Sink[string]{Path: "mem:///out", Format: text.Lines{}, Files: 1})
}
