package kafka

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Fake starts a broker in this process that has the topics, and returns its address. It knows most of the protocol and starts at once; what a
// broker does with transactions that nobody ends, only a real one shows.
func Fake(t testing.TB, partitions int32, topics ...string) string {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, topics...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c.ListenAddrs()[0]
}

// Message is a message for a partition, or from one.
type Message struct {
	Partition  int32
	Offset     int64 // of one that was read
	Key, Value []byte
	Time       time.Time // zero: now
}

// Produce writes messages to a topic, those of a partition in order, and waits until the broker has them.
func Produce(t testing.TB, addr, topic string, messages ...Message) {
	t.Helper()
	client := connect(t, addr, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	for _, m := range messages {
		client.Produce(t.Context(), &kgo.Record{Topic: topic, Partition: m.Partition, Key: m.Key, Value: m.Value, Timestamp: m.Time}, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Errorf("writing to the topic %s: %v", topic, err)
			}
		})
	}
	if err := client.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Consume returns the committed messages that a topic has, as soon as there are so many at least: those of a transaction become visible a little
// after it is committed. When they do not come it returns what there is, after a minute.
func Consume(t testing.TB, addr, topic string, atLeast int) []Message {
	t.Helper()
	admin := kadm.NewClient(connect(t, addr))
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		out := visible(t, addr, topic, admin)
		if len(out) >= atLeast || time.Now().After(deadline) {
			return out
		}
	}
}

// visible reads each partition up to where it is decided which messages count.
func visible(t testing.TB, addr, topic string, admin *kadm.Client) []Message {
	t.Helper()
	starts, err := admin.ListStartOffsets(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	ends, err := admin.ListCommittedOffsets(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	from, left := map[int32]kgo.Offset{}, map[int32]int64{}
	ends.Each(func(end kadm.ListedOffset) {
		if start, ok := starts.Lookup(topic, end.Partition); ok && start.Offset < end.Offset {
			from[end.Partition], left[end.Partition] = kgo.NewOffset().At(start.Offset), end.Offset
		}
	})
	if len(left) == 0 {
		return nil
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords()) // the last offsets may be theirs
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var out []Message
	for len(left) > 0 {
		fetched := client.PollFetches(ctx)
		if err := fetched.Err(); err != nil {
			t.Fatalf("reading the topic %s: %v", topic, err)
		}
		fetched.EachRecord(func(r *kgo.Record) {
			end, open := left[r.Partition]
			if open && r.Offset < end && !r.Attrs.IsControl() {
				out = append(out, Message{r.Partition, r.Offset, r.Key, r.Value, r.Timestamp})
			}
			if r.Offset+1 >= end {
				delete(left, r.Partition)
			}
		})
	}
	return out
}

func connect(t testing.TB, addr string, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(addr)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}
