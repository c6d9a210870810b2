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
	if all := consume(t, k.Addr, "killed", 2001, kgo.ReadCommitted()); len(all) != 2000 {
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
	if got := consume(t, addr, topic, len(want)+1, kgo.ReadCommitted()); !slices.Equal(sorted(got), sorted(want)) {
		t.Errorf("got %v", got)
	}
	found, err := kadm.NewClient(client(t, addr)).ListTransactionsByTxPattern(t.Context(), nil, nil, "few.*")
	check(t, err)
	maps.DeleteFunc(found, func(id string, _ kadm.ListedTransaction) bool { return !strings.HasPrefix(id, "few-") })
	if len(found) > most {
		t.Errorf("90 checkpoints took %d names: %v", len(found), found.TransactionalIDs())
	}
}
