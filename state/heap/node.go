package heap

import (
	"bytes"
	"encoding/binary"
)

// A node of a tree is a slotted page:
//
//	level    1 byte: 0 for a leaf
//	-        1 byte
//	count    2 bytes: entries
//	heap     2 bytes: where the entries' bytes begin; they end at the end of the block
//	garbage  2 bytes: bytes there that no entry has any more
//	slots    2 bytes each: where the entry is, by ascending namespace
//	...
//	entries  length of namespace and of cell, 2 bytes each; both
//
// The cell of an inner node's entry is the name of a node, whose namespaces are not before the entry's; the first one's is not looked at. A
// cell that is too long for a node is the name of a value, marked in its length.
type node []byte

const (
	nodeHead  = 8
	slotSize  = 2
	entryHead = 4
	refSize   = 8

	outside = 0x8000 // the cell is the name of a value

	// maxInside is the most bytes of an entry, so that a node of the largest size has room for three.
	maxInside = (chunkBytes-nodeHead)/3 - slotSize - entryHead
)

func (n node) level() int   { return int(n[0]) }
func (n node) count() int   { return int(binary.LittleEndian.Uint16(n[2:])) }
func (n node) heap() int    { return int(binary.LittleEndian.Uint16(n[4:])) }
func (n node) garbage() int { return int(binary.LittleEndian.Uint16(n[6:])) }

func (n node) setCount(v int)   { binary.LittleEndian.PutUint16(n[2:], uint16(v)) }
func (n node) setHeap(v int)    { binary.LittleEndian.PutUint16(n[4:], uint16(v)) }
func (n node) setGarbage(v int) { binary.LittleEndian.PutUint16(n[6:], uint16(v)) }

// clear makes n an empty node.
func (n node) clear(level int) {
	clear(n[:nodeHead])
	n[0] = byte(level)
	n.setHeap(len(n))
}

// used returns the bytes that the node needs.
func (n node) used() int {
	return nodeHead + slotSize*n.count() + len(n) - n.heap() - n.garbage()
}

// room returns the bytes between the slots and the entries.
func (n node) room() int { return n.heap() - nodeHead - slotSize*n.count() }

func (n node) slot(i int) int { return int(binary.LittleEndian.Uint16(n[nodeHead+slotSize*i:])) }

func (n node) namespace(i int) []byte {
	at := n.slot(i)
	size := int(binary.LittleEndian.Uint16(n[at:]))
	return n[at+entryHead : at+entryHead+size : at+entryHead+size]
}

// cell returns the bytes of entry i's cell, and whether they name a value.
func (n node) cell(i int) (cell []byte, isOutside bool) {
	at := n.slot(i)
	skip, size := int(binary.LittleEndian.Uint16(n[at:])), int(binary.LittleEndian.Uint16(n[at+2:]))
	from, length := at+entryHead+skip, size&^outside
	return n[from : from+length : from+length], size&outside != 0
}

// child returns the node that entry i of an inner node names.
func (n node) child(i int) ref {
	cell, _ := n.cell(i)
	return ref(binary.LittleEndian.Uint64(cell))
}

// search returns the first entry whose namespace is not before the one given, and whether it is the same.
func (n node) search(namespace []byte) (i int, found bool) {
	lo, hi := 0, n.count()
	for lo < hi {
		mid := (lo + hi) / 2
		switch c := bytes.Compare(n.namespace(mid), namespace); {
		case c == 0:
			return mid, true
		case c < 0:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return lo, false
}

// branch returns the entry of an inner node under which a namespace is.
func (n node) branch(namespace []byte) int {
	lo, hi := 1, n.count()
	for lo < hi {
		mid := (lo + hi) / 2
		if bytes.Compare(n.namespace(mid), namespace) <= 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo - 1
}

// size returns the bytes that entry i takes, its slot included.
func (n node) size(i int) int {
	cell, _ := n.cell(i)
	return slotSize + entryHead + len(n.namespace(i)) + len(cell)
}

// insert puts an entry at place i, for which there is room.
func (n node) insert(i int, namespace, cell []byte, isOutside bool) {
	count := n.count()
	at := n.heap() - entryHead - len(namespace) - len(cell)
	size := len(cell)
	if isOutside {
		size |= outside
	}
	binary.LittleEndian.PutUint16(n[at:], uint16(len(namespace)))
	binary.LittleEndian.PutUint16(n[at+2:], uint16(size))
	copy(n[at+entryHead:], namespace)
	copy(n[at+entryHead+len(namespace):], cell)
	slots := n[nodeHead : nodeHead+slotSize*(count+1)]
	copy(slots[slotSize*(i+1):], slots[slotSize*i:])
	binary.LittleEndian.PutUint16(slots[slotSize*i:], uint16(at))
	n.setHeap(at)
	n.setCount(count + 1)
}

// remove takes entry i out.
func (n node) remove(i int) {
	count, at := n.count(), n.slot(i)
	cell, _ := n.cell(i)
	size := entryHead + len(n.namespace(i)) + len(cell)
	slots := n[nodeHead : nodeHead+slotSize*count]
	copy(slots[slotSize*i:], slots[slotSize*(i+1):])
	n.setCount(count - 1)
	if at == n.heap() {
		n.setHeap(at + size)
	} else {
		n.setGarbage(n.garbage() + size)
	}
}

// copyInto fills dst, an empty node, with the entries from..to.
func (n node) copyInto(dst node, from, to int) {
	for i := from; i < to; i++ {
		cell, isOutside := n.cell(i)
		dst.insert(i-from, n.namespace(i), cell, isOutside)
	}
}
