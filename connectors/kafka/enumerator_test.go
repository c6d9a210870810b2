package kafka

import (
	"testing"

	"github.com/millrace/millrace/connectors"
)

// Event time of data that ends may pass when all partitions have been given to tasks, and not before; of a topic that is looked at again, never.
func TestExhausted(t *testing.T) {
	found := connectors.Called{Name: findCall, Result: []span{{Topic: "t", Partition: 0}, {Topic: "t", Partition: 1}}}
	for _, c := range []struct {
		name   string
		e      *enumerator
		events []connectors.Event
		want   bool
	}{
		{"not looked yet", &enumerator{bounded: true}, nil, false},
		{"asked before it is known", &enumerator{bounded: true}, []connectors.Event{connectors.Requested{Task: 0}}, false},
		{"one task has not asked", &enumerator{bounded: true}, []connectors.Event{connectors.Requested{Task: 0}, found}, false},
		{"all is given", &enumerator{bounded: true}, []connectors.Event{connectors.Requested{Task: 0}, found, connectors.Requested{Task: 1}}, true},
		{"given back", &enumerator{bounded: true}, []connectors.Event{
			connectors.Requested{Task: 0},
			found,
			connectors.Requested{Task: 1},
			connectors.Returned{Splits: []connectors.Split{span{Topic: "t", Partition: 0}.encode()}},
		}, false},
		{"looked at again", &enumerator{again: 1}, []connectors.Event{connectors.Requested{Task: 0}, found, connectors.Requested{Task: 1}}, false},
	} {
		for _, event := range append([]connectors.Event{connectors.Started{Tasks: 2}}, c.events...) {
			if _, err := c.e.Step(event); err != nil {
				t.Fatal(err)
			}
		}
		if got := connectors.Exhaustible(c.e).IsExhausted(); got != c.want {
			t.Errorf("%s: exhausted %t, want %t", c.name, got, c.want)
		}
	}
}
