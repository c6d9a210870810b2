package state

import "io"

// Native is what a back end has frozen that can be saved in its own format too: as files, of which those that were saved before need not be
// saved again. It is faster to save than rows, and read by that back end only.
type Native interface {
	Frozen
	// Files returns the files, which can be read until Release; none when the store was not told to make some.
	Files() []File
}

// File is a file of a native snapshot. Those of one snapshot are given back together, under their names.
type File struct {
	Name   string // unique among the files of the snapshot; that of a shared file is so for ever
	Size   int64  // bytes
	Shared bool   // the content under this name never changes: later snapshots may have it too, and it has to be saved once
	Open   func() (io.ReadCloser, error)
}
