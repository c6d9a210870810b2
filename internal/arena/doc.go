// Package arena gives memory outside the Go heap to what is large, free of pointers and dropped as a whole: state, hash tables, sort
// buffers. The garbage collector neither scans nor counts it; a budget account does.
//
//   - [Arena] cuts many pieces from chunks of 64 KiB to 8 MiB. Pieces are freed together, by Reset or Free.
//   - [Region] is one piece that grows: the slots of a hash table.
//   - [Slice] and [View] give pieces an element type.
//
// The memory is mapped anonymously from the operating system; where that is not possible it comes from the Go heap. A refusal of the budget
// is an error that matches budget.ErrExceeded: the caller spills, frees and tries again.
//
// Nothing of an arena may be used after its Free or Reset, not even read, and nobody else frees it: an arena that is forgotten is a leak. In
// builds with the tag invariants freed memory is protected for a while instead of unmapped, so that a late access stops the program, and
// memory that Reset takes back is poisoned.
//
// Arenas and regions are for one goroutine at a time. The package starts none.
//
// Stability: engine-private.
package arena
