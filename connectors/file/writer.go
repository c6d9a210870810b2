package file

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"path"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/connectors"
)

// prepared is a file that waits to be published. Both paths are relative to the target.
type prepared struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// committable is what a writer's Prepare hands over, encoded as JSON behind a version byte.
type committable struct {
	Files []prepared `json:"files"`
}

func (c committable) encode() ([]byte, error) {
	data, err := json.Marshal(c)
	return append([]byte{version}, data...), err
}

func decodeCommittable(data []byte) (c committable, err error) {
	if len(data) == 0 || data[0] != version {
		return c, errors.New("files to publish in an unknown encoding")
	}
	err = json.Unmarshal(data[1:], &c)
	return c, err
}

// writer writes one task's part files into a folder of its own below _temporary.
type writer struct {
	settings
	target target
	env    connectors.TaskEnv
	dir    string // relative to the target
	router *router
	parts  []*part // open ones, the one not used for longest first
	seq    int     // number of the next file
	done   committable
	rows   int64
	bytes  int64
}

func newWriter(s settings, t target, env connectors.TaskEnv, schema *columnar.Schema) (*writer, error) {
	router, err := newRouter(schema, s.partitionBy)
	if err != nil {
		return nil, fmt.Errorf("writing %s: %w", s.path, err)
	}
	// The random number keeps apart attempts that do not know of each other.
	dir := path.Join(temporaryName, env.RunID, fmt.Sprintf("%05d-%d-%08x", env.Task, env.Attempt, rand.Uint32()))
	return &writer{settings: s, target: t, env: env, dir: dir, router: router}, nil
}

// Write adds the batch's rows to the files of their folders.
func (w *writer) Write(ctx context.Context, b columnar.Batch) error {
	for folder, rows := range w.router.route(b) {
		p, err := w.part(ctx, folder)
		if err != nil {
			return err
		}
		if err := p.write(rows); err != nil {
			return err
		}
		if w.targetSize > 0 && p.out.Size() >= w.targetSize {
			if err := w.finish(len(w.parts) - 1); err != nil {
				return err
			}
		}
	}
	return nil
}

// part returns the open file of a folder, as the last of parts.
func (w *writer) part(ctx context.Context, folder string) (*part, error) {
	for i, p := range w.parts {
		if p.folder == folder {
			w.parts = append(append(w.parts[:i], w.parts[i+1:]...), p)
			return p, nil
		}
	}
	if len(w.parts) >= w.maxOpen {
		if err := w.finish(0); err != nil {
			return nil, err
		}
	}
	name := fmt.Sprintf("part-%05d-%04d-%s%s", w.env.Task, w.seq, w.env.RunID, w.format.Suffix())
	w.seq++
	p, err := openPart(ctx, w.target, w.format, w.router.files, path.Join(w.dir, folder, name))
	if err != nil {
		return nil, err
	}
	p.folder, p.name = folder, name
	w.parts = append(w.parts, p)
	return p, nil
}

// finish ends the i-th open file; it waits to be published.
func (w *writer) finish(i int) error {
	p := w.parts[i]
	size, err := p.close()
	if err != nil {
		return err
	}
	w.parts = append(w.parts[:i], w.parts[i+1:]...)
	w.done.Files = append(w.done.Files, prepared{From: p.path, To: path.Join(p.folder, p.name)})
	w.rows += p.rows
	w.bytes += size
	return nil
}

// Prepare ends the open files, which makes them durable.
func (w *writer) Prepare(context.Context) ([]connectors.Committable, error) {
	for len(w.parts) > 0 {
		if err := w.finish(0); err != nil {
			return nil, err
		}
	}
	if len(w.done.Files) == 0 {
		return nil, nil
	}
	data, err := w.done.encode()
	c := connectors.Committable{Data: data, Rows: w.rows, Bytes: w.bytes, Files: len(w.done.Files)}
	w.done, w.rows, w.bytes = committable{}, 0, 0
	return []connectors.Committable{c}, err
}

// Close removes what was not prepared.
func (w *writer) Close() error {
	var errs []error
	for _, p := range w.parts {
		errs = append(errs, p.abort())
	}
	for _, f := range w.done.Files {
		errs = append(errs, w.target.remove(context.Background(), f.From))
	}
	w.parts, w.done = nil, committable{}
	return errors.Join(errs...)
}
