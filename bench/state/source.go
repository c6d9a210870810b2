package main

import (
	"context"
	"io"
	"math/rand/v2"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/generate"
)

// source makes all keys once, and then random ones as they are due. Only its reader is its own: to the job it is a source of one record.
type source struct {
	generate.Source[update]
	settings settings
	recorder *recorder
}

func newSource(s settings, r *recorder) source {
	return source{Source: generate.Source[update]{Rows: 1, At: func(int64) update { return update{} }}, settings: s, recorder: r}
}

// NewReader starts the one task's reading.
func (s source) NewReader(connectors.TaskEnv, connectors.Scan) (connectors.Reader, error) {
	c, err := codec.Of[update]()
	if err != nil {
		return nil, err
	}
	return &reader{source: s, schema: c.Schema(), encoder: c.Encoder(), random: rand.New(rand.NewPCG(1, 2))}, nil
}

// reader makes the records.
type reader struct {
	source
	schema  *columnar.Schema
	encoder *codec.Encoder[update]
	random  *rand.Rand
	split   string
	loaded  int64     // keys written
	began   time.Time // when the first record was due
	made    int64     // records that were due
}

const (
	loadRows = 4096
	dueRows  = 1024
	tick     = time.Millisecond // how long records that are due may be gathered
	settle   = 2 * time.Second  // from the last of the first keys to the first record that is due
)

// Assign takes the split.
func (r *reader) Assign(splits []connectors.Split, _ []connectors.Position) error {
	r.split = splits[0].ID
	return nil
}

// Fetch returns the next keys, or the records that are due.
func (r *reader) Fetch(ctx context.Context) (connectors.Fetched, error) {
	switch {
	case r.split == "":
		return connectors.Fetched{}, io.EOF
	case r.loaded < r.settings.keys:
		for ; r.loaded < r.settings.keys && r.encoder.Len() < loadRows; r.loaded++ {
			r.encoder.Append(update{Key: key{ID: r.loaded, Kind: 7}})
		}
		return r.batch()
	case r.began.IsZero():
		r.began = time.Now().Add(settle)
		r.recorder.begin(r.began)
	}
	now := time.Now()
	for ; r.encoder.Len() < dueRows; r.made++ {
		at := r.due(now)
		if at.After(now) || at.After(r.end()) {
			break
		}
		r.encoder.Append(update{Key: key{ID: r.random.Int64N(r.settings.keys), Kind: 7}, Due: at.UnixNano()})
	}
	switch {
	case r.encoder.Len() > 0:
		return r.batch()
	case now.After(r.end()):
		f := connectors.Fetched{Split: r.split, Done: true}
		r.split = ""
		return f, nil
	}
	t := time.NewTimer(tick)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return connectors.Fetched{}, context.Cause(ctx)
	case <-t.C:
		return connectors.Fetched{}, nil
	}
}

func (r *reader) end() time.Time {
	return r.began.Add(time.Duration(r.settings.seconds * float64(time.Second)))
}

// due returns when the next record is due: without a rate, now.
func (r *reader) due(now time.Time) time.Time {
	if r.settings.rate == 0 {
		if now.Before(r.began) {
			return r.began
		}
		return now
	}
	return r.began.Add(time.Duration(float64(r.made) / r.settings.rate * float64(time.Second)))
}

func (r *reader) batch() (connectors.Fetched, error) {
	n := r.encoder.Len()
	columns, err := r.encoder.Finish()
	if err != nil {
		return connectors.Fetched{}, err
	}
	return connectors.Fetched{Batch: columnar.Batch{Schema: r.schema, Columns: columns, Len: n}, Split: r.split}, nil
}

// Close does nothing.
func (*reader) Close() error { return nil }
