package plan

import (
	"errors"
	"fmt"
	"time"

	"github.com/millrace/millrace/columnar"
)

// Interval joins two streams: rows with equal keys, the Keys first columns of either, when the right one's event time is the left one's plus
// From to To. It gives the left row's columns, then the right row's, without the keys.
type Interval struct {
	Keys     int
	From, To time.Duration
}

// Name implements Op.
func (Interval) Name() string { return "IntervalJoin" }

// Describe implements Op.
func (o Interval) Describe() string { return fmt.Sprintf("left %+v to %+v", o.From, o.To) }

// Output implements Op.
func (o Interval) Output(in []*columnar.Schema) (*columnar.Schema, error) {
	if o.From > o.To {
		return nil, fmt.Errorf("the interval begins at %v, after its end at %v", o.From, o.To)
	}
	if in[0] == nil || in[1] == nil {
		return nil, nil
	}
	for i := range o.Keys {
		if l, r := in[0].Fields[i], in[1].Fields[i]; !l.Type.Equal(r.Type) {
			return nil, fmt.Errorf("the keys differ in type: %s and %s", l, r)
		}
	}
	if o.Keys == 0 {
		return nil, errors.New("an interval join needs a key")
	}
	out := &columnar.Schema{}
	for _, s := range in {
		out.Fields = append(out.Fields, s.Fields[o.Keys:]...)
	}
	return out, nil
}

// Placements implements Placed.
func (o Interval) Placements() []Placement {
	by := Placement{Kind: ByKey, Columns: span(o.Keys)}
	return []Placement{by, by}
}

// Sides implements Placed.
func (Interval) Sides() []*columnar.Schema { return nil }

// NeedsUID implements Placed.
func (Interval) NeedsUID() bool { return true }
