package program

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/formats/arrowipc"
)

// reader reads the splits of one task, a goroutine each. These hand over pieces one after the other: who is not read waits, and so does its program.
type reader struct {
	env      connectors.TaskEnv
	target   target
	words    func(split int, position string) words
	replay   Replay
	endless  bool
	restart  time.Duration
	want     *columnar.Schema // of the batches
	all      *columnar.Schema // want, and the column of positions if that is not in it
	position int              // of the column of positions in all; -1: there is none
	rows     int              // a batch

	life   context.Context //nolint:containedctx // programs live longer than one Fetch
	cancel context.CancelFunc
	out    chan piece
	open   map[string]bool // splits that are not read to their end
	wg     sync.WaitGroup
}

// piece is what a split's goroutine hands over.
type piece struct {
	split string
	batch columnar.Batch
	at    place
	done  bool
	err   error
}

// place is where a split is.
type place struct {
	rows     int64  // that were read of it
	position string // behind the last of them
}

func (p place) encode() connectors.Position {
	return append(binary.AppendUvarint(connectors.Position{version}, uint64(p.rows)), p.position...)
}

func decodePlace(data connectors.Position) (p place, err error) {
	if data == nil {
		return p, nil
	}
	if len(data) > 1 && data[0] == version {
		if rows, n := binary.Uvarint(data[1:]); n > 0 {
			return place{int64(rows), string(data[1+n:])}, nil
		}
	}
	return p, errors.New("program: a position is not of this version")
}

// patience is how long Fetch waits for records.
const patience = 50 * time.Millisecond

// Assign implements connectors.Reader: programs are started.
func (r *reader) Assign(splits []connectors.Split, from []connectors.Position) error {
	for i, s := range splits {
		number, err := numberOf(s)
		if err != nil {
			return err
		}
		var at place
		if i < len(from) {
			if at, err = decodePlace(from[i]); err != nil {
				return err
			}
		}
		r.open[s.ID] = true
		r.wg.Go(func() { r.read(s.ID, number, at) }) // ends with the split, or with life; Close waits for it
	}
	return nil
}

// Fetch implements connectors.Reader.
func (r *reader) Fetch(ctx context.Context) (connectors.Fetched, error) {
	if len(r.open) == 0 {
		return connectors.Fetched{}, io.EOF
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case p := <-r.out:
		if p.err != nil {
			return connectors.Fetched{}, p.err
		}
		if p.done {
			delete(r.open, p.split)
		}
		return connectors.Fetched{Batch: p.batch, Split: p.split, Next: p.at.encode(), Done: p.done, Bytes: int64(p.batch.Size())}, nil
	case <-timer.C:
		return connectors.Fetched{}, nil
	case <-ctx.Done():
		return connectors.Fetched{}, context.Cause(ctx)
	}
}

// read reads a split to its end, or until life ends.
func (r *reader) read(id string, number int, at place) {
	for {
		next, err := r.play(id, number, at)
		if err != nil || !r.endless {
			r.hand(piece{split: id, at: next, done: err == nil, err: err})
			return
		}
		at = next
		timer := time.NewTimer(r.restart)
		select {
		case <-timer.C:
		case <-r.life.Done():
			timer.Stop()
			return
		}
	}
}

// hand hands a piece over; false: nobody takes it any more.
func (r *reader) hand(p piece) bool {
	select {
	case r.out <- p:
		return true
	case <-r.life.Done():
		return false
	}
}

// play runs the program once and returns the place behind what it gave.
func (r *reader) play(id string, number int, at place) (place, error) {
	p, err := r.target.start(r.life, r.words(number, at.position), true, r.env.Log)
	if err != nil {
		return at, err
	}
	stream, err := arrowipc.OpenStream(p, r.target.name(), r.all)
	skip := int64(0)
	if r.replay == FromStart {
		skip = at.rows
	}
	for err == nil {
		var b columnar.Batch
		if b, err = stream.Next(); err != nil {
			break
		}
		left := min(skip, int64(b.Len))
		skip -= left
		if at, err = r.pieces(id, b.Slice(int(left), b.Len-int(left)), at); err != nil {
			break
		}
	}
	if !errors.Is(err, io.EOF) {
		return at, r.broken(p, err)
	}
	if c, ok := p.(*connection); ok { // nothing is answered to
		return at, c.close()
	}
	if err := p.end(); err != nil {
		return at, err
	}
	if skip > 0 {
		return at, fmt.Errorf("%s has given %d records fewer than the last time: it cannot be replayed from its start", r.target.name(), skip)
	}
	return at, nil
}

// broken ends a program whose stream is not as it should be. When it has failed by itself, that is why.
func (r *reader) broken(p peer, err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) && r.life.Err() == nil { // it has closed its output
		return errors.Join(err, p.expire())
	}
	return errors.Join(err, p.close())
}

var errClosed = errors.New("the reader is closed")

// pieces hands over a record batch, in batches of so many rows as are wanted.
func (r *reader) pieces(id string, b columnar.Batch, at place) (place, error) {
	for from := 0; from < b.Len; from += r.rows {
		rows := b.Slice(from, min(r.rows, b.Len-from))
		at.rows += int64(rows.Len)
		if r.position >= 0 {
			if text, ok := textOf(&rows.Columns[r.position], rows.Len-1); ok {
				at.position = text
			}
		}
		rows.Schema, rows.Columns = r.want, rows.Columns[:len(r.want.Fields)]
		if !r.hand(piece{split: id, batch: rows, at: at}) {
			return at, errClosed
		}
	}
	return at, nil
}

// textOf returns a position as a program is told it; a null is none.
func textOf(c *columnar.Column, row int) (string, bool) {
	switch {
	case c.IsNull(row):
		return "", false
	case c.Type.Kind == columnar.Int64:
		return strconv.FormatInt(columnar.Values[int64](*c)[row], 10), true
	case c.Type.Kind == columnar.Int32:
		return strconv.FormatInt(int64(columnar.Values[int32](*c)[row]), 10), true
	default:
		return string(c.Bytes(row)), true
	}
}

// Close implements connectors.Reader: programs are stopped.
func (r *reader) Close() error {
	r.cancel()
	r.wg.Wait()
	return nil
}
