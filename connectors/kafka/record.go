package kafka

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/formats"
)

// Record is a message as it is. Headers are not read.
type Record struct {
	Key       []byte `col:",null=zero"`
	Value     []byte `col:",null=zero"`
	Timestamp time.Time
	Topic     string
	Partition int32
	Offset    int64
}

var rawMeta = Meta{Key: "key", Timestamp: "timestamp", Topic: "topic", Partition: "partition", Offset: "offset"}

// Raw is the format of messages as they are: Source[Record]{Topic: "clicks", Format: Raw{}}. It is for messages only, not for files.
type Raw struct{}

var (
	_ formats.Typed[Record] = Raw{}
	_ formats.RecordFormat  = Raw{}
)

// errFile is what Raw says of files.
var errFile = errors.New("kafka.Raw is for messages: it cannot be a file's format")

// Element returns a zero Record.
func (Raw) Element() Record { return Record{} }

// Name returns "raw".
func (Raw) Name() string { return "raw" }

// Suffix returns "".
func (Raw) Suffix() string { return "" }

// Schema is Record's.
func (Raw) Schema() *columnar.Schema {
	c, err := codec.Of[Record]()
	if err != nil { // a test says that it can be stored
		return nil
	}
	return c.Schema()
}

// Infer fails.
func (Raw) Infer(context.Context, formats.Input) (*columnar.Schema, error) { return nil, errFile }

// Split fails.
func (Raw) Split(context.Context, formats.Input, int64) ([]formats.Range, error) { return nil, errFile }

// NewReader fails.
func (Raw) NewReader(context.Context, formats.Input, formats.Range, formats.ReadOptions) (formats.Reader, error) {
	return nil, errFile
}

// NewWriter fails.
func (Raw) NewWriter(io.Writer, *columnar.Schema) (formats.Writer, error) { return nil, errFile }

// NewRecordDecoder returns what puts values into the one column wanted, "value".
func (r Raw) NewRecordDecoder(schema *columnar.Schema) (formats.RecordDecoder, error) {
	return rawDecoder{schema}, nil
}

type rawDecoder struct{ schema *columnar.Schema }

// Decode implements formats.RecordDecoder.
func (d rawDecoder) Decode(records [][]byte, _ func(formats.BadValue) error) (columnar.Batch, []int32, error) {
	b := columnar.Batch{Schema: d.schema, Len: len(records)}
	for _, f := range d.schema.Fields {
		b.Columns = append(b.Columns, bytesColumn(f, len(records), func(i int) []byte { return records[i] }))
	}
	return b, nil, nil
}

// NewRecordEncoder returns what takes the column "value".
func (Raw) NewRecordEncoder(schema *columnar.Schema) (formats.RecordEncoder, error) {
	at := schema.Index("value")
	if at < 0 {
		return nil, errors.New("there is no column \"value\" to write")
	}
	return rawEncoder(at), nil
}

type rawEncoder int

// Encode implements formats.RecordEncoder.
func (e rawEncoder) Encode(b columnar.Batch, buf []byte, ends []int) ([]byte, []int, error) {
	c := &b.Columns[e]
	for i := range b.Rows() {
		if row := b.Row(i); !c.IsNull(row) {
			buf = append(buf, c.Bytes(row)...)
		}
		ends = append(ends, len(buf))
	}
	return buf, ends, nil
}

// bytesColumn makes a column of strings or binaries; nil is null where the column may be null.
func bytesColumn(f columnar.Field, n int, value func(i int) []byte) columnar.Column {
	b := columnar.NewBuilder(f.Type, n)
	for i := range n {
		v := value(i)
		if v == nil && f.Nullable {
			b.AppendNulls(1)
			continue
		}
		b.AppendBytes(v)
	}
	return b.Finish()
}
