// Package console is a sink that shows records as lines of JSON, for trying things out.
//
// Records are shown as they come, before any checkpoint has them: after a failure some are shown again. Stability: public.
package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/json"
)

// Sink shows records of type T.
type Sink[T any] struct {
	// To is where lines go. Default: the standard output. It is written to by one task at a time, whole lines at once.
	To io.Writer
	// Prefix begins each line; with Tasks each has the number of its task too: "2> ".
	Prefix string
	Tasks  bool
	// Limit is how many records a task shows; the others are only counted. 0: all.
	Limit int64
}

var _ connectors.TypedSink[int] = Sink[int]{}

// Element ties the sink to its records' type.
func (Sink[T]) Element() (zero T) { return zero }

// Name returns "console".
func (Sink[T]) Name() string { return "console" }

// Describe returns where lines go.
func (s Sink[T]) Describe() string {
	if f, ok := s.To.(*os.File); ok && f != os.Stdout {
		return f.Name()
	}
	return "standard output"
}

// Validate reports a limit below 0.
func (s Sink[T]) Validate() error {
	if s.Limit < 0 {
		return errors.New("console.Sink: Limit is negative")
	}
	return json.Format[T]{}.Validate()
}

// Begin does nothing.
func (Sink[T]) Begin(context.Context, connectors.Env) error { return nil }

// NewWriter starts a task's showing.
func (s Sink[T]) NewWriter(_ context.Context, env connectors.TaskEnv, schema *columnar.Schema) (connectors.Writer, error) {
	encoder, err := json.Format[T]{}.NewRecordEncoder(schema)
	if err != nil {
		return nil, err
	}
	w := &writer{encoder: encoder, to: cmp.Or[io.Writer](s.To, os.Stdout), prefix: s.Prefix, limit: s.Limit}
	if s.Tasks {
		w.prefix += fmt.Sprintf("%d> ", env.Task)
	}
	return w, nil
}

// NewCommitter starts the run's counting.
func (Sink[T]) NewCommitter(connectors.Env) (connectors.Committer, error) {
	return connectors.Counter{}, nil
}

// turns has tasks of this process write one after the other: they share the terminal.
var turns sync.Mutex

type writer struct {
	encoder formats.RecordEncoder
	to      io.Writer
	prefix  string
	limit   int64
	shown   int64
	rows    int64
	buf     []byte
	lines   []byte
	ends    []int
}

func (w *writer) Write(_ context.Context, b columnar.Batch) error {
	w.rows += int64(b.Rows())
	if w.limit > 0 && w.shown+int64(b.Rows()) > w.limit {
		b = b.Slice(0, int(w.limit-w.shown))
	}
	if b.Rows() == 0 {
		return nil
	}
	w.shown += int64(b.Rows())
	var err error
	if w.buf, w.ends, err = w.encoder.Encode(b, w.buf[:0], w.ends[:0]); err != nil {
		return fmt.Errorf("printing: %w", err)
	}
	w.lines = w.lines[:0]
	from := 0
	for _, end := range w.ends {
		w.lines = append(append(append(w.lines, w.prefix...), w.buf[from:end]...), '\n')
		from = end
	}
	turns.Lock()
	defer turns.Unlock()
	if _, err := w.to.Write(w.lines); err != nil {
		return fmt.Errorf("printing: %w", err)
	}
	return nil
}

// version is the first and only byte of a committable: the rest is in its counts.
const version = 1

func (w *writer) Prepare(context.Context) ([]connectors.Committable, error) {
	if w.rows == 0 {
		return nil, nil
	}
	c := connectors.Committable{Data: []byte{version}, Rows: w.rows}
	w.rows = 0
	return []connectors.Committable{c}, nil
}

func (*writer) Close() error { return nil }
