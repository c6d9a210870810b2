package agg

import (
	"fmt"
	"unsafe"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
)

// Func is an aggregate in user code. Acc is the state of a group: a type that can be stored as columns (see package codec), because states
// travel and are spilled.
type Func[In, Acc, Out any] struct {
	Name    string                 // for plans and errors; "func" if empty
	New     func() Acc             // an empty state; nil: the zero value
	Add     func(acc *Acc, in In)  // takes a record in
	Merge   func(acc *Acc, by Acc) // takes another state in
	Result  func(acc Acc) Out
	Retract func(acc *Acc, in In) // takes a record out that Add took in; nil: it cannot be done
}

// Of makes an aggregate of user code.
func Of[In, Acc, Out any](f Func[In, Acc, Out]) Aggregate[In, Out] {
	if f.Name == "" {
		f.Name = "func"
	}
	a, err := userFunction(f)
	if err != nil {
		return Aggregate[In, Out]{Err: fmt.Errorf("%s: %w", f.Name, err)}
	}
	return a
}

func userFunction[In, Acc, Out any](f Func[In, Acc, Out]) (Aggregate[In, Out], error) {
	var none Aggregate[In, Out]
	if f.Add == nil || f.Merge == nil || f.Result == nil {
		return none, fmt.Errorf("an aggregate needs the functions Add, Merge and Result")
	}
	sel, err := codec.Select(func(in In) In { return in })
	if err != nil {
		return none, err
	}
	u := userCode[In, Acc, Out]{Func: f}
	if u.in, err = codec.Of[In](); err != nil {
		return none, err
	}
	if u.acc, err = codec.Of[Acc](); err != nil {
		return none, err
	}
	if u.out, err = codec.Of[one[Out]](); err != nil {
		return none, err
	}
	if u.acc.Schema() == nil {
		return none, fmt.Errorf("a columnar.Row cannot be a state: its columns are not known")
	}
	result := u.out.Schema().Fields[0]
	result.Name = f.Name
	return Aggregate[In, Out]{Select: sel, Function: Function{
		Name: f.Name, Input: sel.Fields, State: u.acc.Schema().Fields, Result: result, CanRetract: f.Retract != nil,
		New: u.accumulator,
	}}, nil
}

// userCode is a Func with the codecs of its types.
type userCode[In, Acc, Out any] struct {
	Func[In, Acc, Out]
	in  *codec.Codec[In]
	acc *codec.Codec[Acc]
	out *codec.Codec[one[Out]]
}

func (u userCode[In, Acc, Out]) accumulator() Accumulator {
	a := userAccumulator[In, Acc, Out]{code: u}
	if u.Retract != nil {
		return &userRetractor[In, Acc, Out]{a}
	}
	return &a
}

// userAccumulator keeps the states as Go values.
type userAccumulator[In, Acc, Out any] struct {
	onHeap
	code   userCode[In, Acc, Out]
	states []Acc
	inputs []In
	others []Acc
}

type userRetractor[In, Acc, Out any] struct {
	userAccumulator[In, Acc, Out]
}

func (a *userAccumulator[In, Acc, Out]) Grow(n int) {
	for len(a.states) < n {
		var state Acc
		if a.code.New != nil {
			state = a.code.New()
		}
		a.states = append(a.states, state)
	}
}

// decode returns the values in the columns, one a group given.
func decode[T any](c *codec.Codec[T], cols []columnar.Column, sel []int32, n int, into []T) ([]T, error) {
	decoder, err := c.Decoder(c.Schema())
	if err != nil {
		return nil, err
	}
	return decoder.Decode(columnar.Batch{Schema: c.Schema(), Columns: cols, Len: n, Sel: sel}, into)
}

func (a *userAccumulator[In, Acc, Out]) Add(groups []int32, in []columnar.Column, sel []int32) error {
	return a.each(groups, in, sel, a.code.Add)
}

func (a *userRetractor[In, Acc, Out]) Retract(groups []int32, in []columnar.Column, sel []int32) error {
	return a.each(groups, in, sel, a.code.Retract)
}

func (a *userAccumulator[In, Acc, Out]) each(groups []int32, in []columnar.Column, sel []int32, f func(*Acc, In)) (err error) {
	if a.inputs, err = decode(a.code.in, in, sel, len(groups), a.inputs); err != nil {
		return fmt.Errorf("%s: %w", a.code.Name, err)
	}
	for k, g := range groups {
		f(&a.states[g], a.inputs[k])
	}
	clear(a.inputs)
	return nil
}

func (a *userAccumulator[In, Acc, Out]) Merge(groups []int32, state []columnar.Column, sel []int32) (err error) {
	if a.others, err = decode(a.code.acc, state, sel, len(groups), a.others); err != nil {
		return fmt.Errorf("%s: merging states: %w", a.code.Name, err)
	}
	for k, g := range groups {
		a.code.Merge(&a.states[g], a.others[k])
	}
	clear(a.others)
	return nil
}

func (a *userAccumulator[In, Acc, Out]) State(from, to int) ([]columnar.Column, error) {
	encoder := a.code.acc.Encoder()
	for _, state := range a.states[from:to] {
		encoder.Append(state)
	}
	cols, err := encoder.Finish()
	if err != nil {
		return nil, fmt.Errorf("%s: storing states: %w", a.code.Name, err)
	}
	return cols, nil
}

func (a *userAccumulator[In, Acc, Out]) Result(from, to int) (columnar.Column, error) {
	encoder := a.code.out.Encoder()
	for _, state := range a.states[from:to] {
		encoder.Append(one[Out]{a.code.Result(state)})
	}
	cols, err := encoder.Finish()
	if err != nil {
		return columnar.Column{}, fmt.Errorf("%s: storing results: %w", a.code.Name, err)
	}
	return cols[0], nil
}

// sizeSample is from how many states Size estimates what they refer to.
const sizeSample = 64

// Size counts the states themselves, and for what they refer to the stored size of a sample of them.
func (a *userAccumulator[In, Acc, Out]) Size() int {
	size := cap(a.states) * int(unsafe.Sizeof(*new(Acc)))
	if isFlat(a.code.acc.Schema()) || len(a.states) == 0 {
		return size
	}
	encoder, sampled := a.code.acc.Encoder(), 0
	for i := 0; i < len(a.states); i += max(1, len(a.states)/sizeSample) {
		encoder.Append(a.states[i])
		sampled++
	}
	return size + encoder.Size()*len(a.states)/sampled
}

// isFlat says whether values of the schema are of fixed size.
func isFlat(s *columnar.Schema) bool {
	for _, f := range s.Fields {
		if f.Type.IsVariable() || f.Type.IsNested() {
			return false
		}
	}
	return true
}

func (a *userAccumulator[In, Acc, Out]) Reset() {
	clear(a.states)
	a.states = a.states[:0]
}
