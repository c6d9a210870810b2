// Package vfs is the one contract by which the engine reaches files: local disks, memory, HDFS.
//
// In the order a reader needs them:
//
//   - [FileSystem], [File], [Writer], [Info] (vfs.go): what a store offers. Paths inside a FileSystem are
//     absolute, slash-separated, cleaned, and carry no scheme; [FileSystem.URL] gives the form a user writes.
//   - [Split], [Join], [Base], [Dir], [Format] (url.go): URLs as text. A plain path means file://. Nothing is
//     percent-decoded, because '?', '[' and '%' are ordinary characters of patterns and file names.
//   - [Resolver] (resolver.go): from URL to FileSystem, by a literal table of schemes that the composition root
//     writes down; each scheme and authority is opened once.
//   - [Glob], [Walk], [ReadFile], [WriteFileAtomic], [Usage]: what callers build from the contract.
//   - [ErrUnavailable] and its neighbours (errors.go): which failures a retry may heal.
//
// How to publish a file: a file is visible, perhaps incomplete, as soon as Create returns. So writers create it
// under a temporary name (hidden: beginning with '.' or '_'), Close it, and Rename it; Rename is atomic and
// replaces. Create is exclusive and so the only test-and-set there is. [WriteFileAtomic] does this for small files.
//
// Every error that names a file is an *fs.PathError whose Path is the full URL, and matches fs.ErrNotExist,
// fs.ErrExist, fs.ErrPermission, [ErrIsDir], [ErrNotDir], [ErrNotEmpty] or [ErrUnavailable] by errors.Is where
// one of them applies.
//
// Implementations are vfs/local, vfs/mem, hdfs and, wrapping any of them with faults, vfs/errfs. All pass the
// conformance suite vfs/vfstest. The package starts no goroutines. Stability: extension.
package vfs
