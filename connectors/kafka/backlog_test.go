package kafka_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/kafka"
	"github.com/millrace/millrace/formats/text"
)

// What there is in a partition when its reading begins is its backlog; what comes later is none. A job that goes on from an old position is in it
// again.
func TestBacklog(t *testing.T) {
	addr := fake(t, kfake.SeedTopics(3, "n"))
	produce(t, addr, "n", 0, numbers(0, 300)...)
	produce(t, addr, "n", 1, numbers(1000, 1150)...)
	s := kafka.Source[string]{Brokers: addr, Topic: "n", Format: text.Lines{}}
	first := newJob(t, s, 1)
	read := func(j *job[string], rows int, want bool) {
		t.Helper()
		if got := len(j.run(rows)); got != rows {
			t.Fatalf("%d rows came, %d were to", got, rows)
		}
		if got := j.readers[0].(connectors.Backlogged).IsInBacklog(); got != want {
			t.Errorf("behind %d rows: in the backlog %t, want %t", len(j.rows), got, want)
		}
	}
	first.start()
	read(first, 0, false) // nothing is known yet
	read(first, 100, true)
	first.close()

	second := newJob(t, s, 1)
	second.resume(first)
	read(second, 100, true)
	read(second, 250, false)
	produce(t, addr, "n", 1, numbers(1150, 1350)...)
	read(second, 100, false) // half of what is new
	read(second, 100, false)
	produce(t, addr, "n", 2, "2000")
	read(second, 1, false)
	second.close()
}
