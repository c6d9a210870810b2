package socket

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/ratelimit"
	"github.com/millrace/millrace/formats"
)

// many reads the addresses of a task in turn. Those of connections that do not end it is given at once.
type many struct {
	open    func() *reader
	readers []*reader
	next    int
}

// Assign implements connectors.Reader.
func (m *many) Assign(splits []connectors.Split, _ []connectors.Position) error {
	for _, s := range splits {
		if len(s.Data) == 0 || s.Data[0] != version {
			return fmt.Errorf("socket: the split %s is not of this version", s.ID)
		}
		r := m.open()
		r.split = s
		m.readers = append(m.readers, r)
	}
	return nil
}

// Fetch implements connectors.Reader. It returns as soon as there is a line, or when all have been asked once.
func (m *many) Fetch(ctx context.Context) (connectors.Fetched, error) {
	if ctx.Err() != nil {
		return connectors.Fetched{}, context.Cause(ctx)
	}
	if len(m.readers) == 0 {
		return connectors.Fetched{}, io.EOF
	}
	share := patience / time.Duration(len(m.readers))
	for range m.readers {
		m.next = (m.next + 1) % len(m.readers)
		r := m.readers[m.next]
		r.patience = share
		f, err := r.fetch(ctx)
		if f.Done {
			m.readers = slices.Delete(m.readers, m.next, m.next+1)
		}
		if err != nil || f.Split != "" {
			return f, err
		}
	}
	return connectors.Fetched{}, nil
}

// Close implements connectors.Reader.
func (m *many) Close() error {
	var errs []error
	for _, r := range m.readers {
		errs = append(errs, r.close())
	}
	return errors.Join(errs...)
}

// reader reads one address.
type reader struct {
	env       connectors.TaskEnv
	decoder   formats.RecordDecoder
	limiter   *ratelimit.Limiter
	rows      int
	maxLine   int
	bounded   bool
	reconnect time.Duration
	split     connectors.Split
	patience  time.Duration

	conn     net.Conn  // nil: not connected
	timed    bool      // conn has a deadline that has not been met
	retry    time.Time // when to connect again
	warned   bool      // that it cannot connect
	buf      []byte    // what is read and not decoded is buf[from:to]
	from, to int
	offset   int64 // in the connection, of buf[from]
	dropped  int64 // bytes left out of the line at buf[from], which is too long
	lines    [][]byte
	starts   []int64 // offsets of lines
}

const (
	// patience is how long Fetch waits for bytes. It is also how often a socket by which nothing comes wakes the processor.
	patience    = 50 * time.Millisecond
	dialTimeout = 5 * time.Second
	readSize    = 64 << 10
)

// NewReader starts a task's reading.
func (s Source[T]) NewReader(env connectors.TaskEnv, scan connectors.Scan) (connectors.Reader, error) {
	d, err := any(s.Format).(formats.RecordFormat).NewRecordDecoder(scan.Columns)
	if err != nil {
		return nil, fmt.Errorf("socket.Source: %w", err)
	}
	limiter := ratelimit.New(s.Rate, env.Tasks)
	return &many{open: func() *reader {
		return &reader{
			env: env, decoder: d, limiter: limiter, rows: limiter.Rows(cmp.Or(scan.Rows, columnar.DefaultRows)), maxLine: cmp.Or(s.MaxLine, defaultMaxLine),
			bounded: s.Bounded, reconnect: s.reconnect(), buf: make([]byte, readSize),
		}
	}}, nil
}

// fetch returns the next lines, as soon as there is one.
func (r *reader) fetch(ctx context.Context) (connectors.Fetched, error) {
	if !r.limiter.Wait(ctx, r.patience) {
		return connectors.Fetched{}, context.Cause(ctx)
	}
	if r.cut(false) {
		return r.batch()
	}
	if r.conn == nil {
		return connectors.Fetched{}, r.connect(ctx)
	}
	err := r.read()
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return r.broken(err)
	}
	if r.cut(false) {
		return r.batch()
	}
	return connectors.Fetched{}, nil
}

func (r *reader) address() string { return string(r.split.Data[1:]) }

// connect connects, or waits a little until it is time to try.
func (r *reader) connect(ctx context.Context) error {
	if wait := time.Until(r.retry); wait > 0 {
		timer := time.NewTimer(min(wait, r.patience))
		defer timer.Stop()
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	network, address := "tcp", r.address()
	if path, ok := strings.CutPrefix(address, unixPrefix); ok {
		network, address = "unix", path
	}
	dialer := net.Dialer{Timeout: dialTimeout}
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		r.retry = time.Now().Add(r.reconnect)
		if !r.warned && r.env.Log != nil {
			r.env.Log.Warn("a socket cannot be connected to; trying on", slog.String("address", r.address()), slog.Any("error", err))
		}
		r.warned = true
		return nil
	}
	r.conn, r.timed, r.warned, r.from, r.to, r.offset, r.dropped = conn, false, false, 0, 0, 0, 0
	return nil
}

// read waits for some bytes. A deadline serves many reads: to set one costs as much as to read a line.
func (r *reader) read() error {
	if r.from > 0 {
		copy(r.buf, r.buf[r.from:r.to])
		r.from, r.to = 0, r.to-r.from
	}
	if r.to == len(r.buf) {
		r.buf = append(r.buf, make([]byte, len(r.buf))...)
	}
	if !r.timed {
		if err := r.conn.SetReadDeadline(time.Now().Add(r.patience)); err != nil {
			return err
		}
		r.timed = true
	}
	n, err := r.conn.Read(r.buf[r.to:])
	r.to += n
	if errors.Is(err, os.ErrDeadlineExceeded) {
		r.timed = false
		if n > 0 {
			return nil
		}
	}
	return err
}

// broken ends the connection, for good or until it is made anew. The last line need not have an end when the sender has closed it.
func (r *reader) broken(err error) (connectors.Fetched, error) {
	ended := errors.Is(err, io.EOF)
	if closeErr := r.conn.Close(); !ended {
		err = errors.Join(err, closeErr)
	}
	r.conn, r.retry = nil, time.Now().Add(r.reconnect)
	var f connectors.Fetched
	var failed error
	if ended && r.cut(true) {
		f, failed = r.batch()
	}
	r.from, r.to = 0, 0
	switch {
	case r.bounded && !ended:
		return f, fmt.Errorf("reading %s: %w", r.address(), err)
	case r.bounded:
		f.Split, f.Done = r.split.ID, true
	case r.env.Log != nil:
		r.env.Log.Warn("a socket's connection has ended; connecting anew", slog.String("address", r.address()), slog.Any("error", err))
	}
	return f, failed
}

// cut takes lines off what was read, as many as a batch may have, the unfinished one too if it is the last. It says whether there are any.
func (r *reader) cut(last bool) bool {
	r.lines, r.starts = r.lines[:0], r.starts[:0]
	for len(r.lines) < r.rows && r.from < r.to {
		rest := r.buf[r.from:r.to]
		n := bytes.IndexByte(rest, '\n')
		next := n + 1
		if n < 0 {
			if over := len(rest) - r.maxLine - 1; over > 0 { // its beginning is enough for the report
				r.to -= over
				r.dropped += int64(over)
				rest = rest[:len(rest)-over]
			}
			if !last {
				break
			}
			n, next = len(rest), len(rest)
		}
		if line := bytes.TrimSuffix(rest[:n], []byte{'\r'}); len(line) > 0 {
			r.lines, r.starts = append(r.lines, line), append(r.starts, r.offset)
		}
		r.from += next
		r.offset += int64(next) + r.dropped
		r.dropped = 0
	}
	return len(r.lines) > 0
}

var errTooLong = errors.New("the line is too long")

// batch decodes the lines that were cut.
func (r *reader) batch() (connectors.Fetched, error) {
	size := int64(0)
	short := r.lines[:0]
	starts := r.starts[:0]
	for i, line := range r.lines {
		size += int64(len(line)) + 1
		if len(line) > r.maxLine {
			if err := r.bad(line, r.starts[i], errTooLong); err != nil {
				return connectors.Fetched{}, err
			}
			continue
		}
		short, starts = append(short, line), append(starts, r.starts[i])
	}
	b, _, err := r.decoder.Decode(short, func(v formats.BadValue) error {
		reason := v.Reason
		if v.Field != "" {
			reason = fmt.Errorf("field %s: %w", v.Field, reason)
		}
		return r.bad(short[v.Index], starts[v.Index], reason)
	})
	if err != nil {
		return connectors.Fetched{}, err
	}
	r.limiter.Took(b.Len)
	return connectors.Fetched{Batch: b, Split: r.split.ID, Next: connectors.Position{version}, Bytes: size}, nil
}

// badBytes is how much of a bad line is reported.
const badBytes = 64 << 10

func (r *reader) bad(line []byte, offset int64, reason error) error {
	reason = fmt.Errorf("%s (offset %d): %w", r.address(), offset, reason)
	if r.env.Report == nil {
		return reason
	}
	return r.env.Report(connectors.Bad{Source: r.address(), Offset: offset, Record: bytes.Clone(line[:min(len(line), badBytes)]), Reason: reason})
}

func (r *reader) close() error {
	if r.conn == nil {
		return nil
	}
	return r.conn.Close()
}
