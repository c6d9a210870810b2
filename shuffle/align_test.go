package shuffle

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/shuffle/partition"
)

// Exactly once, what follows a barrier waits until it has come on all channels; at least once, it does not. Both then wait for the consumer to have
// been cut.
func TestBarriers(t *testing.T) {
	for exactly, want := range map[bool][2][]string{
		true:  {{"1", "5"}, {"6", "|1"}},
		false: {{"1", "2", "3", "5"}, {"4", "6", "|1"}},
	} {
		p := NewPipe(2, 1, exactly)
		f := &flows{t: t, gate: p.Gate(0, func() {}).(*pipeGate)}
		for i := range 2 {
			f.writers = append(f.writers, p.Writer(i, numberSchema, &partition.Forward{}, func() {}))
		}
		f.write("0: 1", "0: |1", "0: 2", "0: 3", "1: 5")
		before := f.poll(100)
		f.write("0: 4", "1: 6", "1: |1", "1: 7")
		got := [2][]string{inOrder(before), inOrder(f.poll(100))}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("exactly once: %t (-want +got):\n%s", exactly, diff)
		}
		f.gate.Unblock(1)
		rest := []string{"2", "3", "4", "7"}
		if !exactly {
			rest = rest[3:]
		}
		if diff := cmp.Diff(rest, inOrder(f.poll(100))); diff != "" {
			t.Errorf("exactly once: %t, behind the barrier (-want +got):\n%s", exactly, diff)
		}
	}
}

// inOrder sorts items of several channels.
func inOrder(items []string) []string {
	slices.Sort(items)
	return items
}

// A channel that ends is waited for no more; a newer barrier takes an older one's place.
func TestBarriersThatDoNotCome(t *testing.T) {
	f := newFlows(t, 2)
	f.write("0: |1", "0: 1", "1: end")
	if diff := cmp.Diff([]string{"|1"}, f.poll(100)); diff != "" {
		t.Errorf("with a channel that has ended (-want +got):\n%s", diff)
	}
	f = newFlows(t, 2)
	f.write("0: |1", "0: 1", "1: |2", "1: 2")
	if diff := cmp.Diff([]string{"1"}, f.poll(100)); diff != "" {
		t.Errorf("with an older barrier (-want +got):\n%s", diff)
	}
	f.write("0: |2", "0: 3")
	if diff := cmp.Diff([]string{"|2"}, f.poll(100)); diff != "" {
		t.Errorf("with both (-want +got):\n%s", diff)
	}
	f.gate.Unblock(2)
	if diff := cmp.Diff([]string{"2", "3"}, inOrder(f.poll(100))); diff != "" {
		t.Errorf("behind the newer one (-want +got):\n%s", diff)
	}
}
