package codec

import "github.com/millrace/millrace/columnar"

// Selector is a function of records whose results are columns: a key selector, or the input of an aggregate. It is a description; New
// makes what runs.
type Selector[In any] struct {
	Fields []columnar.Field // the columns of a result, as Of names them
	open   func() Extractor[In]
}

// Extractor applies a selector's function to records and collects the results. One goroutine uses it.
type Extractor[In any] interface {
	// Append calls the function on v and adds the result.
	Append(v In)
	// Func returns Append as a function that costs one call: for loops over records.
	Func() func(In)
	// Len, Size and Finish are those of Encoder.
	Len() int
	Size() int
	Finish() ([]columnar.Column, error)
}

// Select returns the selector of f. A V that is a struct makes one column a field, any other V one column named "value". The error says
// why V cannot be stored; see Of.
func Select[In, V any](f func(In) V) (Selector[In], error) {
	c, err := Of[V]()
	if err != nil {
		return Selector[In]{}, err
	}
	if c.layout == nil {
		return Selector[In]{}, errDynamic
	}
	return Selector[In]{
		Fields: c.Schema().Fields,
		open:   func() Extractor[In] { return &extractor[In, V]{f: f, Encoder: c.Encoder()} },
	}, nil
}

// New returns an empty extractor.
func (s Selector[In]) New() Extractor[In] { return s.open() }

type extractor[In, V any] struct {
	f func(In) V
	*Encoder[V]
}

func (x *extractor[In, V]) Append(v In) { x.Encoder.Append(x.f(v)) }

func (x *extractor[In, V]) Func() func(In) {
	f, e := x.f, x.Encoder
	return func(v In) { e.Append(f(v)) }
}
