package plan

import (
	"errors"
	"fmt"

	"github.com/millrace/millrace/columnar"
)

// promised is the operation of a node that stands for rows which another node will give, one that has not been added yet.
type promised struct{ until string }

// Name implements Op.
func (promised) Name() string { return "nothing yet" }

// Describe implements Op.
func (o promised) Describe() string { return o.until }

// Output implements Op.
func (promised) Output([]*columnar.Schema) (*columnar.Schema, error) { return nil, nil }

// Promise returns a node that stands for rows which are there when something has happened that until says. It is part of no job, and a mistake as
// an input: who uses it has not waited. name is the user's operation.
func Promise(name, until string) *Node {
	return &Node{ID: -1, Name: name, Site: caller(), Op: promised{until}}
}

// checkInputs says which nodes cannot be inputs of one that is added, and puts others in the place of those that are none.
func (j *Job) checkInputs(inputs []*Node) error {
	var errs []error
	for i, in := range inputs {
		switch {
		case in == nil:
			errs = append(errs, errEmpty)
			inputs[i] = &Node{ID: -1, Name: "nothing", Op: promised{}}
		case j.has(in):
		default:
			p, ok := in.Op.(promised)
			if ok {
				errs = append(errs, fmt.Errorf("its input, of %s, is not there yet; it is when %s", in, p.until))
			} else {
				errs = append(errs, fmt.Errorf("its input, of %s, belongs to another job", in))
			}
		}
	}
	return errors.Join(errs...)
}

func (j *Job) has(n *Node) bool { return n.ID >= 0 && n.ID < len(j.Nodes) && j.Nodes[n.ID] == n }

var errEmpty = errors.New("its input is a variable that nothing has been put into; streams and data sets are what functions on a job return")

// mustBe panics where an operation has no job that could be told of the mistake: its input is an empty variable.
func (j *Job) mustBe(operation string) {
	if j == nil {
		panic(fmt.Errorf("%s: %s: %w", caller(), operation, errEmpty))
	}
}
