// Package keys is what the engine does with the key columns of a batch: hash them, number them, order them.
//
//   - [Hash] is the engine's one key hash. Exchanges, key groups and saved state use it, so it is part of the wire and state format.
//   - [Grouper] numbers distinct keys: key columns in, dense group ids out. Batch aggregates and join build sides stand on it.
//   - [Compare] is the order of values, row against row; a [SortEncoder] writes sort keys, whose bytes compare in that order; [Sort]
//     orders them; [Merge] merges sorted runs of them.
//
// # Equality, grouping, order
//
// One meaning everywhere in the engine where keys are grouped, partitioned, joined or sorted:
//
//   - null equals null: nulls form a group of their own. (A join on equality drops them before it comes here.) Where nulls stand in an
//     order is the order's own choice, [Order.NullsFirst].
//   - all NaNs are equal, and greater than every other number; -0.0 equals 0.0. The key of a group of either zero is 0.0, that of a
//     group of any NaN the canonical NaN.
//   - strings and binaries compare byte by byte, unsigned.
//   - structs and lists compare item by item, a list that ends first is the smaller; maps compare as lists of entries, in the order in
//     which their entries stand. A null inside of a nested value is smaller than every value.
//
// # The hash, format version 1
//
// All arithmetic is on 64 bits; fold(a, b) is the exclusive or of the two halves of the 128-bit product a*b; s0 to s3 are the first four
// secrets of wyhash (Wang Yi, public domain), whose construction this follows.
//
//	finish(hi, lo)  fold(hi^s2, lo^s3)
//	pair(a, b)      finish of the two halves of (a^s0) * (b^s1)
//	integers, dates, timestamps, durations, bools    pair(v, 0), v sign- or zero-extended
//	floats          pair(bits of the float64 after the equalities above, 0)
//	decimals        pair(low word, high word)
//	bytes, n < 16   pair(bytes 0..7, bytes 8..14), little endian, zero padded, with n+1 in the last byte
//	bytes, n >= 16  h = s2^n; for each whole 16 bytes that are not the last: h = fold(a^s0, b^h); pair(a^h, b) of the last 16 bytes
//	null            as the empty string
//	struct          as its fields would as columns; of a null struct as null
//	list, map       as bytes, of their items in row encoding (see rows.go)
//	several columns h = fold(h^s2, hash of the next column^s3), from left to right
//
// A key group is taken from the low bits of the hash, a slot of a table from the high ones.
//
// The package starts no goroutines. Nothing in it is safe for concurrent use of one value.
//
// Stability: engine-private, but for the hash and the order themselves, which do not change.
package keys
