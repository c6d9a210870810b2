package kafka

import (
	"context"
	"testing"
	"time"

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

// Consume reads the committed messages of a topic until it has n, or until none has come for some seconds, and returns what it has.
func Consume(t testing.TB, addr, topic string, n int) []Message {
	t.Helper()
	client := connect(t, addr, kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	var out []Message
	for len(out) < n {
		ctx, cancel := context.WithTimeout(t.Context(), silence)
		fetched := client.PollFetches(ctx)
		cancel()
		before := len(out)
		fetched.EachRecord(func(r *kgo.Record) {
			out = append(out, Message{r.Partition, r.Offset, r.Key, r.Value, r.Timestamp})
		})
		if len(out) == before {
			break
		}
	}
	return out
}

// silence is how long Consume waits for the next message.
const silence = 3 * time.Second

func connect(t testing.TB, addr string, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(addr)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}
