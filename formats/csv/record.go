package csv

import (
	"cmp"
	"context"
	"errors"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/internal/lines"
)

var _ formats.RecordFormat = Format[struct{}]{}

var (
	errNoSchema     = errors.New("csv: records outside of files need a type that tells their columns")
	errSeveralLines = errors.New("csv: a record outside of a file is one line")
)

// NewRecordDecoder decodes records one by one: a line each, with fields in the order of Columns, of T's columns without. Header does not
// count.
func (f Format[T]) NewRecordDecoder(schema *columnar.Schema) (formats.RecordDecoder, error) {
	s := f.settings()
	if s.schema != nil && s.columns == nil {
		s.columns = s.schema.Names()
	}
	s.header, s.multiline = false, false
	if schema = cmp.Or(schema, s.schema); schema == nil || s.columns == nil {
		return nil, errNoSchema
	}
	if err := checkTypes(schema); err != nil {
		return nil, err
	}
	d := &decoder{settings: s, wanted: schema}
	if err := d.layOut(context.Background(), s.columns); err != nil {
		return nil, err
	}
	return lines.NewRecords(d, func([]byte) error { return errSeveralLines }), nil
}

// NewRecordEncoder encodes a line a row, without its end.
func (f Format[T]) NewRecordEncoder(schema *columnar.Schema) (formats.RecordEncoder, error) {
	s := f.settings()
	s.multiline = false
	return &encoder{writer{settings: s, fields: schema.Fields}}, checkTypes(schema)
}

type encoder struct{ writer }

// Encode implements formats.RecordEncoder.
func (e *encoder) Encode(b columnar.Batch, buf []byte, ends []int) ([]byte, []int, error) {
	buf, err := e.rows(b, buf, func(buf []byte) []byte {
		ends = append(ends, len(buf))
		return buf
	})
	return buf, ends, err
}
