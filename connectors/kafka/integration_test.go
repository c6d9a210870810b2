//go:build integration

package kafka_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/kafka"
	"github.com/millrace/millrace/formats/text"
	broker "github.com/millrace/millrace/internal/testkit/kafka"
)

// TestRealBroker does on Apache Kafka what the fake may do otherwise.
func TestRealBroker(t *testing.T) {
	k := broker.Start(t, nil)
	for _, topic := range []string{"exactly", "lost", "late", "killed", "few", "zombie"} {
		k.CreateTopic(t, topic, 2)
	}
	t.Run("exactly once", func(t *testing.T) { exactlyOnce(t, k.Addr, "exactly", true) })
	t.Run("lost", func(t *testing.T) { lost(t, k.Addr, "lost") })
	t.Run("zombie", func(t *testing.T) { zombie(t, k.Addr, "zombie") })
	t.Run("names are few", func(t *testing.T) { namesAreFew(t, k.Addr, "few", 16) })
	for seed := range uint64(5) {
		k.CreateTopic(t, fmt.Sprint("in", seed), 3)
		k.CreateTopic(t, fmt.Sprint("out", seed), 2)
		t.Run(fmt.Sprint("job/seed=", seed), func(t *testing.T) { copyUnderFire(t, k.Addr, seed, 5) })
	}
	t.Run("start and stop", func(t *testing.T) {
		k.CreateTopic(t, "places", 1)
		startAndStop(t, k.Addr, "places")
	})
	t.Run("resume", func(t *testing.T) {
		k.CreateTopic(t, "resumed", 3)
		goOn(t, k.Addr, "resumed")
	})
	t.Run("discovery", func(t *testing.T) {
		k.CreateTopic(t, "discovered", 1)
		discovery(t, k.Addr, "discovered")
		patternOfNone(t, k.Addr, "later")
	})
	t.Run("watermarks", func(t *testing.T) {
		k.CreateTopic(t, "apart", 3)
		watermarks(t, k.Addr, "apart")
	})
	t.Run("markers", func(t *testing.T) {
		for _, topic := range []string{"committed", "aborted", "only", "open"} {
			k.CreateTopic(t, topic, 1)
		}
		markers(t, k.Addr)
	})
	t.Run("compacted", func(t *testing.T) { compacted(t, k.Addr) })
	t.Run("dead letters", func(t *testing.T) {
		k.CreateTopic(t, "letters", 2)
		k.CreateTopic(t, "good", 1)
		k.CreateTopic(t, "dead", 1)
		deadLetters(t, k.Addr, "letters", "good", "dead")
	})
	t.Run("lost ranges", func(t *testing.T) {
		k.CreateTopic(t, "ranges", 1)
		lostRanges(t, k.Addr, "ranges")
	})
	t.Run("gone", func(t *testing.T) { gone(t, k.Addr) })
	t.Run("vanished", func(t *testing.T) { vanished(t, k) })
	t.Run("refused", func(t *testing.T) { refused(t, k.Addr) })
	t.Run("late", func(t *testing.T) { late(t, k.Addr) })
	t.Run("killed", func(t *testing.T) { killed(t, k) })
}

// late waits until the broker has given a prepared transaction up.
func late(t *testing.T, addr string) {
	t.Helper()
	s := exactly(addr)
	s.Topic, s.TransactionTimeout = "late", time.Second
	w := writer(t, s, env(0, 1))
	write(t, w, "a")
	c := prepare(t, w)
	closed(t, w)
	time.Sleep(4 * time.Second)
	if err := commit(t, s, env(0, 1), c, false); !errors.Is(err, kafka.ErrLost) {
		t.Errorf("the error is %v", err)
	}
}

// killed kills the broker between prepare and commit, and under a reader.
func killed(t *testing.T, k *broker.Broker) {
	t.Helper()
	s := exactly(k.Addr)
	s.Topic = "killed"
	w := writer(t, s, env(0, 1))
	write(t, w, numbers(0, 1000)...)
	c := prepare(t, w)
	k.Kill()
	k.Restart(t)
	check(t, commit(t, s, env(0, 1), c, false))
	check(t, commit(t, s, env(0, 1), c, false))
	committer, err := s.NewCommitter(env(0, 1).Env)
	check(t, err)
	check(t, committer.(connectors.Checker).Check(t.Context(), c))

	j := newJob(t, kafka.Source[string]{Brokers: k.Addr, Topic: "killed", Format: text.Lines{}}, 2)
	j.start()
	got := slices.Clone(j.run(1000))
	k.Kill()
	k.Restart(t)
	write(t, w, numbers(1000, 2000)...)
	check(t, commit(t, s, env(0, 1), prepare(t, w), true))
	closed(t, w)
	for until := time.Now().Add(30 * time.Second); len(got) < 2000 && time.Now().Before(until); {
		got = append(got, j.run(1000)...)
	}
	if !slices.Equal(sorted(got), sorted(numbers(0, 2000))) {
		t.Errorf("%d records were read", len(got))
	}
	if all := consume(t, k.Addr, "killed", 2000); len(all) != 2000 {
		t.Errorf("there are %d records", len(all))
	}
}

// namesAreFew takes many checkpoints, of which the commits come late, with crashes in between.
func namesAreFew(t *testing.T, addr, topic string, most int) {
	t.Helper()
	s := exactly(addr)
	s.Topic, s.Transactions = topic, "few"
	var want []string
	var late []connectors.Committable
	w := writer(t, s, env(0, 1))
	for i := range 90 {
		write(t, w, fmt.Sprint(i))
		want = append(want, fmt.Sprint(i))
		c := prepare(t, w)
		check(t, commit(t, s, env(0, 1), late, false))
		late = c
		if i%7 == 6 {
			w.(interface{ Crash() }).Crash()
			check(t, commit(t, s, env(0, 1), late, false))
			w = writer(t, s, env(0, 1))
		}
	}
	check(t, commit(t, s, env(0, 1), late, true))
	closed(t, w)
	if got := consume(t, addr, topic, len(want)); !slices.Equal(sorted(got), sorted(want)) {
		t.Errorf("got %v", got)
	}
	found, err := kadm.NewClient(client(t, addr)).ListTransactionsByTxPattern(t.Context(), nil, nil, "few.*")
	check(t, err)
	maps.DeleteFunc(found, func(id string, _ kadm.ListedTransaction) bool { return !strings.HasPrefix(id, "few-") })
	if len(found) > most {
		t.Errorf("90 checkpoints took %d names: %v", len(found), found.TransactionalIDs())
	}
}

// compacted reads a topic of which most has been compacted away: offsets have gaps.
func compacted(t *testing.T, addr string) {
	t.Helper()
	admin := kadm.NewClient(client(t, addr))
	settings := map[string]string{
		"cleanup.policy": "compact", "segment.bytes": "1048576", "min.cleanable.dirty.ratio": "0.01", "min.compaction.lag.ms": "0", "delete.retention.ms": "0",
	}
	pointers := map[string]*string{}
	for name, value := range settings {
		pointers[name] = &value
	}
	_, err := admin.CreateTopic(t.Context(), 1, 1, pointers, "compacted")
	check(t, err)
	c := client(t, addr, kgo.ProducerBatchCompression(kgo.NoCompression()))
	padding := strings.Repeat("x", 8<<10)
	for i := range 600 { // of five keys, in some segments
		c.Produce(t.Context(), &kgo.Record{Topic: "compacted", Key: []byte{'k', byte('0' + i%5)}, Value: []byte(fmt.Sprint(i, " ", padding))}, nil)
	}
	check(t, c.Flush(t.Context()))
	read := func(s kafka.Source[kafka.Record]) []kafka.Record {
		s.Brokers, s.Topic, s.Format, s.Stop = addr, "compacted", kafka.Raw{}, kafka.AtLatest()
		j := newJob(t, s, 1)
		j.start()
		got := j.run(1000)
		if !j.done[0] {
			t.Error("the end was not found")
		}
		return got
	}
	for until := time.Now().Add(2 * time.Minute); ; time.Sleep(time.Second) {
		got := read(kafka.Source[kafka.Record]{})
		for i := 1; i < len(got); i++ {
			if got[i].Offset <= got[i-1].Offset {
				t.Fatalf("offset %d follows %d", got[i].Offset, got[i-1].Offset)
			}
		}
		last := map[string]int64{}
		for _, r := range got {
			last[string(r.Key)] = r.Offset
		}
		if len(last) != 5 || got[len(got)-1].Offset != 599 {
			t.Fatalf("of %d keys there are records, the last is %d", len(last), got[len(got)-1].Offset)
		}
		if len(got) < 600 { // gaps: reading begins in one
			from := got[0].Offset - 1
			inGap := read(kafka.Source[kafka.Record]{Start: kafka.Offsets(map[string]map[int32]int64{"compacted": {0: max(from, 0)}})})
			if len(inGap) != len(got) {
				t.Errorf("%d records were read, and %d from a gap on", len(got), len(inGap))
			}
			return
		}
		if time.Now().After(until) {
			t.Fatal("the broker does not compact")
		}
	}
}

// vanished writes to a topic that is deleted meanwhile: that is an error, and no commit brings the records back.
func vanished(t *testing.T, k *broker.Broker) {
	t.Helper()
	for _, delivery := range []kafka.Delivery{kafka.AtLeastOnce, kafka.ExactlyOnce} {
		s := exactly(k.Addr)
		s.Topic, s.Delivery = fmt.Sprint("vanished-", int(delivery)), delivery
		topic := topicOf{t, k.Addr, s.Topic}
		topic.create()
		w := writer(t, s, env(0, 1))
		write(t, w, "a")
		prepare(t, w)
		topic.remove()
		err := w.Write(t.Context(), batch(t, "b"))
		if err == nil {
			_, err = w.Prepare(t.Context())
		}
		if err == nil {
			t.Errorf("%v: a deleted topic can be written to", delivery)
		}
		closed(t, w)
	}
}

// refused looks whether the broker's settings are really seen.
func refused(t *testing.T, addr string) {
	t.Helper()
	s := exactly(addr)
	s.Topic = "exactly"
	check(t, s.Begin(t.Context(), env(0, 1).Env))
	s.TransactionTimeout = 15*time.Minute + time.Second // Kafka's default is 15 minutes
	_, is := errors.AsType[*connectors.SettingsError](s.Begin(t.Context(), env(0, 1).Env))
	if !is {
		t.Error("a time-out that the broker refuses is not refused at the start")
	}
	s.TransactionTimeout, s.Topic = 0, "nowhere"
	if _, is := errors.AsType[*connectors.SettingsError](s.Begin(t.Context(), env(0, 1).Env)); !is {
		t.Error("a topic that is not there is not refused at the start")
	}
}
