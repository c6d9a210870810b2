package state

import (
	"errors"
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
)

// Forms are the forms of a store's tables, in the order in which they are opened. The zero value has none. They are for back ends, as the methods
// of [Coder] below are.
type Forms struct {
	all    []*Form
	sealed bool
}

var errSealed = errors.New("all tables are opened before anything else")

// Open returns the form of a table that comes behind the others. One of a name that is there, or behind Seal, is an error.
func (f *Forms) Open(t Table) (*Form, error) {
	if f.sealed {
		return nil, fmt.Errorf("opening state %q: %w", t.Name, errSealed)
	}
	if _, err := f.Find(t.Name); err == nil {
		return nil, fmt.Errorf("opening state %q: there is one of that name already", t.Name)
	}
	form, err := FormOf(t)
	if err == nil {
		f.all = append(f.all, form)
	}
	return form, err
}

// Seal says that there will be no more tables, and returns whether that is new.
func (f *Forms) Seal() bool {
	was := f.sealed
	f.sealed = true
	return !was
}

// Find returns the place of the table of that name.
func (f *Forms) Find(name string) (int, error) {
	for i, form := range f.all {
		if form.Table.Name == name {
			return i, nil
		}
	}
	return 0, fmt.Errorf("there is no table %q", name)
}

// KeyAt returns the hash of the key in a row of key columns, and its cell, in dst's memory.
func (c *Coder) KeyAt(dst []byte, cols []columnar.Column, row int) (hash uint64, key []byte, err error) {
	if err := c.Check(cols); err != nil {
		return 0, nil, fmt.Errorf("using a key: %w", err)
	}
	var hashes [1]uint64
	keys.Hash(cols, []int32{int32(row)}, 1, hashes[:])
	return hashes[0], c.Append(dst[:0], cols, row), nil
}

// KeyColumns returns a key as columns of one row, of a cell that this coder has made.
func (c *Coder) KeyColumns(key []byte) []columnar.Column {
	cols, err := c.Columns(key)
	if err != nil {
		panic(fmt.Sprintf("state: the current key cannot be decoded: %v", err))
	}
	return cols
}
