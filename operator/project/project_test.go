package project_test

import (
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/expr"
	"github.com/millrace/millrace/internal/testkit/batches"
	"github.com/millrace/millrace/operator/optest"
	"github.com/millrace/millrace/operator/project"
	"github.com/millrace/millrace/stream"
)

var schema = columnar.NewSchema(
	columnar.Field{Name: "word", Type: columnar.StringType, Nullable: true},
	columnar.Field{Name: "n", Type: columnar.Type{Kind: columnar.Int8}, Nullable: true},
	columnar.Field{Name: "flag", Type: columnar.BoolType},
)

func TestFilter(t *testing.T) {
	in := batches.Random(schema, 500, 3)
	var want []string
	for i, n := range columnar.Values[int8](in.Columns[1]) {
		if !in.Columns[1].IsNull(i) && n < 5 {
			want = append(want, batches.RowText(in, i))
		}
	}
	optest.Run(t, optest.Case{
		New:    func() stream.Operator { return project.NewFilter(expr.Col("n").Lt(5)) },
		Inputs: []columnar.Batch{in}, Schema: schema, Want: want, Ordered: true,
	})
	optest.Run(t, optest.Case{
		New:    func() stream.Operator { return project.NewFilter(expr.Col("flag").And(expr.Col("flag").Not())) },
		Inputs: []columnar.Batch{in}, Schema: schema,
	})
}

func TestSelect(t *testing.T) {
	in := batches.Random(schema, 500, 4)
	out := columnar.NewSchema(
		columnar.Field{Name: "next", Type: columnar.Int64Type, Nullable: true}, columnar.Field{Name: "word", Type: columnar.StringType, Nullable: true})
	bb := columnar.NewBatchBuilder(out, in.Len)
	for i, n := range columnar.Values[int8](in.Columns[1]) {
		if in.Columns[1].IsNull(i) {
			bb.Column(0).AppendNulls(1)
		} else {
			columnar.AppendFixed(bb.Column(0), int64(n)+1)
		}
	}
	bb.Column(1).Append(in.Columns[0], nil)
	bb.Added(in.Len)
	want := bb.Finish()
	want.Time, want.Kind = in.Time, in.Kind
	optest.Run(t, optest.Case{
		New: func() stream.Operator {
			return project.NewSelect([]project.Column{{Name: "next", Expr: expr.Col("n").Add(1)}, {Name: "word", Expr: expr.Col("word")}})
		},
		Inputs: []columnar.Batch{in}, Schema: out, Want: optest.Rows(want), Ordered: true,
	})
}

func TestPick(t *testing.T) {
	in := batches.Random(schema, 100, 5)
	columns := []int{2, 0, 2}
	out := schema.Select(columns)
	optest.Run(t, optest.Case{
		New:    func() stream.Operator { return project.NewPick(columns) },
		Inputs: []columnar.Batch{in}, Schema: out, Want: optest.Rows(in.Project(out, columns)), Ordered: true,
	})
}

func TestUnknownColumn(t *testing.T) {
	for name, op := range map[string]stream.Operator{
		"filter": project.NewFilter(expr.Col("gone").Eq(1)), "select": project.NewSelect([]project.Column{{Name: "x", Expr: expr.Col("gone")}}),
	} {
		if err := op.Open(optest.NewEnv(t, 0, schema)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
