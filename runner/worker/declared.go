package worker

import (
	"fmt"
	"slices"

	"github.com/millrace/millrace/checkpoint"
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/operator/build"
	"github.com/millrace/millrace/plan/physical"
	"github.com/millrace/millrace/stream"
)

// Declared returns what the operators of a plan keep in checkpoints: what a new version of a job is compared with a savepoint by, before
// anything runs.
func Declared(p *physical.Plan) ([]checkpoint.Declared, error) {
	var all []checkpoint.Declared
	for _, stage := range p.Stages {
		var schema *columnar.Schema
		for i, op := range stage.Chain {
			d := checkpoint.Declared{UID: physical.UID(op), Name: op.Node.String(), KeyGroups: p.KeyGroups}
			if _, d.IsSource = op.Spec.(physical.Source); !d.IsSource {
				o, err := build.New(op)
				if err != nil {
					return nil, err
				}
				if s, ok := o.(stream.Stateful); ok {
					if d.Tables, err = s.Tables(inputs(stage, i, schema)); err != nil {
						return nil, fmt.Errorf("%s: %w", op.Node, err)
					}
				}
			}
			d.Tables = slices.Concat(d.Tables, flightTables(stage, i))
			schema = stage.Schema(i)
			all = append(all, d)
		}
	}
	return all, nil
}
