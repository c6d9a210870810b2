package lsm

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/millrace/millrace/state"
)

// table is a table of the store.
type table struct {
	store  *store
	form   *state.Form
	timers *timers // whose table it is, or nil
	id     byte
	stored []byte // scratch: a cell with its time
}

const (
	groupAt    = 1
	tagAt      = 3
	cellHead   = 7 // bytes before the key of a cell
	stampBytes = 8
)

// prefix returns the bytes that the keys of the current key's cells begin with, in s.buf.
func (t *table) prefix() []byte {
	s := t.store
	b := append(s.buf[:0], t.id)
	b = binary.BigEndian.AppendUint16(b, uint16(s.cfg.Groups.Of(s.hash)))
	b = binary.BigEndian.AppendUint32(b, uint32(s.hash>>32))
	s.buf = append(b, s.key...)
	return s.buf
}

// cellKey returns the key of the current key's cell, in s.buf.
func (t *table) cellKey(namespace []byte) []byte {
	t.store.buf = append(t.prefix(), namespace...)
	return t.store.buf
}

// after returns the least key behind those that begin with prefix.
func after(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; ; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
}

// withTime returns the bytes to store for a cell.
func (t *table) withTime(cell []byte, written int64) []byte {
	if t.form.Table.TTL == 0 {
		return cell
	}
	t.stored = append(binary.BigEndian.AppendUint64(t.stored[:0], uint64(written)), cell...)
	return t.stored
}

// live returns the cell in what is stored, and whether it is not past its time to live.
func (t *table) live(stored []byte, now int64) (cell []byte, ok bool) {
	ttl := t.form.Table.TTL
	if ttl == 0 {
		return stored, true
	}
	if len(stored) < stampBytes {
		return nil, false
	}
	return stored[stampBytes:], !state.Expired(int64(binary.BigEndian.Uint64(stored)), ttl, now)
}

// nowIfMortal returns the time if cells of the table end with time.
func (t *table) nowIfMortal() int64 {
	if t.form.Table.TTL == 0 {
		return 0
	}
	return t.store.now()
}

// restore puts a row back.
func (t *table) restore(batch *pebble.Batch, e *state.Entry) error {
	if t.timers != nil {
		return t.timers.restore(batch, e)
	}
	return batch.Set(t.cellKey(e.Namespace), t.withTime(e.Cell, e.Written), nil)
}

// valueCells are the cells of a table without namespaces, which go through the cache.
type valueCells struct{ *table }

// Get returns the cell.
func (c *valueCells) Get(namespace []byte) (cell []byte, ok bool, err error) {
	if len(namespace) != 0 {
		return nil, false, nil
	}
	stored, ok, err := c.store.cache.get(c.store.db, c.cellKey(nil))
	if !ok || err != nil {
		return nil, false, err
	}
	if cell, ok = c.live(stored, c.nowIfMortal()); !ok {
		return nil, false, nil
	}
	return cell, true, nil
}

// Put sets the cell.
func (c *valueCells) Put(namespace, cell []byte) error {
	if len(namespace) != 0 {
		return fmt.Errorf("state %q has no namespaces", c.form.Table.Name)
	}
	return c.store.cache.put(c.store.db, c.cellKey(nil), c.withTime(cell, c.nowIfMortal()), true)
}

// Delete deletes the cell.
func (c *valueCells) Delete(namespace []byte) error {
	if len(namespace) != 0 {
		return nil
	}
	return c.store.cache.put(c.store.db, c.cellKey(nil), nil, false)
}

// Scan calls f with the cell, if there is one.
func (c *valueCells) Scan(f func(namespace, cell []byte) bool) error {
	cell, ok, err := c.Get(nil)
	if ok {
		f(nil, cell)
	}
	return err
}

// Last returns the cell.
func (c *valueCells) Last() (namespace, cell []byte, ok bool, err error) {
	cell, ok, err = c.Get(nil)
	return nil, cell, ok, err
}

// Clear deletes the cell.
func (c *valueCells) Clear() error { return c.Delete(nil) }

// rangeCells are the cells of a table with namespaces.
type rangeCells struct{ *table }

// Get returns a cell.
func (c *rangeCells) Get(namespace []byte) (cell []byte, ok bool, err error) {
	s := c.store
	ok, err = read(s.db, c.cellKey(namespace), &s.value)
	if !ok || err != nil {
		return nil, false, err
	}
	if cell, ok = c.live(s.value, c.nowIfMortal()); !ok {
		return nil, false, nil
	}
	return cell, true, nil
}

// read copies the value of a key to *into.
func read(db *pebble.DB, key []byte, into *[]byte) (ok bool, err error) {
	v, closer, err := db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading keyed state: %w", err)
	}
	*into = append((*into)[:0], v...)
	return true, closer.Close()
}

// Put sets a cell.
func (c *rangeCells) Put(namespace, cell []byte) error {
	return wrote(c.store.db.Set(c.cellKey(namespace), c.withTime(cell, c.nowIfMortal()), pebble.NoSync))
}

// Delete deletes a cell.
func (c *rangeCells) Delete(namespace []byte) error {
	return wrote(c.store.db.Delete(c.cellKey(namespace), pebble.NoSync))
}

func wrote(err error) error {
	if err != nil {
		return fmt.Errorf("writing keyed state: %w", err)
	}
	return nil
}

// iterate returns an iterator over the cells of the current key, and the length of what their keys begin with.
func (c *rangeCells) iterate() (it *pebble.Iterator, skip int, err error) {
	prefix := append([]byte(nil), c.prefix()...)
	it, err = c.store.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: after(prefix)})
	if err != nil {
		return nil, 0, fmt.Errorf("reading keyed state: %w", err)
	}
	return it, len(prefix), nil
}

// Scan calls f with the cells by ascending namespace.
func (c *rangeCells) Scan(f func(namespace, cell []byte) bool) error {
	it, skip, err := c.iterate()
	if err != nil {
		return err
	}
	now := c.nowIfMortal()
	for it.First(); it.Valid(); it.Next() {
		if cell, ok := c.live(it.Value(), now); ok && !f(it.Key()[skip:], cell) {
			break
		}
	}
	return it.Close()
}

// Last returns the last cell that is not past its time to live.
func (c *rangeCells) Last() (namespace, cell []byte, ok bool, err error) {
	it, skip, err := c.iterate()
	if err != nil {
		return nil, nil, false, err
	}
	now := c.nowIfMortal()
	for it.Last(); it.Valid(); it.Prev() {
		if cell, ok = c.live(it.Value(), now); ok {
			s := c.store
			n := len(it.Key()) - skip
			s.value = append(append(s.value[:0], it.Key()[skip:]...), cell...)
			return s.value[:n:n], s.value[n:], true, it.Close()
		}
	}
	return nil, nil, false, it.Close()
}

// maxSingly is how many cells Clear deletes one by one, which costs readers less than a deleted range does.
const maxSingly = 100

// Clear deletes all cells of the key.
func (c *rangeCells) Clear() error {
	it, _, err := c.iterate()
	if err != nil {
		return err
	}
	n := 0
	for it.First(); it.Valid() && err == nil && n < maxSingly; it.Next() {
		err = c.store.db.Delete(it.Key(), pebble.NoSync)
		n++
	}
	more := it.Valid()
	err = errors.Join(err, it.Close())
	if err == nil && more {
		prefix := c.prefix()
		err = c.store.db.DeleteRange(prefix, after(prefix), pebble.NoSync)
	}
	return wrote(err)
}
