// Package sorting sorts more rows than fit into memory, and lets many readers take ranges of the result.
//
//   - [Sorter] takes batches, keeps them while memory is granted, and sorts and spills what there is when it is not.
//   - [Sorted] is what came of it: sorted runs, in memory or on disk. It is immutable.
//   - [Merge] merges the runs of one or many Sorted, all keys or a range of them, into batches in order.
//
// A run in memory is not a copy: it is the batches as they came, and an entry of 16 bytes a row (package keys) in sorted order. So a row that
// fits memory is moved once, from the batch it came in to the batch it goes out in. A run on disk is rows in order, with the first and last
// key of every piece kept in memory, so that a reader of a range opens only its pieces.
//
//	batches -> kept + sort keys -> entries, sorted --------------------> Merge -> batches
//	               |  memory refused                                       ^
//	               '-> entries, sorted -> interleave -> run on disk -------'
//
// Operator order stands on it, and so does the exchange that is cut by range: its producers sort, and its consumers each merge one range of
// all producers' runs. Rows with equal keys keep the order in which they came; of several Sorted the first comes first.
//
// No goroutines are started. A Sorter and a Merge belong to one goroutine each; a Sorted may be opened by many.
//
// Stability: engine-private.
package sorting
