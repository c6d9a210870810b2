package worker

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/checkpoint"
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/plan/physical"
	"github.com/millrace/millrace/runner/control"
	"github.com/millrace/millrace/shuffle"
	"github.com/millrace/millrace/stream"
)

var numbers = columnar.NewSchema(columnar.Field{Name: "n", Type: columnar.Int64Type})

func numbersOf(n ...int64) columnar.Batch {
	return columnar.Batch{Schema: numbers, Columns: []columnar.Column{columnar.Of(columnar.Int64Type, n, columnar.Bitmap{})}, Len: len(n)}
}

func stageOf(id int, uids ...string) *physical.Stage {
	s := &physical.Stage{ID: id}
	for _, uid := range uids {
		s.Chain = append(s.Chain, physical.Op{Node: &plan.Node{UID: uid}})
	}
	return s
}

// The edges to an operator have names of their own, of which no number of an edge or a stage is a part.
func TestFlightTable(t *testing.T) {
	from, other, to := stageOf(7, "read", "parse"), stageOf(8), stageOf(9, "count", "write")
	edge := func(e physical.Edge) {
		e.ID, e.To, e.Schema = 100+len(to.Inputs), to, numbers
		to.Inputs = append(to.Inputs, &e)
	}
	edge(physical.Edge{From: from, Kind: physical.Hash})
	edge(physical.Edge{From: from, Kind: physical.Hash, Port: 1})
	edge(physical.Edge{From: from, Kind: physical.Hash})
	edge(physical.Edge{From: from, Kind: physical.Rebalance, Side: &physical.Side{At: 0, Number: 2}})
	edge(physical.Edge{From: other, Kind: physical.Gather})
	edge(physical.Edge{From: from, Kind: physical.Hash, At: 1})
	edge(physical.Edge{From: from, Kind: physical.Forward})
	edge(physical.Edge{From: from, Kind: physical.Broadcast})
	edge(physical.Edge{From: from, Kind: physical.Hash, Blocking: true})
	edge(physical.Edge{From: from, Kind: physical.Hash, At: 2})
	var got []string
	for at := range to.Chain {
		for _, table := range flightTables(to, at) {
			got = append(got, table.Name)
		}
	}
	want := []string{
		"input 0 by hash from parse", "input 1 by hash from parse", "input 0 by hash from parse, number 2",
		"input 0 by rebalance from read, side output 2", "input 0 by gather from an exchange",
		"input 0 by hash from parse",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Watermarks go to the next rows of their channel; those behind the last are left out.
func TestFlown(t *testing.T) {
	rows := func(channel int, n int64) shuffle.Flown {
		return shuffle.Flown{Channel: channel, Item: shuffle.Item{Batch: numbersOf(n)}}
	}
	mark := func(channel int, w stream.Watermark) shuffle.Flown {
		return shuffle.Flown{Channel: channel, Item: shuffle.Item{Mark: stream.Mark{Kind: stream.WatermarkMark, Watermark: w}}}
	}
	var got []stream.Watermark
	for _, f := range flown([]shuffle.Flown{mark(0, 5), mark(1, 7), rows(1, 1), rows(1, 2), rows(0, 3), mark(0, 9)}) {
		got = append(got, f.After)
	}
	if diff := cmp.Diff([]stream.Watermark{7, stream.NoWatermark, 5}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// However many tasks there are, and whatever the edge, each row that was in flight is taken by one of them, those of a key by the same.
func TestShared(t *testing.T) {
	const table = "input 0 by hash from parse"
	o := checkpoint.Operator{UID: "count", KeyGroups: 64, Parts: []checkpoint.Part{
		{Task: checkpoint.Task{Stage: 1}},
		{
			Task: checkpoint.Task{Stage: 2}, Tables: []checkpoint.Rows{{Table: table, Rows: 3}},
			Blobs: map[string][]byte{control.ChannelsBlob + table: []byte("4")},
		},
		{Task: checkpoint.Task{Stage: 2, Index: 1}},
	}}
	for task, want := range []int{4, 0} {
		tasks, channels, err := before(&o, table, task)
		if tasks != 2 || channels != want || err != nil {
			t.Errorf("task %d: %d tasks, %d channels, %v; want 2 and %d", task, tasks, channels, err, want)
		}
	}
	saved := &checkpoint.Saved{Manifest: &checkpoint.Manifest{Operators: []checkpoint.Operator{o}}}
	w := &Worker{config: Config{Plan: &physical.Plan{KeyGroups: 64}}}
	for _, kind := range []physical.Kind{physical.Hash, physical.Index, physical.Rebalance, physical.ByLoad} {
		to := stageOf(2, "count")
		e := &physical.Edge{From: stageOf(1, "parse"), To: to, Kind: kind, Columns: []int{0}, Schema: numbers}
		to.Inputs = []*physical.Edge{e}
		if kind != physical.Hash {
			o.Parts[1].Tables[0].Table = flightTable(e).Name
		}
		for _, tasks := range []int{1, 3, 5} {
			owner, all := map[int64]int{}, []int64{}
			for task := range tasks {
				a := control.Assignment{Attempt: control.Attempt{Task: task}, Tasks: tasks, Restore: &control.Restore{Saved: saved}}
				l, err := w.landing(e, a)
				if err != nil {
					t.Fatal(err)
				}
				for _, b := range []columnar.Batch{numbersOf(1, 2, 3, 4, 5, 6, 7), numbersOf(1, 3, 8)} {
					if err := l.share(b); err != nil {
						t.Fatal(err)
					}
				}
				for _, i := range l.items {
					for _, n := range columnar.Values[int64](i.Batch.Columns[0]) {
						if at, ok := owner[n]; ok && at != task && (kind == physical.Hash || kind == physical.Index) {
							t.Errorf("%s, %d tasks: %d comes to tasks %d and %d", kind, tasks, n, at, task)
						}
						owner[n] = task
						all = append(all, n)
					}
				}
			}
			slices.Sort(all)
			if diff := cmp.Diff([]int64{1, 1, 2, 3, 3, 4, 5, 6, 7, 8}, all); diff != "" {
				t.Errorf("%s, %d tasks (-want +got):\n%s", kind, tasks, diff)
			}
		}
	}
}

// What lies in channels that there were before the job was begun with fewer producers is of as many.
func TestChannelsOf(t *testing.T) {
	for _, c := range []struct{ producers, channel, want int }{{2, 0, 2}, {2, 1, 2}, {2, 4, 5}} {
		rows := []checkpoint.Flown{{Channel: c.channel}, {Channel: 0}}
		if got := channelsOf(rows, c.producers); got != c.want {
			t.Errorf("%d producers, rows of channel %d: %d channels, want %d", c.producers, c.channel, got, c.want)
		}
	}
}
