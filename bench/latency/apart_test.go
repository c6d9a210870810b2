package main

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestSplit(t *testing.T) {
	var all unix.CPUSet
	for _, cpu := range []int{0, 3, 70} {
		all.Set(cpu)
	}
	last, others := split(all)
	if last.Count() != 1 || !last.IsSet(70) || others.Count() != 2 || !others.IsSet(0) || !others.IsSet(3) {
		t.Errorf("split into %v and %v", last, others)
	}
}
