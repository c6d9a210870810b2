package heap

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/millrace/millrace/state"
)

// tableKind is where the cells of a table are.
type tableKind uint8

const (
	fixedTable tableKind = iota // in the row
	valueTable                  // in a value that the row names
	treeTable                   // in a tree whose root the row names
)

// stampBytes is the width of the time of writing, which is before the cell in tables with a time to live.
const stampBytes = 8

// table is a table of the store.
type table struct {
	store      *store
	form       *state.Form
	timers     *timers // whose table it is, or nil
	ttl        time.Duration
	stampBytes int
	natural    tableKind // what fits its columns
	kind       tableKind // what it is: a cell of fixed size may find no room in the row
	width      int       // bytes in the row, of a fixed table
	bit        int       // its mark in rows
	at         int       // its place in rows
	stamped    []byte    // scratch: a cell with its time
}

func (t *table) namespaced() bool { return len(t.form.Table.Namespace) > 0 }

// live returns the cell without its time, and whether it is not past its time to live.
func (t *table) live(stored []byte) (cell []byte, ok bool) {
	if t.ttl == 0 {
		return stored, true
	}
	written := int64(binary.LittleEndian.Uint64(stored))
	return stored[stampBytes:], !state.Expired(written, t.ttl, t.store.now())
}

// stored returns the bytes of the cell of a row in a table without namespaces.
func (t *table) stored(from blockReader, r row, scratch *[]byte) []byte {
	if t.kind == fixedTable {
		return r[t.at : t.at+t.width : t.at+t.width]
	}
	return valueIn(from, r.ref(t.at), scratch)
}

// put sets the current key's cell, written at that time.
func (t *table) put(namespace, cell []byte, written int64) error {
	if t.kind == treeTable {
		return t.putInTree(namespace, cell, written)
	}
	if len(namespace) != 0 {
		return fmt.Errorf("state %q has no namespaces", t.form.Table.Name)
	}
	if t.kind == fixedTable && len(cell)+t.stampBytes != t.width {
		return fmt.Errorf("state %q: a cell of %d bytes, not %d", t.form.Table.Name, len(cell), t.width-t.stampBytes)
	}
	r, err := t.store.currentToWrite()
	if err != nil {
		return err
	}
	if t.kind == fixedTable {
		to := r[t.at : t.at+t.width]
		if t.ttl > 0 {
			binary.LittleEndian.PutUint64(to, uint64(written))
			to = to[stampBytes:]
		}
		copy(to, cell)
		r.mark(t.bit)
		return nil
	}
	var head []byte
	if t.ttl > 0 {
		t.stamped = binary.LittleEndian.AppendUint64(t.stamped[:0], uint64(written))
		head = t.stamped
	}
	name, err := t.store.putValue(r.ref(t.at), head, cell)
	if err != nil {
		return t.failed(r, err)
	}
	r.setRef(t.at, name)
	r.mark(t.bit)
	return nil
}

// failed drops the row that was made for a cell which then found no memory.
func (t *table) failed(r row, err error) error {
	if settled := t.store.settle(r); settled != nil {
		return settled
	}
	return err
}

func (t *table) putInTree(namespace, cell []byte, written int64) error {
	s := t.store
	r, err := s.currentToWrite()
	if err != nil {
		return err
	}
	if t.ttl > 0 {
		t.stamped = append(binary.LittleEndian.AppendUint64(t.stamped[:0], uint64(written)), cell...)
		cell = t.stamped
	}
	root, existed, err := s.treePut(r.ref(t.at), namespace, cell)
	if err != nil {
		return t.failed(r, err)
	}
	r.setRef(t.at, root)
	r.mark(t.bit)
	if t.timers != nil && !existed {
		return t.timers.queued(namespace)
	}
	return nil
}

// restore puts a row back. The key is the current one.
func (t *table) restore(e *state.Entry) error { return t.put(e.Namespace, e.Cell, e.Written) }

// clearRow deletes the cells of a row, which can be written to.
func (t *table) clearRow(r row) {
	if !r.has(t.bit) {
		return
	}
	switch t.kind {
	case fixedTable:
	case valueTable:
		t.store.freeValue(r.ref(t.at))
		r.setRef(t.at, 0)
	case treeTable:
		t.store.treeFree(r.ref(t.at))
		r.setRef(t.at, 0)
	}
	r.unmark(t.bit)
}

// clear deletes the cells of the current key.
func (t *table) clear() error {
	s := t.store
	if have := s.current(); have == nil || !have.has(t.bit) {
		return nil
	}
	r, err := s.currentToWrite()
	if err != nil {
		return err
	}
	t.clearRow(r)
	return s.settle(r)
}

// rowCells are the cells of a table without namespaces.
type rowCells struct{ *table }

// Get returns the cell.
func (c *rowCells) Get(namespace []byte) (cell []byte, ok bool, err error) {
	if len(namespace) != 0 {
		return nil, false, nil
	}
	r := c.store.current()
	if r == nil || !r.has(c.bit) {
		return nil, false, nil
	}
	if cell, ok = c.live(c.stored(c.store, r, &c.store.scratch)); !ok {
		return nil, false, nil
	}
	return cell, true, nil
}

// Put sets the cell.
func (c *rowCells) Put(namespace, cell []byte) error {
	written := int64(0)
	if c.ttl > 0 {
		written = c.store.now()
	}
	return c.put(namespace, cell, written)
}

// Delete deletes the cell.
func (c *rowCells) Delete(namespace []byte) error {
	if len(namespace) != 0 {
		return nil
	}
	return c.clear()
}

// Scan calls f with the cell, if there is one.
func (c *rowCells) Scan(f func(namespace, cell []byte) bool) error {
	cell, ok, err := c.Get(nil)
	if ok {
		f(nil, cell)
	}
	return err
}

// Last returns the cell.
func (c *rowCells) Last() (namespace, cell []byte, ok bool, err error) {
	cell, ok, err = c.Get(nil)
	return nil, cell, ok, err
}

// Clear deletes the cell.
func (c *rowCells) Clear() error { return c.clear() }

// treeCells are the cells of a table with namespaces.
type treeCells struct{ *table }

// root returns the current key's tree, 0 when it is empty.
func (t *table) root() ref {
	r := t.store.current()
	if r == nil {
		return 0
	}
	return r.ref(t.at)
}

// Get returns a cell.
func (c *treeCells) Get(namespace []byte) (cell []byte, ok bool, err error) {
	cell, ok = c.store.treeGet(c.root(), namespace)
	if ok {
		cell, ok = c.live(cell)
	}
	if !ok {
		return nil, false, nil
	}
	return cell, true, nil
}

// Put sets a cell.
func (c *treeCells) Put(namespace, cell []byte) error {
	written := int64(0)
	if c.ttl > 0 {
		written = c.store.now()
	}
	return c.putInTree(namespace, cell, written)
}

// Delete deletes a cell.
func (c *treeCells) Delete(namespace []byte) error {
	_, err := c.deleteInTree(namespace)
	return err
}

// deleteInTree deletes a cell of the current key, and says whether there was one.
func (t *table) deleteInTree(namespace []byte) (existed bool, err error) {
	s := t.store
	if root := t.root(); root == 0 {
		return false, nil
	} else if _, ok := s.treeGet(root, namespace); !ok {
		return false, nil
	}
	r, err := s.currentToWrite()
	if err != nil {
		return false, err
	}
	root, existed, err := s.treeDelete(r.ref(t.at), namespace)
	if err != nil {
		return existed, err
	}
	r.setRef(t.at, root)
	if root == 0 {
		r.unmark(t.bit)
		return existed, s.settle(r)
	}
	return existed, nil
}

// Scan calls f with the cells by ascending namespace.
func (c *treeCells) Scan(f func(namespace, cell []byte) bool) error {
	treeScan(c.store, c.root(), nil, &c.store.scratch, func(namespace, stored []byte) bool {
		cell, ok := c.live(stored)
		return !ok || f(namespace, cell)
	})
	return nil
}

// Last returns the last cell that is not past its time to live.
func (c *treeCells) Last() (namespace, cell []byte, ok bool, err error) {
	root := c.root()
	if root == 0 {
		return nil, nil, false, nil
	}
	namespace, stored := c.store.treeLast(root)
	if cell, ok = c.live(stored); ok {
		return namespace, cell, true, nil
	}
	err = c.Scan(func(n, v []byte) bool {
		namespace, cell, ok = n, append(c.stamped[:0], v...), true
		c.stamped = cell
		return true
	})
	if !ok {
		return nil, nil, false, err
	}
	return namespace, cell, ok, err
}

// Clear deletes all cells of the key.
func (c *treeCells) Clear() error { return c.clear() }
