// Package fault is what tests that run whole jobs under seeded faults have in common, in virtual time (internal/sim) and on real disks
// (internal/chaos): names for kinds of faults, counts of what took place, and the output of a job as lines that can be compared.
//
//	want, _ := fault.ReadOutput(ctx, fsys, "/undisturbed")
//	... the same job under faults, whose counts say what it has met ...
//	got, _ := fault.ReadOutput(ctx, fsys, "/disturbed")
//	fmt.Println(counts, want.Difference(got))
//
// Stability: engine-private.
package fault

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Kind is a kind of fault. Who makes faults has the list of theirs.
type Kind string

// Parse reads kinds with commas between, each of which must be one of all.
func Parse(text string, all []Kind) ([]Kind, error) {
	var out []Kind
	for word := range strings.SplitSeq(text, ",") {
		k := Kind(strings.TrimSpace(word))
		if !slices.Contains(all, k) {
			return nil, fmt.Errorf("unknown fault %q; there are %s", k, Join(all))
		}
		out = append(out, k)
	}
	return out, nil
}

// Join lists kinds with commas between.
func Join(kinds []Kind) string {
	words := make([]string, len(kinds))
	for i, k := range kinds {
		words[i] = string(k)
	}
	return strings.Join(words, ",")
}

// Event is what may take place in a run, in the plural: "kills".
type Event string

// Counts are how often events took place. A run may end before the faults that were drawn for it come.
type Counts map[Event]int

// Add adds those of another run.
func (c Counts) Add(by Counts) {
	for event, n := range by {
		c[event] += n
	}
}

// String is one line, sorted by name.
func (c Counts) String() string {
	var words []string
	for _, event := range slices.Sorted(maps.Keys(c)) {
		words = append(words, fmt.Sprintf("%d %s", c[event], event))
	}
	return strings.Join(words, ", ")
}
