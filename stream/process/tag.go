package process

import (
	"fmt"
	"reflect"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/stream"
)

// Tag names a side output with records of type T. Tags of one name and type are the same.
type Tag[T any] struct{ name string }

// NewTag returns the tag of that name.
func NewTag[T any](name string) Tag[T] { return Tag[T]{name} }

// Name returns the tag's name.
func (t Tag[T]) Name() string { return t.name }

// Sided is a context that can emit to side outputs.
type Sided interface{ core() *core }

func (o *Output[Out]) core() *core { return o.base }

// EmitSide gives a record to the side output of a tag, with the time of the record or timer at work. When nothing in the job reads that
// side output, the record is dropped.
func EmitSide[T any](ctx Sided, tag Tag[T], v T) {
	c := ctx.core()
	for i := range c.sides {
		s := &c.sides[i]
		if s.name != tag.name {
			continue
		}
		if e, ok := s.records.(*sideEncoder[T]); ok {
			e.append(v, c.time)
		} else {
			c.fail(fmt.Errorf("EmitSide: the side output %q is read as records of another type than %s", tag.name, reflect.TypeFor[T]()))
		}
		return
	}
}

// SideSpec describes a side output.
type SideSpec struct {
	Name   string
	Type   reflect.Type
	Schema *columnar.Schema
	open   func() sideRecords
}

// Declare returns the description of the side output of a tag.
func Declare[T any](tag Tag[T]) (SideSpec, error) {
	c, err := codec.Of[T]()
	if err != nil {
		return SideSpec{}, err
	}
	if c.Schema() == nil {
		return SideSpec{}, fmt.Errorf("side output %q: its records are of type columnar.Row, whose columns are not known", tag.name)
	}
	return SideSpec{
		Name: tag.name, Type: reflect.TypeFor[T](), Schema: c.Schema(),
		open: func() sideRecords { return &sideEncoder[T]{encoder: c.Encoder()} },
	}, nil
}

// Sides are the side outputs of a node that are read, numbered from 0. It is filled while the job is built.
type Sides struct{ specs []SideSpec }

// Add returns the number of a side output, which is a new one unless it is known. The error says that a tag of that name has another type.
func (s *Sides) Add(spec SideSpec) (int, error) {
	for i, known := range s.specs {
		if known.Name != spec.Name {
			continue
		}
		if known.Type != spec.Type {
			return 0, fmt.Errorf("the side output %q has records of type %s and of type %s", spec.Name, known.Type, spec.Type)
		}
		return i, nil
	}
	s.specs = append(s.specs, spec)
	return len(s.specs) - 1, nil
}

// Schemas returns the schemas by number.
func (s *Sides) Schemas() []*columnar.Schema {
	out := make([]*columnar.Schema, len(s.specs))
	for i, spec := range s.specs {
		out[i] = spec.Schema
	}
	return out
}

// sides are a task's side outputs, by number.
type sides []openSide

type openSide struct {
	name    string
	schema  *columnar.Schema
	records sideRecords
}

// sideRecords are the records of a side output that wait to be emitted.
type sideRecords interface {
	take() ([]columnar.Column, []int64, error)
	len() int
}

func (s *Sides) open() sides {
	out := make(sides, len(s.specs))
	for i, spec := range s.specs {
		out[i] = openSide{spec.Name, spec.Schema, spec.open()}
	}
	return out
}

// flush emits what waits.
func (s sides) flush(out stream.Output) error {
	for i := range s {
		n := s[i].records.len()
		if n == 0 {
			continue
		}
		columns, times, err := s[i].records.take()
		if err != nil {
			return fmt.Errorf("side output %q: %w", s[i].name, err)
		}
		if err := out.EmitSide(i, columnar.Batch{Schema: s[i].schema, Columns: columns, Len: n, Time: times}); err != nil {
			return err
		}
	}
	return nil
}

type sideEncoder[T any] struct {
	encoder *codec.Encoder[T]
	times   []int64
	timed   bool
}

func (e *sideEncoder[T]) append(v T, at int64) {
	e.encoder.Append(v)
	e.times = append(e.times, at)
	e.timed = e.timed || at != columnar.NoTime
}

func (e *sideEncoder[T]) len() int { return e.encoder.Len() }

func (e *sideEncoder[T]) take() ([]columnar.Column, []int64, error) {
	times := e.times
	if !e.timed {
		times = nil
	}
	e.times, e.timed = e.times[:0], false // borrowed until EmitSide returns
	columns, err := e.encoder.Finish()
	return columns, times, err
}
