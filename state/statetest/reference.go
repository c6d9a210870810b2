package statetest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/state"
)

// plain is a store of Go maps, slow and simple: what the others are compared with.
type plain struct {
	cfg      Config
	key      *state.Coder
	tables   []*plainCells
	selected []string
	current  string
	hashes   map[string]uint64 // of keys seen
}

// NewReference returns an empty store of Go maps.
func NewReference(cfg Config) (state.Store, error) {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	return &plain{cfg: cfg, key: state.NewKeyCoder(cfg.Keys), hashes: map[string]uint64{}}, nil
}

type plainCell struct {
	cell    []byte
	written int64
}

type plainCells struct {
	store *plain
	form  *state.Form
	keys  map[string]map[string]plainCell

	version int // grows with each change
}

func (p *plain) open(t state.Table) (*plainCells, error) {
	for _, other := range p.tables {
		if other.form.Table.Name == t.Name {
			return nil, fmt.Errorf("opening state %q: there is one of that name already", t.Name)
		}
	}
	form, err := state.FormOf(t)
	if err != nil {
		return nil, err
	}
	c := &plainCells{store: p, form: form, keys: map[string]map[string]plainCell{}}
	p.tables = append(p.tables, c)
	return c, nil
}

func (p *plain) Open(t state.Table) (state.Cells, error) { return p.open(t) }

func (p *plain) OpenTimers(name string, namespace ...columnar.Field) (state.Timers, error) {
	c, err := p.open(state.TimersOf(name, p.cfg.Keys, namespace...))
	return &plainTimers{cells: c, version: -1}, err
}

// place returns the key group of a key and the upper half of its hash.
func (p *plain) place(key string) (group int, tag uint32, err error) {
	if hash, ok := p.hashes[key]; ok {
		return p.cfg.Groups.Of(hash), uint32(hash >> 32), nil
	}
	cols, err := p.key.Columns([]byte(key))
	if err != nil {
		return 0, 0, err
	}
	var hash [1]uint64
	keys.Hash(cols, nil, 1, hash[:])
	p.hashes[key] = hash[0]
	return p.cfg.Groups.Of(hash[0]), uint32(hash[0] >> 32), nil
}

func (p *plain) Select(cols []columnar.Column, sel []int32, n int) error {
	if err := p.key.Check(cols); err != nil {
		return err
	}
	p.selected = p.selected[:0]
	for i := range n {
		row := i
		if sel != nil {
			row = int(sel[i])
		}
		p.selected = append(p.selected, string(p.key.Append(nil, cols, row)))
	}
	return nil
}

func (p *plain) Use(i int) { p.current = p.selected[i] }

func (p *plain) UseKey(cols []columnar.Column, row int) error {
	p.current = string(p.key.Append(nil, cols, row))
	return p.key.Check(cols)
}

func (p *plain) Key() []columnar.Column {
	cols, err := p.key.Columns([]byte(p.current))
	if err != nil {
		panic(err)
	}
	return cols
}

func (p *plain) Restore(table string, b columnar.Batch) error {
	for _, t := range p.tables {
		if t.form.Table.Name == table {
			return t.form.Each(b, func(e *state.Entry) error {
				if g := p.cfg.Groups.Of(e.Hash); !p.cfg.Groups.Has(g) {
					return fmt.Errorf("restoring state %q: a row of key group %d, of %s", table, g, p.cfg.Groups)
				}
				t.put(string(e.Key), e.Namespace, e.Cell, e.Written)
				return nil
			})
		}
	}
	return fmt.Errorf("restoring state %q: there is no such table", table)
}

func (p *plain) Sweep(int) (bool, error) {
	for _, t := range p.tables {
		for key, cells := range t.keys {
			for ns, c := range cells {
				if t.expired(c) {
					t.delete(key, []byte(ns))
				}
			}
		}
	}
	return false, nil
}

func (p *plain) Size() int64 { return 0 }

func (p *plain) Keys() int64 {
	all := map[string]bool{}
	for _, t := range p.tables {
		for key := range t.keys {
			all[key] = true
		}
	}
	return int64(len(all))
}

func (p *plain) Close() error { return nil }

func (c *plainCells) now() int64 { return c.store.cfg.Clock().UnixMicro() }

func (c *plainCells) expired(v plainCell) bool {
	return state.Expired(v.written, c.form.Table.TTL, c.now())
}

func (c *plainCells) put(key string, ns, cell []byte, written int64) {
	c.version++
	cells := c.keys[key]
	if cells == nil {
		cells = map[string]plainCell{}
		c.keys[key] = cells
	}
	cells[string(ns)] = plainCell{bytes.Clone(cell), written}
}

func (c *plainCells) delete(key string, ns []byte) {
	c.version++
	delete(c.keys[key], string(ns))
	if len(c.keys[key]) == 0 {
		delete(c.keys, key)
	}
}

func (c *plainCells) Get(ns []byte) ([]byte, bool, error) {
	v, ok := c.keys[c.store.current][string(ns)]
	if !ok || c.expired(v) {
		return nil, false, nil
	}
	return v.cell, true, nil
}

func (c *plainCells) Put(ns, cell []byte) error {
	c.put(c.store.current, ns, cell, c.now())
	return nil
}

func (c *plainCells) Delete(ns []byte) error {
	c.delete(c.store.current, ns)
	return nil
}

func (c *plainCells) sorted(key string) []string {
	var names []string
	for ns, v := range c.keys[key] {
		if !c.expired(v) {
			names = append(names, ns)
		}
	}
	slices.Sort(names)
	return names
}

func (c *plainCells) Scan(f func(ns, cell []byte) bool) error {
	for _, ns := range c.sorted(c.store.current) {
		if !f([]byte(ns), c.keys[c.store.current][ns].cell) {
			break
		}
	}
	return nil
}

func (c *plainCells) Last() (ns, cell []byte, ok bool, err error) {
	names := c.sorted(c.store.current)
	if len(names) == 0 {
		return nil, nil, false, nil
	}
	last := names[len(names)-1]
	return []byte(last), c.keys[c.store.current][last].cell, true, nil
}

func (c *plainCells) Clear() error {
	c.version++
	delete(c.keys, c.store.current)
	return nil
}

// plainTimers are cells whose namespaces begin with the time.
type plainTimers struct {
	cells   *plainCells
	sorted  []timer
	version int // of the cells, when they were sorted
}

func timerNamespace(at int64, ns []byte) []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(at)^1<<63), ns...)
}

func (t *plainTimers) Set(at int64, ns []byte) error { return t.cells.Put(timerNamespace(at, ns), nil) }

func (t *plainTimers) Delete(at int64, ns []byte) error {
	return t.cells.Delete(timerNamespace(at, ns))
}

// timer is one, with what orders it.
type timer struct {
	ns    string
	group int
	tag   uint32
	key   string
}

// all returns the timers in order. It sorts them anew when something has changed.
func (t *plainTimers) all() []timer {
	if t.version == t.cells.version {
		return t.sorted
	}
	t.version, t.sorted = t.cells.version, nil
	for key, cells := range t.cells.keys {
		group, tag, err := t.cells.store.place(key)
		if err != nil {
			panic(err)
		}
		for ns := range cells {
			t.sorted = append(t.sorted, timer{ns, group, tag, key})
		}
	}
	slices.SortFunc(t.sorted, func(a, b timer) int {
		return cmp.Or(cmp.Compare(a.ns[:8], b.ns[:8]), cmp.Compare(a.group, b.group), cmp.Compare(a.tag, b.tag),
			cmp.Compare(a.key, b.key), cmp.Compare(a.ns, b.ns))
	})
	return t.sorted
}

func (t *plainTimers) earliest() (at int64, key, ns string, ok bool) {
	all := t.all()
	if len(all) == 0 {
		return 0, "", "", false
	}
	return int64(binary.BigEndian.Uint64([]byte(all[0].ns)) ^ 1<<63), all[0].key, all[0].ns, true
}

func (t *plainTimers) Earliest() (int64, bool) {
	at, _, _, ok := t.earliest()
	return at, ok
}

func (t *plainTimers) Next(until int64) (int64, []byte, bool, error) {
	at, key, ns, ok := t.earliest()
	if !ok || at > until {
		return 0, nil, false, nil
	}
	t.cells.delete(key, []byte(ns))
	t.sorted, t.version = t.sorted[1:], t.cells.version
	t.cells.store.current = key
	return at, []byte(ns[8:]), true, nil
}

type plainFrozen struct {
	forms []*state.Form
	rows  [][]columnar.Batch
	group [][]int
}

func (p *plain) Freeze() (state.Frozen, error) {
	f := &plainFrozen{}
	for _, t := range p.tables {
		byGroup := map[int][]string{}
		for key := range t.keys {
			g, _, err := p.place(key)
			if err != nil {
				return nil, err
			}
			byGroup[g] = append(byGroup[g], key)
		}
		var rows []columnar.Batch
		var groups []int
		for g := p.cfg.Groups.From; g < p.cfg.Groups.To; g++ {
			b := t.form.NewRowBuilder()
			slices.Sort(byGroup[g])
			for _, key := range byGroup[g] {
				for _, ns := range t.sorted(key) {
					v := t.keys[key][ns]
					if err := b.Add(&state.Entry{Key: []byte(key), Namespace: []byte(ns), Cell: v.cell, Written: v.written}); err != nil {
						return nil, err
					}
				}
			}
			if b.Len() > 0 {
				rows, groups = append(rows, b.Finish()), append(groups, g)
			}
		}
		f.forms, f.rows, f.group = append(f.forms, t.form), append(f.rows, rows), append(f.group, groups)
	}
	return f, nil
}

func (f *plainFrozen) Tables() []state.Table {
	var tables []state.Table
	for _, form := range f.forms {
		tables = append(tables, form.Table)
	}
	return tables
}

func (f *plainFrozen) Read(ctx context.Context, i int) iter.Seq2[state.Rows, error] {
	return func(yield func(state.Rows, error) bool) {
		for k, b := range f.rows[i] {
			if !yield(state.Rows{Group: f.group[i][k], Batch: b}, ctx.Err()) {
				return
			}
		}
	}
}

func (f *plainFrozen) Release() {}
