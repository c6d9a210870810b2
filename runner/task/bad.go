package task

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/connectors/onbad"
	"github.com/millrace/millrace/shuffle"
	"github.com/millrace/millrace/stream"
)

// badRows makes rows of a node's bad records and hands them on, as a side output of the task.
type badRows struct {
	node    string
	schema  *columnar.Schema
	records *codec.Encoder[onbad.Record]
	to      shuffle.Writer
}

// badBatch is how many bad records make a batch.
const badBatch = 1024

// newBadRows gathers what env is told of, besides whoever is told already and may refuse it.
func newBadRows(env *stream.Env, to shuffle.Writer) *badRows {
	r := &badRows{node: env.Node, to: to}
	take := env.Bad
	env.Bad = func(b stream.Bad) error {
		if err := take(b); err != nil {
			return err
		}
		if err := r.open(); err != nil {
			return err
		}
		r.records.Append(onbad.NewRecord(r.node, b.Source, b.Offset, b.Record, b.Reason.Error()))
		if r.records.Len() < badBatch {
			return nil
		}
		return r.flush()
	}
	return r
}

// open makes room for the first record.
func (r *badRows) open() error {
	if r.records != nil {
		return nil
	}
	c, err := codec.Of[onbad.Record]()
	if err != nil {
		return err
	}
	r.schema, r.records = c.Schema(), c.Encoder()
	return nil
}

func (r *badRows) flush() error {
	if r.records == nil || r.records.Len() == 0 {
		return nil
	}
	n := r.records.Len()
	columns, err := r.records.Finish()
	if err == nil {
		err = r.to.Write(columnar.Batch{Schema: r.schema, Columns: columns, Len: n}, true)
	}
	if err != nil {
		return fmt.Errorf("%s: sending bad records: %w", r.node, err)
	}
	return nil
}

// flushBad hands on the bad records that are there: before a barrier they belong to its checkpoint, and nobody waits for more of them.
func (t *Task) flushBad() error {
	for _, r := range t.bad {
		if err := r.flush(); err != nil {
			return err
		}
	}
	return nil
}

// environment returns that of the operator at a position, -1 for the source.
func (t *Task) environment(at int) *stream.Env {
	if at < 0 {
		return t.origin
	}
	return t.config.Operators[at].Env
}
