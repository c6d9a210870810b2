package expr

import (
	"encoding/json"
	"errors"
	"fmt"
)

// wire is the JSON form of a node: {"op":"le","args":[{"op":"column","name":"a"},{"op":"literal","text":"3"}]}. Literals and types are
// in the text form of [Expr.String], which keeps integers, decimals and times exact.
type wire struct {
	Op   string `json:"op"`
	Name string `json:"name,omitempty"`
	Text string `json:"text,omitempty"`
	Args []Expr `json:"args,omitempty"`
}

// MarshalJSON writes the tree as nested objects.
func (e Expr) MarshalJSON() ([]byte, error) {
	w := wire{Op: e.Op.String(), Name: e.Name, Args: e.Args}
	switch e.Op {
	case OpInvalid:
		return nil, fmt.Errorf("writing an expression as JSON: %w", invalid(e))
	case OpLiteral:
		w.Text = literal(e.Value)
	case OpCast:
		w.Text = e.Type.String()
	default: // name and arguments say it all
	}
	return json.Marshal(w)
}

// UnmarshalJSON reads what MarshalJSON wrote, and refuses nodes with the wrong number of arguments.
func (e *Expr) UnmarshalJSON(data []byte) error {
	var w wire
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	op, ok := opByName[w.Op]
	if !ok {
		return fmt.Errorf("reading an expression from JSON: there is no operation %q", w.Op)
	}
	read := Expr{Op: op, Name: w.Name, Args: w.Args}
	var err error
	switch op {
	case OpLiteral:
		read, err = Parse(w.Text)
		if err == nil && read.Op != OpLiteral {
			err = fmt.Errorf("%s is not a literal", w.Text)
		}
	case OpCast:
		read.Type, err = ParseType(w.Text)
	default: // name and arguments say it all
	}
	if err == nil {
		err = read.checkShape()
	}
	if err != nil {
		return fmt.Errorf("reading a %q expression from JSON: %w", w.Op, err)
	}
	*e = read
	return nil
}

var opByName = func() map[string]Op {
	m := make(map[string]Op)
	for op := OpColumn; int(op) < len(opNames); op++ {
		m[opNames[op]] = op
	}
	return m
}()

// invalid returns what is wrong with an invalid node.
func invalid(e Expr) error {
	if e.Name == "" {
		return errors.New("the expression is empty")
	}
	return errors.New(e.Name)
}

// arity has the fewest and most arguments of each operation.
func (o Op) arity() (least, most int) {
	switch o {
	case OpColumn, OpLiteral:
		return 0, 0
	case OpNot, OpIsNull, OpNeg, OpCast, OpLower, OpUpper, OpLength, OpYear, OpMonth, OpDay:
		return 1, 1
	case OpSubstring, OpIf:
		return 3, 3
	case OpAnd, OpOr:
		return 2, 1 << 20
	case OpIn, OpCoalesce:
		return 1, 1 << 20
	default:
		return 2, 2
	}
}

// checkShape returns an error unless this node alone has what its operation asks for.
func (e Expr) checkShape() error {
	if e.Op == OpInvalid || int(e.Op) >= len(opNames) {
		return invalid(e)
	}
	if least, most := e.Op.arity(); len(e.Args) < least || len(e.Args) > most {
		return fmt.Errorf("%s has %d arguments", e.Op, len(e.Args))
	}
	switch {
	case e.Op == OpIn:
		for _, a := range e.Args[1:] {
			if a.Op != OpLiteral {
				return fmt.Errorf("IN lists literals, not %s", a)
			}
		}
	case e.Op == OpLike && e.Args[1].Op != OpLiteral:
		return fmt.Errorf("LIKE has a literal pattern, not %s", e.Args[1])
	}
	return nil
}
