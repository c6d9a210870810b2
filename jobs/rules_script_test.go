package jobs

import (
	"fmt"
	"testing"
	"time"

	"github.com/millrace/millrace/connectors/onbad"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/datastream/streamtest"
	"github.com/millrace/millrace/plan"
)

// Rules are added, changed and removed; an event meets those of its time, also when the job crashes or goes on with other numbers of tasks anywhere.
func TestRulesChange(t *testing.T) {
	var script streamtest.Script
	rules := streamtest.NewInput[string](&script, "rules")
	events := streamtest.NewInput[string](&script, "events")
	var want []Match
	said := 0
	rule := func(lines ...string) {
		script.Checkpoint()
		rules.Emit(time.Time{}, lines...)
		script.Checkpoint()
	}
	event := func(amount int, by ...string) {
		said++
		e := fmt.Sprintf(`{"n": %d, "amount": %d}`, said, amount)
		events.Emit(time.Time{}, e)
		for _, id := range by {
			want = append(want, Match{Rule: id, Note: "note of " + id, Event: e})
		}
	}
	event(5000) // there are no rules yet
	rule(`{"id": "big", "when": "amount > 1000", "note": "note of big"}`, `{"id": "even", "when": "amount % 2 = 0", "note": "note of even"}`)
	event(5001, "big")
	event(10, "even")
	event(2000, "big", "even")
	script.Rescale(3)
	event(4000, "big", "even")
	rule(`no rule`, `{"id": "big", "when": "amount > 4000", "note": "note of big"}`, `{"id": "even", "remove": true}`)
	event(3000)
	event(5000, "big")
	script.Crash()
	script.Rescale(2)
	rule(`{"id": "big", "remove": true}`, `{"id": "never", "remove": true}`)
	event(9000)
	rule(`{"id": "even", "when": "amount % 2 = 0", "note": "note of even"}`)
	event(9000, "even")

	var got *dataset.Result[Match]
	build := func(job *plan.Job) {
		got = datastream.Collect(matchesOf(events.Read(job), rules.Read(job), onbad.Fail(), onbad.Skip(-1)))
	}
	err := script.Disturb(t.Context(), build, func(where string) {
		if diff := streamtest.Diff(want, got.Records()); diff != "" {
			t.Errorf("%s matches differ:\n%s", where, diff)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}
