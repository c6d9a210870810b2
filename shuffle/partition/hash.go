package partition

import (
	"fmt"
	"math/bits"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
)

// Hash sends rows with equal keys to the same channel. A null key hashes as the empty key; what equal means is said in package keys.
type Hash struct {
	columns []int
	groups  uint64
	shift   int // log2 of groups
	keys    []columnar.Column
	hashes  []uint64
	scatter scatter
}

// NewHash returns a partitioner by the columns at those positions. groups is the number of key groups, a power of two.
func NewHash(columns []int, groups int) (*Hash, error) {
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
