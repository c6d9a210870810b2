// Package heap keeps keyed state in memory, outside of the Go heap, in a form that can be frozen in no time.
//
// A key has a row, in which its cells of fixed size lie beside it, so that a look-up meets one or two cache lines. The rows of a key group are
// together, found by an index of their own (extendible hashing, whose growth goes by segments of 4 KiB). Cells of varying length are in blocks of
// a dozen sizes; the cells of a table with namespaces are a B+ tree for each key, mostly of a single small leaf. Timers are such cells as well,
// and in addition a queue of what is due when.
//
//	group -> index -> row  [marks|tag|key|cell|cell|name]
//	                                             '-> block, or tree of blocks
//
// All of this but the indexes and queues, which can be made anew, is in chunks of 4 KiB, listed in directories with the epoch in which they were
// written last. Freeze ends an epoch: as long as what it returned is open, a write to an older chunk goes to a copy, and another goroutine reads
// the chunks as they were, without locks (dir.go has the protocol). So freezing costs some words for each key group, and a snapshot that runs
// costs a copy of 4 KiB for each chunk that is touched while it does.
//
// What the package does not do: give memory back to the system before the store is closed, or move rows together after many were deleted;
// what is free is used again.
//
// The package starts no goroutines. Stability: engine-private.
package heap
