package keys_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar/keys"
)

func TestGroupsOfTasks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		groups := 1 << rapid.IntRange(0, 12).Draw(t, "log2 groups")
		tasks := rapid.IntRange(1, groups).Draw(t, "tasks")
		next := 0
		for c := range tasks {
			from, to := keys.GroupsOf(c, tasks, groups)
			if from != next || to <= from {
				t.Fatalf("task %d has key groups %d to %d, want them to begin at %d", c, from, to, next)
			}
			for g := from; g < to; g++ {
				if got := g * tasks / groups; got != c {
					t.Fatalf("key group %d is in task %d, want %d", g, got, c)
				}
			}
			next = to
		}
		if next != groups {
			t.Fatalf("the tasks have %d of %d key groups", next, groups)
		}
	})
}
