// Package codec moves Go values into columns and back without reflection per record.
//
// In the order a reader needs them:
//
//   - [Of] looks at a Go type once, by reflection, and keeps what it learnt for the process: the schema, and for each field a loop that
//     copies a column to or from the field at its fixed offset. The loops run over batches; no record is boxed.
//   - [Codec.Decoder] binds those loops to the columns there are, by name; [Decoder.Decode] fills a slice of T from a batch.
//   - [Codec.Encoder] takes values one at a time; [Encoder.Finish] hands over fresh columns.
//   - [Select] turns a function's results into columns: key selectors and the inputs of aggregates.
//   - [CheckKey] says whether a type may be a key.
//   - [SchemaOf] and [GoStruct] go from a Go type to a schema and back, for people.
//
// # Types
//
// A struct becomes one column a field. Any other type becomes one column named "value".
//
//	Go                                 column
//	bool, int8 ... int64, int          bool, int8 ... int64; int is int64
//	uint8 ... uint64, uint             uint8 ... uint64; uint is uint64
//	float32, float64                   the same
//	string                             string
//	[]byte                             binary
//	[N]byte                            fixedbinary(N)
//	time.Time                          timestamp: an instant, in microseconds, read back in UTC
//	time.Duration                      duration, in microseconds; what is finer is cut off
//	columnar.DecimalValue              decimal; needs the tag decimal(precision,scale)
//	*T                                 T, nullable
//	[]T, [N]T                          list
//	map[K]V                            map, by ascending key, so that equal maps are equal cells; K is an integer, bool, string or [N]byte
//	struct                             struct; an embedded struct's fields are promoted instead
//	BinaryMarshaler and -Unmarshaler   binary; but a struct that embeds one is stored by its fields
//	columnar.Row                       what its schema says, known at run time; only as T itself
//
// Channels, functions, interfaces, unsafe pointers, complex numbers and recursive types are refused, and so are fields that are not
// exported: they would be lost on the way to another task. A nil slice or map is an empty one, and is read back as nil. Only maps and
// types that encode themselves cost reflection, or allocations, per record; maps some 100 ns an entry.
//
// # Tags
//
// A column is named as its field in snake_case: ShipDate is ship_date, UserID is user_id. The tag col gives another name and options:
//
//	Key     int64     `col:"l_orderkey"`
//	Shipped time.Time `col:",date"`
//	cache   []string  `col:"-"`
//
//	-               no column; the field is zero when read
//	date            time.Time: the day of the value's own clock, read back as midnight UTC; int32: days since 1970-01-01
//	local           time.Time: the value's own date and time of day, without its zone, read back as UTC
//	timestamp       int64: microseconds since 1970 UTC
//	decimal(P,S)    columnar.DecimalValue; float64: rounded to S digits after the point; int64: the value times 10^S, as it is
//	null=zero       a null is read as the zero value
//
// The options of a pointer, slice, array or map are those of what it points to, its items, or its values.
//
// # Reading columns of other types
//
// A column may be narrower than its field: integers widen to integers and floats that hold all their values, float32 to float64, date to
// timestamp, string to []byte, and decimals become float64, rounded to the nearest. A column that is nullable may be read into a field that
// is not; a null that is then met is a [NullError], unless the tag says null=zero. Columns without a field are ignored.
//
// # Ownership
//
// Decoded strings and []byte alias the column's bytes, which are never reused; the latter must not be written to. Pointers and slices
// point into memory made for the batch. An Encoder has copied what a value refers to, except strings, when Append returns.
//
// The package starts no goroutines. A Codec may be used by many goroutines at once, a Decoder by them too, an Encoder by one.
//
// Stability: extension. Formats and connectors of others may use it.
package codec
