// Package kernel holds the hot loops over columns: comparison, arithmetic, casts, text, sets, bitmaps and reductions, on plain slices.
//
// It knows no columns and no types of columns. What it takes:
//
//   - values as []T, generic over the element type; decimals as [Int128];
//   - bitmaps as bytes, least significant bit first, with the offset of the first bit;
//   - strings and binaries as their bytes and offsets, one offset more than there are rows; see [Texts];
//   - a selection sel: ascending row numbers, where nil stands for all rows.
//
// Kernels that filter write the rows that pass into out, which the caller provides with room for every row looked at, and return the
// part of it that was written. out may be sel itself: a selection is refined in place. Kernels that compute write out[i] for each
// selected row i and leave the other rows alone; a kernel never allocates its output. Loops carry no branches that depend on data
// where that can be helped: a filter writes every row number and advances only past those that pass.
//
// Nulls are the caller's: kernels compute on whatever lies under a null, and never fault on it. Floats are ordered as everywhere in
// Millrace: NaN equals NaN and is greater than all else, -0.0 equals 0.0.
//
// Stability: engine-private. The package starts no goroutines.
package kernel

// Integer are the integers that columns hold.
type Integer interface {
	int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64
}

// Float are the floats that columns hold.
type Float interface{ float32 | float64 }

// Number are the numbers that columns hold, but decimals.
type Number interface{ Integer | Float }

// b2i is 1 for true; the compiler makes it a SETcc.
func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
