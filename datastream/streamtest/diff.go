package streamtest

import (
	"fmt"
	"slices"
	"strings"
)

// Diff compares records as bags: each as often as wanted, in any order. It returns "" when they are the same, else a line for each record that
// is missing, with a minus, or is too many, with a plus. Records are the same when fmt prints them alike with %+v.
func Diff[T any](want, got []T) string {
	lines := map[string]int{}
	for _, w := range want {
		lines[fmt.Sprintf("%+v", w)]++
	}
	for _, g := range got {
		lines[fmt.Sprintf("%+v", g)]--
	}
	var out []string
	for line, n := range lines {
		for ; n > 0; n-- {
			out = append(out, "- "+line)
		}
		for ; n < 0; n++ {
			out = append(out, "+ "+line)
		}
	}
	slices.SortFunc(out, func(a, b string) int { return strings.Compare(a[2:], b[2:]) })
	return strings.Join(out, "\n")
}

// DiffInOrder compares records one by one: for jobs, or parts of them, of one task. It returns "" when they are the same, else the first place
// where they differ.
func DiffInOrder[T any](want, got []T) string {
	for i := range max(len(want), len(got)) {
		switch {
		case i >= len(got):
			return fmt.Sprintf("record %d of %d is missing:\n- %+v", i+1, len(want), want[i])
		case i >= len(want):
			return fmt.Sprintf("record %d is more than the %d wanted:\n+ %+v", i+1, len(want), got[i])
		}
		if w, g := fmt.Sprintf("%+v", want[i]), fmt.Sprintf("%+v", got[i]); w != g {
			return fmt.Sprintf("record %d differs:\n- %s\n+ %s", i+1, w, g)
		}
	}
	return ""
}
