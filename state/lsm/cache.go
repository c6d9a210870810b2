package lsm

import (
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"
)

// cache has the cells of tables without namespaces that were used last, those that have none too, and those that the tree does not know yet. It is
// two maps: when the young one is full it becomes the old one, and what is used there goes to the young one again.
type cache struct {
	young, old map[string]*cached
	bytes      int // of young
	limit      int // of both
	dirty      []*cached
	dirtyBytes int
}

type cached struct {
	key   string
	value []byte
	there bool // false: the key has no cell
	dirty bool
}

const (
	cachedCost    = 120 // bytes of memory beside key and value
	maxDirty      = 4096
	maxDirtyBytes = 1 << 20
)

// find returns what is known of a key, nil for nothing.
func (c *cache) find(key []byte) *cached {
	if e := c.young[string(key)]; e != nil {
		return e
	}
	e := c.old[string(key)]
	if e != nil {
		delete(c.old, e.key)
		c.add(e)
	}
	return e
}

func (c *cache) add(e *cached) {
	if c.young == nil {
		c.young = map[string]*cached{}
	}
	c.young[e.key] = e
	c.bytes += cachedCost + len(e.key) + cap(e.value)
}

// get returns the value of a key, which is borrowed.
func (c *cache) get(db *pebble.DB, key []byte) (value []byte, ok bool, err error) {
	e := c.find(key)
	if e == nil {
		e = &cached{key: string(key)}
		if e.there, err = read(db, key, &e.value); err != nil {
			return nil, false, err
		}
		c.add(e)
		if err := c.trim(db); err != nil {
			return nil, false, err
		}
	}
	return e.value, e.there, nil
}

// put sets the value of a key, or says that it has none.
func (c *cache) put(db *pebble.DB, key, value []byte, there bool) error {
	e := c.find(key)
	if e == nil {
		e = &cached{key: string(key), value: append([]byte(nil), value...)}
		c.add(e)
	} else {
		before := cap(e.value)
		e.value = append(e.value[:0], value...)
		c.bytes += cap(e.value) - before
	}
	e.there = there
	if !e.dirty {
		e.dirty = true
		c.dirty = append(c.dirty, e)
	}
	c.dirtyBytes += len(value)
	if len(c.dirty) >= maxDirty || c.dirtyBytes >= maxDirtyBytes {
		if err := c.flush(db); err != nil {
			return err
		}
	}
	return c.trim(db)
}

// flush writes what the tree does not know yet.
func (c *cache) flush(db *pebble.DB) error {
	if len(c.dirty) == 0 {
		return nil
	}
	// In order, each finds its place in the tree's table of recent writes near that of the one before.
	slices.SortFunc(c.dirty, func(a, b *cached) int { return strings.Compare(a.key, b.key) })
	b := db.NewBatch()
	for _, e := range c.dirty {
		var err error
		if e.there {
			err = b.Set([]byte(e.key), e.value, nil)
		} else {
			err = b.Delete([]byte(e.key), nil)
		}
		if err != nil {
			return wrote(err)
		}
		e.dirty = false
	}
	clear(c.dirty)
	c.dirty, c.dirtyBytes = c.dirty[:0], 0
	return wrote(b.Commit(pebble.NoSync))
}

// trim lets the old map go when the young one is full.
func (c *cache) trim(db *pebble.DB) error {
	if c.bytes < c.limit/2 {
		return nil
	}
	if err := c.flush(db); err != nil {
		return err
	}
	c.old, c.young, c.bytes = c.young, nil, 0
	return nil
}

// empty forgets all; nothing is dirty.
func (c *cache) empty() { c.young, c.old, c.bytes = nil, nil, 0 }
