package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/generate"
	"github.com/millrace/millrace/connectors/socket"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/formats/csv"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/state"
)

// event is what comes, counted what is made of it. At is handed on as it is.
type event struct{ Key, At int64 }

type counted struct{ Key, N, At int64 }

func (e event) key() int64 { return e.Key }

type counter struct {
	N state.Value[int64] `state:"n"`
}

// OnRecord implements datastream.Processor.
func (c *counter) OnRecord(ctx *datastream.Context[int64, counted], e event) error { //nolint:unparam // the interface has it
	n, _ := c.N.Get()
	c.N.Set(n + 1)
	ctx.Emit(counted{e.Key, n + 1, e.At})
	return nil
}

func counts(events datastream.Stream[event]) datastream.Stream[counted] {
	return datastream.Process(datastream.KeyBy(events, event.key), func() *counter { return &counter{} }, plan.UID("counts"))
}

// latency counts what comes from the unix socket in and writes to the unix socket out, until it is told to end; bench/latency is on the other side.
func latency(in, out string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return checkpointed(ctx, func(job *plan.Job) {
		events := datastream.Read(job, socket.Source[event]{Address: "unix:" + in, Format: csv.Format[event]{}}, plan.UID("in"))
		datastream.Write(counts(events), toSocket{path: out}, plan.UID("out"))
	})
}

// latencyWithin has events made and results thrown away in this process, and measures from making to throwing away: what others publish.
func latencyWithin() error {
	rate, err := strconv.Atoi(cmp.Or(os.Getenv("BENCH_RATE"), "100000"))
	if err != nil {
		return fmt.Errorf("BENCH_RATE: %w", err)
	}
	seconds, err := strconv.Atoi(cmp.Or(os.Getenv("BENCH_SECONDS"), "30"))
	if err != nil {
		return fmt.Errorf("BENCH_SECONDS: %w", err)
	}
	const warm = 10
	begin := time.Now()
	var meters meters
	err = checkpointed(context.Background(), func(job *plan.Job) {
		made := generate.Source[event]{
			Rows: int64(rate) * int64(warm+seconds), Rate: float64(rate), At: func(i int64) event { return event{i * 7919 % 10007, int64(time.Since(begin))} },
		}
		datastream.Write(counts(datastream.Read(job, made, plan.UID("in"))), meter{begin: begin, from: warm * time.Second, all: &meters}, plan.UID("out"))
	})
	meters.print(rate)
	return err
}

// checkpointed runs a job as a stream, with a checkpoint every BENCH_CHECKPOINT_MS, to its end or that of ctx.
func checkpointed(ctx context.Context, build func(*plan.Job)) error {
	ms, err := strconv.Atoi(cmp.Or(os.Getenv("BENCH_CHECKPOINT_MS"), "5000"))
	if err != nil {
		return fmt.Errorf("BENCH_CHECKPOINT_MS: %w", err)
	}
	folder, err := os.MkdirTemp(os.Getenv("BENCH_TMP"), "millrace-checkpoints-")
	if err != nil {
		return err
	}
	o := options("latency")
	o.Streaming.Always = true
	o.Streaming.Checkpoints.Interval = time.Duration(ms) * time.Millisecond
	o.Streaming.Checkpoints.Folder = folder
	var controls runner.Controls
	o.Running = func(c runner.Controls) { controls = c }
	_, err = runner.Run(ctx, build, o)
	if ctx.Err() != nil { // it was to end
		err = nil
	}
	if controls != nil {
		made := controls.Status().Checkpoints
		fmt.Printf("BENCHCP completed=%d failed=%d", made.Completed, made.Failed)
		if last := made.LastComplete(); last != nil {
			fmt.Printf(" bytes=%d ms=%.0f", last.StateBytes, last.Duration*1000)
		}
		fmt.Println()
	}
	return errors.Join(err, os.RemoveAll(folder))
}

// toSocket is a sink that writes lines of key,count,at to a unix socket, a call for each batch. What was written cannot be taken back, so it
// delivers at least once.
type toSocket struct {
	forgetful
	path string
}

// Describe implements connectors.Sink.
func (s toSocket) Describe() string { return s.path }

// NewWriter implements connectors.Sink.
func (s toSocket) NewWriter(ctx context.Context, _ connectors.TaskEnv, _ *columnar.Schema) (connectors.Writer, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", s.path)
	return &lines{conn: conn}, err
}

type lines struct {
	nothing
	conn net.Conn
	buf  []byte
}

func (l *lines) Write(_ context.Context, b columnar.Batch) error {
	key, n, at := columnar.Values[int64](b.Columns[0]), columnar.Values[int64](b.Columns[1]), columnar.Values[int64](b.Columns[2])
	l.buf = l.buf[:0]
	for i := range b.Rows() {
		if b.Sel != nil {
			i = int(b.Sel[i])
		}
		l.buf = append(strconv.AppendInt(l.buf, key[i], 10), ',')
		l.buf = append(strconv.AppendInt(l.buf, n[i], 10), ',')
		l.buf = append(strconv.AppendInt(l.buf, at[i], 10), '\n')
	}
	_, err := l.conn.Write(l.buf)
	return err
}

func (l *lines) Close() error { return l.conn.Close() }

// forgetful is what sinks have in common that publish nothing.
type forgetful struct{}

func (forgetful) Element() (zero counted)                                   { return zero }
func (forgetful) Name() string                                              { return "latency" }
func (forgetful) Validate() error                                           { return nil }
func (forgetful) Begin(context.Context, connectors.Env) error               { return nil }
func (forgetful) NewCommitter(connectors.Env) (connectors.Committer, error) { return nothing{}, nil }

// nothing prepares and commits nothing.
type nothing struct{}

func (nothing) Prepare(context.Context) ([]connectors.Committable, error) { return nil, nil }
func (nothing) Abort(context.Context) error                               { return nil }
func (nothing) Commit(context.Context, []connectors.Committable, bool) (connectors.Published, error) {
	return connectors.Published{}, nil
}
