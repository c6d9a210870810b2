package state

import "io"

// Native is what a back end has frozen that can be saved in its own format too: as files, of which those that were saved before need not be
// saved again. It is faster to save than rows, and read by that back end only.
type Native interface {
	Frozen
	// Files returns the files, which can be read until Release; none when rows do as well. base is the shared files that the same task has in
	// an earlier snapshot, whatever store it had then, by Name and Size: those among what is returned are not opened. What a back end makes
	// of what has changed since stands beside them.
	Files(base []File) []File
}

// Composed is what an operator has frozen of a store, and of what it keeps beside it.
type Composed interface {
	Frozen
	// Store returns what was frozen of the store, whose tables are there under the same names; nil when there is none.
	Store() Frozen
}

// File is a file of a native snapshot. Those of one snapshot are given back together, under their names.
type File struct {
	Name   string // unique among the files of the snapshot; that of a shared file is so for ever
	Size   int64  // bytes; -1: not known before it has been read
	Shared bool   // the content under this name never changes: later snapshots may have it too, and it has to be saved once
	// Open opens it. What is given back can also be read at any place: it is an io.ReaderAt.
	Open func() (io.ReadCloser, error)
}
