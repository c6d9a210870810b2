package text

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats"
)

var _ formats.RecordFormat = Lines{}

// NewRecordDecoder takes each record as it is, newlines and all.
func (l Lines) NewRecordDecoder(schema *columnar.Schema) (formats.RecordDecoder, error) {
	if schema == nil {
		schema = l.Schema()
	}
	for _, f := range schema.Fields {
		if f.Name != column || f.Type.Kind != columnar.String {
			return nil, fmt.Errorf("text has one column, %q of strings; wanted is %s", column, f)
		}
	}
	return decoder{schema}, nil
}

type decoder struct{ schema *columnar.Schema }

// Decode implements formats.RecordDecoder; no record is bad.
func (d decoder) Decode(records [][]byte, _ func(formats.BadValue) error) (columnar.Batch, []int32, error) {
	b := columnar.Batch{Schema: d.schema, Columns: make([]columnar.Column, len(d.schema.Fields)), Len: len(records)}
	if len(b.Columns) == 0 {
		return b, nil, nil
	}
	size := 0
	for _, r := range records {
		size += len(r)
	}
	data, offsets := make([]byte, 0, size), make([]int32, 1, len(records)+1)
	for _, r := range records {
		data = append(data, r...)
		offsets = append(offsets, int32(len(data)))
	}
	for i := range b.Columns {
		b.Columns[i] = columnar.OfStrings(columnar.StringType, offsets, data, columnar.Bitmap{})
	}
	return b, nil, nil
}

// NewRecordEncoder writes each string as it is; a null is an empty record.
func (Lines) NewRecordEncoder(schema *columnar.Schema) (formats.RecordEncoder, error) {
	if len(schema.Fields) != 1 || schema.Fields[0].Type.Kind != columnar.String {
		return nil, fmt.Errorf("text is written from one column of strings, not from %v", schema.Fields)
	}
	return encoder{}, nil
}

type encoder struct{}

// Encode implements formats.RecordEncoder.
func (encoder) Encode(b columnar.Batch, buf []byte, ends []int) ([]byte, []int, error) {
	for i := range b.Rows() {
		if row := b.Row(i); !b.Columns[0].IsNull(row) {
			buf = append(buf, b.Columns[0].Bytes(row)...)
		}
		ends = append(ends, len(buf))
	}
	return buf, ends, nil
}
