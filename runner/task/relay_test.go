package task

import (
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/metrics"
	"github.com/millrace/millrace/stream"
)

// later is an operator that hands on what comes when it is done with something.
type later struct {
	pass
	idle, busy bool
}

func (l *later) Mark() (stream.Watermark, bool) { return 7, l.idle && !l.busy }
func (l *later) Idle(is bool)                   { l.idle = is }

// That nothing comes for a while goes through an operator that makes its watermarks of others', behind what it has to do, and so does the end of it.
func TestRelayedIdleness(t *testing.T) {
	op := &later{busy: true}
	task := New(Config{Operators: []Operator{{Name: "later", Op: op, Env: &stream.Env{Metrics: &metrics.Set{}}}}})
	task.Connect(nil, nil)
	l := task.chain.head()
	check := func(when string, want ...stream.MarkKind) {
		t.Helper()
		var got []stream.MarkKind
		for l.out.len() > 0 {
			got = append(got, l.out.take().mark.Kind)
		}
		if len(got) != len(want) || len(got) > 0 && got[len(got)-1] != want[len(want)-1] {
			t.Errorf("%s: marks %v, want %v", when, got, want)
		}
	}
	if err := task.chain.take(l, l.mainFeed, stream.Mark{Kind: stream.IdleMark}); err != nil {
		t.Fatal(err)
	}
	check("while it has something to do", stream.WatermarkMark)
	op.busy = false
	if err := task.chain.call(l, func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	check("when it is done", stream.IdleMark)
	if err := task.chain.push(l, l.main, l.mainFeed, element{batch: columnar.Batch{Schema: columnar.NewSchema(), Len: 1}}); err != nil {
		t.Fatal(err)
	}
	check("with rows", stream.NoMark, stream.WatermarkMark)
}
