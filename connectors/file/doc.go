// Package file reads and writes files in folders: every format of package formats, on every file system of package vfs.
//
//   - [Source] reads files, folders and globs. Large files are cut into ranges by their format, small ones packed together; the names of
//     folders such as dt=2026-01-01 are columns, and folders that the filter rules out are not listed.
//   - [Sink] writes part files. What a run writes lies in a hidden folder until the run is complete; then it is published in one piece.
//
// # Publishing
//
// Below the target, hidden from readers by the leading underscore:
//
//	_temporary/<run>/<attempt>/dt=2026-01-01/part-00003-0000-<run>.csv   written by tasks, not visible
//	_publish-<run>.json                                                  the journal: which files to rename and which to remove
//	_SUCCESS                                                             {"run": ..., "files": ..., "rows": ..., "bytes": ...}
//
// Writing the journal, which is one atomic rename, decides that the new files are the data. Then the files are moved, those that they replace
// removed, _SUCCESS is written, and the journal removed. A crash before the journal leaves the old data; one after it is repaired by the next run that
// begins or by a repeated commit, which does again what the journal says: every step may be done twice.
//
// A stream publishes with every checkpoint. Where Buckets.Mark is set, a folder by time gets a _SUCCESS of its own when event time is past it. What a
// later run may need stays below _temporary when the stream is stopped: pieces of files that are not finished, and how to take back what
// the last checkpoints published. It goes when the stream ends.
//
// The package starts goroutines only inside a listing, and waits for them. Stability: public.
package file
