package plan

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
)

// Rolling groups rows by key columns and gives, for each row as it comes, its key and the aggregates of the group's rows so far.
type Rolling struct {
	Keys  []int
	Calls []Call
}

// Name implements Op.
func (Rolling) Name() string { return "Rolling" }

// Describe implements Op.
func (o Rolling) Describe() string { return Aggregate(o).Describe() }

// Output implements Op: keys, then results.
func (o Rolling) Output(in []*columnar.Schema) (*columnar.Schema, error) {
	if len(o.Keys) == 0 {
		return nil, fmt.Errorf("a rolling aggregate needs a key")
	}
	return Aggregate(o).Output(in)
}
