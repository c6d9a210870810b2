package file

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"path"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/stream"
)

// prepared is a file that waits to be published. Both paths are relative to the target.
type prepared struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// committable is what a writer's Prepare hands over, encoded as JSON behind a version byte.
type committable struct {
	Files  []prepared `json:"files"`
	Remove []string   `json:"remove,omitempty"` // pieces that were made into one of the files
	Time   *report    `json:"time,omitempty"`   // of Buckets.Mark; nil: as told before
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
	mark   string // ends the names of its files: of this run and, in a stream, of this attempt
	router *router
	parts  []*part // open ones, the one not used for longest first
	seq    int     // number of the next file
	done   committable
	rows   int64
	bytes  int64
	roll   *roller // nil: every Prepare hands over all there is

	now, told moment // how far event time is, and was when the committer was told
}

// moment is how far event time is.
type moment struct {
	watermark stream.Watermark
	idle      bool
}

var (
	_ connectors.Stater = (*writer)(nil)
	_ connectors.Ender  = (*writer)(nil)
	_ connectors.Timed  = (*writer)(nil)
)

func newWriter(s settings, t target, env connectors.TaskEnv, schema *columnar.Schema) (*writer, error) {
	router, err := newRouter(schema, s.partitionBy, s.buckets)
	if err != nil {
		return nil, fmt.Errorf("writing %s: %w", s.path, err)
	}
	// The random number keeps apart attempts that do not know of each other.
	r, random := runOf(env.Env), rand.Uint32()
	dir := path.Join(temporaryName, r.name, fmt.Sprintf("%05d-%d-%08x", env.Task, env.Attempt, random))
	w := &writer{settings: s, target: t, env: env, dir: dir, mark: r.name, router: router}
	w.now.watermark, w.told.watermark = stream.NoWatermark, stream.NoWatermark
	if env.IsStreaming { // several attempts of a task publish
		w.mark = fmt.Sprintf("%08x-%s", random, r.name)
	}
	if s.rolling.isOn() {
		w.roll = newRoller(s.rolling)
	}
	return w, nil
}

// Advance implements connectors.Timed.
func (w *writer) Advance(to stream.Watermark) { w.now.watermark = to }

// Idle implements connectors.Timed.
func (w *writer) Idle(is bool) { w.now.idle = is }

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
	name := w.nextName()
	p, err := openPart(ctx, w.target, w.format, w.router.files, path.Join(w.dir, folder, name))
	if err != nil {
		return nil, err
	}
	p.folder, p.name, p.begun = folder, name, time.Now()
	w.parts = append(w.parts, p)
	return p, nil
}

// nextName returns the name of the next file.
func (w *writer) nextName() string {
	w.seq++
	return fmt.Sprintf("part-%05d-%04d-%s%s", w.env.Task, w.seq-1, w.mark, w.format.Suffix())
}

// finish ends the i-th open file; it waits to be published, or to become part of one that is.
func (w *writer) finish(i int) error {
	begun := w.parts[i].begun
	folder, piece, err := w.endPart(i)
	if err != nil {
		return err
	}
	if w.roll != nil {
		w.roll.add(folder, piece, begun, time.Now())
	} else {
		w.publish(folder, piece, nil)
	}
	return nil
}

// endPart ends the i-th open file.
func (w *writer) endPart(i int) (folder string, _ kept, _ error) {
	p := w.parts[i]
	size, err := p.close()
	if err != nil {
		return "", kept{}, err
	}
	w.parts = append(w.parts[:i], w.parts[i+1:]...)
	return p.folder, kept{Path: p.path, Rows: p.rows, Bytes: size}, nil
}

// Prepare ends the open files, which makes them durable.
func (w *writer) Prepare(ctx context.Context) ([]connectors.Committable, error) {
	if w.roll != nil {
		return w.prepareRolling(ctx, false)
	}
	for len(w.parts) > 0 {
		if err := w.finish(0); err != nil {
			return nil, err
		}
	}
	return w.takeDone()
}

// End implements connectors.Ender: nothing is kept back any more.
func (w *writer) End(ctx context.Context) ([]connectors.Committable, error) {
	if w.roll != nil {
		return w.prepareRolling(ctx, true)
	}
	return w.Prepare(ctx)
}

// takeDone returns what waits to be published.
func (w *writer) takeDone() ([]connectors.Committable, error) {
	w.done.Time = w.report()
	if len(w.done.Files) == 0 && w.done.Time == nil {
		return nil, nil
	}
	data, err := w.done.encode()
	c := connectors.Committable{Data: data, Rows: w.rows, Bytes: w.bytes, Files: len(w.done.Files)}
	w.done, w.rows, w.bytes = committable{}, 0, 0
	return []connectors.Committable{c}, err
}

// State implements connectors.Stater: the pieces that are kept back.
func (w *writer) State(context.Context) ([]byte, error) {
	if w.roll == nil {
		return nil, nil
	}
	return w.roll.state()
}

// Restore implements connectors.Stater. A writer that keeps nothing back any more publishes what others did.
func (w *writer) Restore(_ context.Context, states [][]byte) error {
	r := w.roll
	if r == nil {
		r = newRoller(Rolling{})
	}
	for _, s := range states {
		if err := r.restore(s); err != nil {
			return fmt.Errorf("writing %s: going on with unfinished files: %w", w.path, err)
		}
	}
	if w.roll != nil {
		return nil
	}
	for folder, h := range r.piles {
		for _, p := range h.Pieces {
			w.publish(folder, p, nil)
		}
	}
	return nil
}

// Close removes what was not prepared. Pieces that are kept back stay: a checkpoint may know them.
func (w *writer) Close() error {
	w.endMerging()
	var errs []error
	for _, p := range w.parts {
		errs = append(errs, p.abort())
	}
	for _, f := range w.done.Files {
		if w.roll == nil {
			errs = append(errs, w.target.remove(context.Background(), f.From))
		}
	}
	w.parts, w.done = nil, committable{}
	return errors.Join(errs...)
}
