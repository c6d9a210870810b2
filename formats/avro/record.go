package avro

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/twmb/avro"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats"
)

var _ formats.RecordFormat = Format[struct{}]{}

var (
	errNoSchema = errors.New("avro: records outside of files need a type that tells their columns")
	errLeftOver = errors.New("bytes are left behind the record")
)

// NewRecordDecoder decodes records one by one, in the binary encoding without a header, as they are written under RecordSchema.
func (f Format[T]) NewRecordDecoder(schema *columnar.Schema) (formats.RecordDecoder, error) {
	if schema = cmp.Or(schema, f.Schema()); schema == nil {
		return nil, errNoSchema
	}
	text := f.RecordSchema
	if text == "" {
		own := f.Schema()
		if own == nil {
			return nil, errNoSchema
		}
		derived, err := schemaText(own)
		if err != nil {
			return nil, err
		}
		text = string(derived)
	}
	parsed, err := avro.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("avro: the records' schema: %w", err)
	}
	p, err := planOf(parsed.Root(), schema)
	if err != nil {
		return nil, fmt.Errorf("avro: %w", err)
	}
	return &records{plan: p, schema: schema}, nil
}

// records decodes records that stand alone.
type records struct {
	plan   *plan
	schema *columnar.Schema
}

// Decode implements formats.RecordDecoder. A record that turns out to be bad has spoilt the columns: they are made again without it.
func (r *records) Decode(all [][]byte, bad func(formats.BadValue) error) (columnar.Batch, []int32, error) {
	var kept []int32
	spoilt := make([]bool, len(all))
	for {
		b, failed, err := r.decode(all, spoilt)
		if err == nil {
			for i, s := range spoilt {
				if !s && b.Len < len(all) {
					kept = append(kept, int32(i))
				}
			}
			return b, kept, nil
		}
		spoilt[failed] = true
		if err := bad(formats.BadValue{Index: failed, Reason: err}); err != nil {
			return columnar.Batch{}, nil, err
		}
	}
}

// decode decodes the records that are not known to be bad, up to the first that is.
func (r *records) decode(all [][]byte, spoilt []bool) (b columnar.Batch, failed int, err error) {
	builder := columnar.NewBatchBuilder(r.schema, len(all))
	columns := make([]*columnar.Builder, len(r.schema.Fields))
	for i := range columns {
		columns[i] = builder.Column(i)
	}
	for i, record := range all {
		if spoilt[i] {
			continue
		}
		d := decoder{data: record}
		r.plan.record(&d, columns)
		if d.err == nil && d.pos != len(record) {
			d.err = errLeftOver
		}
		if d.err != nil {
			return columnar.Batch{}, i, d.err
		}
		builder.Added(1)
	}
	return builder.Finish(), 0, nil
}

// NewRecordEncoder encodes a record a row, in the binary encoding without a header, under the schema that files with those columns have.
func (Format[T]) NewRecordEncoder(schema *columnar.Schema) (formats.RecordEncoder, error) {
	if _, err := schemaText(schema); err != nil {
		return nil, err
	}
	e := &encoder{schema: schema}
	for _, f := range schema.Fields {
		e.fields = append(e.fields, appender(f))
	}
	return e, nil
}

type encoder struct {
	schema *columnar.Schema
	fields []appends
}

// Encode implements formats.RecordEncoder.
func (e *encoder) Encode(b columnar.Batch, buf []byte, ends []int) ([]byte, []int, error) {
	for i := range b.Rows() {
		row := b.Row(i)
		for k, f := range e.fields {
			var err error
			if buf, err = f(buf, &b.Columns[k], row); err != nil {
				return buf, ends, fmt.Errorf("column %q: %w", e.schema.Fields[k].Name, err)
			}
		}
		ends = append(ends, len(buf))
	}
	return buf, ends, nil
}
