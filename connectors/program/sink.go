package program

import (
	"context"
	"errors"
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/arrowipc"
)

// Sink writes records of type T to a program, at least once.
type Sink[T any] struct {
	// Command is a program and its arguments; there is no shell. In arguments, {task} is the number of the task, from 0, {tasks} how many there are.
	Command []string
	// Address is, instead of Command, where a program listens: host:port, or unix: and a path.
	Address string
	// Codec compresses the stream. Default: none.
	Codec arrowipc.Codec
}

var _ connectors.TypedSink[int] = Sink[int]{}

// Element ties the sink to its records' type.
func (Sink[T]) Element() (zero T) { return zero }

// Name returns "program".
func (Sink[T]) Name() string { return "program" }

// Describe returns the program, or the address.
func (s Sink[T]) Describe() string { return s.target().name() + " (at least once)" }

func (s Sink[T]) target() target { return target{s.Command, s.Address} }

func (s Sink[T]) format() arrowipc.Format[T] { return arrowipc.Format[T]{Stream: true, Codec: s.Codec} }

// Validate reports settings that cannot work.
func (s Sink[T]) Validate() error {
	if err := errors.Join(s.target().validate(), s.format().Validate()); err != nil {
		return fmt.Errorf("program.Sink: %w", err)
	}
	return nil
}

// Begin does nothing: a program that cannot be started fails the first task that has something to write.
func (Sink[T]) Begin(context.Context, connectors.Env) error { return nil }

// NewWriter starts a task's writing. The program is started with the first records.
func (s Sink[T]) NewWriter(_ context.Context, env connectors.TaskEnv, schema *columnar.Schema) (connectors.Writer, error) {
	return &writer{env: env, target: s.target(), format: s.format(), schema: schema}, nil
}

// NewCommitter starts the run's counting.
func (Sink[T]) NewCommitter(connectors.Env) (connectors.Committer, error) {
	return connectors.Counter{}, nil
}

// writer writes one task's records: a stream between two checkpoints.
type writer struct {
	env    connectors.TaskEnv
	target target
	format formats.Format
	schema *columnar.Schema

	peer   peer // nil: nothing was written since the last Prepare
	stream formats.Writer
	cancel context.CancelFunc // of peer
	rows   int64
}

// Write implements connectors.Writer. It waits for the program to read.
func (w *writer) Write(ctx context.Context, b columnar.Batch) error {
	if b.Rows() == 0 {
		return nil
	}
	if err := w.begin(ctx); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, w.peer.stop)
	defer stop()
	if err := w.stream.Write(b); err != nil {
		return w.failed(err)
	}
	w.rows += int64(b.Rows())
	return nil
}

// begin starts the program, unless it is at work.
func (w *writer) begin(ctx context.Context) (err error) {
	if w.peer != nil {
		return nil
	}
	life, cancel := context.WithCancel(context.WithoutCancel(ctx)) // it outlives the call
	p, err := w.target.start(life, words{"task": w.env.Task, "tasks": w.env.Tasks}, false, w.env.Log)
	if err != nil {
		cancel()
		return err
	}
	w.peer, w.cancel = p, cancel
	if w.stream, err = w.format.NewWriter(p, w.schema); err != nil {
		return w.failed(err)
	}
	return nil
}

// failed ends the program. When it has failed by itself, that is why.
func (w *writer) failed(err error) error {
	said := w.peer.expire()
	w.cancel()
	w.peer = nil
	return fmt.Errorf("writing to %s: %w", w.target.name(), errors.Join(err, said))
}

// Prepare implements connectors.Writer: it ends the stream, and waits until the program says that it has all.
func (w *writer) Prepare(ctx context.Context) ([]connectors.Committable, error) {
	if w.peer == nil {
		return nil, nil
	}
	stop := context.AfterFunc(ctx, w.peer.stop)
	defer stop()
	if err := w.stream.Close(); err != nil {
		return nil, w.failed(err)
	}
	size := w.stream.Size()
	err := w.peer.end()
	w.cancel()
	w.peer = nil
	if err != nil {
		return nil, err
	}
	c := connectors.Committable{Data: []byte{version}, Rows: w.rows, Bytes: size}
	w.rows = 0
	return []connectors.Committable{c}, nil
}

// Close implements connectors.Writer: a program at work is stopped.
func (w *writer) Close() error {
	if w.peer == nil {
		return nil
	}
	err := w.peer.close()
	w.cancel()
	w.peer = nil
	return err
}
