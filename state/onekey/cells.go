package onekey

import (
	"fmt"
	"slices"

	"github.com/millrace/millrace/state"
)

// cells are a table: the cells of the current key by namespace, and the namespaces in the order of their coming, which is put right when it
// matters. Lists and windows come in order.
type cells struct {
	store    *store
	form     *state.Form
	all      map[string]*cell
	order    []string // of all, and of some that were deleted
	unsorted bool
	dead     int // namespaces of order that are not in all

	one cell // that of tables without namespaces
	has bool
}

type cell struct {
	value   []byte
	written int64
}

// cellCost is the bytes of a cell beside its namespace, twice, and its value.
const cellCost = 96

func (c *cells) plain() bool { return len(c.form.Table.Namespace) == 0 }

// find returns a cell that is there and not past its time, else nil.
func (c *cells) find(namespace []byte) *cell {
	found := c.all[string(namespace)]
	if c.plain() {
		if !c.has || len(namespace) != 0 {
			return nil
		}
		found = &c.one
	}
	if found == nil || c.expired(found) {
		return nil
	}
	return found
}

func (c *cells) expired(v *cell) bool {
	ttl := c.form.Table.TTL
	return ttl > 0 && state.Expired(v.written, ttl, c.store.cfg.Clock().UnixMicro())
}

// Get returns the cell.
func (c *cells) Get(namespace []byte) (value []byte, ok bool, err error) {
	if found := c.find(namespace); found != nil {
		return found.value, true, nil
	}
	return nil, false, nil
}

// Put sets the cell.
func (c *cells) Put(namespace, value []byte) error {
	to, err := c.place(namespace)
	if err != nil {
		return err
	}
	if more := len(value) - cap(to.value); more > 0 {
		if err := c.store.grow(more); err != nil {
			return err
		}
		to.value = append(make([]byte, 0, len(value)), value...)
	} else {
		to.value = append(to.value[:0], value...)
	}
	if c.form.Table.TTL > 0 {
		to.written = c.store.cfg.Clock().UnixMicro()
	}
	return nil
}

// place returns the cell of a namespace, which it makes if need be.
func (c *cells) place(namespace []byte) (*cell, error) {
	if c.plain() {
		if len(namespace) != 0 {
			return nil, fmt.Errorf("state %q has no namespaces", c.form.Table.Name)
		}
		c.has = true
		return &c.one, nil
	}
	if found := c.all[string(namespace)]; found != nil {
		return found, nil
	}
	if err := c.store.grow(cellCost + 2*len(namespace)); err != nil {
		return nil, err
	}
	name := string(namespace)
	if n := len(c.order); n > 0 && name <= c.order[n-1] {
		c.unsorted = true
	}
	made := &cell{}
	c.all[name], c.order = made, append(c.order, name)
	return made, nil
}

// sort puts the namespaces in order.
func (c *cells) sort() {
	if c.unsorted || c.dead > len(c.all) {
		c.order = slices.DeleteFunc(c.order, func(name string) bool { return c.all[name] == nil })
		slices.Sort(c.order)
		c.order = slices.Compact(c.order)
		c.unsorted, c.dead = false, 0
	}
}

// Delete deletes the cell.
func (c *cells) Delete(namespace []byte) error {
	if c.plain() {
		if len(namespace) == 0 {
			c.has = false
		}
		return nil
	}
	if found := c.all[string(namespace)]; found != nil {
		c.store.shrink(cellCost + 2*len(namespace) + cap(found.value))
		delete(c.all, string(namespace))
		c.dead++
	}
	return nil
}

// Scan calls f with the cells by ascending namespace.
func (c *cells) Scan(f func(namespace, value []byte) bool) error {
	if c.plain() {
		if found := c.find(nil); found != nil {
			f(nil, found.value)
		}
		return nil
	}
	c.sort()
	for _, name := range c.order {
		if v := c.all[name]; v != nil && !c.expired(v) && !f([]byte(name), v.value) {
			break
		}
	}
	return nil
}

// Last returns the last cell.
func (c *cells) Last() (namespace, value []byte, ok bool, err error) {
	if c.plain() {
		value, ok, err = c.Get(nil)
		return nil, value, ok, err
	}
	c.sort()
	for _, name := range slices.Backward(c.order) {
		if v := c.all[name]; v != nil && !c.expired(v) {
			return []byte(name), v.value, true, nil
		}
	}
	return nil, nil, false, nil
}

// Clear deletes all cells.
func (c *cells) Clear() error {
	for name, v := range c.all {
		c.store.shrink(cellCost + 2*len(name) + cap(v.value))
	}
	c.reset()
	return nil
}

// manyCells is from which number on a map is thrown away instead of emptied, which would cost each following key the same.
const manyCells = 64

// reset leaves no cells; what they took is given back by the caller.
func (c *cells) reset() {
	switch n := len(c.all); {
	case n > manyCells:
		c.all, c.order = map[string]*cell{}, nil
	case n > 0:
		clear(c.all)
	}
	c.order, c.unsorted, c.dead, c.has = c.order[:0], false, 0, false
}

// maxKept is the most bytes of a value whose memory the next key gets.
const maxKept = 4096

// forget drops all for another key, and returns the bytes that are kept for it.
func (c *cells) forget() (kept int) {
	c.reset()
	if cap(c.one.value) > maxKept {
		c.one.value = nil
	}
	return cap(c.one.value)
}
