package hdfs

import (
	"bufio"
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// links are the connections of one FS. They give the client library what it lacks: time-outs, fewer system calls,
// and an end when the FS is closed.
type links struct {
	timeout   time.Duration
	dialer    net.Dialer
	detours   bool // whether a write request may go to another DataNode than was dialled: without SASL only
	pipelines pipelines

	life context.Context //nolint:containedctx // ends what is being dialled when the links are closed
	end  context.CancelFunc

	mu     sync.Mutex // guards open and closed
	open   map[*link]struct{}
	closed bool
}

var errClosed = errors.New("the file system is closed")

func newLinks(timeout time.Duration) *links {
	l := &links{
		timeout: timeout, open: map[*link]struct{}{},
		dialer: net.Dialer{Timeout: min(timeout, 20*time.Second), KeepAlive: 30 * time.Second},
	}
	l.life, l.end = context.WithCancel(context.Background())
	l.pipelines = pipelines{minimum: 1, dial: l.dialer.DialContext, seen: map[string]sighting{}}
	return l
}

// dialNameNode connects to a NameNode; the library calls it without a context worth the name.
func (l *links) dialNameNode(ctx context.Context, network, addr string) (net.Conn, error) {
	k, err := l.connect(ctx, network, addr)
	if err != nil {
		return nil, err // not a nil *link in an interface
	}
	return k, nil
}

// dialDataNode connects to a DataNode, or to nowhere yet if another may take its place.
func (l *links) dialDataNode(ctx context.Context, network, addr string) (net.Conn, error) {
	k, err := l.connect(ctx, network, addr)
	if err == nil {
		return k, nil
	}
	if l.detours && l.pipelines.isDistrustful() && !errors.Is(err, errClosed) {
		return &detour{links: l, err: err}, nil
	}
	return nil, err
}

// connect opens a link.
func (l *links) connect(ctx context.Context, network, addr string) (*link, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.life, cancel)()
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
	l.end()
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
	cause atomic.Pointer[error] // of the first failed read, which later calls return again
}

// deadlined is the unbuffered side of a link.
type deadlined struct{ *link }

func (d deadlined) Read(p []byte) (int, error) {
	if cause := d.cause.Load(); cause != nil {
		return 0, *cause
	}
	if err := d.SetReadDeadline(time.Now().Add(d.links.timeout)); err != nil {
		return 0, err
	}
	n, err := d.Conn.Read(p)
	if err != nil && n == 0 {
		d.cause.CompareAndSwap(nil, &err)
		d.Close() // for the library to find it unusable; err says why
	}
	return n, err
}

func (k *link) Read(p []byte) (int, error) { return k.in.Read(p) }

func (k *link) Write(p []byte) (int, error) {
	if cause := k.cause.Load(); cause != nil {
		return 0, *cause
	}
	if err := k.SetWriteDeadline(time.Now().Add(k.links.timeout)); err != nil {
		return 0, err
	}
	if len(p) > 3 && p[2] == writeBlock && k.links.pipelines.isDistrustful() {
		if trimmed := k.links.pipelines.trim(p); len(trimmed) < len(p) {
			_, err := k.Conn.Write(trimmed)
			return len(p), err
		}
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
