package join

import (
	"errors"
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/kept"
	"github.com/millrace/millrace/internal/spill"
	"github.com/millrace/millrace/stream"
)

// run is the right rows of one key in a Merge: within one batch only their places, else copies, of which those that memory is refused for
// are on disk.
type run struct {
	env     *stream.Env
	active  bool
	open    bool // more rows may come
	key     []byte
	places  []columnar.Place
	rows    *kept.Rows
	writer  *spill.Writer
	spilled *spill.Run
}

func (r *run) init(env *stream.Env) {
	r.env, r.rows = env, kept.New(env.Inputs[1], env.Memory, placeBytes)
}

// placeBytes is what a kept row costs beside its columns.
const placeBytes = 8

func (r *run) begin(key []byte) {
	r.active, r.key, r.places = true, append(r.key[:0], key...), r.places[:0]
}

// keep copies rows.
func (r *run) keep(b columnar.Batch) (err error) {
	if r.writer == nil && r.rows.TryAdd(b) {
		return nil
	}
	if r.writer == nil {
		if r.writer, err = r.env.Spill.NewWriter(r.env.Context, "join-run", b.Schema); err != nil {
			return fmt.Errorf("spilling rows of one key: %w", err)
		}
	}
	if err := r.writer.Append(b); err != nil {
		return fmt.Errorf("spilling rows of one key: %w", err)
	}
	return nil
}

// finish is called when all rows of the key are there.
func (r *run) finish() (err error) {
	r.open = false
	for i, b := range r.rows.Batches() {
		for row := range b.Len {
			r.places = append(r.places, columnar.Place{Batch: uint32(runSlot + i), Row: uint32(row)})
		}
	}
	if r.writer == nil {
		return nil
	}
	if r.spilled, err = r.writer.Finish(); err != nil {
		return fmt.Errorf("spilling rows of one key: %w", err)
	}
	r.env.Metrics.Spilled.Add(r.spilled.Bytes())
	r.writer = nil
	return nil
}

// isKept says whether rows were copied.
func (r *run) isKept() bool { return r.rows.Len() > 0 }

// batches returns the rows copied.
func (r *run) batches() []columnar.Batch { return r.rows.Batches() }

// end forgets the run.
func (r *run) end() error {
	r.active, r.open = false, false
	r.rows.Free()
	var errs []error
	if r.writer != nil {
		errs = append(errs, r.writer.Abort())
		r.writer = nil
	}
	if r.spilled != nil {
		errs = append(errs, r.spilled.Remove(r.env.Context))
		r.spilled = nil
	}
	return errors.Join(errs...)
}
