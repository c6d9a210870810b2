package lsm

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Sweep deletes expired cells, table by table.
func (s *store) Sweep(cells int) (more bool, err error) {
	if err := s.seal(); err != nil {
		return false, err
	}
	if err := s.cache.flush(s.db); err != nil {
		return false, err
	}
	for _, t := range s.tables {
		if t.form.Table.TTL == 0 || len(s.sweep) > 0 && s.sweep[0] > t.id {
			continue
		}
		if cells <= 0 {
			s.sweep = []byte{t.id}
			return true, nil
		}
		seen, next, err := s.sweepTable(t, cells)
		if err != nil {
			return false, fmt.Errorf("sweeping state %q: %w", t.form.Table.Name, err)
		}
		if s.sweep = next; next != nil {
			return true, nil
		}
		cells -= seen
	}
	s.sweep, s.key = nil, nil
	return false, nil
}

// sweepTable looks at some cells of a table, and returns where to go on, nil at its end.
func (s *store) sweepTable(t *table, cells int) (seen int, next []byte, err error) {
	from := []byte{t.id}
	if len(s.sweep) > 0 && s.sweep[0] == t.id {
		from = s.sweep
	}
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: []byte{t.id + 1}})
	if err != nil {
		return 0, nil, err
	}
	now := s.now()
	for it.First(); it.Valid() && err == nil; it.Next() {
		if seen == cells {
			next = append([]byte(nil), it.Key()...)
			break
		}
		seen++
		if _, ok := t.live(it.Value(), now); !ok {
			err = s.db.Delete(it.Key(), pebble.NoSync)
		}
	}
	return seen, next, errors.Join(err, it.Close())
}
