package file

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"time"

	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/vfs"
)

// Rolling says when a stream's files are finished, so that not every checkpoint leaves a small one. Between checkpoints a file is in progress. A
// checkpoint ends it: it is then a piece, durable and not visible. When there are pieces enough of a folder, or the first of them is old enough, or
// nothing has come for long enough, they are made one file, which the next checkpoint publishes. These are looked at once a checkpoint.
//
//	in progress ==checkpoint==> piece, piece, piece ==Size, Every or Idle==> one file ==checkpoint==> published
//
// The zero value publishes the files of every checkpoint as they are.
type Rolling struct {
	// Size is about how many bytes a finished file has. Default 128 MiB.
	Size int64
	// Every is how long after its first record a file is finished at the latest. Default 15 minutes.
	Every time.Duration
	// Idle is how long nothing must have come for a folder for its file to be finished. Default 1 minute.
	Idle time.Duration
}

const (
	defaultRollSize  = 128 << 20
	defaultRollEvery = 15 * time.Minute
	defaultRollIdle  = time.Minute
)

func (r Rolling) isOn() bool { return r != Rolling{} }

func (r Rolling) validate() error {
	if r.Size < 0 || r.Every < 0 || r.Idle < 0 {
		return errors.New("file.Sink: Rolling has negative numbers")
	}
	return nil
}

func (r Rolling) withDefaults() Rolling {
	if !r.isOn() {
		return r
	}
	return Rolling{Size: cmp.Or(r.Size, defaultRollSize), Every: cmp.Or(r.Every, defaultRollEvery), Idle: cmp.Or(r.Idle, defaultRollIdle)}
}

// kept is a piece: a whole file that is durable and not visible. Paths are relative to the target.
type kept struct {
	Path  string `json:"path"`
	Rows  int64  `json:"rows"`
	Bytes int64  `json:"bytes"`
}

// pile is the pieces of one folder that will be one file.
type pile struct {
	Pieces []kept    `json:"pieces"`
	First  time.Time `json:"first"` // when the first piece was begun
	Last   time.Time `json:"last"`  // when the last was ended
}

func (h *pile) size() (rows, bytes int64) {
	for _, p := range h.Pieces {
		rows += p.Rows
		bytes += p.Bytes
	}
	return rows, bytes
}

// roller keeps a writer's pieces back and makes files of them. Merging runs on a goroutine of its own, one pile after the other; what it has
// finished goes out with the next Prepare. Until then the pieces are in the writer's state, and a run that goes on merges them again.
type roller struct {
	Rolling
	piles   map[string]*pile // by folder
	merging map[string]*pile // being made one file
	merged  chan merged
	stop    context.CancelFunc // nil: nothing is being merged
}

// merged is a file made of a folder's pile.
type merged struct {
	folder string
	file   kept
	err    error
}

func newRoller(r Rolling) *roller {
	return &roller{Rolling: r, piles: map[string]*pile{}, merging: map[string]*pile{}}
}

// add takes a piece of a folder.
func (r *roller) add(folder string, p kept, begun, ended time.Time) {
	h := r.piles[folder]
	if h == nil {
		h = &pile{First: begun}
		r.piles[folder] = h
	}
	h.Pieces = append(h.Pieces, p)
	h.Last = ended
}

// due takes the piles that are to become files: of folders that are over too. With all, every one is.
func (r *roller) due(now time.Time, all bool, isOver func(folder string) bool) map[string]*pile {
	out := map[string]*pile{}
	for folder, h := range r.piles {
		_, bytes := h.size()
		if all || isOver(folder) || bytes >= r.Size || now.Sub(h.First) >= r.Every || now.Sub(h.Last) >= r.Idle {
			if r.merging[folder] == nil { // else it waits for the next time
				out[folder] = h
				delete(r.piles, folder)
			}
		}
	}
	return out
}

// savedPiles is a writer's state.
type savedPiles map[string][]pile

func (r *roller) state() ([]byte, error) {
	saved := savedPiles{}
	for _, piles := range []map[string]*pile{r.merging, r.piles} {
		for folder, h := range piles {
			saved[folder] = append(saved[folder], *h)
		}
	}
	data, err := json.Marshal(saved)
	return append([]byte{version}, data...), err
}

var errPiles = errors.New("a writer's state is in an unknown encoding")

func (r *roller) restore(state []byte) error {
	if len(state) == 0 {
		return nil
	}
	if state[0] != version {
		return errPiles
	}
	var saved savedPiles
	if err := json.Unmarshal(state[1:], &saved); err != nil {
		return err
	}
	for folder, piles := range saved {
		for _, h := range piles {
			for _, p := range h.Pieces {
				r.add(folder, p, h.First, h.Last)
			}
		}
	}
	return nil
}

// Prepare with rolling: what is open becomes pieces, what is due begins to be merged, and what has been merged, or needs no merging, is handed
// over.
func (w *writer) prepareRolling(ctx context.Context, all bool) ([]connectors.Committable, error) {
	now := time.Now()
	for len(w.parts) > 0 {
		begun := w.parts[0].begun
		folder, piece, err := w.endPart(0)
		if err != nil {
			return nil, err
		}
		w.roll.add(folder, piece, begun, now)
	}
	if err := w.collect(ctx, all); err != nil {
		return nil, err
	}
	due := w.roll.due(now, all, w.isOver)
	for folder, h := range due {
		if len(h.Pieces) == 1 {
			w.publish(folder, h.Pieces[0], nil)
			delete(due, folder)
		}
	}
	w.startMerging(due)
	if all {
		if err := w.collect(ctx, true); err != nil {
			return nil, err
		}
	}
	return w.takeDone()
}

// publish adds a file to those that wait to be published, and the pieces that it was made of to those that go then.
func (w *writer) publish(folder string, f kept, pieces []kept) {
	w.done.Files = append(w.done.Files, prepared{From: f.Path, To: path.Join(folder, path.Base(f.Path))})
	for _, p := range pieces {
		w.done.Remove = append(w.done.Remove, p.Path)
	}
	w.rows += f.Rows
	w.bytes += f.Bytes
}

// collect takes the files that have been merged; with wait it waits for all that are being merged.
func (w *writer) collect(ctx context.Context, wait bool) error {
	for len(w.roll.merging) > 0 {
		var m merged
		select {
		case m = <-w.roll.merged:
		case <-ctx.Done():
			return context.Cause(ctx)
		default:
			if !wait {
				return nil
			}
			select {
			case m = <-w.roll.merged:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		h := w.roll.merging[m.folder]
		delete(w.roll.merging, m.folder)
		if m.err != nil {
			return fmt.Errorf("making one file of %d: %w", len(h.Pieces), m.err)
		}
		w.publish(m.folder, m.file, h.Pieces)
	}
	if w.roll.stop != nil {
		w.roll.stop()
		w.roll.stop = nil
	}
	return nil
}

// startMerging merges piles on a goroutine, unless one is still at it: then they wait for the next Prepare.
func (w *writer) startMerging(piles map[string]*pile) {
	if len(piles) == 0 {
		return
	}
	if len(w.roll.merging) > 0 {
		maps.Copy(w.roll.piles, piles)
		return
	}
	w.roll.merging = piles
	w.roll.merged = make(chan merged, len(piles))
	var ctx context.Context
	ctx, w.roll.stop = context.WithCancel(context.Background())
	todo := map[string][]kept{}
	names := map[string]string{}
	for folder, h := range piles {
		todo[folder], names[folder] = h.Pieces, path.Join(w.dir, folder, w.nextName())
	}
	go func(out chan<- merged) { // ends when all are merged, or when Close calls stop
		for _, folder := range slices.Sorted(maps.Keys(todo)) {
			f, err := w.merge(ctx, todo[folder], names[folder])
			out <- merged{folder, f, err}
		}
	}(w.roll.merged)
}

// merge copies pieces, record by record, into one file of that name.
func (w *writer) merge(ctx context.Context, pieces []kept, name string) (_ kept, err error) {
	p, err := openPart(ctx, w.target, w.format, w.router.files, name)
	if err != nil {
		return kept{}, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.abort())
		}
	}()
	for _, piece := range pieces {
		if err := w.copyInto(ctx, p, piece); err != nil {
			return kept{}, err
		}
	}
	size, err := p.close()
	return kept{Path: name, Rows: p.rows, Bytes: size}, err
}

func (w *writer) copyInto(ctx context.Context, out *part, piece kept) error {
	url := w.target.fsys.URL(w.target.path(piece.Path))
	in := &input{files: w.env.Files, url: url, size: piece.Bytes, ctx: ctx}
	r, err := inFolders(w.format, nil).NewReader(ctx, in, formats.Range{To: piece.Bytes}, formats.ReadOptions{Schema: w.router.files})
	if err != nil {
		return errors.Join(err, in.Close())
	}
	rows := out.rows
	for {
		b, err := r.Next(ctx)
		if err == io.EOF { //nolint:errorlint // readers return it bare
			break
		}
		if err == nil {
			err = out.write(b)
		}
		if err != nil {
			return errors.Join(err, r.Close(), in.Close())
		}
	}
	if err := errors.Join(r.Close(), in.Close()); err != nil {
		return err
	}
	if got := out.rows - rows; got != piece.Rows {
		return vfs.PathError("read", url, fmt.Errorf("%d records were read of the %d written", got, piece.Rows))
	}
	return nil
}

// endMerging waits for the goroutine and forgets what it has made: the pieces are in the state.
func (w *writer) endMerging() {
	if w.roll == nil || w.roll.stop == nil {
		return
	}
	w.roll.stop()
	for range w.roll.merging {
		<-w.roll.merged
	}
	w.roll.stop = nil
}
