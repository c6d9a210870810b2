package formats

import "github.com/millrace/millrace/columnar"

// RecordFormat is what formats implement whose records can also stand alone, without a file around them, as the values of messages do.
type RecordFormat interface {
	Format
	// NewRecordDecoder returns a decoder into batches of those columns; nil: Schema().
	NewRecordDecoder(schema *columnar.Schema) (RecordDecoder, error)
	// NewRecordEncoder returns an encoder of batches with that schema.
	NewRecordEncoder(schema *columnar.Schema) (RecordEncoder, error)
}

// RecordDecoder makes batches of records that stand alone. One goroutine uses it.
type RecordDecoder interface {
	// Decode returns a fresh batch of the records, which are borrowed until it returns. Each that cannot be decoded is given to bad,
	// and left out, or ends the decoding with bad's error. kept has the index among records of each row; nil when none was left out.
	Decode(records [][]byte, bad func(BadValue) error) (b columnar.Batch, kept []int32, err error)
}

// BadValue is a record that a RecordDecoder could not decode.
type BadValue struct {
	Index  int    // among the records given to Decode
	Field  string // the column, "" when it is the record as a whole
	Reason error
}

// RecordEncoder makes records that stand alone. One goroutine uses it.
type RecordEncoder interface {
	// Encode appends the records of the batch's rows that count to buf, and the end of each, as a position in buf, to ends.
	Encode(b columnar.Batch, buf []byte, ends []int) ([]byte, []int, error)
}
