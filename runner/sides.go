package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/onbad"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner/control"
	"github.com/millrace/millrace/runner/coordinator"
	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/vfs"
)

// checkSides reports policies that name a sink which the job does not have.
func checkSides(job *plan.Job) error {
	var errs []error
	for _, n := range job.Nodes {
		p := policyOf(n)
		if p.Action == onbad.SendSide && job.Sides[p.Sink] == nil {
			known := slices.Sorted(maps.Keys(job.Sides))
			errs = append(errs, fmt.Errorf("%s: bad records are to go to the sink %q; the job has the side sinks %q", n, p.Sink, known))
		}
	}
	return errors.Join(errs...)
}

// sides are the sinks of a job that bad records go to. Each attempt has writers of its own, opened when it has something to write; they are
// committed, when the job is complete, for the attempts that succeeded. The owner guards it.
type sides struct {
	sinks    map[string]connectors.Sink
	env      connectors.Env
	opened   int                                           // writers so far
	prepared map[place]map[string][]connectors.Committable // by task, of its attempt that succeeded last; by sink
}

func newSides(sinks map[string]connectors.Sink, files *vfs.Resolver, log *slog.Logger, runID, job string) *sides {
	return &sides{
		sinks: sinks, env: connectors.Env{Files: files, Log: log, RunID: runID, Job: job, Node: "bad records"},
		prepared: map[place]map[string][]connectors.Committable{},
	}
}

// begin looks whether the sinks can be written.
func (s *sides) begin(ctx context.Context) error {
	for _, name := range slices.Sorted(maps.Keys(s.sinks)) {
		if err := s.sinks[name].Begin(ctx, s.env); err != nil {
			return fmt.Errorf("side sink %s: %w", name, err)
		}
	}
	return nil
}

// publications are what the sinks have to publish.
func (s *sides) publications() []coordinator.Publication {
	var all []coordinator.Publication
	for _, name := range slices.Sorted(maps.Keys(s.sinks)) {
		p := coordinator.Publication{Name: "side sink " + name, Sink: s.sinks[name], Env: s.env}
		for _, prepared := range s.prepared {
			p.Prepared = append(p.Prepared, prepared[name]...)
		}
		all = append(all, p)
	}
	return all
}

// abort removes what was written.
func (s *sides) abort(ctx context.Context) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(s.sinks)) {
		c, err := s.sinks[name].NewCommitter(s.env)
		if err == nil {
			err = c.Abort(context.WithoutCancel(ctx))
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("side sink %s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// open returns an attempt's writers, none of which is open yet.
func (s *sides) open(a control.Attempt) *sideAttempt {
	return &sideAttempt{sides: s, attempt: a, writers: map[string]*sideWriter{}}
}

// sideAttempt is what one attempt writes to side sinks.
type sideAttempt struct {
	sides   *sides
	attempt control.Attempt
	writers map[string]*sideWriter
}

// sideWriter writes records to one sink.
type sideWriter struct {
	writer  connectors.Writer
	schema  *columnar.Schema
	records *codec.Encoder[onbad.Record]
}

// sideRows is how many bad records make a batch.
const sideRows = 1024

// write takes a bad record.
func (s *sideAttempt) write(ctx context.Context, sink string, n *plan.Node, b stream.Bad) error {
	w := s.writers[sink]
	if w == nil {
		var err error
		if w, err = s.create(ctx, sink); err != nil {
			return fmt.Errorf("side sink %s: %w", sink, err)
		}
		s.writers[sink] = w
	}
	w.records.Append(onbad.Record{Node: n.String(), Source: b.Source, Offset: b.Offset, Record: b.Record, Reason: b.Reason.Error()})
	if w.records.Len() < sideRows {
		return nil
	}
	return w.flush(ctx)
}

func (s *sideAttempt) create(ctx context.Context, sink string) (*sideWriter, error) {
	c, err := codec.Of[onbad.Record]()
	if err != nil {
		return nil, err
	}
	env := connectors.TaskEnv{
		Env: s.sides.env, Task: s.sides.opened, Tasks: s.sides.opened + 1, Attempt: s.attempt.Number,
		Report: func(b connectors.Bad) error { return b.Reason }, Count: func(string, int64) {},
	}
	s.sides.opened++
	w, err := s.sides.sinks[sink].NewWriter(ctx, env, c.Schema())
	return &sideWriter{writer: w, schema: c.Schema(), records: c.Encoder()}, err
}

func (w *sideWriter) flush(ctx context.Context) error {
	n := w.records.Len()
	if n == 0 {
		return nil
	}
	columns, err := w.records.Finish()
	if err != nil {
		return err
	}
	return w.writer.Write(ctx, columnar.Batch{Schema: w.schema, Columns: columns, Len: n})
}

// keep makes what the attempt wrote durable.
func (s *sideAttempt) keep(ctx context.Context) error {
	kept := map[string][]connectors.Committable{}
	for name, w := range s.writers {
		if err := w.flush(ctx); err != nil {
			return errors.Join(fmt.Errorf("side sink %s: %w", name, err), w.writer.Close())
		}
		prepared, err := w.writer.Prepare(ctx)
		if err = errors.Join(err, w.writer.Close()); err != nil {
			return fmt.Errorf("side sink %s: %w", name, err)
		}
		kept[name] = prepared
	}
	s.sides.prepared[placeOf(s.attempt)] = kept
	return nil
}

// drop removes what the attempt wrote. What cannot be removed goes with the run's temporary folder.
func (s *sideAttempt) drop() {
	for _, w := range s.writers {
		_ = w.writer.Close()
	}
}
