package windowed

import "github.com/millrace/millrace/stream/window"

// slicing is how time is cut into slices. Slices of windows that do not overlap are the windows.
type slicing struct {
	grid     window.Grid
	length   int64 // of a slice
	overlaps bool  // windows do
	lateness int64
}

// newSlicing returns the slices of windows that have some.
func newSlicing(w window.Spec) slicing {
	s := slicing{grid: w.Assigner.Grid(), lateness: w.Lateness.Microseconds()}
	s.overlaps = s.grid.Slide < s.grid.Size
	s.length = s.grid.Size
	if s.overlaps {
		s.length = s.grid.Slice()
	}
	return s
}

// isGapless says whether every time is in a window.
func (s *slicing) isGapless() bool { return s.grid.Slide <= s.grid.Size }

// sliceOf returns the start of the slice with t in it; false when t is in no window.
func (s *slicing) sliceOf(t int64) (int64, bool) {
	if !s.overlaps {
		w, ok := s.grid.LastOf(t)
		return w.Start, ok
	}
	g := window.Grid{Size: s.length, Slide: s.length, Offset: s.grid.Offset}
	return g.LastStart(t), true
}

// firstWindow and lastWindow return the first and the last window with a slice.
func (s *slicing) firstWindow(start int64) window.Interval {
	if !s.overlaps {
		return window.Interval{Start: start, End: start + s.length}
	}
	return s.grid.FirstAfter(start)
}

func (s *slicing) lastWindow(start int64) window.Interval {
	if !s.overlaps {
		return window.Interval{Start: start, End: start + s.length}
	}
	w, _ := s.grid.LastOf(start)
	return w
}
