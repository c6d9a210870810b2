package plan

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/connectors/onbad"
	"github.com/millrace/millrace/stream"
)

// policied is a source or an operation that says what becomes of bad records.
type policied interface{ BadPolicy() onbad.Policy }

// BadPolicy returns what becomes of records that the node cannot decode, or refuses.
func (n *Node) BadPolicy() onbad.Policy {
	if read, ok := n.Op.(Read); ok {
		if p, ok := read.Source.(policied); ok {
			return p.BadPolicy()
		}
	}
	if p, ok := n.Op.(policied); ok {
		return p.BadPolicy()
	}
	return onbad.Fail()
}

// checkSides reports policies that name a sink which the job does not have.
func (j *Job) checkSides() error {
	var errs []error
	for _, n := range j.Nodes {
		p := n.BadPolicy()
		if p.Action == onbad.SendSide && j.Sides[p.Sink] == nil {
			known := slices.Sorted(maps.Keys(j.Sides))
			errs = append(errs, fmt.Errorf("%s: bad records are to go to the sink %q; the job has the side sinks %q", n, p.Sink, known))
		}
	}
	return errors.Join(errs...)
}

// RouteBad adds, for each side sink that policies name, the nodes that bring it the bad records: from then on they are rows like others, sent,
// counted, and published with the job's or a checkpoint's. One task writes each sink. It is called once, when all schemas are known.
func (j *Job) RouteBad() {
	nodes := slices.Clone(j.Nodes)
	for _, name := range slices.Sorted(maps.Keys(j.Sides)) {
		var bad []*Node
		for _, n := range nodes {
			if p := n.BadPolicy(); p.Action == onbad.SendSide && p.Sink == name {
				bad = append(bad, j.Add(SideOutput{Side: stream.BadRecords}, []*Node{n}, Parallelism(1), Name("bad records")))
			}
		}
		if len(bad) == 0 {
			continue
		}
		all := bad[0]
		if len(bad) > 1 {
			all = j.Add(Union{}, bad, Parallelism(1), Name("bad records"))
		}
		j.Add(Write{Sink: j.Sides[name]}, []*Node{all}, Parallelism(1), Name("side sink "+name), UID("side sink "+name))
	}
	for _, n := range j.Nodes[len(nodes):] {
		n.Site = Site{} // nobody wrote it
	}
}

// badSchema is that of bad records as rows.
func badSchema() (*columnar.Schema, error) {
	c, err := codec.Of[onbad.Record]()
	if err != nil {
		return nil, err
	}
	return c.Schema(), nil
}
