package build_test

import (
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/columnar/expr"
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/internal/testkit/batches"
	"github.com/millrace/millrace/operator/build"
	"github.com/millrace/millrace/operator/join"
	"github.com/millrace/millrace/operator/optest"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/plan/physical"
	"github.com/millrace/millrace/stream/window"
)

var node = &plan.Node{Name: "Test"}

var schema = columnar.NewSchema(columnar.Field{Name: "k", Type: columnar.Type{Kind: columnar.Uint8}}, columnar.Field{Name: "n", Type: columnar.Int32Type})

// run returns what the operator of a spec makes of its inputs, and its schema.
func run(t *testing.T, spec physical.Spec, inputs ...columnar.Batch) columnar.Batch {
	t.Helper()
	op, err := build.New(physical.Op{Node: node, Spec: spec})
	if err != nil {
		t.Fatal(err)
	}
	var schemas []*columnar.Schema
	var pieces [][]columnar.Batch
	for _, b := range inputs {
		schemas, pieces = append(schemas, b.Schema), append(pieces, []columnar.Batch{b})
	}
	var bb *columnar.BatchBuilder
	optest.Drive(t, op, optest.NewEnv(t, 0, schemas...), pieces, func(b columnar.Batch) {
		if bb == nil {
			bb = columnar.NewBatchBuilder(b.Schema, b.Len)
		}
		bb.Append(b, b.Sel)
	})
	if bb == nil {
		t.Fatalf("%T gives nothing", spec)
	}
	return bb.Finish()
}

func TestSpecs(t *testing.T) {
	in := batches.Random(schema, 100, 1)
	for _, c := range []struct {
		spec physical.Spec
		rows int
	}{
		{physical.Filter{Op: plan.Filter{Predicate: expr.Col("k").Ge(0)}}, 100},
		{physical.Select{Op: plan.Project{Columns: []plan.Column{{Name: "x", Expr: expr.Col("n")}}}}, 100},
		{physical.Pick{Columns: []int{1}}, 100},
		{physical.Limit{Rows: 3}, 3},
		{physical.Result{Op: plan.Collect{Limit: 7}}, 7},
		{physical.Order{Columns: []int{0}, Orders: []keys.Order{{}}}, 100},
	} {
		if got := run(t, c.spec, in); got.Len != c.rows {
			t.Errorf("%T gives %d rows, want %d", c.spec, got.Len, c.rows)
		}
	}
}

func TestSourceHasNoOperator(t *testing.T) {
	if _, err := build.New(physical.Op{Node: node, Spec: physical.Source{}}); err == nil {
		t.Error("no error")
	}
}

// TestAggregateSchemas checks that the two halves agree with the plan on the schema between and behind them.
func TestAggregateSchemas(t *testing.T) {
	in := batches.Random(schema, 100, 1)
	sum, err := agg.SumOf(columnar.Int32Type)
	if err != nil {
		t.Fatal(err)
	}
	op := plan.Aggregate{Keys: []int{0}, Calls: []plan.Call{{Function: sum, Inputs: []int{1}, Name: "total"}, {Function: agg.CountRows()}}}
	states := run(t, physical.Aggregate{Keys: op.Keys, Calls: op.Calls, Mode: physical.Partial}, in)
	if want := physical.StateSchema(schema, op); !states.Schema.Equal(want) {
		t.Errorf("states are\n%swant\n%s", states.Schema, want)
	}
	results := run(t, physical.Aggregate{Keys: []int{0}, Calls: op.Calls, Mode: physical.Final}, states)
	if want, _ := op.Output([]*columnar.Schema{schema}); !results.Schema.Equal(want) {
		t.Errorf("results are\n%swant\n%s", results.Schema, want)
	}
}

// timed is run for an operator that waits for event time.
func timed(t *testing.T, spec physical.Spec, in columnar.Batch) columnar.Batch {
	t.Helper()
	op, err := build.New(physical.Op{Node: node, Spec: spec})
	if err != nil {
		t.Fatal(err)
	}
	task := optest.NewTask(t, op, in.Schema)
	task.Push(0, in)
	task.End()
	if len(task.Out) != 1 {
		t.Fatalf("%T gives %d batches", spec, len(task.Out))
	}
	return task.Out[0]
}

// TestWindowSchemas does the same for the two steps of windows.
func TestWindowSchemas(t *testing.T) {
	in := batches.Random(schema, 100, 1)
	in.Time = make([]int64, in.Len)
	sum, err := agg.SumOf(columnar.Int32Type)
	if err != nil {
		t.Fatal(err)
	}
	op := plan.Window{Spec: window.New(window.Tumbling(time.Second)), Inputs: []plan.WindowInput{{
		Keys: 1, Calls: []plan.Call{{Function: sum, Inputs: []int{1}, Name: "total"}, {Function: agg.CountRows()}}, Gap: -1, Value: -1, Evict: -1, Late: -1,
	}}}
	states := timed(t, physical.Window{Op: op, Mode: physical.Partial}, in)
	n := &plan.Node{Op: op, Inputs: []*plan.Node{{Schema: schema}}}
	chain := &physical.Stage{Chain: []physical.Op{{Node: n, Spec: physical.Window{Op: op, Mode: physical.Partial}}}}
	if want := chain.Schema(0); !states.Schema.Equal(want) {
		t.Errorf("states are\n%swant\n%s", states.Schema, want)
	}
	one := timed(t, physical.Placed{Op: op}, in)
	two := timed(t, physical.Window{Op: op, Mode: physical.Final}, states)
	if !one.Schema.Equal(two.Schema) || one.Len != two.Len {
		t.Errorf("%d results of two steps are\n%swant %d\n%s", two.Len, two.Schema, one.Len, one.Schema)
	}
}

// TestJoinTypes checks that the plan's types are the operator's, and the schemas too.
func TestJoinTypes(t *testing.T) {
	for typ, want := range map[plan.JoinType]join.Type{
		plan.Inner: join.Inner, plan.Left: join.Left, plan.Right: join.Right, plan.Full: join.Full, plan.Semi: join.Semi, plan.Anti: join.Anti,
		plan.Cross: join.Cross,
	} {
		if join.Type(typ) != want {
			t.Errorf("%s is %d here, %d there", typ, want, typ)
		}
	}
	l, r := batches.Random(schema, 100, 1), batches.Random(schema, 50, 2)
	for _, typ := range []plan.JoinType{plan.Inner, plan.Left, plan.Right, plan.Full, plan.Semi, plan.Anti} {
		op := plan.Join{Type: typ, LeftKeys: []int{0}, RightKeys: []int{0}}
		got := run(t, physical.Join{Op: op, Build: 1}, l, r)
		want, err := op.Output([]*columnar.Schema{schema, schema})
		if err != nil || !slices.EqualFunc(got.Schema.Fields, want.Fields, columnar.Field.Equal) {
			t.Errorf("%s: the schema is\n%swant\n%s", typ, got.Schema, want)
		}
	}
}
