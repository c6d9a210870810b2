package heap

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/internal/budget"
	"github.com/millrace/millrace/state"
)

// Config is what a store is made for.
type Config struct {
	Keys   []columnar.Field
	Groups state.Groups
	Memory *budget.Account  // what the store holds is counted here; nil: nowhere
	Clock  func() time.Time // processing time, for times to live; nil: time.Now
	// NativeFrom is from how many bytes of state on what is frozen has files of the store's own, so that a checkpoint writes what has
	// changed since the one before; less than that is as well written as rows, in one file. 0: never.
	NativeFrom int64
}

// store is a state.Store; the package comment tells how it works.
type store struct {
	cfg    Config
	run    string // distinguishes the files of this store from those of others
	coder  *state.Coder
	tables []*table
	timers []*timers
	forms  state.Forms // sealed: the layout of rows is settled
	layout layout

	pool   pool
	epochs epochs
	life   lifetime
	groups []group // by key group, from the first that is owned
	blocks blocks
	live   int // rows in use

	touched byte // keeps the compiler from leaving out what touches memory

	inserts uint64 // rows made, ever
	removes uint64 // rows dropped, ever
	picked  selection
	cur     cursor
	sweeper sweeper

	path    path
	page    []byte // of a node
	scratch []byte // of a long value
	key     []byte // of the cursor, when it is of no selected row
}

// selection is what Select was given, and what was found of it: block by block, when the first key of a block is used.
type selection struct {
	hashes []uint64
	rows   []loc // + 1; 0: there was none
	keys   state.Cellar
	blocks []lookedUp // by place / ahead
}

// lookedUp is what is known of a block of a selection.
type lookedUp struct {
	done    bool
	inserts uint64 // the store's, then
	removes uint64
}

// cursor is the current key. What is known of its row holds as long as no row has been dropped, or made if there was none.
type cursor struct {
	picked  int // the selected row whose key it is, -1: the key is s.key
	hash    uint64
	group   int // from the first that is owned
	row     loc // + 1; 0: there was none
	inserts uint64
	removes uint64
}

// New returns an empty store. It takes memory from cfg.Memory as it grows, and gives it back when it is closed and everything frozen is
// released.
func New(cfg Config) (state.Store, error) {
	if cfg.Groups.Max <= 0 || cfg.Groups.Max&(cfg.Groups.Max-1) != 0 || cfg.Groups.From < 0 || cfg.Groups.To > cfg.Groups.Max {
		return nil, fmt.Errorf("opening keyed state for the key groups %s: their number is no power of two, or the range is outside", cfg.Groups)
	}
	if cfg.Groups.Max > maxGroups {
		return nil, fmt.Errorf("opening keyed state of %d key groups: the most is %d", cfg.Groups.Max, maxGroups)
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	s := &store{cfg: cfg, run: fmt.Sprintf("%016x", rand.Uint64()), coder: state.NewKeyCoder(cfg.Keys), pool: pool{acct: cfg.Memory}}
	s.epochs.now = firstEpoch
	s.groups = make([]group, max(cfg.Groups.To-cfg.Groups.From, 0))
	for i := range s.groups {
		s.groups[i].rows.number = int32(i)
	}
	s.blocks.dir.number = int32(len(s.groups))
	return s, nil
}

// Open adds a table.
func (s *store) Open(t state.Table) (state.Cells, error) {
	tab, err := s.open(t)
	if err != nil {
		return nil, err
	}
	if tab.namespaced() {
		tab.natural = treeTable
		return &treeCells{tab}, nil
	}
	size, fixed := tab.form.Values.Fixed()
	tab.natural, tab.width = valueTable, size+tab.stampBytes
	if fixed && size <= maxFixedCell {
		tab.natural = fixedTable
	}
	return &rowCells{tab}, nil
}

// OpenTimers adds a table of timers.
func (s *store) OpenTimers(name string, namespace ...columnar.Field) (state.Timers, error) {
	tab, err := s.open(state.TimersOf(name, s.cfg.Keys, namespace...))
	if err != nil {
		return nil, err
	}
	tab.natural = treeTable
	t := newTimers(tab)
	s.timers = append(s.timers, t)
	tab.timers = t
	return t, nil
}

func (s *store) open(t state.Table) (*table, error) {
	form, err := s.forms.Open(t)
	if err != nil {
		return nil, err
	}
	tab := &table{store: s, form: form, ttl: t.TTL}
	if t.TTL > 0 {
		tab.stampBytes = stampBytes
	}
	s.tables = append(s.tables, tab)
	return tab, nil
}

// seal settles the layout of rows.
func (s *store) seal() {
	if s.forms.Seal() {
		s.layOut()
	}
}

// Select looks the keys up.
func (s *store) Select(cols []columnar.Column, sel []int32, n int) error {
	s.seal()
	if err := s.coder.Check(cols); err != nil {
		return fmt.Errorf("selecting keys: %w", err)
	}
	p := &s.picked
	if cap(p.rows) < n {
		p.hashes, p.rows = make([]uint64, n), make([]loc, n)
	}
	p.hashes, p.rows = p.hashes[:n], p.rows[:n]
	keys.Hash(cols, sel, n, p.hashes)
	mask, owned := uint64(s.cfg.Groups.Max-1), uint64(s.cfg.Groups.From)
	for i, hash := range p.hashes {
		if hash&mask-owned >= uint64(len(s.groups)) {
			return fmt.Errorf("selecting keys: row %d is of key group %d, and not of %s", i, hash&mask, s.cfg.Groups)
		}
	}
	s.coder.Encode(cols, sel, n, &p.keys)
	p.blocks = append(p.blocks[:0], make([]lookedUp, (n+ahead-1)/ahead)...)
	return nil
}

// Use makes the key of a selected row the current one.
func (s *store) Use(i int) {
	p := &s.picked
	b := &p.blocks[i/ahead]
	if !b.done {
		s.lookUp(i / ahead)
	}
	c, hash := &s.cur, p.hashes[i]
	c.picked, c.hash, c.group, c.row = i, hash, s.cfg.Groups.Of(hash)-s.cfg.Groups.From, p.rows[i]
	c.inserts, c.removes = b.inserts, b.removes
}

// currentKey returns the bytes of the current key.
func (s *store) currentKey() []byte {
	if s.cur.picked >= 0 {
		return s.picked.keys.At(s.cur.picked)
	}
	return s.key
}

// UseKey makes a key the current one.
func (s *store) UseKey(cols []columnar.Column, at int) error {
	s.seal()
	hash, key, err := s.coder.KeyAt(s.key, cols, at)
	if err != nil {
		return err
	}
	return s.use(hash, key)
}

// use makes a key the current one.
func (s *store) use(hash uint64, key []byte) error {
	of := s.cfg.Groups.Of(hash)
	if !s.cfg.Groups.Has(of) {
		return fmt.Errorf("using a key: it is of key group %d, and not of %s", of, s.cfg.Groups)
	}
	s.key = append(s.key[:0], key...)
	g := of - s.cfg.Groups.From
	s.cur = cursor{picked: -1, hash: hash, group: g, row: s.find(&s.groups[g], hash, s.key), inserts: s.inserts, removes: s.removes}
	return nil
}

// Key returns the current key.
func (s *store) Key() []columnar.Column { return s.coder.KeyColumns(s.currentKey()) }

// current returns the row of the current key for reading, nil when there is none.
func (s *store) current() row {
	c := &s.cur
	if c.row != 0 && c.removes != s.removes || c.row == 0 && c.inserts != s.inserts {
		c.row, c.inserts, c.removes = s.find(&s.groups[c.group], c.hash, s.currentKey()), s.inserts, s.removes
	}
	if c.row == 0 {
		return nil
	}
	return s.rowAt(&s.groups[c.group], c.row-1)
}

// currentToWrite returns the row of the current key to write to, and makes one if need be.
func (s *store) currentToWrite() (row, error) {
	c := &s.cur
	if s.current() == nil {
		at, err := s.addRow(&s.groups[c.group], c.hash, s.currentKey())
		if err != nil {
			return nil, err
		}
		c.row, c.inserts, c.removes = at+1, s.inserts, s.removes
	}
	return s.writableRow(&s.groups[c.group], c.row-1)
}

// settle drops the current key's row when it is bare.
func (s *store) settle(r row) error {
	if !r.isBare(s.layout.marks) {
		return nil
	}
	c := &s.cur
	if err := s.dropRow(&s.groups[c.group], c.hash, c.row-1); err != nil {
		return err
	}
	c.row, c.inserts, c.removes = 0, s.inserts, s.removes
	return nil
}

// now returns the processing time in microseconds.
func (s *store) now() int64 { return s.cfg.Clock().UnixMicro() }

// Restore gives rows of a table back.
func (s *store) Restore(name string, b columnar.Batch) error {
	s.seal()
	i, err := s.forms.Find(name)
	if err == nil {
		t := s.tables[i]
		err = t.form.Each(b, func(e *state.Entry) error {
			if err := s.use(e.Hash, e.Key); err != nil {
				return err
			}
			return t.restore(e)
		})
	}
	if err != nil {
		return fmt.Errorf("restoring state %q: %w", name, err)
	}
	return nil
}

// Size returns the bytes held.
func (s *store) Size() int64 { return s.pool.size }

// Keys returns the number of keys.
func (s *store) Keys() int64 { return int64(s.live) }

// Close ends the store. Its memory goes when the last of what was frozen is released.
func (s *store) Close() error {
	s.life.mu.Lock()
	defer s.life.mu.Unlock()
	if !s.life.closed {
		s.life.closed = true
		for _, t := range s.timers {
			t.queue.close()
		}
		if s.life.open == 0 {
			s.pool.close()
		}
	}
	return nil
}
