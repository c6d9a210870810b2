package lsm

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

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
	Bytes  int64            // of memory to ask for; it makes do with less; 0: 64 MiB
	Clock  func() time.Time // processing time, for times to live; nil: time.Now
	Dir    string           // on a local disk, made if need be: where the store has a folder of its own, which goes with it
	Native bool             // what is frozen has files too
}

// store is a state.Store; the package comment tells how it works.
type store struct {
	cfg      Config
	coder    *state.Coder
	tables   []*table
	timers   []*timers
	forms    state.Forms
	isSealed bool  // the tables have been written down
	granted  int64 // bytes of memory

	dir    string // of its own
	db     *pebble.DB
	blocks *pebble.Cache
	cache  cache
	life   lifetime
	run    string // distinguishes the files of this store from those of others
	cuts   int    // checkpoints made

	hashes []uint64 // of the selected rows
	picked state.Cellar
	hash   uint64 // of the current key
	key    []byte
	held   []byte // a key of no selected row
	buf    []byte // the bytes of a key of the tree
	value  []byte // a cell that was read
	sweep  []byte // where Sweep goes on; nil: at the beginning
}

// lifetime ends the tree when the store is closed and all views are released.
type lifetime struct {
	mu     sync.Mutex
	open   int // views
	closed bool
}

// New returns an empty store.
func New(cfg Config) (state.Store, error) {
	if cfg.Groups.Max <= 0 || cfg.Groups.Max&(cfg.Groups.Max-1) != 0 || cfg.Groups.Max > 1<<16 {
		return nil, fmt.Errorf("opening keyed state for the key groups %s: their number is no power of two up to 65536", cfg.Groups)
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	granted, err := grant(cfg.Memory, cfg.Bytes)
	if err != nil {
		return nil, err
	}
	s := &store{cfg: cfg, coder: state.NewKeyCoder(cfg.Keys), granted: granted, run: fmt.Sprintf("%016x", rand.Uint64())}
	s.cache.limit = int(granted / 4)
	if err := s.start(); err != nil {
		cfg.Memory.Release(granted)
		return nil, fmt.Errorf("opening keyed state in %s: %w", cfg.Dir, err)
	}
	return s, nil
}

// start makes the folder and an empty tree in it.
func (s *store) start() error {
	err := os.MkdirAll(s.cfg.Dir, 0o755)
	if err == nil {
		s.dir, err = os.MkdirTemp(s.cfg.Dir, "state-")
	}
	if err != nil {
		return err
	}
	o := options(s.granted, s.cfg.Native)
	s.blocks = o.Cache
	if s.db, err = pebble.Open(filepath.Join(s.dir, "db"), o); err != nil {
		o.Cache.Unref()
		return errors.Join(err, os.RemoveAll(s.dir))
	}
	return nil
}

// Open adds a table.
func (s *store) Open(t state.Table) (state.Cells, error) {
	tab, err := s.open(t)
	if err != nil {
		return nil, err
	}
	if len(t.Namespace) > 0 {
		return &rangeCells{tab}, nil
	}
	return &valueCells{tab}, nil
}

// OpenTimers adds a table of timers.
func (s *store) OpenTimers(name string, namespace ...columnar.Field) (state.Timers, error) {
	tab, err := s.open(state.TimersOf(name, s.cfg.Keys, namespace...))
	if err != nil {
		return nil, err
	}
	t := newTimers(tab)
	tab.timers = t
	s.timers = append(s.timers, t)
	return t, nil
}

func (s *store) open(t state.Table) (*table, error) {
	if len(s.tables) == 250 {
		return nil, fmt.Errorf("opening state %q: there are 250 tables already", t.Name)
	}
	form, err := s.forms.Open(t)
	if err != nil {
		return nil, err
	}
	tab := &table{store: s, form: form, id: byte(len(s.tables) + 1)}
	s.tables = append(s.tables, tab)
	return tab, nil
}

// tablesKey is where what the tables are is kept.
var tablesKey = []byte{0}

// seal writes down what the tables are.
func (s *store) seal() error {
	if s.isSealed {
		return nil
	}
	s.forms.Seal()
	tables := make([]state.Table, len(s.tables))
	for i, t := range s.tables {
		tables[i] = t.form.Table
	}
	b, err := json.Marshal(tables)
	if err != nil {
		return fmt.Errorf("describing keyed state: %w", err)
	}
	if err := s.db.Set(tablesKey, b, pebble.NoSync); err != nil {
		return err
	}
	s.isSealed = true
	return nil
}

// Select takes the keys of rows.
func (s *store) Select(cols []columnar.Column, sel []int32, n int) error {
	if err := s.seal(); err != nil {
		return err
	}
	if err := s.coder.Check(cols); err != nil {
		return fmt.Errorf("selecting keys: %w", err)
	}
	if cap(s.hashes) < n {
		s.hashes = make([]uint64, n)
	}
	s.hashes = s.hashes[:n]
	keys.Hash(cols, sel, n, s.hashes)
	s.coder.Encode(cols, sel, n, &s.picked)
	for i, hash := range s.hashes {
		if g := s.cfg.Groups.Of(hash); !s.cfg.Groups.Has(g) {
			return fmt.Errorf("selecting keys: row %d is of key group %d, and not of %s", i, g, s.cfg.Groups)
		}
	}
	return nil
}

// Use makes the key of a selected row the current one.
func (s *store) Use(i int) { s.hash, s.key = s.hashes[i], s.picked.At(i) }

// UseKey makes a key the current one.
func (s *store) UseKey(cols []columnar.Column, row int) error {
	if err := s.seal(); err != nil {
		return err
	}
	hash, key, err := s.coder.KeyAt(s.held, cols, row)
	if err != nil {
		return err
	}
	s.held = key
	return s.use(hash, key)
}

func (s *store) use(hash uint64, key []byte) error {
	if g := s.cfg.Groups.Of(hash); !s.cfg.Groups.Has(g) {
		return fmt.Errorf("using a key: it is of key group %d, and not of %s", g, s.cfg.Groups)
	}
	s.hash, s.key = hash, key
	return nil
}

// Key returns the current key.
func (s *store) Key() []columnar.Column { return s.coder.KeyColumns(s.key) }

func (s *store) now() int64 { return s.cfg.Clock().UnixMicro() }

// Restore gives rows of a table back.
func (s *store) Restore(name string, b columnar.Batch) error {
	if err := s.seal(); err != nil {
		return err
	}
	i, err := s.forms.Find(name)
	if err == nil {
		err = s.cache.flush(s.db)
	}
	if err == nil {
		s.cache.empty()
		err = s.restore(s.tables[i], b)
	}
	if err != nil {
		return fmt.Errorf("restoring state %q: %w", name, err)
	}
	return nil
}

func (s *store) restore(t *table, b columnar.Batch) error {
	batch := s.db.NewBatch()
	defer batch.Close()
	err := t.form.Each(b, func(e *state.Entry) error {
		if err := s.use(e.Hash, e.Key); err != nil {
			return err
		}
		return t.restore(batch, e)
	})
	s.key = nil
	if err != nil {
		return err
	}
	return batch.Commit(pebble.NoSync)
}

// Size returns the bytes of memory that the store may hold.
func (s *store) Size() int64 { return s.granted }

// maxCounted is how many keys of a table Keys counts.
const maxCounted = 20_000

// Keys counts the keys of the table that has most, up to some thousands; beyond, it takes a tenth of the bytes on disk in hundreds.
func (s *store) Keys() int64 {
	most := 0
	if s.cache.flush(s.db) != nil {
		return 0
	}
	for _, t := range s.tables {
		if t.timers == nil {
			most = max(most, s.countKeys(t))
		}
	}
	if most < maxCounted {
		return int64(most)
	}
	m := s.db.Metrics()
	return max(maxCounted, int64(m.DiskSpaceUsage()/100))
}

func (s *store) countKeys(t *table) int {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{t.id}, UpperBound: []byte{t.id + 1}})
	if err != nil {
		return 0
	}
	defer it.Close()
	n := 0
	var last []byte
	for it.First(); it.Valid() && n < maxCounted; it.Next() {
		size, err := s.coder.Size(it.Key()[cellHead:])
		if err != nil {
			return n
		}
		if key := it.Key()[:cellHead+size]; string(key) != string(last) {
			n++
			last = append(last[:0], key...)
		}
	}
	return n
}

// Close ends the store. Its files go when the last of what was frozen is released.
func (s *store) Close() error {
	s.life.mu.Lock()
	defer s.life.mu.Unlock()
	if s.life.closed {
		return nil
	}
	s.life.closed = true
	if s.life.open > 0 {
		return nil
	}
	return s.end()
}

// end closes the tree and removes its folder.
func (s *store) end() error {
	err := s.db.Close()
	s.blocks.Unref()
	s.cfg.Memory.Release(s.granted)
	if err = errors.Join(err, os.RemoveAll(s.dir)); err != nil {
		return fmt.Errorf("closing keyed state in %s: %w", s.dir, err)
	}
	_ = os.Remove(s.cfg.Dir) // if no other is there
	return nil
}
