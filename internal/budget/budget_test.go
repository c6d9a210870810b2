package budget

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

func TestGrowAndRelease(t *testing.T) {
	b := New(1000)
	a := b.Account("sort")
	if !a.TryGrow(1000) {
		t.Fatal("a lone account cannot take the whole budget")
	}
	err := a.Grow(1)
	var exceeded *ExceededError
	if !errors.Is(err, ErrExceeded) || !errors.As(err, &exceeded) || exceeded.Account != "sort" || exceeded.Held != 1000 {
		t.Fatalf("got %v, want an ExceededError about sort holding 1000", err)
	}
	a.Release(400)
	if got := a.Used(); got != 600 {
		t.Errorf("used %d, want 600", got)
	}
	if !a.Resize(900) || a.Resize(1001) || a.Used() != 900 {
		t.Errorf("resizing to 900, then to 1001 left %d", a.Used())
	}
	a.Close()
	a.Close()
	if b.Used() != 0 || b.Peak() != 1000 {
		t.Errorf("after Close used %d, peak %d; want 0, 1000", b.Used(), b.Peak())
	}
}

func TestGuaranteeIsKept(t *testing.T) {
	b := New(1000)
	greedy, modest := b.Account("greedy"), b.Account("modest")
	for greedy.TryGrow(1) {
	}
	if got := greedy.Used(); got != 875 {
		t.Errorf("greedy got %d, want all but modest's 125", got)
	}
	if !modest.TryGrow(125) {
		t.Error("modest was refused its guarantee")
	}
	if modest.TryGrow(1) || greedy.TryGrow(1) {
		t.Error("the budget was exceeded")
	}
}

func TestShortAccountIsServedBeforeGreedyOne(t *testing.T) {
	b := New(1000)
	greedy, short := b.Account("greedy"), b.Account("short")
	b.Account("idle")
	greedy.Force(700)
	short.Force(100)
	if short.TryGrow(300) {
		t.Fatal("300 bytes of 200 were granted")
	}
	if !greedy.Pressed() || short.Pressed() {
		t.Error("greedy should be pressed, short should not")
	}
	greedy.Release(150)
	if greedy.TryGrow(10) {
		t.Error("greedy grew above its fair share while short waited")
	}
	if !short.TryGrow(200) {
		t.Error("short was refused what greedy gave back")
	}
	if greedy.Pressed() {
		t.Error("greedy is pressed although short has got something")
	}
	if !greedy.TryGrow(10) {
		t.Error("greedy was refused free memory while nobody was short")
	}
}

func TestAccountOpenedLate(t *testing.T) {
	b := New(1000)
	first := b.Account("first")
	first.Force(1000)
	late := b.Account("late")
	if late.TryGrow(10) {
		t.Fatal("the budget was exceeded")
	}
	if !first.Pressed() {
		t.Error("first is not pressed")
	}
	late.Force(10) // its one batch
	if b.Used() != 1010 || first.TryGrow(1) {
		t.Error("a forced surplus must be counted and refuse others")
	}
	first.Release(1000)
	if !late.TryGrow(490) {
		t.Error("late was refused free memory")
	}
}

func TestChild(t *testing.T) {
	b := New(1000)
	state := b.Account("state")
	exchange := b.Child("exchange", 400)
	edge := exchange.Account("edge")
	for edge.TryGrow(1) {
	}
	if edge.Used() != 400 || b.Used() != 400 || exchange.Used() != 400 {
		t.Fatalf("edge has %d, exchange %d, parent %d; want the child's limit of 400", edge.Used(), exchange.Used(), b.Used())
	}
	if !state.TryGrow(600) {
		t.Error("the rest was refused")
	}
	if edge.TryGrow(1) {
		t.Error("the child exceeded its limit")
	}
	edge.Release(200)
	if b.Used() != 800 {
		t.Errorf("parent has %d, want 800", b.Used())
	}
	exchange.Close()
	if b.Used() != 600 {
		t.Errorf("parent has %d after the child was closed, want 600", b.Used())
	}
}

func TestChildIsRefusedByParent(t *testing.T) {
	b := New(1000)
	state := b.Account("state")
	edge := b.Child("exchange", 400).Account("edge")
	state.Force(900)
	if edge.TryGrow(200) {
		t.Error("the child took what the parent has not")
	}
	if edge.Used() != 0 || b.Used() != 900 {
		t.Errorf("a refusal left %d in the child, %d in the parent", edge.Used(), b.Used())
	}
}

func TestNilAccount(t *testing.T) {
	var a *Account
	a.Force(1)
	a.Mapped(1)
	a.Release(5)
	a.Close()
	if !a.TryGrow(1<<60) || a.Grow(1) != nil || !a.Resize(3) || a.Used() != 0 || a.Peak() != 0 || a.Pressed() || a.Name() == "" {
		t.Error("a nil account must refuse and count nothing")
	}
}

func TestReleaseOfMoreThanHeldPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	New(10).Account("a").Release(1)
}

// TestAccounting compares a budget with plain sums under random calls.
func TestAccounting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.Int64Range(1, 10_000).Draw(t, "total")
		b := New(total)
		var open []*Account
		for i := range rapid.IntRange(1, 6).Draw(t, "accounts") {
			open = append(open, b.Account(fmt.Sprint(i)))
		}
		held := make([]int64, len(open))
		guarantee := total / keptPart / int64(len(open))
		sum := int64(0)
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			i := rapid.IntRange(0, len(open)-1).Draw(t, "account")
			n := rapid.Int64Range(0, total).Draw(t, "bytes")
			if rapid.Bool().Draw(t, "release") {
				n = min(n, held[i])
				open[i].Release(n)
				n = -n
			} else if !open[i].TryGrow(n) {
				if held[i]+n <= guarantee {
					t.Fatalf("account with %d bytes was refused %d, its guarantee is %d", held[i], n, guarantee)
				}
				continue
			}
			held[i] += n
			sum += n
			if sum > total || b.Used() != sum || open[i].Used() != held[i] {
				t.Fatalf("budget of %d counts %d, account %d; want %d, %d", total, b.Used(), open[i].Used(), sum, held[i])
			}
		}
		for _, a := range open {
			a.Close()
		}
		if b.Used() != 0 || b.claimed != 0 || b.short != 0 || b.active != 0 {
			t.Fatalf("all closed, but used %d, claimed %d, short %d, active %d", b.Used(), b.claimed, b.short, b.active)
		}
	})
}

func TestConcurrentUse(t *testing.T) {
	b := New(1 << 20)
	exchange := b.Child("exchange", 1<<19)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			parent := b
			if i%2 == 0 {
				parent = exchange
			}
			a := parent.Account("task")
			defer a.Close()
			for k := range int64(500) {
				if a.TryGrow(k) {
					a.Release(k)
				}
				a.Pressed()
			}
		})
	}
	wg.Wait()
	if b.Used() != 0 {
		t.Errorf("used %d, want 0", b.Used())
	}
}

func BenchmarkTryGrowRelease(b *testing.B) {
	a := New(1<<30).Child("exchange", 1<<20).Account("edge")
	b.ReportAllocs()
	for b.Loop() {
		a.TryGrow(64 << 10)
		a.Release(64 << 10)
	}
}
