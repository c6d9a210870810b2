package dataset_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/connectors"
)

// memorySink keeps the records that were committed, task after task. Its memory counts nowhere, so that jobs can be run with little of it.
type memorySink[T any] struct {
	mu        sync.Mutex // guards prepared and largest
	prepared  map[string][]T
	largest   int // rows of a batch
	committed []T
}

func (*memorySink[T]) Element() (zero T)                           { return zero }
func (*memorySink[T]) Name() string                                { return "memory" }
func (*memorySink[T]) Describe() string                            { return "" }
func (*memorySink[T]) Validate() error                             { return nil }
func (*memorySink[T]) Begin(context.Context, connectors.Env) error { return nil }

func (s *memorySink[T]) NewWriter(_ context.Context, env connectors.TaskEnv, schema *columnar.Schema) (connectors.Writer, error) {
	c, err := codec.Of[T]()
	if err != nil {
		return nil, err
	}
	d, err := c.Decoder(schema)
	return &memoryWriter[T]{sink: s, decoder: d, name: fmt.Sprintf("%04d-%d", env.Task, env.Attempt)}, err
}

func (s *memorySink[T]) NewCommitter(connectors.Env) (connectors.Committer, error) {
	return &memoryCommitter[T]{s}, nil
}

type memoryWriter[T any] struct {
	sink    *memorySink[T]
	decoder *codec.Decoder[T]
	name    string
	records []T
}

func (w *memoryWriter[T]) Write(_ context.Context, b columnar.Batch) error {
	w.sink.mu.Lock()
	w.sink.largest = max(w.sink.largest, b.Rows())
	w.sink.mu.Unlock()
	got, err := w.decoder.Decode(b, nil)
	w.records = append(w.records, got...)
	return err
}

func (w *memoryWriter[T]) Prepare(context.Context) ([]connectors.Committable, error) {
	w.sink.mu.Lock()
	defer w.sink.mu.Unlock()
	if w.sink.prepared == nil {
		w.sink.prepared = map[string][]T{}
	}
	w.sink.prepared[w.name] = w.records
	data, err := json.Marshal(w.name)
	return []connectors.Committable{{Data: data, Rows: int64(len(w.records))}}, err
}

func (*memoryWriter[T]) Close() error { return nil }

type memoryCommitter[T any] struct{ sink *memorySink[T] }

func (c *memoryCommitter[T]) Commit(_ context.Context, all []connectors.Committable, _ bool) (connectors.Published, error) {
	c.sink.mu.Lock()
	defer c.sink.mu.Unlock()
	for _, one := range all {
		var name string
		if err := json.Unmarshal(one.Data, &name); err != nil {
			return connectors.Published{}, err
		}
		c.sink.committed = append(c.sink.committed, c.sink.prepared[name]...)
	}
	return connectors.Published{Files: len(all), Rows: int64(len(c.sink.committed))}, nil
}

func (*memoryCommitter[T]) Abort(context.Context) error { return nil }
