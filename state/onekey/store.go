// Package onekey keeps the state of one key at a time, for bounded input that comes sorted by key: when another key becomes the current one,
// what was kept is forgotten. There is nothing to look up, to hash or to save; the state of a key is a few Go maps, which are used again.
//
// Its user makes sure that equal keys come together, and asks [state.OneKey] before a key ends, to let its timers fire.
//
// The package starts no goroutines. Stability: engine-private.
package onekey

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/budget"
	"github.com/millrace/millrace/state"
)

// Config is what a store is made for.
type Config struct {
	Keys   []columnar.Field
	Memory *budget.Account  // what the store holds is counted here, about; nil: nowhere
	Clock  func() time.Time // processing time, for times to live; nil: time.Now
}

// store is a state.OneKey.
type store struct {
	cfg    Config
	coder  *state.Coder
	tables []*cells
	timers []*timers
	forms  state.Forms

	picked state.Cellar
	row    state.Cellar // the key of UseKey
	key    []byte
	has    bool // there is a current key
	size   int64
}

// New returns an empty store.
func New(cfg Config) (state.OneKey, error) {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	return &store{cfg: cfg, coder: state.NewKeyCoder(cfg.Keys)}, nil
}

// Open adds a table.
func (s *store) Open(t state.Table) (state.Cells, error) {
	form, err := s.forms.Open(t)
	if err != nil {
		return nil, err
	}
	c := &cells{store: s, form: form, all: map[string]*cell{}}
	s.tables = append(s.tables, c)
	return c, nil
}

// OpenTimers adds a table of timers.
func (s *store) OpenTimers(name string, namespace ...columnar.Field) (state.Timers, error) {
	if _, err := s.forms.Open(state.TimersOf(name, s.cfg.Keys, namespace...)); err != nil {
		return nil, err
	}
	t := &timers{store: s, set: map[string]bool{}}
	s.timers = append(s.timers, t)
	return t, nil
}

// Select takes the keys of rows.
func (s *store) Select(cols []columnar.Column, sel []int32, n int) error {
	if err := s.coder.Check(cols); err != nil {
		return fmt.Errorf("selecting keys: %w", err)
	}
	s.coder.Encode(cols, sel, n, &s.picked)
	return nil
}

// Ends says whether Use(i) would end a current key.
func (s *store) Ends(i int) bool { return s.has && !bytes.Equal(s.key, s.picked.At(i)) }

// Use makes the key of a selected row the current one, and forgets the state of another.
func (s *store) Use(i int) { s.use(s.picked.At(i)) }

// UseKey makes a key the current one, and forgets the state of another.
func (s *store) UseKey(cols []columnar.Column, row int) error {
	if err := s.coder.Check(cols); err != nil {
		return fmt.Errorf("using a key: %w", err)
	}
	s.coder.Encode(cols, []int32{int32(row)}, 1, &s.row)
	s.use(s.row.At(0))
	return nil
}

func (s *store) use(key []byte) {
	if s.has && bytes.Equal(s.key, key) {
		return
	}
	s.forget()
	s.key, s.has = append(s.key[:0], key...), true
}

// forget drops all state.
func (s *store) forget() {
	kept := int64(0)
	for _, c := range s.tables {
		kept += int64(c.forget())
	}
	for _, t := range s.timers {
		t.forget()
	}
	s.cfg.Memory.Release(s.size - kept)
	s.size, s.has = kept, false
}

// grow counts bytes of the key's state, in steps.
func (s *store) grow(n int) error {
	if err := s.cfg.Memory.Grow(int64(n)); err != nil {
		return fmt.Errorf("keeping the state of one key: %w", err)
	}
	s.size += int64(n)
	return nil
}

// shrink counts bytes that are not in use any more.
func (s *store) shrink(n int) {
	s.cfg.Memory.Release(int64(n))
	s.size -= int64(n)
}

// Key returns the current key.
func (s *store) Key() []columnar.Column { return s.coder.KeyColumns(s.key) }

// errNotSaved says that there is no snapshot of the state of one key: bounded input is read again instead.
var errNotSaved = fmt.Errorf("the state of sorted bounded input is neither saved nor restored: %w", errors.ErrUnsupported)

// Restore is not supported.
func (s *store) Restore(string, columnar.Batch) error { return errNotSaved }

// Freeze is not supported.
func (s *store) Freeze() (state.Frozen, error) { return nil, errNotSaved }

// Sweep does nothing: the state goes with its key.
func (s *store) Sweep(int) (more bool, err error) { return false, nil }

// Size returns the bytes held, about.
func (s *store) Size() int64 { return s.size }

// Keys returns 1 when there is a current key.
func (s *store) Keys() int64 {
	if s.has {
		return 1
	}
	return 0
}

// Close ends the store.
func (s *store) Close() error {
	s.forget()
	s.cfg.Memory.Release(s.size)
	s.size = 0
	return nil
}
