package partition

import (
	"fmt"
	"math/bits"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
)

// DefaultKeyGroups is the number of key groups when nothing asks for another: the most tasks a keyed stage can have.
const DefaultKeyGroups = 1024

// KeyGroup returns the key group of a key with that hash (package keys), of groups in all, a power of two: the hash's low bits. The
// construction is Flink's (KeyGroupRangeAssignment, since 1.2) with another hash.
func KeyGroup(hash uint64, groups int) int { return int(hash & uint64(groups-1)) }

// Channel returns which of so many channels, at most groups, has a key group.
func Channel(group, channels, groups int) int { return group * channels / groups }

// KeyGroups returns the key groups of a channel: from up to but not including to. Together the channels have all, each once.
func KeyGroups(channel, channels, groups int) (from, to int) {
	return (channel*groups + channels - 1) / channels, ((channel+1)*groups + channels - 1) / channels
}

// Hash sends rows with equal keys to the same channel. A null key hashes as the empty key; what equal means is said in package keys.
type Hash struct {
	columns []int
	groups  uint64
	shift   int // log2 of groups
	keys    []columnar.Column
	hashes  []uint64
	scatter scatter
}

// NewHash returns a partitioner by the columns at those positions. groups is the number of key groups, a power of two; 0 stands for
// DefaultKeyGroups.
func NewHash(columns []int, groups int) (*Hash, error) {
	if groups == 0 {
		groups = DefaultKeyGroups
	}
	if groups < 1 || groups > 1<<30 || bits.OnesCount(uint(groups)) != 1 {
		return nil, fmt.Errorf("%d key groups: the number must be a power of two", groups)
	}
	return &Hash{columns: columns, groups: uint64(groups), shift: bits.TrailingZeros(uint(groups)), keys: make([]columnar.Column, len(columns))}, nil
}

// Partition implements Partitioner. It fails when there are more channels than key groups.
func (h *Hash) Partition(b columnar.Batch, sel [][]int32) error {
	if uint64(len(sel)) > h.groups {
		return fmt.Errorf("partitioning by hash: %d channels, but only %d key groups", len(sel), h.groups)
	}
	n := b.Rows()
	channels := h.scatter.room(n)
	if cap(h.hashes) < n {
		h.hashes = make([]uint64, n)
	}
	hashes := h.hashes[:n]
	for i, c := range h.columns {
		h.keys[i] = b.Columns[c]
	}
	keys.Hash(h.keys, b.Sel, n, hashes)
	mask, all := h.groups-1, uint64(len(sel))
	for i, hash := range hashes {
		channels[i] = uint32(hash & mask * all >> h.shift)
	}
	h.scatter.place(b, sel)
	return nil
}
