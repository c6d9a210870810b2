package plan

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/stream/watermark"
)

// EventTime gives rows their event time, which stands in the first column, and makes watermarks of it. The columns that say the time are left
// out of the output.
type EventTime struct {
	Strategy watermark.Strategy
	Columns  int              // that say the time: the time, and of a punctuated strategy the mark; 0: the time is that of processing
	BySplit  bool             // the rows come from a source in the same chain, whose splits have a watermark each
	Record   *columnar.Schema // of the records, for the side output of those far in the future
}

// Name implements Op.
func (EventTime) Name() string { return "EventTime" }

// Describe implements Op.
func (o EventTime) Describe() string {
	switch {
	case o.Columns == 0:
		return "of ingestion"
	case o.BySplit:
		return o.Strategy.String() + ", per split"
	default:
		return o.Strategy.String() + ", per task"
	}
}

// Output implements Op.
func (o EventTime) Output(in []*columnar.Schema) (*columnar.Schema, error) {
	if err := o.Strategy.Validate(); err != nil {
		return nil, err
	}
	if in[0] == nil {
		return nil, nil
	}
	if len(in[0].Fields) < o.Columns || o.Columns > 0 && in[0].Fields[0].Type.Kind != columnar.Timestamp {
		return nil, fmt.Errorf("no time in %v", in[0].Names())
	}
	return columnar.NewSchema(in[0].Fields[o.Columns:]...), nil
}

// Placements implements Placed.
func (EventTime) Placements() []Placement { return []Placement{{Kind: Chained}} }

// Sides implements Placed: the records whose time lies far in the future.
func (o EventTime) Sides() []*columnar.Schema { return []*columnar.Schema{o.Record} }

// NeedsUID implements Placed: what is kept of a split is found by the split.
func (EventTime) NeedsUID() bool { return false }

// IsBySplit says whether the rows of a node come from a source in the same chain, so that what is behind it can tell the source's splits apart.
func (n *Node) IsBySplit() bool {
	switch n.Op.(type) {
	case Read:
		return true
	case Rows, Filter, Project, Drop:
		return n.Parallelism == n.Inputs[0].Parallelism && n.Inputs[0].IsBySplit()
	default:
		return false
	}
}
