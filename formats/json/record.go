package json

import (
	"cmp"
	"errors"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/internal/lines"
)

var _ formats.RecordFormat = Format[struct{}]{}

var errNoSchema = errors.New("json: records outside of files need a type that tells their columns")

// NewRecordDecoder decodes objects one by one. They may have newlines between their parts.
func (f Format[T]) NewRecordDecoder(schema *columnar.Schema) (formats.RecordDecoder, error) {
	s := f.settings()
	if schema = cmp.Or(schema, s.schema); schema == nil {
		return nil, errNoSchema
	}
	return lines.NewRecords(newDecoder(s, nil, schema), flatten), nil
}

// flatten makes blanks of newlines: JSON allows none inside a string.
func flatten(line []byte) error {
	for i, c := range line {
		if c == '\n' || c == '\r' {
			line[i] = ' '
		}
	}
	return nil
}

// NewRecordEncoder encodes an object a row, without a newline.
func (f Format[T]) NewRecordEncoder(schema *columnar.Schema) (formats.RecordEncoder, error) {
	return &encoder{newObjects(f.settings(), schema)}, nil
}

type encoder struct{ objects }

// Encode implements formats.RecordEncoder.
func (e *encoder) Encode(b columnar.Batch, buf []byte, ends []int) ([]byte, []int, error) {
	cells := cellsOf(b)
	for i := range b.Rows() {
		buf = e.row(buf, b, cells, b.Row(i))
		ends = append(ends, len(buf))
	}
	return buf, ends, nil
}
