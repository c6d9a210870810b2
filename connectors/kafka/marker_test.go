package kafka_test

import (
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/connectors/kafka"
	"github.com/millrace/millrace/formats/text"
)

// transact writes values in a transaction and ends it, or leaves it open when end is nil.
func transact(t *testing.T, addr, topic, id string, end *kgo.TransactionEndTry, values ...string) *kgo.Client {
	t.Helper()
	c := client(t, addr, kgo.TransactionalID(id), kgo.TransactionTimeout(time.Minute))
	check(t, c.BeginTransaction())
	for i, v := range values {
		c.Produce(t.Context(), &kgo.Record{Topic: topic, Value: []byte(v), Timestamp: time.UnixMilli(int64(1000 * i))}, nil)
	}
	check(t, c.Flush(t.Context()))
	if end != nil {
		check(t, c.EndTransaction(t.Context(), *end))
		decided(t, addr, topic)
	}
	return c
}

// decided waits until the broker has written the marks of transactions that have ended, which it does behind their end.
func decided(t *testing.T, addr, topic string) {
	t.Helper()
	admin := kadm.NewClient(client(t, addr))
	for {
		all, err := admin.ListEndOffsets(t.Context(), topic)
		check(t, err)
		counts, err := admin.ListCommittedOffsets(t.Context(), topic)
		check(t, err)
		end, _ := all.Lookup(topic, 0)
		if count, _ := counts.Lookup(topic, 0); count.Offset == end.Offset {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestMarkers reads topics to ends that are no records.
func TestMarkers(t *testing.T) {
	addr := fake(t, kfake.SeedTopics(1, "committed", "aborted", "only", "open"))
	markers(t, addr)
}

// markers does so on the fake and on a real broker: a bounded source ends also where the last offsets are the marks of transactions, or records
// that were taken back, or belong to a transaction of which nobody knows how it will end.
func markers(t *testing.T, addr string) {
	t.Helper()
	commit, abort := kgo.TryCommit, kgo.TryAbort
	all := func(topic string) kafka.Source[string] {
		return kafka.Source[string]{Brokers: addr, Topic: topic, Format: text.Lines{}, Stop: kafka.AtLatest()}
	}
	see := func(name string, s kafka.Source[string], want ...string) {
		t.Helper()
		j := newJob(t, s, 1)
		j.start()
		if got := j.run(100); !slices.Equal(got, want) || !j.done[0] {
			t.Errorf("%s: got %v, want %v; at the end: %v", name, got, want, j.done[0])
		}
	}
	transact(t, addr, "committed", "t1", &commit, "a", "b")
	see("a mark at the end", all("committed"), "a", "b")

	produce(t, addr, "aborted", 0, "a")
	transact(t, addr, "aborted", "t2", &abort, "x", "y")
	see("taken back at the end", all("aborted"), "a")
	dirty := all("aborted")
	dirty.Uncommitted = true
	see("uncommitted ones too", dirty, "a", "x", "y")

	transact(t, addr, "only", "t3", &abort, "x")
	see("nothing but taken back", all("only"))

	produce(t, addr, "open", 0, "a")
	writer := transact(t, addr, "open", "t4", nil, "x", "y")
	produce(t, addr, "open", 0, "behind")
	see("open", all("open"), "a")
	until := all("open")
	until.Stop = kafka.Before(time.UnixMilli(500_000))
	see("open, by time", until, "a")
	dirty = all("open")
	dirty.Uncommitted = true
	see("open, uncommitted ones too", dirty, "a", "x", "y", "behind")
	check(t, writer.EndTransaction(t.Context(), kgo.TryCommit))
	decided(t, addr, "open")
	see("committed", all("open"), "a", "x", "y", "behind")
}
