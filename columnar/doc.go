// Package columnar holds the one kind of data that moves between operators: batches of columns in Apache Arrow's memory layout.
//
// In the order a reader needs them:
//
//   - [Type], [Field] and [Schema] say what a column holds.
//   - [Column] is one column: validity bitmap, values, offsets, children, laid out as Arrow lays them out, as a plain struct.
//   - [Batch] is columns of one length, optionally with a selection of rows, an event time per row and a row kind per row.
//   - [Builder] and [BatchBuilder] append rows of other columns: the one way in which rows are moved and copied. [TextBuffer] is the part
//     of it that grows strings, for those who make columns of nothing else.
//   - [Row] is a record whose schema is known only at run time, [DecimalValue] one decimal number.
//
// # Ownership
//
// There are no reference counts. Inside a chain a batch is borrowed until the receiver's Process returns: its fixed-width buffers and its
// selection may be reused by whoever made it. What crosses a task boundary, or is kept, is a fresh copy ([Batch.Clone], or what a Builder
// finished) that the garbage collector owns and that nobody changes any more. Bytes of strings and binaries are never reused, so a Go
// string may alias them for as long as it likes.
//
// # Layout
//
//	fixed width   Data: Len values of the type's width, little endian, 8-byte aligned at the start of the buffer
//	bool          Bits: one bit a row
//	string,binary Offsets: Len+1 positions in Data; row i is Data[Offsets[i]:Offsets[i+1]]; Offsets[0] need not be 0
//	list          Offsets: Len+1 positions in Children[0]
//	map           Offsets: Len+1 positions in Children[0] (keys) and Children[1] (values)
//	struct        Children: one column a field, each of Len rows
//
// A sliced column shares its buffers: Data and Offsets begin later, bitmaps carry a bit offset. The value under a null is unspecified
// for fixed widths and empty for variable ones; nothing may depend on it.
//
// Nulls, NaN and overflow have one meaning everywhere; it is written down where each first matters: grouping and ordering in package
// keys, arithmetic and comparison in package expr, aggregation in package agg.
//
// The package starts no goroutines and knows no functions over values: those are in its sub-packages.
//
// Stability: extension. Connectors and formats of others may use it.
package columnar
