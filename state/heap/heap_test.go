package heap_test

import (
	"testing"

	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/state/heap"
	"github.com/millrace/millrace/state/statetest"
)

func open(t testing.TB, cfg statetest.Config) state.Store {
	t.Helper()
	s, err := heap.New(heap.Config{Keys: cfg.Keys, Groups: cfg.Groups, Memory: cfg.Memory, Clock: cfg.Clock})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformance(t *testing.T) { statetest.Run(t, open) }

func TestBudget(t *testing.T) { statetest.Budget(t, open) }
