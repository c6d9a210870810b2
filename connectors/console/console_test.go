package console_test

import (
	"bytes"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/console"
)

func TestLines(t *testing.T) {
	var out bytes.Buffer
	s := console.Sink[int64]{To: &out, Prefix: "n ", Tasks: true, Limit: 4}
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	schema := columnar.NewSchema(columnar.Field{Name: "value", Type: columnar.Int64Type})
	w, err := s.NewWriter(t.Context(), connectors.TaskEnv{Task: 2}, schema)
	if err != nil {
		t.Fatal(err)
	}
	b := columnar.Batch{Schema: schema, Columns: []columnar.Column{columnar.Of(columnar.Int64Type, []int64{1, 2, 3}, columnar.Bitmap{})}, Len: 3}
	for range 3 {
		if err := w.Write(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	if want := "n 2> 1\nn 2> 2\nn 2> 3\nn 2> 1\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
	prepared, err := w.Prepare(t.Context())
	if err != nil || len(prepared) != 1 || prepared[0].Rows != 9 {
		t.Errorf("prepared %v, %v", prepared, err)
	}
}
