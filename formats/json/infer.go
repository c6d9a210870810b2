package json

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/internal/lines"
	"github.com/millrace/millrace/formats/internal/scalar"
)

const (
	// sampleBytes and sampleRows bound what types are inferred from.
	sampleBytes = 1 << 20
	sampleRows  = 10_000
	// maxDepth bounds how deep types are nested; what lies deeper is a string.
	maxDepth = 16
)

// infer returns the columns of a file. All of them are nullable: the sample does not show what comes later. Records that are no objects are passed
// over: the reader will report them.
func infer(ctx context.Context, s settings, in formats.Input) (*columnar.Schema, error) {
	c, err := lines.Open(in, formats.Range{To: min(in.Size(), sampleBytes)}, lines.Options{MaxRecord: s.maxRecord})
	if err != nil {
		return nil, err
	}
	data, err := c.Next(ctx)
	if err != nil && err != io.EOF { //nolint:errorlint // the cutter's end is bare
		return nil, errors.Join(err, c.Close())
	}
	var all shape
	for range sampleRows {
		line, rest, more := bytes.Cut(data, []byte{'\n'})
		if at := blanks(line, 0); at < len(line) && line[at] == '{' {
			if one, _, err := shapeOf(line, at, 0); err == nil {
				all.merge(one)
			}
		}
		if data = rest; !more {
			break
		}
	}
	return columnar.NewSchema(all.columns()...), c.Close()
}

// shape is what the values of a column have looked like so far.
type shape struct {
	kinds  kinds
	names  []string // of an object's members, as they first occurred
	fields []shape
	item   *shape // of an array
}

// kinds is a set of kinds of values.
type kinds uint16

const (
	isBool kinds = 1 << iota
	isInt
	isBigInt // an integer that does not fit 64 bits
	isFloat
	isDate
	isTime
	isString
	isArray
	isObject
)

// shapeOf returns the shape of the value at data[at], and where it ends.
func shapeOf(data []byte, at, depth int) (s shape, end int, err error) {
	if end, err = skip(data, at); err != nil {
		return s, end, err
	}
	v := data[at:end]
	switch c := v[0]; {
	case c == 'n':
	case c == 't' || c == 'f':
		s.kinds = isBool
	case c == '"':
		s.kinds = textKind(v[1 : len(v)-1])
	case c != '{' && c != '[':
		s.kinds = numberKind(v)
	case depth == maxDepth:
		s.kinds = isString
	case c == '[':
		s.kinds, s.item = isArray, &shape{}
		end, err = items(data, at, func(at int) (int, error) {
			one, end, err := shapeOf(data, at, depth+1)
			s.item.merge(one)
			return end, err
		})
	default:
		s.kinds = isObject
		end, err = members(data, at, func(name []byte, at int) (int, error) {
			one, end, err := shapeOf(data, at, depth+1)
			if text, bad := appendText(nil, name); bad == nil {
				s.member(string(text)).merge(one)
			}
			return end, err
		})
	}
	return s, end, err
}

func textKind(text []byte) kinds {
	if _, ok := scalar.Date(text); ok {
		return isDate
	}
	if _, ok := scalar.Timestamp(text, true); ok {
		return isTime
	}
	return isString
}

func numberKind(v []byte) kinds {
	if _, ok := scalar.Int(v); ok {
		return isInt
	}
	if bytes.ContainsAny(v, ".eE") || len(v) > columnar.MaxPrecision {
		return isFloat
	}
	return isBigInt
}

// member returns the shape of an object's member of that name.
func (s *shape) member(name string) *shape {
	i := slices.Index(s.names, name)
	if i < 0 {
		i = len(s.names)
		s.names, s.fields = append(s.names, name), append(s.fields, shape{})
	}
	return &s.fields[i]
}

// merge adds what another value looks like.
func (s *shape) merge(o shape) {
	s.kinds |= o.kinds
	for i, name := range o.names {
		s.member(name).merge(o.fields[i])
	}
	if o.item != nil {
		if s.item == nil {
			s.item = &shape{}
		}
		s.item.merge(*o.item)
	}
}

// columns returns the columns for an object's members.
func (s *shape) columns() []columnar.Field {
	var fields []columnar.Field
	for i, name := range s.names {
		fields = append(fields, columnar.Field{Name: name, Type: s.fields[i].columnType(), Nullable: true})
	}
	return fields
}

// columnType returns the type that holds all values seen: of kinds that do not go together their text.
func (s *shape) columnType() columnar.Type {
	switch k := s.kinds; {
	case k == isBool:
		return columnar.BoolType
	case k == isInt:
		return columnar.Int64Type
	case k != 0 && k&^(isInt|isBigInt) == 0:
		return columnar.DecimalOf(columnar.MaxPrecision, 0)
	case k != 0 && k&^(isInt|isBigInt|isFloat) == 0:
		return columnar.Float64Type
	case k == isDate:
		return columnar.DateType
	case k != 0 && k&^(isDate|isTime) == 0:
		return columnar.TimestampType
	case k == isArray:
		return columnar.ListOf(s.item.columnType(), true)
	case k == isObject && len(s.names) > 0:
		return columnar.StructOf(s.columns()...)
	default:
		return columnar.StringType
	}
}
