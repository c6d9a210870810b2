package subject

import (
	"time"

	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/state"
)

// Tally numbers the records of its key, and adds the numbers up, ten at a time. What it writes does not depend on the records' order.
type Tally struct {
	N    state.Value[int64] `state:"n"`
	Tens state.List[int64]  `state:"tens"`
}

// NewTally makes one.
func NewTally() *Tally { return &Tally{} }

// OnRecord implements datastream's processors.
func (t *Tally) OnRecord(ctx *datastream.Context[int64, Counted], _ Counted) error {
	n, _ := t.N.Get()
	t.N.Set(n + 1)
	t.Tens.Add(n)
	ctx.Emit(Counted{ctx.Key(), n + 1})
	if n%10 == 9 {
		var sum int64
		for v := range t.Tens.All() {
			sum += v
		}
		t.Tens.Clear()
		ctx.Emit(Counted{-ctx.Key(), sum})
	}
	return nil
}

// delay hands each record on some time later, by an alarm, but at the end of event time at the latest.
type delay struct {
	Held  state.List[int64] `state:"held"`
	alarm time.Duration
}

func (d *delay) OnRecord(ctx *datastream.Context[int64, Counted], r Reading) error {
	d.Held.Add(r.Value)
	ctx.SetAlarm(time.Now().Add(d.alarm))
	ctx.SetTimer(time.UnixMilli(1 << 45))
	return nil
}

func (d *delay) OnAlarm(ctx *datastream.Context[int64, Counted], _ time.Time) error {
	return d.flush(ctx)
}

func (d *delay) OnTimer(ctx *datastream.Context[int64, Counted], _ time.Time) error {
	return d.flush(ctx)
}

func (d *delay) flush(ctx *datastream.Context[int64, Counted]) error {
	for v := range d.Held.All() {
		ctx.Emit(Counted{ctx.Key(), v})
	}
	d.Held.Clear()
	return nil
}
