package hdfs

import (
	"bufio"
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// links are the connections of one FS. They give the client library what it lacks: time-outs, fewer system calls,
// and an end when the FS is closed.
type links struct {
	timeout time.Duration
	dialer  net.Dialer

	mu     sync.Mutex // guards open and closed
	open   map[*link]struct{}
	closed bool
}

var errClosed = errors.New("the file system is closed")

func newLinks(timeout time.Duration) *links {
	return &links{
		timeout: timeout, open: map[*link]struct{}{},
		dialer: net.Dialer{Timeout: min(timeout, 20*time.Second), KeepAlive: 30 * time.Second},
	}
}

// dial connects to a NameNode or DataNode; the library calls it without a context worth the name.
func (l *links) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := l.dialer.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	k := &link{Conn: conn, links: l}
	k.in.Reset(deadlined{k})
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, errors.Join(errClosed, conn.Close())
	}
	l.open[k] = struct{}{}
	return k, nil
}

// close cuts all connections and lets no new one come.
func (l *links) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for k := range l.open {
		k.Conn.Close() // what it still carried has failed already, or is not waited for
	}
	clear(l.open)
}

// link is a connection whose reads and writes each have a deadline and whose small reads are gathered. A read that
// failed closes it: otherwise the library would take the late answer of a call for that of the next.
type link struct {
	net.Conn
	links *links
	in    bufio.Reader
}

// deadlined is the unbuffered side of a link.
type deadlined struct{ *link }

func (d deadlined) Read(p []byte) (int, error) {
	if err := d.Conn.SetReadDeadline(time.Now().Add(d.links.timeout)); err != nil {
		return 0, err
	}
	n, err := d.Conn.Read(p)
	if err != nil && n == 0 {
		err = errors.Join(err, d.link.Close())
	}
	return n, err
}

func (k *link) Read(p []byte) (int, error) { return k.in.Read(p) }

func (k *link) Write(p []byte) (int, error) {
	if err := k.Conn.SetWriteDeadline(time.Now().Add(k.links.timeout)); err != nil {
		return 0, err
	}
	return k.Conn.Write(p)
}

// SetDeadline does nothing: each read and write sets its own, and the library only ever clears it.
func (k *link) SetDeadline(time.Time) error { return nil }

func (k *link) Close() error {
	k.links.mu.Lock()
	delete(k.links.open, k)
	k.links.mu.Unlock()
	return k.Conn.Close()
}
