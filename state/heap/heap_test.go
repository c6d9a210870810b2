package heap_test

import (
	"context"
	"testing"
	"time"

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

// openNative opens a store that has files as soon as it has rows.
func openNative(t testing.TB, cfg statetest.Config) state.Store {
	t.Helper()
	s, err := heap.New(heap.Config{Keys: cfg.Keys, Groups: cfg.Groups, Memory: cfg.Memory, Clock: cfg.Clock, NativeFrom: 1})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func openFiles(_ testing.TB, files []state.File, groups state.Groups, clock func() time.Time) (state.Frozen, error) {
	return heap.OpenFiles(context.Background(), heap.Source{Files: files, Groups: groups, Clock: clock})
}

func TestNative(t *testing.T) { statetest.Native(t, openNative, openFiles) }
