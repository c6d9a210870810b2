package hdfs

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/vfs"
)

// silent is a NameNode that takes connections and says nothing.
func silent(t *testing.T) (addr string) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var conns []net.Conn
	wg.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conns = append(conns, conn)
		}
	})
	t.Cleanup(func() {
		listener.Close()
		wg.Wait()
		for _, c := range conns {
			c.Close()
		}
	})
	return listener.Addr().String()
}

func TestContextEndsABlockedCall(t *testing.T) {
	noEnvironment(t)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	fsys, err := Options{User: "u"}.Open(ctx, silent(t))
	if !errors.Is(err, context.DeadlineExceeded) || fsys != nil || time.Since(start) > 5*time.Second {
		t.Errorf("got %v, %v after %v", fsys, err, time.Since(start))
	}
}

func TestSilenceTimesOut(t *testing.T) {
	noEnvironment(t)
	_, err := Options{User: "u", SocketTimeout: 100 * time.Millisecond}.Open(t.Context(), silent(t))
	if !vfs.IsUnavailable(err) {
		t.Errorf("got %v, want unavailable", err)
	}
}

func TestRefusalsBeforeTheNetwork(t *testing.T) {
	noEnvironment(t)
	for name, o := range map[string]Options{
		"keytab without principal": {Keytab: "/k"},
		"negative patience":        {Patience: -1},
		"no configuration there":   {ConfDir: t.TempDir()},
	} {
		if _, err := o.Open(t.Context(), "host:1"); err == nil || vfs.IsUnavailable(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := (Options{}).Open(t.Context(), ""); err == nil || vfs.IsUnavailable(err) {
		t.Errorf("no host and no configuration: %v", err)
	}
}
