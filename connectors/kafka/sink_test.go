package kafka_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/kafka"
	"github.com/millrace/millrace/formats/csv"
	"github.com/millrace/millrace/formats/text"
)

const every = 5 * time.Second

// env is a streaming task's.
func env(task, tasks int) connectors.TaskEnv {
	return connectors.TaskEnv{
		Env:  connectors.Env{RunID: "run1", Job: "job", UID: "out", IsStreaming: true, Checkpoints: every},
		Task: task, Tasks: tasks, Count: func(string, int64) {},
	}
}

func batch[T any](t testing.TB, rows ...T) columnar.Batch {
	t.Helper()
	c, err := codec.Of[T]()
	if err != nil {
		t.Fatal(err)
	}
	e := c.Encoder()
	for _, r := range rows {
		e.Append(r)
	}
	columns, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return columnar.Batch{Schema: c.Schema(), Columns: columns, Len: len(rows)}
}

func writer[T any](t testing.TB, s kafka.Sink[T], e connectors.TaskEnv) connectors.Writer {
	t.Helper()
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	w, err := s.NewWriter(t.Context(), e, batch[T](t).Schema)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func write[T any](t testing.TB, w connectors.Writer, rows ...T) {
	t.Helper()
	if err := w.Write(t.Context(), batch(t, rows...)); err != nil {
		t.Fatal(err)
	}
}

func prepare(t testing.TB, w connectors.Writer) []connectors.Committable {
	t.Helper()
	c, err := w.Prepare(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func commit[T any](t testing.TB, s kafka.Sink[T], e connectors.TaskEnv, list []connectors.Committable, final bool) error {
	t.Helper()
	c, err := s.NewCommitter(e.Env)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Commit(t.Context(), list, final)
	return err
}

func closed(t testing.TB, w connectors.Writer) {
	t.Helper()
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// exactly is the sink of most tests.
func exactly(addr string) kafka.Sink[string] {
	return kafka.Sink[string]{Brokers: addr, Topic: "out", Format: text.Lines{}, Delivery: kafka.ExactlyOnce}
}

func TestExactlyOnce(t *testing.T) {
	addr := fake(t, kfake.SeedTopics(1, "out"))
	exactlyOnce(t, addr, "out", false)
}

// exactlyOnce writes through several checkpoints, with a crash and a change of parallelism; it runs against the fake and the real broker. The
// fake forgets of a transaction that it was committed, and so fails a commit that is repeated once the next writer has begun.
func exactlyOnce(t *testing.T, addr, topic string, isReal bool) {
	t.Helper()
	s := exactly(addr)
	s.Topic = topic
	see := func(want ...string) {
		t.Helper()
		got := consume(t, addr, topic, len(want))
		if diff := cmp.Diff(sorted(want), sorted(got)); diff != "" {
			t.Fatalf("-want +got\n%s", diff)
		}
	}
	check(t, s.Begin(t.Context(), env(0, 1).Env))
	w0, w1 := writer(t, s, env(0, 2)), writer(t, s, env(1, 2))
	write(t, w0, "a", "b")
	write(t, w1, "c")
	one := append(prepare(t, w0), prepare(t, w1)...)
	if len(one) != 2 || one[0].Rows != 2 {
		t.Fatalf("prepared %v", one)
	}
	checkIt := func(list []connectors.Committable) error {
		c, err := s.NewCommitter(env(0, 2).Env)
		check(t, err)
		return c.(connectors.Checker).Check(t.Context(), list)
	}
	check(t, checkIt(one))
	write(t, w0, "d") // the next transaction is open while the last one waits
	check(t, commit(t, s, env(0, 2), one, false))
	check(t, commit(t, s, env(0, 2), one, false)) // as after a crash
	two := append(prepare(t, w0), prepare(t, w1)...)
	state, err := w0.(connectors.Stater).State(t.Context())
	check(t, err)
	write(t, w0, "lost with the crash")
	write(t, w1, "lost too")
	see("a", "b", "c")
	w0.(interface{ Crash() }).Crash()
	w1.(interface{ Crash() }).Crash()

	// The coordinator commits the second checkpoint again, and so does the task that is given its state; one task goes on.
	check(t, commit(t, s, env(0, 1), two, false))
	w := writer(t, s, env(0, 1))
	check(t, w.(connectors.Stater).Restore(t.Context(), [][]byte{state, nil}))
	see("a", "b", "c", "d")
	write(t, w, "e")
	if isReal {
		check(t, commit(t, s, env(0, 1), two, false)) // still the same checkpoint, after yet another crash
	}
	three := prepare(t, w)
	check(t, commit(t, s, env(0, 1), three, true))
	see("a", "b", "c", "d", "e")
	closed(t, w)
	admin := kadm.NewClient(client(t, addr))
	found, err := admin.ListTransactions(t.Context(), nil, []string{"Ongoing"})
	check(t, err)
	if len(found) != 0 {
		t.Errorf("open transactions are left: %v", found)
	}
}

// TestLost has Kafka abort a prepared transaction, as after its time-out: the commit says so.
func TestLost(t *testing.T) {
	addr := fake(t, kfake.SeedTopics(1, "out"))
	lost(t, addr, "out")
}

func lost(t *testing.T, addr, topic string) {
	t.Helper()
	s := exactly(addr)
	s.Topic = topic
	w := writer(t, s, env(0, 1))
	write(t, w, "a")
	c := prepare(t, w)
	closed(t, w)
	other := writer(t, s, env(0, 1)) // of a run that goes on from an older checkpoint
	write(t, other, "b")
	closed(t, other)
	if err := commit(t, s, env(0, 1), c, false); !errors.Is(err, kafka.ErrLost) {
		t.Errorf("the error is %v", err)
	}
	committer, err := s.NewCommitter(env(0, 1).Env)
	check(t, err)
	if err := committer.(connectors.Checker).Check(t.Context(), c); !errors.Is(err, kafka.ErrLost) {
		t.Errorf("the error is %v", err)
	}
	if got := consume(t, addr, topic, 0); len(got) != 0 {
		t.Errorf("there is %v", got)
	}
}

// TestZombie lets a writer that was thought dead go on: it is fenced with the next checkpoint at the latest.
func TestZombie(t *testing.T) {
	addr := fake(t, kfake.SeedTopics(1, "out"))
	zombie(t, addr, "out")
}

func zombie(t *testing.T, addr, topic string) {
	t.Helper()
	s := exactly(addr)
	s.Topic, s.Transactions = topic, "zombie"
	dead := writer(t, s, env(0, 1))
	write(t, dead, "zombie")
	w := writer(t, s, env(0, 1))
	write(t, w, "alive")
	c := prepare(t, w)
	write(t, w, "alive too") // behind the look for zombies
	err := dead.Write(t.Context(), batch(t, "again"))
	if err == nil {
		_, err = dead.Prepare(t.Context())
	}
	if err == nil {
		t.Error("a zombie may write")
	}
	check(t, commit(t, s, env(0, 1), c, false))
	check(t, commit(t, s, env(0, 1), prepare(t, w), true))
	closed(t, w)
	closed(t, dead)
	if got := consume(t, addr, topic, 2); !slices.Equal(sorted(got), []string{"alive", "alive too"}) {
		t.Errorf("got %v", got)
	}
}

// TestAgain fails again and again before another checkpoint is complete: each time what the checkpoint has is committed once more, by the coordinator
// and by the writer that goes on, which writes something else meanwhile.
func TestAgain(t *testing.T) {
	s := exactly(fake(t, kfake.SeedTopics(1, "out")))
	w := writer(t, s, env(0, 1))
	write(t, w, "once")
	c := prepare(t, w)
	saved, err := w.(connectors.Stater).State(t.Context())
	check(t, err)
	for range 4 {
		closed(t, w)
		check(t, commit(t, s, env(0, 1), c, false))
		w = writer(t, s, env(0, 1))
		check(t, w.(connectors.Stater).Restore(t.Context(), [][]byte{saved}))
		write(t, w, "never")
		prepare(t, w)
		write(t, w, "nor that")
	}
	closed(t, w)
	check(t, commit(t, s, env(0, 1), c, true))
	if got := consume(t, s.Brokers, "out", 1); !slices.Equal(got, []string{"once"}) {
		t.Errorf("got %v", got)
	}
}

// TestAttempts lets two attempts of a batch job's task write at a time; one wins.
func TestAttempts(t *testing.T) {
	addr := fake(t, kfake.SeedTopics(1, "out"))
	s := exactly(addr)
	first, second := env(0, 1), env(0, 1)
	first.IsStreaming, second.IsStreaming, second.Attempt = false, false, 1
	w1, w2 := writer(t, s, first), writer(t, s, second)
	write(t, w1, "a")
	write(t, w2, "a")
	prepare(t, w1)
	c := prepare(t, w2)
	closed(t, w1)
	closed(t, w2)
	check(t, commit(t, s, second, c, true))
	if got := consume(t, addr, "out", 1); !slices.Equal(got, []string{"a"}) {
		t.Errorf("got %v", got)
	}
}

func TestAtLeastOnce(t *testing.T) {
	addr := fake(t, kfake.SeedTopics(3, "out"))
	s := kafka.Sink[click]{
		Brokers: addr, Topic: "out", Format: csv.Format[click]{}, Key: func(c click) []byte { return []byte(c.User) }, Compression: "zstd",
	}
	check(t, s.Begin(t.Context(), env(0, 1).Env))
	w := writer(t, s, env(0, 1))
	b := batch(t, click{"a", 1, time.UnixMilli(5).UTC(), 0}, click{"left out", 0, time.Time{}, 0}, click{"b", 2, time.UnixMilli(6).UTC(), 0}, click{"a", 3, time.UnixMilli(7).UTC(), 0})
	b.Sel, b.Time = []int32{0, 2, 3}, []int64{5000, 0, 6000, columnar.NoTime}
	check(t, w.Write(t.Context(), b))
	c := prepare(t, w)
	if len(c) != 1 || c[0].Rows != 3 {
		t.Errorf("prepared %v", c)
	}
	check(t, commit(t, s, env(0, 1), c, true))
	closed(t, w)
	j := newJob(t, kafka.Source[kafka.Record]{Brokers: addr, Topic: "out", Format: kafka.Raw{}, Stop: kafka.AtLatest()}, 1)
	j.start()
	rows := j.run(10)
	slices.SortFunc(rows, func(a, b kafka.Record) int { return strings.Compare(string(a.Value), string(b.Value)) })
	if len(rows) != 3 || string(rows[0].Value) != "a,1,1970-01-01T00:00:00.005Z,0" || string(rows[2].Key) != "b" || !rows[2].Timestamp.Equal(time.UnixMilli(6)) {
		t.Errorf("got %+v", rows)
	}
	if rows[0].Partition != rows[1].Partition {
		t.Error("equal keys are in two partitions")
	}
}

// TestRawCopy copies messages as they are.
func TestRawCopy(t *testing.T) {
	addr := fake(t, kfake.SeedTopics(1, "in", "out"))
	produce(t, addr, "in", 0, "a", "b")
	j := newJob(t, kafka.Source[kafka.Record]{Brokers: addr, Topic: "in", Format: kafka.Raw{}, Stop: kafka.AtLatest()}, 1)
	j.start()
	rows := j.run(10)
	s := kafka.Sink[kafka.Record]{Brokers: addr, Topic: "out", Format: kafka.Raw{}, Delivery: kafka.AtMostOnce}
	w := writer(t, s, env(0, 1))
	write(t, w, rows...)
	prepare(t, w)
	copied := newJob(t, kafka.Source[kafka.Record]{Brokers: addr, Topic: "out", Format: kafka.Raw{}}, 1)
	copied.start()
	got := copied.run(2)
	closed(t, w)
	for i := range rows {
		rows[i].Topic = "out"
	}
	if diff := cmp.Diff(rows, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestBegin(t *testing.T) {
	addr := fake(t, kfake.SeedTopics(1, "out"), kfake.BrokerConfigs(map[string]string{"transaction.max.timeout.ms": "120000"}))
	s := exactly(addr)
	e := env(0, 1).Env
	for _, c := range []struct {
		timeout, every time.Duration
		topic, want    string
	}{
		{timeout: 2 * time.Minute, every: time.Minute, topic: "out"},
		{timeout: 2 * time.Minute, every: 61 * time.Second, topic: "out", want: "must be 2m2s at least"},
		{timeout: 70 * time.Second, every: 11 * time.Second, topic: "out", want: "must be 1m11s at least"},
		{timeout: 3 * time.Minute, every: time.Minute, topic: "out", want: "allows 2m0s"},
		{every: time.Minute, topic: "out", want: "15m0s"},
		{timeout: time.Minute, topic: "none", want: "looking at the topic none"},
	} {
		s.TransactionTimeout, s.Topic, e.Checkpoints = c.timeout, c.topic, c.every
		err := s.Begin(t.Context(), e)
		_, refused := errors.AsType[*connectors.SettingsError](err)
		if c.want == "" && err != nil || c.want != "" && (!refused || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v: the error is %v", c, err)
		}
	}
}

func TestValidateSink(t *testing.T) {
	good := kafka.Sink[click]{Brokers: "a:1", Topic: "t", Format: csv.Format[click]{}, KeyColumn: "user"}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(*kafka.Sink[click]){
		"no Brokers":         func(s *kafka.Sink[click]) { s.Brokers = "" },
		"Topic is empty":     func(s *kafka.Sink[click]) { s.Topic = "" },
		"no Format":          func(s *kafka.Sink[click]) { s.Format = nil },
		"exclude each other": func(s *kafka.Sink[click]) { s.Key = func(click) []byte { return nil } },
		"no column":          func(s *kafka.Sink[click]) { s.KeyColumn = "x" },
		"a key is a string":  func(s *kafka.Sink[click]) { s.KeyColumn = "n" },
		"Compression":        func(s *kafka.Sink[click]) { s.Compression = "lzo" },
		"for Delivery":       func(s *kafka.Sink[click]) { s.TransactionTimeout = time.Minute },
		"below a second":     func(s *kafka.Sink[click]) { s.Delivery, s.TransactionTimeout = kafka.ExactlyOnce, 1 },
	} {
		s := good
		change(&s)
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: the error is %v", want, err)
		}
	}
}
