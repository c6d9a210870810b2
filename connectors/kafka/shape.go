package kafka

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/formats"
)

// shape makes batches of messages: some columns from their values, others from what is around them.
type shape struct {
	schema  *columnar.Schema
	decoder formats.RecordDecoder
	places  []origin // by column
	isRaw   bool
	rows    []*kgo.Record // scratch: those with a value
	values  [][]byte      // scratch
}

// origin says where a column comes from: the values' column of that number, or, with from, the message.
type origin struct {
	value int
	from  func(f columnar.Field, rows []*kgo.Record) columnar.Column
}

// newShape returns the shape of batches with those columns.
func newShape(schema *columnar.Schema, meta Meta, format formats.RecordFormat) (*shape, error) {
	s := &shape{schema: schema}
	_, s.isRaw = format.(Raw)
	values := &columnar.Schema{}
	for _, f := range schema.Fields {
		from, err := meta.column(f)
		if err != nil {
			return nil, err
		}
		s.places = append(s.places, origin{value: len(values.Fields), from: from})
		if from == nil {
			values.Fields = append(values.Fields, f)
		}
	}
	var err error
	s.decoder, err = format.NewRecordDecoder(values)
	return s, err
}

// column returns how a column is made of messages; nil: it is in their values.
func (m Meta) column(f columnar.Field) (func(columnar.Field, []*kgo.Record) columnar.Column, error) {
	want := func(kinds ...columnar.Kind) error {
		if slices.Contains(kinds, f.Type.Kind) {
			return nil
		}
		return fmt.Errorf("Meta: the column %q is %s; it has to be %s", f.Name, f.Type, kinds[0])
	}
	switch f.Name {
	case "":
		return nil, nil
	case m.Key:
		return keys, want(columnar.Binary, columnar.String)
	case m.Timestamp:
		return timestamps, want(columnar.Timestamp)
	case m.Topic:
		return topicNames, want(columnar.String)
	case m.Partition:
		return partitions, want(columnar.Int32)
	case m.Offset:
		return offsetNumbers, want(columnar.Int64)
	default:
		return nil, nil
	}
}

func keys(f columnar.Field, rows []*kgo.Record) columnar.Column {
	return bytesColumn(f, len(rows), func(i int) []byte { return rows[i].Key })
}

func topicNames(f columnar.Field, rows []*kgo.Record) columnar.Column {
	return bytesColumn(f, len(rows), func(i int) []byte { return []byte(rows[i].Topic) })
}

func timestamps(f columnar.Field, rows []*kgo.Record) columnar.Column {
	return columnar.Of(f.Type, times(rows), columnar.Bitmap{})
}

func times(rows []*kgo.Record) []int64 {
	out := make([]int64, len(rows))
	for i, r := range rows {
		out[i] = r.Timestamp.UnixMicro()
	}
	return out
}

func partitions(f columnar.Field, rows []*kgo.Record) columnar.Column {
	return fixed(f, rows, func(r *kgo.Record) int32 { return r.Partition })
}

func offsetNumbers(f columnar.Field, rows []*kgo.Record) columnar.Column {
	return fixed(f, rows, func(r *kgo.Record) int64 { return r.Offset })
}

func fixed[V columnar.Fixed](f columnar.Field, rows []*kgo.Record, value func(*kgo.Record) V) columnar.Column {
	out := make([]V, len(rows))
	for i, r := range rows {
		out[i] = value(r)
	}
	return columnar.Of(f.Type, out, columnar.Bitmap{})
}

// badBytes is how much of a bad record is reported, enough to decode most again from a dead-letter sink.
const badBytes = 64 << 10

// batch decodes messages of one partition. tombstones is how many had no value.
func (s *shape) batch(records []*kgo.Record, report func(connectors.Bad) error) (b columnar.Batch, tombstones int64, err error) {
	s.rows, s.values = s.rows[:0], s.values[:0]
	for _, r := range records {
		switch {
		case r.Attrs.IsControl():
		case r.Value == nil && !s.isRaw:
			tombstones++
		default:
			s.rows, s.values = append(s.rows, r), append(s.values, r.Value)
		}
	}
	decoded, kept, err := s.decoder.Decode(s.values, func(v formats.BadValue) error { return s.bad(v, report) })
	if err != nil {
		return b, tombstones, err
	}
	rows := s.rows
	if kept != nil {
		rows = make([]*kgo.Record, len(kept))
		for i, k := range kept {
			rows[i] = s.rows[k]
		}
	}
	b = columnar.Batch{Schema: s.schema, Columns: make([]columnar.Column, len(s.places)), Len: len(rows), Time: times(rows)}
	for i, p := range s.places {
		if p.from != nil {
			b.Columns[i] = p.from(s.schema.Fields[i], rows)
		} else {
			b.Columns[i] = decoded.Columns[p.value]
		}
	}
	return b, tombstones, nil
}

// bad reports a message with its topic, partition, offset and bytes.
func (s *shape) bad(v formats.BadValue, report func(connectors.Bad) error) error {
	r := s.rows[v.Index]
	where := span{Topic: r.Topic, Partition: r.Partition}.id()
	reason := fmt.Errorf("%s (offset %d): %w", where, r.Offset, v.Reason)
	if v.Field != "" {
		reason = fmt.Errorf("%s (offset %d): field %s: %w", where, r.Offset, v.Field, v.Reason)
	}
	if report == nil {
		return reason
	}
	record := r.Value[:min(len(r.Value), badBytes)]
	return report(connectors.Bad{Source: where, Offset: r.Offset, Record: append([]byte(nil), record...), Reason: reason})
}

// wantedColumns are the scan's, or all.
func wantedColumns(scan connectors.Scan, all *columnar.Schema) *columnar.Schema {
	return cmp.Or(scan.Columns, all)
}
