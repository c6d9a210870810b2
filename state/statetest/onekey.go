package statetest

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/state"
)

// RunOneKey tests a store of one key at a time: for each key it is as a store of its own.
func RunOneKey(t *testing.T, open func(t testing.TB, cfg Config) state.OneKey) {
	t.Helper()
	rapid.Check(t, func(rt *rapid.T) {
		m := &machine{t: rt, tb: t, key: stringKey, now: time.UnixMicro(1e15), groups: state.Share(0, 1, 1), small: rapid.Bool().Draw(rt, "small")}
		s := open(t, m.config())
		m.stores[1] = openAll(t, s, m.key)
		for number := range rapid.IntRange(1, 5).Draw(rt, "keys") {
			m.stores[0] = openAll(t, Reference(t, m.config()), m.key)
			cols := keyColumns(m.key, []int{number, number, number + 1})
			m.each(func(s *opened) string { return fmt.Sprint(s.Select(cols, nil, 3)) })
			if s.Ends(0) != (number > 0) {
				rt.Fatalf("key %d ends another: %v", number, s.Ends(0))
			}
			m.each(func(s *opened) string { s.Use(0); return "" })
			for range rapid.IntRange(1, 40).Draw(rt, "operations") {
				if s.Ends(1) || !s.Ends(2) {
					rt.Fatalf("equal keys end one: %v; another does: %v", s.Ends(1), s.Ends(2))
				}
				switch rapid.IntRange(0, 5).Draw(rt, "step") {
				case 0:
					m.fire()
				case 1:
					m.pass()
				default:
					m.each(func(s *opened) string { s.Use(1); return "" })
					m.operation()
				}
			}
		}
		m.close(m.stores[1])
	})
}
