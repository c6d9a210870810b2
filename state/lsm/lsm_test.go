package lsm_test

import (
	"context"
	"flag"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/state/heap"
	"github.com/millrace/millrace/state/lsm"
	"github.com/millrace/millrace/state/statetest"
)

// TestMain looks for goroutines that are left, and makes properties look at fewer cases than they would: each opens a tree on disk or two.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "25"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

func open(t testing.TB, cfg statetest.Config) state.Store {
	t.Helper()
	s, err := lsm.New(lsm.Config{
		Keys: cfg.Keys, Groups: cfg.Groups, Memory: cfg.Memory, Clock: cfg.Clock, Bytes: 4 << 20, Dir: filepath.Join(t.TempDir(), "state"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// openNative opens a store that has files.
func openNative(t testing.TB, cfg statetest.Config) state.Store {
	t.Helper()
	s, err := lsm.New(lsm.Config{
		Keys: cfg.Keys, Groups: cfg.Groups, Memory: cfg.Memory, Clock: cfg.Clock, Bytes: 4 << 20, Dir: filepath.Join(t.TempDir(), "state"), Native: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func openFiles(t testing.TB, files []state.File, groups state.Groups, clock func() time.Time) (state.Frozen, error) {
	t.Helper()
	return lsm.OpenFiles(context.Background(), lsm.Source{Files: files, Groups: groups, Clock: clock, Dir: filepath.Join(t.TempDir(), "restored")})
}

func openHeap(t testing.TB, cfg statetest.Config) state.Store {
	t.Helper()
	s, err := heap.New(heap.Config{Keys: cfg.Keys, Groups: cfg.Groups, Memory: cfg.Memory, Clock: cfg.Clock})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformance(t *testing.T) { statetest.Run(t, open) }

func TestHeapToLSM(t *testing.T) { statetest.Between(t, openHeap, open) }

func TestLSMToHeap(t *testing.T) { statetest.Between(t, open, openHeap) }

func TestNative(t *testing.T) { statetest.Native(t, openNative, openFiles) }
