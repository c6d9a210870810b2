package agg

import "testing"

// TestTypedSubtracts checks that what says of which type results are hides nothing.
func TestTypedSubtracts(t *testing.T) {
	if !CanSubtract(Count[int64]().New()) || !CanSubtract(Sum(func(v int64) int64 { return v }).New()) {
		t.Error("they cannot subtract")
	}
}
