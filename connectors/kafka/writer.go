package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/formats"
)

const (
	// bufferedRecords and bufferedBytes bound what waits for the brokers; beyond, Write waits.
	bufferedRecords = 100_000
	bufferedBytes   = 32 << 20
)

// writer writes one task's records.
type writer struct {
	topic      string
	env        connectors.TaskEnv
	encoder    formats.RecordEncoder
	keys       func(columnar.Batch) (func(i int) []byte, error) // nil: no keys
	timeColumn string                                           // "": the event time
	delivery   Delivery
	cluster    cluster
	options    []kgo.Opt

	transactions *transactions // of ExactlyOnce
	open         *transaction  // nil: none
	client       *kgo.Client   // that of open, or the only one; nil before the first Write
	ends         []int
	rows, bytes  int64

	mu     sync.Mutex // guards failed, which the client's goroutines set
	failed error
}

var _ connectors.Stater = (*writer)(nil)

// Write implements connectors.Writer. It waits when too much is on its way.
func (w *writer) Write(ctx context.Context, b columnar.Batch) error {
	if b.Rows() == 0 {
		return nil
	}
	if err := w.ready(ctx); err != nil {
		return err
	}
	buf, ends, err := w.encoder.Encode(b, make([]byte, 0, b.Size()+16*b.Rows()), w.ends[:0])
	w.ends = ends
	if err != nil {
		return fmt.Errorf("encoding for the topic %s: %w", w.topic, err)
	}
	var key func(int) []byte
	if w.keys != nil {
		if key, err = w.keys(b); err != nil {
			return err
		}
	}
	at := w.times(b)
	records := make([]kgo.Record, len(ends))
	from := 0
	for i, end := range ends {
		r := &records[i]
		r.Value, from = buf[from:end:end], end
		if key != nil {
			r.Key = key(i)
		}
		if at != nil {
			if micros := at[b.Row(i)]; micros != columnar.NoTime {
				r.Timestamp = time.UnixMicro(micros)
			}
		}
		w.client.Produce(ctx, r, w.produced)
	}
	w.rows += int64(len(ends))
	w.bytes += int64(len(buf))
	return w.failure()
}

// times returns the timestamps by row of the columns; nil: none.
func (w *writer) times(b columnar.Batch) []int64 {
	if w.timeColumn != "" && b.Schema.Index(w.timeColumn) >= 0 {
		return columnar.Values[int64](*b.Column(w.timeColumn))
	}
	return b.Time
}

// produced is told what became of a message, on the client's goroutines.
func (w *writer) produced(_ *kgo.Record, err error) {
	if err == nil {
		return
	}
	if w.delivery == AtMostOnce {
		w.env.Count("lost records", 1)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed == nil {
		w.failed = fmt.Errorf("writing to the topic %s: %w", w.topic, err)
	}
}

func (w *writer) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failed
}

// ready makes sure of a client, with a transaction if there is to be one.
func (w *writer) ready(ctx context.Context) error {
	if w.client != nil {
		return w.failure()
	}
	var err error
	if w.transactions == nil {
		w.client, err = w.cluster.client(w.options...)
		return err
	}
	if w.open, err = w.transactions.next(ctx, w.options); err != nil {
		return err
	}
	w.client = w.open.client
	return w.client.BeginTransaction()
}

// Prepare implements connectors.Writer: all that was written is with the brokers.
func (w *writer) Prepare(ctx context.Context) ([]connectors.Committable, error) {
	if w.client == nil || w.rows == 0 {
		return nil, nil
	}
	if w.delivery != AtMostOnce {
		if err := w.client.Flush(ctx); err != nil {
			return nil, fmt.Errorf("waiting for the brokers to have all of the topic %s: %w", w.topic, err)
		}
		if err := w.failure(); err != nil {
			return nil, err
		}
	}
	var t prepared
	if w.open != nil {
		var err error
		if t, err = w.transactions.prepare(ctx, w.open); err != nil {
			return nil, err
		}
		w.client, w.open = nil, nil
		w.transactions.openAhead(w.options)
	}
	c, err := t.committable(w.rows, w.bytes)
	w.rows, w.bytes = 0, 0
	return []connectors.Committable{c}, err
}

// State implements connectors.Stater: the transactions that are prepared and may not be committed yet.
func (w *writer) State(context.Context) ([]byte, error) {
	if w.transactions == nil {
		return nil, nil
	}
	return w.transactions.state()
}

// Restore implements connectors.Stater. It commits what the checkpoint has prepared: that it is gone on from says that it is complete.
func (w *writer) Restore(ctx context.Context, states [][]byte) error {
	if w.transactions == nil {
		return nil
	}
	return w.transactions.restore(ctx, states)
}

// abortPatience bounds how long Close waits for an abort: without it, the next run aborts.
const abortPatience = 2 * time.Second

// Close implements connectors.Writer: an open transaction is aborted, if that is quick.
func (w *writer) Close() error {
	if w.open != nil {
		ctx, cancel := context.WithTimeout(context.Background(), abortPatience)
		defer cancel()
		err := w.client.AbortBufferedRecords(ctx)
		if err = errors.Join(err, w.client.EndTransaction(ctx, kgo.TryAbort)); err != nil && w.env.Log != nil {
			w.env.Log.Debug("an open transaction is left to the next run", "transaction", w.open.id, "error", err)
		}
	}
	if w.client != nil {
		w.client.Close()
	}
	if w.transactions != nil {
		w.transactions.close()
	}
	w.client, w.open = nil, nil
	return nil
}
