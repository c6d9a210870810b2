// Package blackhole is a sink that counts and forgets: for benchmarks, and for jobs whose output is a side effect.
//
// Stability: public.
package blackhole

import (
	"context"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/connectors"
)

// Sink takes records of type T and forgets them. The job's summary has their number.
type Sink[T any] struct{}

var _ connectors.TypedSink[int] = Sink[int]{}

// Element ties the sink to its records' type.
func (Sink[T]) Element() (zero T) { return zero }

// Name returns "blackhole".
func (Sink[T]) Name() string { return "blackhole" }

// Describe returns "nowhere".
func (Sink[T]) Describe() string { return "nowhere" }

// Validate returns nil.
func (Sink[T]) Validate() error { return nil }

// Begin does nothing.
func (Sink[T]) Begin(context.Context, connectors.Env) error { return nil }

// NewWriter starts a task's counting.
func (Sink[T]) NewWriter(context.Context, connectors.TaskEnv, *columnar.Schema) (connectors.Writer, error) {
	return &writer{}, nil
}

// NewCommitter starts the run's counting.
func (Sink[T]) NewCommitter(connectors.Env) (connectors.Committer, error) {
	return connectors.Counter{}, nil
}

type writer struct{ rows, bytes int64 }

func (w *writer) Write(_ context.Context, b columnar.Batch) error {
	w.rows += int64(b.Rows())
	w.bytes += int64(b.Size())
	return nil
}

// version is the first and only byte of a committable: the rest is in its counts.
const version = 1

func (w *writer) Prepare(context.Context) ([]connectors.Committable, error) {
	if w.rows == 0 {
		return nil, nil
	}
	c := connectors.Committable{Data: []byte{version}, Rows: w.rows, Bytes: w.bytes}
	w.rows, w.bytes = 0, 0
	return []connectors.Committable{c}, nil
}

func (*writer) Close() error { return nil }
