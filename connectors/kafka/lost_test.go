package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/kafka"
	"github.com/millrace/millrace/formats/text"
	"github.com/millrace/millrace/stream"
)

// fetchError fetches with the only reader until it fails.
func fetchError[T any](t *testing.T, j *job[T]) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		f, err := j.readers[0].Fetch(ctx)
		if err != nil {
			return err
		}
		j.take(f)
	}
}

// topicOf makes topics, fills and removes them, on the fake and on a real broker.
type topicOf struct {
	t    *testing.T
	addr string
	name string
}

func (o topicOf) admin() *kadm.Client { return kadm.NewClient(client(o.t, o.addr)) }

func (o topicOf) create() {
	o.t.Helper()
	admin := o.admin()
	_, err := admin.CreateTopic(o.t.Context(), 1, 1, nil, o.name)
	check(o.t, err)
	for { // brokers know it a little later
		found, err := admin.ListTopics(o.t.Context(), o.name)
		if check(o.t, err); found[o.name].Err == nil && len(found[o.name].Partitions) == 1 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (o topicOf) remove() {
	o.t.Helper()
	admin := o.admin()
	_, err := admin.DeleteTopic(o.t.Context(), o.name)
	check(o.t, err)
	for {
		found, err := admin.ListTopics(o.t.Context(), o.name)
		if check(o.t, err); errors.Is(found[o.name].Err, kerr.UnknownTopicOrPartition) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (o topicOf) source() kafka.Source[string] {
	return kafka.Source[string]{Brokers: o.addr, Topic: o.name, Format: text.Lines{}}
}

// TestGone deletes topics that are read.
func TestGone(t *testing.T) {
	gone(t, fake(t))
}

// gone does so on the fake and on a real broker. A topic that is gone ends the job for good, or the split; before a restart, or while the job is at
// work.
func gone(t *testing.T, addr string) {
	t.Helper()
	reading := func(t *testing.T, name string, lost kafka.Lost) (*job[string], topicOf) {
		t.Helper()
		t.Parallel() // the client takes its time to believe it
		topic := topicOf{t, addr, name}
		topic.create()
		produce(t, addr, name, 0, "a", "b")
		s := topic.source()
		s.Lost = lost
		j := newJob(t, s, 1)
		kafka.SetAbsence(j.readers[0], 100*time.Millisecond)
		j.start()
		if got := j.run(2); len(got) != 2 {
			t.Fatalf("got %v", got)
		}
		return j, topic
	}
	t.Run("deleted", func(t *testing.T) {
		j, topic := reading(t, "gone", kafka.FailWhenLost)
		topic.remove()
		err := fetchError(t, j)
		if _, isFinal := errors.AsType[*stream.FinalError](err); !isFinal || !strings.Contains(err.Error(), "reading gone/0 at offset 2: the topic has been deleted") {
			t.Errorf("the error is %v", err)
		}
	})
	t.Run("deleted before a restart", func(t *testing.T) {
		j, topic := reading(t, "gone-before", kafka.FailWhenLost)
		topic.remove()
		r, err := topic.source().NewReader(connectors.TaskEnv{Tasks: 1}, connectors.Scan{})
		check(t, err)
		kafka.SetAbsence(r, 100*time.Millisecond)
		again := &job[string]{t: t, readers: []connectors.Reader{r}}
		t.Cleanup(again.close)
		for id, split := range j.assigned {
			check(t, r.Assign([]connectors.Split{split}, []connectors.Position{j.at[id]}))
		}
		if err := fetchError(t, again); !strings.Contains(fmt.Sprint(err), "has been deleted") {
			t.Errorf("the error is %v", err)
		}
	})
	t.Run("made anew", func(t *testing.T) {
		j, topic := reading(t, "anew", kafka.FailWhenLost)
		topic.remove()
		topic.create()
		produce(t, addr, "anew", 0, numbers(0, 10)...)
		if err := fetchError(t, j); !strings.Contains(fmt.Sprint(err), "the topic has been deleted and made anew") {
			t.Errorf("the error is %v", err)
		}
	})
	t.Run("skipped", func(t *testing.T) {
		j, topic := reading(t, "skipped", kafka.SkipLost)
		topic.remove()
		for len(j.assigned) > 0 && t.Context().Err() == nil {
			f, err := j.readers[0].Fetch(t.Context())
			check(t, err)
			j.take(f)
		}
		if j.counts["lost ranges"] != 1 {
			t.Errorf("counts: %v", j.counts)
		}
	})
}

// TestLostRanges reads a partition that has been cut behind what is read, and a bounded one of which nothing is left.
func TestLostRanges(t *testing.T) {
	addr := fake(t, kfake.SeedTopics(1, "n"))
	lostRanges(t, addr, "n")
}

func lostRanges(t *testing.T, addr, topic string) {
	t.Helper()
	produce(t, addr, topic, 0, numbers(0, 20)...)
	at := func(n int64) map[string]map[int32]int64 { return map[string]map[int32]int64{topic: {0: n}} }
	s := kafka.Source[string]{Brokers: addr, Topic: topic, Format: text.Lines{}, Lost: kafka.SkipLost}
	ended := s
	ended.Start, ended.Stop = kafka.Offsets(at(3)), kafka.BeforeOffsets(at(12))
	bounded := newJob(t, ended, 1)
	bounded.start()

	del := kadm.Offsets{}
	del.AddOffset(topic, 0, 15, -1)
	_, err := kadm.NewClient(client(t, addr)).DeleteRecords(t.Context(), del)
	check(t, err)

	if got := bounded.run(100); len(got) != 0 || !bounded.done[0] {
		t.Errorf("of a range that is gone: %v, done %v", got, bounded.done)
	}
	s.Start = kafka.Offsets(at(1000)) // as after the loss of the newest
	cut := newJob(t, s, 1)
	cut.start()
	if got := cut.run(1); len(got) != 0 {
		t.Errorf("got %v from behind the end", got)
	}
	produce(t, addr, topic, 0, "new")
	if got := cut.run(1); !slices.Equal(got, []string{"new"}) {
		t.Errorf("got %v", got)
	}
	s.Lost = kafka.FailWhenLost
	strict := newJob(t, s, 1)
	strict.start()
	strict.step(connectors.Requested{})
	if err := fetchError(t, strict); !errors.Is(err, kerr.OffsetOutOfRange) || !strings.Contains(err.Error(), "there are offsets 15 to 21") {
		t.Errorf("the error is %v", err)
	}
}

// TestBrokersAway reads while no broker answers: that is no error.
func TestBrokersAway(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "n"))
	check(t, err)
	addr := c.ListenAddrs()[0]
	produce(t, addr, "n", 0, "a")
	s := topicOf{t, addr, "n"}.source()
	j := newJob(t, s, 1)
	j.start()
	c.Close()
	j.step(connectors.Requested{})
	for range 3 {
		f, err := j.readers[0].Fetch(t.Context())
		check(t, err)
		j.take(f)
	}
	if len(j.rows) > 0 {
		t.Errorf("got %v of nobody", j.rows)
	}
}
