package task

import (
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/metrics"
	"github.com/millrace/millrace/stream"
)

// hoard is an operator that gathers rows, past all watermarks but those of 10 and later.
type hoard struct {
	pass
	held bool
}

var oneRow = columnar.Batch{Schema: columnar.NewSchema(), Len: 1}

func (h *hoard) Process(int, columnar.Batch, stream.Output) error {
	h.held = true
	return nil
}

func (h *hoard) Flush(out stream.Output) error {
	if h.held {
		out.Emit(oneRow)
	}
	h.held = false
	return nil
}

func (*hoard) Keeps(m stream.Mark) bool { return m.Kind == stream.WatermarkMark }

func (h *hoard) Advance(w stream.Watermark, out stream.Output) error {
	if w < 10 {
		return nil
	}
	return h.Flush(out)
}

// What a Keeper holds stays behind the marks that it keeps rows from, and goes before the others.
func TestKeeper(t *testing.T) {
	task := New(Config{Operators: []Operator{{Name: "hoard", Op: &hoard{}, Env: &stream.Env{Metrics: &metrics.Set{}}}}})
	task.Connect(nil, nil)
	l := task.chain.head()
	check := func(what string, want ...stream.MarkKind) {
		t.Helper()
		for i, kind := range want {
			if l.out.len() == 0 {
				t.Fatalf("%s: %d of %d elements", what, i, len(want))
			}
			if got := l.out.take().mark.Kind; got != kind {
				t.Errorf("%s: element %d is of kind %d, want %d", what, i, got, kind)
			}
		}
		if n := l.out.len(); n > 0 {
			t.Errorf("%s: %d elements too many", what, n)
		}
	}
	push := func(e element) {
		t.Helper()
		if err := task.chain.push(l, l.main, l.mainFeed, e); err != nil {
			t.Fatal(err)
		}
	}
	watermark := func(w stream.Watermark) element {
		return element{mark: stream.Mark{Kind: stream.WatermarkMark, Watermark: w}}
	}
	push(element{batch: oneRow})
	push(watermark(5))
	check("a watermark that it keeps rows from", stream.WatermarkMark)
	push(watermark(10))
	check("one that it does not", stream.NoMark, stream.WatermarkMark)
	push(element{batch: oneRow})
	push(element{mark: stream.Mark{Kind: stream.IdleMark}})
	check("an idle mark", stream.NoMark, stream.IdleMark)
	push(element{batch: oneRow})
	check("rows, which end idleness", stream.WatermarkMark)
	if did, err := task.chain.flush(); !did || err != nil {
		t.Fatal(did, err)
	}
	check("an input that has run dry, or a barrier", stream.NoMark)
}
