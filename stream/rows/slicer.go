package rows

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
)

// Slicer decodes records of type T from a run of columns of wider batches, matched by position.
type Slicer[T any] struct {
	columns []int
	schema  *columnar.Schema
	decoder *codec.Decoder[T]
	records []T
}

// NewSlicer returns the decoder of T from the columns of schema that begin at from; there are as many as T has fields.
func NewSlicer[T any](schema *columnar.Schema, from int) (*Slicer[T], error) {
	c, err := codec.Of[T]()
	if err != nil {
		return nil, err
	}
	s := &Slicer[T]{schema: &columnar.Schema{}}
	want := c.Schema().Fields
	if from+len(want) > len(schema.Fields) {
		return nil, fmt.Errorf("columns %d to %d are asked of %v", from, from+len(want), schema.Names())
	}
	for i := range want {
		f := schema.Fields[from+i]
		f.Name = want[i].Name
		s.schema.Fields = append(s.schema.Fields, f)
		s.columns = append(s.columns, from+i)
	}
	s.decoder, err = c.Decoder(s.schema)
	return s, err
}

// Width returns the number of columns read.
func (s *Slicer[T]) Width() int { return len(s.columns) }

// Load decodes the rows of b that count and returns them; they are valid until the next Load.
func (s *Slicer[T]) Load(b columnar.Batch) ([]T, error) {
	var err error
	s.records, err = s.decoder.Decode(b.Project(s.schema, s.columns), s.records)
	return s.records, err
}

func (s *Slicer[T]) load(b columnar.Batch) error {
	_, err := s.Load(b)
	return err
}
