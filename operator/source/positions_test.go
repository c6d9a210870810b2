package source_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/operator/source"
)

// A source of endlessly many splits has what was read to its end in its checkpoints, until one of them is complete.
func TestPositionsForget(t *testing.T) {
	var p source.Positions
	read := func(from, to int) {
		for i := from; i < to; i++ {
			id := fmt.Sprint(i)
			p.Take(source.Got{Assigned: source.Assignment{Splits: []connectors.Split{{ID: id}}, Positions: []connectors.Position{nil}}})
			p.Take(source.Got{Fetched: connectors.Fetched{Split: id, Next: connectors.Position{1}, Done: true}})
		}
	}
	read(0, 3)
	_, first := p.Snapshot()
	read(3, 5)
	at, second := p.Snapshot()
	if len(at) != 0 || !slices.Equal(first, []string{"0", "1", "2"}) || !slices.Equal(second, []string{"0", "1", "2", "3", "4"}) {
		t.Fatalf("snapshots have %v, %v, %v", at, first, second)
	}
	p.Forget(first)
	read(5, 6)
	if _, done := p.Snapshot(); !slices.Equal(done, []string{"3", "4", "5"}) {
		t.Errorf("after the first is complete: %v", done)
	}
	p.Forget(second)
	if _, done := p.Snapshot(); !slices.Equal(done, []string{"5"}) {
		t.Errorf("after the second is complete: %v", done)
	}
}
