package agg

import "testing"

// TestStatesKeepWhatTheyHold grows states from the heap to large mappings and empties them: old states stay, new ones are zero.
func TestStatesKeepWhatTheyHold(t *testing.T) {
	var s states[total[int64]]
	defer s.Free()
	check := func(n, old int) {
		t.Helper()
		s.Grow(n)
		if len(s.all) != n || s.Size() < 16*n {
			t.Fatalf("%d groups in %d bytes, want %d groups", len(s.all), s.Size(), n)
		}
		for g, state := range s.all {
			want := total[int64]{}
			if g < old {
				want = total[int64]{int64(g), 1}
			}
			if state != want {
				t.Fatalf("of %d groups, %d old ones, group %d is %v, want %v", n, old, g, state, want)
			}
			s.all[g] = total[int64]{int64(g), 1}
		}
	}
	for range 2 {
		for n, old := 1, 0; n < 500_000; n, old = 3*n, n {
			check(n, old)
		}
		if out := s.Outside(); out != s.Size() {
			t.Errorf("%d of %d bytes are outside of the heap", out, s.Size())
		}
		s.Reset()
	}
	check(10, 0)
	s.Reset()
	if s.Outside() != 0 {
		t.Error("ten groups did not give back the room for many")
	}
	check(20, 0)
	s.Free()
	check(5, 0)
}
