//go:build integration

package hdfs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/millrace/millrace/hdfs"
	"github.com/millrace/millrace/internal/testkit/hadoop"
	"github.com/millrace/millrace/vfs"
	"github.com/millrace/millrace/vfs/vfstest"
)

// open connects to a cluster as a superuser and closes the connection with the test.
func open(t *testing.T, c *hadoop.Cluster, o hdfs.Options) *hdfs.FS {
	t.Helper()
	c.Setenv(t)
	o.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	o.SpoolDir = t.TempDir()
	fsys, err := o.Open(t.Context(), c.NameNode)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := fsys.Close(); err != nil {
			t.Error(err)
		}
	})
	return fsys.(*hdfs.FS)
}

// folder makes a folder for a test.
func folder(t *testing.T, fsys vfs.FileSystem) string {
	t.Helper()
	dir := "/" + strings.ReplaceAll(t.Name(), " ", "_")
	if err := fsys.Mkdir(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// random is n bytes from a fixed seed.
func random(n int) []byte {
	data := make([]byte, n)
	src := rand.NewChaCha8([32]byte{1})
	if _, err := src.Read(data); err != nil {
		panic(err)
	}
	return data
}

// create writes data in pieces and calls at before the piece that begins at or after each of its offsets.
func create(ctx context.Context, fsys vfs.FileSystem, p string, data []byte, at map[int]func()) error {
	w, err := fsys.Create(ctx, p)
	if err != nil {
		return err
	}
	for off := 0; off < len(data); {
		if f, ok := at[off]; ok {
			f()
		}
		n := min(100_000, len(data)-off)
		if _, err := w.Write(data[off : off+n]); err != nil {
			return errors.Join(err, w.Abort())
		}
		off += n
	}
	if f, ok := at[len(data)]; ok {
		f()
	}
	if err := w.Close(); err != nil {
		return errors.Join(err, w.Abort())
	}
	return nil
}

// holds checks that p is the only thing in its folder and holds want.
func holds(t *testing.T, fsys vfs.FileSystem, p string, want []byte) {
	t.Helper()
	got, err := vfs.ReadFile(t.Context(), fsys, p)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("%s: %d bytes differ from the %d written", p, len(got), len(want))
	}
	infos, err := fsys.List(t.Context(), path.Dir(p))
	if err != nil || len(infos) != 1 {
		t.Errorf("beside %s: %v, %v", p, infos, err)
	}
}

func TestCluster(t *testing.T) {
	// As in production, the NameNode takes minutes to notice that a DataNode is dead: nobody can wait for that.
	c := hadoop.Start(t, hadoop.Options{DataNodes: 3, HDFSSite: map[string]string{"dfs.namenode.heartbeat.recheck-interval": "300000"}})
	t.Run("Conformance", func(t *testing.T) {
		vfstest.Run(t, func(t *testing.T) (vfs.FileSystem, string) {
			t.Helper()
			fsys := open(t, c, hdfs.Options{})
			return fsys, folder(t, fsys)
		})
	})
	t.Run("DataNodeDiesDuringWrite", func(t *testing.T) {
		fsys := open(t, c, hdfs.Options{})
		p, data := folder(t, fsys)+"/f", random(5_500_000)
		defer c.StartDataNode(t, 1)
		err := create(t.Context(), fsys, p, data, map[int]func(){3_600_000: func() { c.KillDataNode(1) }})
		if err != nil {
			t.Fatal(err)
		}
		holds(t, fsys, p, data)
	})
	t.Run("DataNodeDiesBeforeClose", func(t *testing.T) {
		fsys := open(t, c, hdfs.Options{})
		p, data := folder(t, fsys)+"/f", random(300_000)
		defer c.StartDataNode(t, 0)
		err := create(t.Context(), fsys, p, data, map[int]func(){300_000: func() { c.KillDataNode(0) }})
		if err != nil {
			t.Fatal(err)
		}
		holds(t, fsys, p, data)
	})
	t.Run("DataNodeDiesDuringRead", func(t *testing.T) {
		fsys := open(t, c, hdfs.Options{})
		p, data := folder(t, fsys)+"/f", random(8_000_000)
		if err := create(t.Context(), fsys, p, data, nil); err != nil {
			t.Fatal(err)
		}
		defer c.StartDataNode(t, 2)
		f, err := fsys.Open(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		got := make([]byte, len(data))
		if _, err := io.ReadFull(f, got[:500_000]); err != nil {
			t.Fatal(err)
		}
		c.KillDataNode(2)
		if _, err := io.ReadFull(f, got[500_000:]); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%v, or the bytes differ", err)
		}
	})
	t.Run("NameNodeRestartsDuringWrite", func(t *testing.T) {
		fsys := open(t, c, hdfs.Options{})
		p, data := folder(t, fsys)+"/f", random(3_500_000)
		start := time.Now()
		err := create(t.Context(), fsys, p, data, map[int]func(){1_500_000: func() { c.RestartNameNode(t) }})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("took %v", time.Since(start))
		holds(t, fsys, p, data)
	})
	t.Run("NameNodeRestartsDuringRead", func(t *testing.T) {
		fsys := open(t, c, hdfs.Options{})
		p, data := folder(t, fsys)+"/f", random(2_500_000)
		if err := create(t.Context(), fsys, p, data, nil); err != nil {
			t.Fatal(err)
		}
		f, err := fsys.Open(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		got := make([]byte, len(data))
		if _, err := f.ReadAt(got[:10], 0); err != nil {
			t.Fatal(err)
		}
		c.KillNameNode(0)
		if _, err := f.ReadAt(got, 0); err != nil || !bytes.Equal(got, data) {
			t.Errorf("an open file needs no NameNode: %v, or the bytes differ", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if _, err := fsys.Stat(ctx, p); !errors.Is(err, context.DeadlineExceeded) && !vfs.IsUnavailable(err) {
			t.Errorf("without a NameNode: %v", err)
		}
		restarted := make(chan struct{})
		go func() {
			defer close(restarted)
			c.StartNameNode(t, 0)
		}()
		holds(t, fsys, p, data) // waits for it
		<-restarted
	})
	t.Run("FileIsReplacedDuringRead", func(t *testing.T) {
		fsys := open(t, c, hdfs.Options{})
		p, data := folder(t, fsys)+"/f", random(3_000_000)
		if err := create(t.Context(), fsys, p, data, nil); err != nil {
			t.Fatal(err)
		}
		f, err := fsys.Open(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := vfs.WriteFileAtomic(t.Context(), fsys, p, random(3_000_001)[1:]); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(data))
		if n, err := f.ReadAt(got, 0); err == nil || !bytes.Equal(got[:n], data[:n]) {
			t.Errorf("read %d bytes, %v: of the old file or none, never of the new", n, err)
		}
	})
	t.Run("ManyWritersLoseADataNode", func(t *testing.T) {
		fsys := open(t, c, hdfs.Options{})
		dir, data := folder(t, fsys), random(1_700_000)
		defer c.StartDataNode(t, 0)
		var g errgroup.Group
		var once sync.Once
		for w := range 4 {
			g.Go(func() error {
				for i := range 3 {
					p := fmt.Sprintf("%s/%d-%d", dir, w, i)
					kill := map[int]func(){900_000: func() { once.Do(func() { c.KillDataNode(0) }) }}
					if err := create(t.Context(), fsys, p, data[w:], kill); err != nil {
						return err
					}
				}
				return nil
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		infos, err := fsys.List(t.Context(), dir)
		if err != nil || len(infos) != 12 {
			t.Errorf("%d files, %v", len(infos), err)
		}
		for _, info := range infos {
			got, err := vfs.ReadFile(t.Context(), fsys, info.Path)
			if w := int(info.Name()[0] - '0'); err != nil || !bytes.Equal(got, data[w:]) {
				t.Errorf("%s: %v, or the bytes differ", info.Path, err)
			}
		}
	})
	t.Run("PatienceEnds", func(t *testing.T) {
		fsys := open(t, c, hdfs.Options{Patience: time.Second})
		p := folder(t, fsys) + "/f"
		w, err := fsys.Create(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(random(300_000)); err != nil {
			t.Fatal(err)
		}
		c.KillNameNode(0)
		start := time.Now()
		if err := w.Close(); !vfs.IsUnavailable(err) {
			t.Errorf("Close without a NameNode: %v", err)
		}
		if err := w.Abort(); !vfs.IsUnavailable(err) {
			t.Errorf("Abort without a NameNode: %v", err)
		}
		if took := time.Since(start); took > 15*time.Second {
			t.Errorf("it took %v to give up", took)
		}
		c.StartNameNode(t, 0)
		c.AwaitDataNodes(t, 3)
	})
}
