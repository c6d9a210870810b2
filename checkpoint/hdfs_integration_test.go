//go:build integration

package checkpoint

import (
	"path"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/hdfs"
	"github.com/millrace/millrace/internal/testkit/hadoop"
)

// TestHDFS has the folder of checkpoints on a real HDFS: checkpoints, a stop with a savepoint, and one incarnation taking over from another at
// the worst moments.
func TestHDFS(t *testing.T) {
	c := hadoop.Start(t, hadoop.Options{})
	c.Setenv(t)
	fsys, err := hdfs.Options{SpoolDir: t.TempDir()}.Open(t.Context(), c.NameNode)
	if err != nil {
		t.Fatal(err)
	}
	defer fsys.Close()
	t.Run("takeover", func(t *testing.T) { takeOver(t, fsys, "/takeover") })
	t.Run("store", func(t *testing.T) {
		w := newWorld(t, fsys)
		for range 3 {
			if _, err := w.write(w.store, Checkpoint, 2, 3000); err != nil {
				t.Fatal(err)
			}
		}
		m, err := w.write(w.store, Stop, 2, 5000)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"chk-00000003", "chk-00000004", "epoch-00000001"}, w.files("/job")); diff != "" {
			t.Error(diff)
		}
		found, err := w.reopen("run2").Latest(t.Context())
		if err != nil || found.Manifest.ID != m.ID || path.Dir(found.Root.Path) != "/savepoints" {
			t.Fatal(found, err)
		}
		if diff := cmp.Diff(expected(wordsOf(0, 5000)), read(t, found, "count", counts, Share{Tasks: 1, KeyGroups: testGroups})); diff != "" {
			t.Error(diff)
		}
	})
}
