package heap

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/millrace/millrace/state"
)

// The cells of a key in a table with namespaces are a B+ tree of their own, whose root is named in the key's row. Most are a single leaf, in a
// block as small as its content; a leaf of the largest size that is full is cut in two. Nodes are changed where they lie: views are kept apart
// by chunk.

// step is a node on the way from the root to a leaf, and the entry that was taken.
type step struct {
	ref ref
	i   int
}

// path is the way to a leaf; s.path is its memory.
type path []step

// descend returns the way to the leaf in which a namespace is or would be.
func (s *store) descend(root ref, namespace []byte) path {
	p := s.path[:0]
	for r := root; ; {
		n := node(s.block(r))
		if n.level() == 0 {
			p = append(p, step{ref: r})
			s.path = p
			return p
		}
		i := n.branch(namespace)
		p = append(p, step{r, i})
		r = n.child(i)
	}
}

// treeGet returns the bytes of a cell.
func (s *store) treeGet(root ref, namespace []byte) (cell []byte, ok bool) {
	if root == 0 {
		return nil, false
	}
	n := node(s.block(root))
	for n.level() > 0 {
		n = s.block(n.child(n.branch(namespace)))
	}
	i, found := n.search(namespace)
	if !found {
		return nil, false
	}
	return cellIn(s, n, i, &s.scratch), true
}

// cellIn returns the bytes of entry i's cell, those of a long one in scratch.
func cellIn(from blockReader, n node, i int, scratch *[]byte) []byte {
	cell, isOutside := n.cell(i)
	if isOutside {
		return valueIn(from, ref(binary.LittleEndian.Uint64(cell)), scratch)
	}
	return cell
}

// treePut sets a cell and returns the root, and whether the cell was there before.
func (s *store) treePut(root ref, namespace, cell []byte) (newRoot ref, existed bool, err error) {
	if len(namespace) > state.MaxNamespace {
		return root, false, fmt.Errorf("a namespace of %d bytes; the most is %d", len(namespace), state.MaxNamespace)
	}
	if err := s.pool.spare(2*len(s.path) + 4); err != nil {
		return root, false, err
	}
	if len(namespace)+len(cell) <= maxInside {
		return s.treePutEntry(root, namespace, cell, false)
	}
	r, err := s.putValue(0, nil, cell)
	if err != nil {
		return root, false, err
	}
	newRoot, existed, err = s.treePutEntry(root, namespace, binary.LittleEndian.AppendUint64(nil, uint64(r)), true)
	if err != nil {
		s.freeValue(r)
	}
	return newRoot, existed, err
}

func (s *store) treePutEntry(root ref, namespace, cell []byte, isOutside bool) (newRoot ref, existed bool, err error) {
	if root == 0 {
		r, b, err := s.newBlock(nodeHead + slotSize + entryHead + len(namespace) + len(cell))
		if err != nil {
			return 0, false, err
		}
		node(b).clear(0)
		node(b).insert(0, namespace, cell, isOutside)
		return r, false, nil
	}
	p := s.descend(root, namespace)
	leaf := &p[len(p)-1]
	b, err := s.writableBlock(leaf.ref)
	if err != nil {
		return root, false, err
	}
	n := node(b)
	i, found := n.search(namespace)
	leaf.i = i
	if found {
		have, wasOutside := n.cell(i)
		if wasOutside {
			s.freeValue(ref(binary.LittleEndian.Uint64(have)))
		}
		if len(have) == len(cell) && wasOutside == isOutside {
			copy(have, cell)
			return root, true, nil
		}
		n.remove(i)
	}
	newRoot, err = s.insertAt(root, p, namespace, cell, isOutside)
	return newRoot, found, err
}

// insertAt puts an entry into the node that p ends at, at the place that its last step says. What does not fit makes the node larger, or two.
func (s *store) insertAt(root ref, p path, namespace, cell []byte, isOutside bool) (ref, error) {
	last := p[len(p)-1]
	b, err := s.writableBlock(last.ref)
	if err != nil {
		return root, err
	}
	n := node(b)
	need := slotSize + entryHead + len(namespace) + len(cell)
	switch {
	case n.room() >= need:
		n.insert(last.i, namespace, cell, isOutside)
		return root, nil
	case n.used()+need <= len(n):
		s.compact(n)
		n.insert(last.i, namespace, cell, isOutside)
		return root, nil
	case n.used()+need <= chunkBytes:
		r, to, err := s.newBlock(n.used() + need)
		if err != nil {
			return root, err
		}
		node(to).clear(n.level())
		n.copyInto(to, 0, n.count())
		node(to).insert(last.i, namespace, cell, isOutside)
		s.freeBlock(last.ref)
		return s.rename(root, p[:len(p)-1], r)
	default:
		return s.split(root, p, n, namespace, cell, isOutside)
	}
}

// compact drops the garbage of a node.
func (s *store) compact(n node) {
	s.page = append(s.page[:0], n...)
	n.clear(n.level())
	node(s.page).copyInto(n, 0, node(s.page).count())
}

// rename makes the last step of p name r instead of what it named, and returns the root.
func (s *store) rename(root ref, p path, r ref) (ref, error) {
	if len(p) == 0 {
		return r, nil
	}
	last := p[len(p)-1]
	b, err := s.writableBlock(last.ref)
	if err != nil {
		return root, err
	}
	cell, _ := node(b).cell(last.i)
	binary.LittleEndian.PutUint64(cell, uint64(r))
	return root, nil
}

// split cuts the full node n, in which p ends, in two with the new entry among them. An entry behind all others goes to a node of its own, so
// that what is filled in order becomes full nodes.
func (s *store) split(root ref, p path, n node, namespace, cell []byte, isOutside bool) (ref, error) {
	last := p[len(p)-1]
	r, b, err := s.newBlock(chunkBytes)
	if err != nil {
		return root, err
	}
	right := node(b)
	right.clear(n.level())
	s.page = append(s.page[:0], n...)
	all := node(s.page)
	cut := splitAt(all, last.i, slotSize+entryHead+len(namespace)+len(cell))
	n.clear(all.level())
	all.copyInto(n, 0, cut)
	all.copyInto(right, cut, all.count())
	if goesLeft := last.i < cut || last.i == cut && n.used() <= right.used() && cut < all.count(); goesLeft {
		n.insert(last.i, namespace, cell, isOutside)
	} else {
		right.insert(last.i-cut, namespace, cell, isOutside)
	}
	return s.addNode(root, p[:len(p)-1], last.ref, r, right)
}

// splitAt returns how many of n's entries stay where they are, when a new one of that size comes to place at: about half of the bytes, or all
// when the new one comes last. An entry is at most a third of a node, so that both parts fit.
func splitAt(n node, at, size int) int {
	count := n.count()
	if at == count {
		return count
	}
	total := n.used() - nodeHead + size
	best, cut, left := total, 0, 0
	for i := range count {
		if i == at {
			left += size
		}
		left += n.size(i)
		if gap := max(left, total-left) - min(left, total-left); gap < best && i+1 < count {
			best, cut = gap, i+1
		}
	}
	return cut
}

// addNode makes right known, which is the part of left that was cut off, in the node that p ends at.
func (s *store) addNode(root ref, p path, left, r ref, right node) (ref, error) {
	first := append([]byte(nil), right.namespace(0)...)
	name := binary.LittleEndian.AppendUint64(nil, uint64(r))
	if len(p) > 0 {
		p[len(p)-1].i++
		return s.insertAt(root, p, first, name, false)
	}
	top, b, err := s.newBlock(nodeHead + 2*(slotSize+entryHead+refSize) + len(first))
	if err != nil {
		return root, err
	}
	n := node(b)
	n.clear(right.level() + 1)
	n.insert(0, nil, binary.LittleEndian.AppendUint64(nil, uint64(left)), false)
	n.insert(1, first, name, false)
	return top, nil
}

// treeDelete removes a cell and returns the root, 0 for an empty tree, and whether the cell was there.
func (s *store) treeDelete(root ref, namespace []byte) (newRoot ref, existed bool, err error) {
	if root == 0 {
		return 0, false, nil
	}
	p := s.descend(root, namespace)
	leaf := &p[len(p)-1]
	i, found := node(s.block(leaf.ref)).search(namespace)
	if !found {
		return root, false, nil
	}
	leaf.i = i
	if err := s.pool.spare(len(p) + 1); err != nil {
		return root, false, err
	}
	for _, at := range slices.Backward(p) {
		b, err := s.writableBlock(at.ref)
		if err != nil {
			return root, false, err
		}
		n := node(b)
		if cell, isOutside := n.cell(at.i); isOutside {
			s.freeValue(ref(binary.LittleEndian.Uint64(cell)))
		}
		n.remove(at.i)
		if n.count() > 0 {
			return s.collapse(root), true, nil
		}
		s.freeBlock(at.ref)
	}
	return 0, true, nil
}

// collapse takes roots away that have a single child.
func (s *store) collapse(root ref) ref {
	for {
		n := node(s.block(root))
		if n.level() == 0 || n.count() > 1 {
			return root
		}
		child := n.child(0)
		s.freeBlock(root)
		root = child
	}
}

// treeFree takes all blocks of a tree back.
func (s *store) treeFree(root ref) {
	if root == 0 {
		return
	}
	n := node(s.block(root))
	for i := range n.count() {
		cell, isOutside := n.cell(i)
		name := ref(0)
		if isOutside || n.level() > 0 {
			name = ref(binary.LittleEndian.Uint64(cell))
		}
		if n.level() > 0 {
			s.treeFree(name)
		} else {
			s.freeValue(name)
		}
	}
	s.freeBlock(root)
}

// treeScan calls f with the cells from a namespace on, nil for the first one, in order, until f returns false.
func treeScan(from blockReader, root ref, namespace []byte, scratch *[]byte, f func(namespace, cell []byte) bool) bool {
	if root == 0 {
		return true
	}
	n := node(from.block(root))
	i := 0
	switch {
	case namespace == nil:
	case n.level() > 0:
		i = n.branch(namespace)
	default:
		i, _ = n.search(namespace)
	}
	for ; i < n.count(); i++ {
		if n.level() > 0 {
			if !treeScan(from, n.child(i), namespace, scratch, f) {
				return false
			}
			namespace = nil
			continue
		}
		if !f(n.namespace(i), cellIn(from, n, i, scratch)) {
			return false
		}
	}
	return true
}

// treeLast returns the last entry of a tree that is not empty.
func (s *store) treeLast(root ref) (namespace, cell []byte) {
	n := node(s.block(root))
	for n.level() > 0 {
		n = s.block(n.child(n.count() - 1))
	}
	i := n.count() - 1
	return n.namespace(i), cellIn(s, n, i, &s.scratch)
}
