// Package parquet reads and writes Apache Parquet files.
//
// A [Format] of a struct reads the struct's columns, matched by name; a Format of columnar.Row reads those that the footer declares. Columns are
// decoded straight into the memory of batches, without an object per value or per page.
//
// # Reading
//
//	footer           one read of the file's end: schema, row groups, statistics (metadata.go, thrift.go, shape.go)
//	row group        left out when its statistics show that no row matches the filter (prune.go)
//	column chunk     fetched with one read, or some megabytes at a time when it is larger; only of columns wanted (page.go)
//	page             decompressed, and its values decoded as batches ask for them (column.go, hybrid.go, delta.go)
//	values           moved to a column by the sink of its type (fixed.go, text.go, raw.go)
//	nested columns   lists, maps and structs, of any depth, made of definition and repetition levels (assemble.go)
//
// Read are all encodings of format 2.10, pages of both versions, and the codecs Snappy, gzip, zstd, LZ4 in its three framings, and none; Brotli, LZO
// and encrypted files are not. A range of a file is the row groups whose first page begins in it.
//
//	in the file                          column
//	BOOLEAN                              bool
//	INT32, INT64 and integers of 8..64   int8 ... int64, uint8 ... uint64
//	FLOAT, DOUBLE, Float16               float32, float64, float32
//	DECIMAL of any storage               decimal, of 38 digits at most
//	DATE                                 date
//	TIMESTAMP of any unit                timestamp, in microseconds: nanoseconds are rounded down
//	INT96                                timestamp, UTC
//	TIME of any unit                     duration since midnight
//	STRING, ENUM, JSON                   string
//	other BYTE_ARRAY                     binary
//	other FIXED_LEN_BYTE_ARRAY, UUID     fixedbinary
//	LIST, repeated fields, MAP, groups   list, list, map, struct
//
// A column wanted may be wider than the file's: integers widen to integers and floats that hold all their values, float32 to float64, decimals to
// decimals with more digits and to float64, dates to timestamps. Of a struct only some fields may be wanted.
//
// # Writing
//
// Pages of version 1 with checksums gather in memory until their row group is full. A column chunk begins with a dictionary and keeps to it while
// values repeat and it stays below 1 MiB. Bounds and null counts are written for each chunk, and page indexes for each page. Durations are stored as
// integers of microseconds, which the format has no type for.
//
// The package is written on the format's specification and stands on no other implementation: one that decodes to its own objects first is several
// times slower, and a damaged file must be an error that says where, not a panic.
//
// Stability: public. The package starts no goroutines.
package parquet
