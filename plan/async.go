package plan

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/connectors/onbad"
	"github.com/millrace/millrace/stream/process"
)

// Async asks others for an answer to each record, many at a time.
type Async struct {
	Requests process.Requests
	Settings process.RequestSettings
	OnBad    onbad.Policy // what becomes of records whose requests fail
}

// Name implements Op.
func (Async) Name() string { return "Async" }

// Describe implements Op.
func (o Async) Describe() string {
	s, order := o.Settings.WithDefaults(), "in order"
	if s.Unordered {
		order = "as they come"
	}
	return fmt.Sprintf("%s, %d at a time, %s", o.Requests.Func, s.Capacity, order)
}

// Output implements Op.
func (o Async) Output([]*columnar.Schema) (*columnar.Schema, error) { return o.Requests.Schema, nil }

// Placements implements Placed.
func (Async) Placements() []Placement { return []Placement{{Kind: Chained}} }

// Sides implements Placed.
func (Async) Sides() []*columnar.Schema { return nil }

// NeedsUID implements Placed: requests on the way are state.
func (Async) NeedsUID() bool { return true }

// BadPolicy returns what becomes of records whose requests fail.
func (o Async) BadPolicy() onbad.Policy { return o.OnBad }
