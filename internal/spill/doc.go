// Package spill keeps on disk what does not fit the memory budget: sorted runs, partitions of hash tables, rows waiting for their turn.
//
//   - [Manager] owns a scratch folder of a process for one job, gives out files in it, counts for the job's summary, and removes all at the
//     end.
//   - [Writer] appends batches to a run, [Partitioned] to one of many runs in the same file.
//   - [Run] is what was written, in the order it was appended. [Reader] reads it back, as often as wanted.
//
// A file is blocks of package columnar/block, one behind the other; where they are is kept in memory, so a file means nothing without its
// Run. Damage and truncation are found by the blocks' checksums. Spill files are scratch: give the Manager a file system that does not sync
// (local.FS{NoSync: true}).
//
// A Manager is safe for concurrent use. Writers and readers belong to one goroutine each; a Run may be opened by many. No goroutines are
// started.
//
// Stability: engine-private.
package spill
