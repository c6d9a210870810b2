package file

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/formats"
)

// reader reads the splits of one task, one after the other.
type reader struct {
	format formats.Format
	env    connectors.TaskEnv
	scan   connectors.Scan
	schema *columnar.Schema // wanted; nil: all that a file has
	queue  []work
	cur    *open
	// Files are opened under life, not under the context of one Fetch: it bounds the life of the open file.
	life   context.Context //nolint:containedctx // see above
	cancel context.CancelFunc
}

// work is what is left of a split.
type work struct {
	split  string
	first  int // number of pieces[0] in the split
	pieces []piece
}

// open is the piece being read: the first of the queue's first split.
type open struct {
	in   *input
	r    formats.Reader
	keys *keyColumns
	done int64 // what Done said last
}

func newReader(format formats.Format, env connectors.TaskEnv, scan connectors.Scan, schema *columnar.Schema) *reader {
	r := &reader{format: format, env: env, scan: scan, schema: schema}
	r.life, r.cancel = context.WithCancel(context.Background())
	return r
}

// Assign adds splits.
func (r *reader) Assign(splits []connectors.Split, from []connectors.Position) error {
	for i, s := range splits {
		pieces, err := decodePieces(s.Data)
		if err != nil {
			return err
		}
		w := work{split: s.ID, pieces: pieces}
		if i < len(from) && from[i] != nil {
			if w.pieces, err = after(pieces, from[i]); err != nil {
				return err
			}
			w.first = len(pieces) - len(w.pieces)
		}
		r.queue = append(r.queue, w)
	}
	return nil
}

// Fetch returns the next batch.
func (r *reader) Fetch(ctx context.Context) (connectors.Fetched, error) {
	stop := context.AfterFunc(ctx, r.cancel)
	defer stop()
	for {
		if len(r.queue) == 0 {
			return connectors.Fetched{}, io.EOF
		}
		w := &r.queue[0]
		if len(w.pieces) == 0 {
			f := connectors.Fetched{Split: w.split, Done: true, Next: position{piece: w.first}.encode()}
			r.queue = r.queue[1:]
			return f, nil
		}
		if r.cur == nil {
			if err := r.open(ctx, w.pieces[0]); err != nil {
				return connectors.Fetched{}, err
			}
		}
		f, err := r.next(ctx, w)
		if err == io.EOF { //nolint:errorlint // readers return it bare
			err = r.endPiece(w)
			if err == nil {
				continue
			}
		}
		return f, err
	}
}

// open opens a piece. The input's reads end with the reader or with the context of the Fetch that is under way.
func (r *reader) open(ctx context.Context, p piece) error {
	keys := newKeyColumns(r.schema, p.Keys)
	in := &input{files: r.env.Files, url: p.URL, size: p.Size, ctx: r.life}
	fr, err := inFolders(r.format, p.Keys).NewReader(ctx, in, p.read(), formats.ReadOptions{
		Schema: keys.files, Filter: r.scan.Filter, Rows: r.scan.Rows, Bad: r.bad,
	})
	if err != nil {
		return errors.Join(err, in.Close())
	}
	r.cur = &open{in: in, r: fr, keys: keys}
	return nil
}

// byPosition is what formats implement whose files may have their fields by position only: they have to know which columns the files lack.
type byPosition interface {
	WithoutColumns(names []string) formats.Format
}

// inFolders returns the format of files in folders with those keys.
func inFolders(format formats.Format, keys []key) formats.Format {
	f, ok := format.(byPosition)
	if !ok || len(keys) == 0 {
		return format
	}
	var names []string
	for _, k := range keys {
		names = append(names, k.Name)
	}
	return f.WithoutColumns(names)
}

// next returns the next batch of the piece; io.EOF at its end.
func (r *reader) next(ctx context.Context, w *work) (connectors.Fetched, error) {
	b, err := r.cur.r.Next(ctx)
	if err != nil {
		return connectors.Fetched{}, err
	}
	if b, err = r.cur.keys.add(b); err != nil {
		return connectors.Fetched{}, fmt.Errorf("reading %s: %w", w.pieces[0].URL, err)
	}
	done := r.cur.r.Done()
	f := connectors.Fetched{
		Batch: b, Split: w.split, Bytes: done - r.cur.done,
		Next: position{piece: w.first, inside: true, at: r.cur.r.Position()}.encode(),
	}
	r.cur.done = done
	return f, nil
}

// endPiece closes the piece being read and goes on to the next.
func (r *reader) endPiece(w *work) error {
	err := r.closePiece()
	w.pieces = w.pieces[1:]
	w.first++
	return err
}

func (r *reader) closePiece() error {
	if r.cur == nil {
		return nil
	}
	cur := r.cur
	r.cur = nil
	return errors.Join(cur.r.Close(), cur.in.Close())
}

// bad reports a record that cannot be decoded to the engine.
func (r *reader) bad(b formats.BadRecord) error {
	if r.env.Report == nil {
		return b
	}
	reason := fmt.Errorf("%s: %w", b.Place(), b.Reason)
	return r.env.Report(connectors.Bad{Source: b.File, Offset: b.Offset, Record: b.Record, Reason: reason})
}

// Close ends the reading.
func (r *reader) Close() error {
	err := r.closePiece()
	r.cancel()
	return err
}
