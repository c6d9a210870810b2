package join

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/budget"
	"github.com/millrace/millrace/internal/testkit/batches"
	"github.com/millrace/millrace/operator/optest"
	"github.com/millrace/millrace/stream"
)

// collected is an Output with room for all, which keeps the rows as text.
type collected []string

func (c *collected) Emit(b columnar.Batch) { *c = append(*c, batches.Text(b)...) }
func (c *collected) EmitSide(int, columnar.Batch) error {
	return errors.New("a join has no side outputs")
}
func (c *collected) Room() int { return 1000 }

// joinOne lets an operator join a batch with itself by its first column.
func joinOne(o *Hash, env *stream.Env, b columnar.Batch) (rows []string, err error) {
	var out collected
	defer func() { err = errors.Join(err, o.Close()) }()
	if err := o.Open(env); err != nil {
		return nil, err
	}
	for _, input := range []int{1, 0} {
		if err := o.Process(input, b, &out); err != nil {
			return nil, err
		}
		if _, err := o.Resume(&out); err != nil {
			return nil, err
		}
		if err := o.EndInput(input, &out); err != nil {
			return nil, err
		}
	}
	_, err = o.Resume(&out)
	slices.Sort(out)
	return out, err
}

// TestTasksShareATable joins in several tasks at once, with memory for a table and without: all give what a task alone gives, and no memory is
// left.
func TestTasksShareATable(t *testing.T) {
	s := columnar.NewSchema(
		columnar.Field{Name: "k", Type: columnar.Int64Type, Nullable: true}, columnar.Field{Name: "word", Type: columnar.StringType})
	b := batches.Random(s, 500, 1)
	b.Time, b.Kind = nil, nil
	spec := Spec{Type: Left, LeftKeys: []int{0}, RightKeys: []int{0}, Build: 1}
	want, err := joinOne(&Hash{spec: spec}, optest.NewEnv(t, 0, s, s), b)
	if err != nil || len(want) < 500 {
		t.Fatalf("%d rows, %v", len(want), err)
	}
	for name, memory := range map[string]int64{"enough": 64 << 20, "none": 1} {
		t.Run(name, func(t *testing.T) {
			account := budget.New(memory).Account("table")
			common := sync.OnceValue(func() any { return newShared(account) })
			var tasks sync.WaitGroup
			for range 5 {
				env := optest.NewEnv(t, 0, s, s)
				env.Tasks, env.Shared = 5, func(func(*budget.Account) any) any { return common() }
				tasks.Go(func() {
					got, err := joinOne(&Hash{spec: spec}, env, b)
					if diff := cmp.Diff(want, got); err != nil || diff != "" {
						t.Errorf("%v; -alone +together\n%s", err, diff)
					}
				})
			}
			tasks.Wait()
			if n := account.Used(); n != 0 {
				t.Errorf("%d bytes are left", n)
			}
		})
	}
}

// TestSharedTableIsMadeAgain has a task come when those before it have left, and one give up while another makes the table.
func TestSharedTableIsMadeAgain(t *testing.T) {
	s := newShared(nil).(*shared)
	for range 2 {
		if got, forAll, err := s.enter(t.Context()); got != nil || !forAll || err != nil {
			t.Fatalf("%v, %t, %v; want to make the table", got, forAll, err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("stopped")
		cancel(why)
		if _, _, err := s.enter(ctx); !errors.Is(err, why) {
			t.Fatalf("waiting ended with %v", err)
		}
		made, err := newTable(build{schema: &columnar.Schema{}})
		if err != nil {
			t.Fatal(err)
		}
		s.made(made)
		if got, forAll, err := s.enter(t.Context()); got == nil || forAll || err != nil {
			t.Fatalf("%v, %t, %v; want the table", got, forAll, err)
		}
		s.leave()
		s.leave()
	}
}
