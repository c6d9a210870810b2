package jobs_test

import (
	"fmt"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	testkit "github.com/millrace/millrace/internal/testkit/kafka"
	"github.com/millrace/millrace/jobs"
	"github.com/millrace/millrace/runner"
)

// Of topics that are read once all rules come first, of which the last of an id counts; matches go to a topic, by rule.
func TestRulesOfTopics(t *testing.T) {
	addr := testkit.Fake(t, 1, "rules", "events", "alerts")
	testkit.Produce(t, addr, "rules",
		testkit.Message{Value: []byte(`{"id": "big", "when": "amount > 10"}`)}, testkit.Message{Value: []byte(`{"id": "old", "when": "true"}`)},
		testkit.Message{Value: []byte(`{"id": "big", "when": "amount > 990", "note": "look"}`)}, testkit.Message{Value: []byte(`{"id": "old", "remove": true}`)})
	var events []testkit.Message
	var want, got []string
	for i := range 1000 {
		e := fmt.Sprintf(`{"amount": %d}`, i)
		events = append(events, testkit.Message{Value: []byte(e)})
		if i > 990 {
			want = append(want, fmt.Sprintf(`big {"rule":"big","note":"look","event":%q}`, e))
		}
	}
	testkit.Produce(t, addr, "events", events...)
	job := &jobs.Rules{
		Events: jobs.Lines{Topic: "events"}, Rules: jobs.Lines{Topic: "rules"}, Brokers: jobs.Brokers{Addresses: addr}, Once: true, Output: jobs.Output{Topic: "alerts"},
	}
	run(t, job, runner.Options{Parallelism: 2})
	for _, m := range testkit.Consume(t, addr, "alerts", len(want)) {
		got = append(got, string(m.Key)+" "+string(m.Value))
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("matches differ (-want +got):\n%.2000s", diff)
	}
}

// Files of rules are read to their end before the first event; bad records of both kinds are left out as far as is allowed.
func TestRulesOfFiles(t *testing.T) {
	dir := t.TempDir()
	rules := put(t, dir, "rules.json", `{"id": "a", "when": "x > 1"}`+"\n"+`{"id": "b", "when": "x >"}`+"\n")
	events := put(t, dir, "events.json", `{"x": 1}`+"\n"+`{"x": 2}`+"\n"+`{"x"`+"\n")
	job := &jobs.Rules{Events: jobs.Lines{Files: events}, Rules: jobs.Lines{Files: rules}, Output: jobs.Output{Out: t.TempDir()}}
	fails(t, job, "the rule b", "at character 4")
	job.BadRules = 1
	fails(t, job, "no JSON object")
	job.Bad = -1
	run(t, job, runner.Options{Parallelism: 2})
	if diff := gocmp.Diff([]string{`{"rule":"a","note":"","event":"{\"x\": 2}"}`}, lines(t, job.Output.Out)); diff != "" {
		t.Error(diff)
	}
}
