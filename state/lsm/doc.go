// Package lsm keeps keyed state that is larger than memory: in a log-structured merge tree on the local disk (Pebble), under a budget.
//
//	cells    table | group | tag | key | namespace        -> cell
//	timers   table | group | time | tag | key | namespace -> nothing
//	tables   0                                            -> what the tables are, as JSON
//
// Table is a byte, in the order of opening; group 2 bytes, tag the upper half of the key's hash, time 8 bytes with the sign flipped, big endian;
// the key is a cell of state.NewKeyCoder, which tells its own length; the cell of a table with a time to live has the time of writing before it.
//
// Cells without namespaces go through a cache of the store, which writes a few thousand at once. Timers are read by a buffer of the earliest ones
// of each key group. Freeze is a snapshot of the tree and, if so configured, a checkpoint: hard links to its files and a copy of the log, which
// state.Native hands out, and [OpenFiles] reads.
//
// The disk is scratch: nothing is synced, and the folder goes with the store. What outlives it is in checkpoints.
//
// Pebble runs goroutines of its own, for flushes and compactions, until the store is closed and everything frozen is released. The package starts
// no others. Stability: engine-private.
package lsm
