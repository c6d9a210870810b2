package blackhole_test

import (
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/blackhole"
)

func TestCounts(t *testing.T) {
	s := blackhole.Sink[int64]{}
	w, err := s.NewWriter(t.Context(), connectors.TaskEnv{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	b := columnar.Batch{
		Columns: []columnar.Column{columnar.Of(columnar.Int64Type, []int64{1, 2, 3}, columnar.Bitmap{})}, Len: 3, Sel: []int32{0, 2},
	}
	for range 2 {
		if err := w.Write(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	prepared, err := w.Prepare(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := w.Prepare(t.Context()); len(again) != 0 {
		t.Errorf("nothing was written, and prepared is %v", again)
	}
	c, err := s.NewCommitter(connectors.Env{})
	if err != nil {
		t.Fatal(err)
	}
	if p, err := c.Commit(t.Context(), prepared, true); err != nil || p.Rows != 4 || p.Bytes != 48 {
		t.Errorf("published %+v, %v", p, err)
	}
}
