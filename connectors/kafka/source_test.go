package kafka_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/kafka"
	"github.com/millrace/millrace/formats/json"
	"github.com/millrace/millrace/formats/text"
)

type click struct {
	User string
	N    int64
	At   time.Time
	Off  int64
}

func numbers(from, to int) []string {
	var out []string
	for i := from; i < to; i++ {
		out = append(out, fmt.Sprint(i))
	}
	return out
}

func sorted(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return s
}

func TestColumns(t *testing.T) {
	addr := fake(t, kfake.SeedTopics(1, "clicks"))
	produce(t, addr, "clicks", 0, `{"user":"a","n":1}`, "", `{"user":`, `{"n":2,"user":"b"}`)
	s := kafka.Source[click]{
		Brokers: addr, Topic: "clicks", Format: json.Format[click]{}, Stop: kafka.AtLatest(), Meta: kafka.Meta{Timestamp: "at", Offset: "off"},
	}
	j := newJob(t, s, 1)
	j.start()
	got := j.run(100)
	want := []click{{"a", 1, time.UnixMilli(0).UTC(), 0}, {"b", 2, time.UnixMilli(3000).UTC(), 3}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if len(j.bad) != 1 || j.bad[0].Source != "clicks/0" || j.bad[0].Offset != 2 || string(j.bad[0].Record) != `{"user":` {
		t.Errorf("bad: %+v", j.bad)
	}
	if j.counts["tombstones"] != 1 || !j.done[0] {
		t.Errorf("tombstones %v, done %v", j.counts, j.done)
	}
}

func TestRaw(t *testing.T) {
	addr := fake(t, kfake.SeedTopics(2, "x.a", "x.b", "y"))
	produce(t, addr, "x.a", 1, "one", "")
	produce(t, addr, "x.b", 0, "two")
	produce(t, addr, "y", 0, "three")
	j := newJob(t, kafka.Source[kafka.Record]{Brokers: addr, Pattern: `x\..*`, Format: kafka.Raw{}, Stop: kafka.AtLatest()}, 3)
	j.start()
	got := j.run(100)
	slices.SortFunc(got, func(a, b kafka.Record) int {
		return strings.Compare(a.Topic+fmt.Sprint(a.Offset), b.Topic+fmt.Sprint(b.Offset))
	})
	want := []kafka.Record{
		{Key: []byte("k0"), Value: []byte("one"), Timestamp: time.UnixMilli(0).UTC(), Topic: "x.a", Partition: 1},
		{Key: []byte("k1"), Timestamp: time.UnixMilli(1000).UTC(), Topic: "x.a", Partition: 1, Offset: 1},
		{Key: []byte("k0"), Value: []byte("two"), Timestamp: time.UnixMilli(0).UTC(), Topic: "x.b"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestStartAndStop(t *testing.T) {
	startAndStop(t, fake(t, kfake.SeedTopics(1, "n")), "n")
}

// startAndStop reads from and to all places that there are names for; it runs against the fake and a real broker.
func startAndStop(t *testing.T, addr, topic string) {
	t.Helper()
	produce(t, addr, topic, 0, numbers(0, 50)...)
	admin := kadm.NewClient(client(t, addr))
	if err := admin.CommitAllOffsets(t.Context(), "g", kadm.OffsetsFromRecords(kgo.Record{Topic: topic, Offset: 41})); err != nil {
		t.Fatal(err)
	}
	offset := func(n int64) map[string]map[int32]int64 { return map[string]map[int32]int64{topic: {0: n}} }
	const bit = time.Millisecond / 2 // messages have whole milliseconds
	for name, c := range map[string]struct {
		start kafka.Start
		stop  kafka.Stop
		want  []string
	}{
		"earliest":  {want: numbers(0, 50), stop: kafka.AtLatest()},
		"latest":    {start: kafka.Latest(), stop: kafka.AtLatest()},
		"time":      {start: kafka.At(time.UnixMilli(19500)), stop: kafka.AtLatest(), want: numbers(20, 50)},
		"offsets":   {start: kafka.Offsets(offset(7)), stop: kafka.BeforeOffsets(offset(9)), want: numbers(7, 9)},
		"group":     {start: kafka.Committed("g", kafka.Earliest()), stop: kafka.AtLatest(), want: numbers(42, 50)},
		"no group":  {start: kafka.Committed("h", kafka.Latest()), stop: kafka.AtLatest()},
		"until":     {stop: kafka.Before(time.UnixMilli(3000)), want: numbers(0, 3)},
		"behind":    {start: kafka.At(time.UnixMilli(20_000).Add(bit)), stop: kafka.AtLatest(), want: numbers(21, 50)},
		"before":    {start: kafka.At(time.UnixMilli(20_000).Add(-bit)), stop: kafka.Before(time.UnixMilli(22_000).Add(bit)), want: numbers(20, 23)},
		"too late":  {start: kafka.At(time.UnixMilli(99_000)), stop: kafka.AtLatest()},
		"unbounded": {start: kafka.Offsets(offset(48)), want: numbers(48, 50)},
	} {
		t.Run(name, func(t *testing.T) {
			j := newJob(t, kafka.Source[string]{Brokers: addr, Topic: topic, Format: text.Lines{}, Start: c.start, Stop: c.stop}, 1)
			j.start()
			if got := j.run(1000); !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

// TestResume stops in the middle and goes on with other parallelism, with partitions that have come meanwhile.
func TestResume(t *testing.T) {
	goOn(t, fake(t, kfake.SeedTopics(3, "n")), "n")
}

// goOn does so against the fake and a real broker. The group has other offsets than the state: it does not count.
func goOn(t *testing.T, addr, topic string) {
	t.Helper()
	var want []string
	for p := range int32(3) {
		values := numbers(int(p)*1000, int(p)*1000+500)
		want = append(want, values...)
		produce(t, addr, topic, p, values...)
	}
	s := kafka.Source[string]{Brokers: addr, Topic: topic, Format: text.Lines{}, Group: topic + "-seen"}
	first := newJob(t, s, 2)
	first.start()
	got := first.run(700)
	for _, r := range first.readers {
		if err := r.(connectors.Completer).Completed(t.Context(), first.at); err != nil {
			t.Fatal(err)
		}
	}
	first.close()
	admin := kadm.NewClient(client(t, addr))
	told, err := admin.FetchOffsets(t.Context(), s.Group)
	check(t, err)
	sum := int64(0)
	told.Each(func(o kadm.OffsetResponse) { sum += o.At })
	if sum < 700 || sum > 1500 {
		t.Errorf("the group was told offsets with the sum %d", sum)
	}
	check(t, admin.CommitAllOffsets(t.Context(), s.Group, kadm.OffsetsFromRecords(kgo.Record{Topic: topic, Offset: 499})))
	partitions(t, addr, topic, 1)
	produce(t, addr, topic, 3, numbers(3000, 3100)...)
	want = append(want, numbers(3000, 3100)...)

	s.Start = kafka.Committed(s.Group, kafka.Latest()) // for what is new to a job only
	second := newJob(t, s, 3)
	second.resume(first)
	got = append(got, second.run(len(want)-len(got))...)
	if diff := cmp.Diff(sorted(want), sorted(got)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestOtherTopics goes on with a source that reads other topics than before: those that it does not name any more are left, new ones are read from their
// beginning beside old ones, and as Start says when there are no old ones.
func TestOtherTopics(t *testing.T) {
	for name, c := range map[string]struct {
		topics string
		stop   kafka.Stop
		want   []string
	}{
		"beside old ones":            {"b,c", kafka.Never(), []string{"c1", "c2", "new"}},
		"others":                     {"c", kafka.Never(), []string{"new"}},
		"others, that end":           {"c", kafka.AtLatest(), nil},
		"beside old ones, that ends": {"b,c", kafka.AtLatest(), []string{"c1", "c2"}},
	} {
		t.Run(name, func(t *testing.T) {
			addr := fake(t, kfake.SeedTopics(1, "a", "b", "c"))
			for _, topic := range []string{"a", "b", "c"} {
				produce(t, addr, topic, 0, topic+"1", topic+"2")
			}
			s := kafka.Source[string]{Brokers: addr, Topic: "a,b", Format: text.Lines{}, Stop: c.stop}
			first := newJob(t, s, 1)
			first.start()
			if got := first.run(4); len(got) < 4 {
				t.Fatalf("got %v", got)
			}
			s.Topic, s.Start = c.topics, kafka.Latest()
			second := newJob(t, s, 2)
			second.resume(first)
			if !s.IsBounded() {
				produce(t, addr, "a", 0, "left")
				produce(t, addr, "c", 0, "new")
			}
			if got := sorted(second.run(len(c.want) + 1)); !slices.Equal(got, c.want) || s.IsBounded() && slices.Contains(second.done, false) {
				t.Errorf("got %v, want %v; done %v", got, c.want, second.done)
			}
		})
	}
}

// partitions adds partitions to a topic, and waits until brokers tell of them.
func partitions(t *testing.T, addr, topic string, more int) {
	t.Helper()
	admin := kadm.NewClient(client(t, addr))
	before, err := admin.ListTopics(t.Context(), topic)
	check(t, err)
	_, err = admin.CreatePartitions(t.Context(), more, topic)
	check(t, err)
	for {
		now, err := admin.ListTopics(t.Context(), topic)
		if check(t, err); len(now[topic].Partitions) == len(before[topic].Partitions)+more {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestDiscovery(t *testing.T) {
	addr := fake(t, kfake.SeedTopics(1, "n"))
	discovery(t, addr, "n")
	patternOfNone(t, addr, "later")
}

// discovery reads a topic from its end, and partitions that come later from their beginning; on the fake and a real broker.
func discovery(t *testing.T, addr, topic string) {
	t.Helper()
	produce(t, addr, topic, 0, "old")
	j := newJob(t, kafka.Source[string]{Brokers: addr, Topic: topic, Format: text.Lines{}, Start: kafka.Latest(), Discovery: time.Second}, 2)
	j.start()
	if got := j.run(1); len(got) != 0 {
		t.Fatalf("got %v before there was anything", got)
	}
	partitions(t, addr, topic, 2)
	produce(t, addr, topic, 1, "a", "b")
	produce(t, addr, topic, 2, "c")
	if len(j.later) != 1 || j.later[0].After != time.Second {
		t.Fatalf("the next look is %v", j.later)
	}
	j.wait()
	if got := sorted(j.run(3)); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("got %v", got)
	}
}

// patternOfNone waits for the first topic that a pattern matches: it is new, and read from its beginning, also when the job went on in between.
func patternOfNone(t *testing.T, addr, topic string) {
	t.Helper()
	s := kafka.Source[string]{Brokers: addr, Pattern: topic + ".*", Format: text.Lines{}, Start: kafka.Latest(), Discovery: time.Second}
	first := newJob(t, s, 1)
	first.start()
	if got := first.run(1); len(got) != 0 {
		t.Fatalf("got %v before there was anything", got)
	}
	topicOf{t, addr, topic + "-1"}.create()
	produce(t, addr, topic+"-1", 0, "a")
	second := newJob(t, s, 1)
	second.resume(first)
	if got := second.run(1); !slices.Equal(got, []string{"a"}) {
		t.Errorf("after going on: %v", got)
	}
	topicOf{t, addr, topic + "-2"}.create()
	produce(t, addr, topic+"-2", 0, "b")
	first.wait()
	if got := sorted(first.run(2)); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("at the next look: %v", got)
	}
}

func TestPauseAndLag(t *testing.T) {
	addr := fake(t, kfake.SeedTopics(2, "n"))
	produce(t, addr, "n", 0, numbers(0, 300)...)
	produce(t, addr, "n", 1, numbers(1000, 1300)...)
	j := newJob(t, kafka.Source[string]{Brokers: addr, Topic: "n", Format: text.Lines{}}, 1)
	j.start()
	j.run(1)
	r := j.readers[0]
	r.(connectors.Pauser).Pause([]string{"n/1"})
	for _, v := range j.run(600) {
		if len(v) == 4 {
			t.Fatalf("got %s of a paused partition", v)
		}
	}
	if lag := r.(connectors.Lagging).Lag(); lag["n/1"] < 100 {
		t.Errorf("the lag is %v", lag)
	}
	r.(connectors.Pauser).Pause(nil)
	j.run(600)
	if len(j.rows) != 600 {
		t.Errorf("%d rows in all", len(j.rows))
	}
}

// TestRate reads from a partition at a rate at which there is one record now, and the next in a while.
func TestRate(t *testing.T) {
	addr := fake(t, kfake.SeedTopics(1, "n"))
	produce(t, addr, "n", 0, numbers(0, 50)...)
	j := newJob(t, kafka.Source[string]{Brokers: addr, Topic: "n", Format: text.Lines{}, Rate: 0.001}, 1)
	j.start()
	j.step(connectors.Requested{})
	for len(j.rows) == 0 {
		f, err := j.readers[0].Fetch(t.Context())
		check(t, err)
		j.take(f)
	}
	for range 5 {
		f, err := j.readers[0].Fetch(t.Context())
		check(t, err)
		j.take(f)
	}
	if !slices.Equal(j.rows, []string{"0"}) {
		t.Errorf("got %v", j.rows)
	}
}

func TestDeletedBeforeRead(t *testing.T) {
	addr := fake(t, kfake.SeedTopics(1, "n"))
	produce(t, addr, "n", 0, numbers(0, 20)...)
	del := kadm.Offsets{}
	del.AddOffset("n", 0, 15, -1)
	if _, err := kadm.NewClient(client(t, addr)).DeleteRecords(t.Context(), del); err != nil {
		t.Fatal(err)
	}
	s := kafka.Source[string]{Brokers: addr, Topic: "n", Format: text.Lines{}, Start: kafka.Offsets(map[string]map[int32]int64{"n": {0: 3}})}
	strict := newJob(t, s, 1)
	strict.start()
	strict.step(connectors.Requested{})
	var err error
	for range 100 {
		if _, err = strict.readers[0].Fetch(t.Context()); err != nil {
			break
		}
	}
	if !errors.Is(err, kerr.OffsetOutOfRange) {
		t.Errorf("the error is %v", err)
	}
	s.Lost = kafka.SkipLost
	loose := newJob(t, s, 1)
	loose.start()
	if got := loose.run(5); !slices.Equal(got, numbers(15, 20)) || loose.counts["lost ranges"] != 1 {
		t.Errorf("got %v, %v", got, loose.counts)
	}
}

func TestMissingTopic(t *testing.T) {
	addr := fake(t)
	e, err := kafka.Source[string]{Brokers: addr, Topic: "none", Format: text.Lines{}}.NewEnumerator(connectors.Env{}, connectors.Scan{}, connectors.Facts{})
	if err != nil {
		t.Fatal(err)
	}
	actions, err := e.Step(connectors.Started{Tasks: 1})
	if err != nil {
		t.Fatal(err)
	}
	_, err = actions[0].(connectors.Call).Do(t.Context())
	if _, is := errors.AsType[*connectors.SettingsError](err); !is || !errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Errorf("the error is %v", err)
	}
}

func TestSASL(t *testing.T) {
	addr := fake(t, kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-256", "me", "secret"))
	s := kafka.Source[string]{Brokers: addr, Topic: "n", Format: text.Lines{}}
	s.Security = kafka.Security{Mechanism: kafka.ScramSHA256, User: "me", Password: "wrong"}
	if _, err := s.Discover(t.Context(), connectors.Env{}); err == nil {
		t.Error("a wrong password was taken")
	}
	s.Security.Password = "secret"
	if _, err := s.Discover(t.Context(), connectors.Env{}); !errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Errorf("the error is %v", err)
	}
	for _, text := range []string{s.Describe(), fmt.Sprintf("%v %+v %#v", s, s, s.Security)} {
		if strings.Contains(text, "secret") {
			t.Errorf("the password is printed: %s", text)
		}
	}
}

func TestValidateSource(t *testing.T) {
	good := kafka.Source[click]{Brokers: "a:1,b:2", Topic: "t", Format: json.Format[click]{}}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(*kafka.Source[click]){
		"no Brokers":         func(s *kafka.Source[click]) { s.Brokers = "" },
		"not host:port":      func(s *kafka.Source[click]) { s.Brokers = "host" },
		"Topic and Pattern":  func(s *kafka.Source[click]) { s.Topic = "" },
		"Pattern":            func(s *kafka.Source[click]) { s.Topic, s.Pattern = "", "(" },
		"no Format":          func(s *kafka.Source[click]) { s.Format = nil },
		"Rate":               func(s *kafka.Source[click]) { s.Rate = -1 },
		"needs a User":       func(s *kafka.Source[click]) { s.Security.Mechanism = kafka.Plain },
		"unknown mechanism":  func(s *kafka.Source[click]) { s.Security.Mechanism = "X" },
		"need TLS":           func(s *kafka.Source[click]) { s.Security.CA = "ca.pem" },
		"needs a group":      func(s *kafka.Source[click]) { s.Start = kafka.Committed("", kafka.Latest()) },
		"has to be":          func(s *kafka.Source[click]) { s.Meta.Partition = "user" },
		"look for new":       func(s *kafka.Source[click]) { s.Stop, s.Discovery = kafka.AtLatest(), time.Second },
		"Earliest or Latest": func(s *kafka.Source[click]) { s.Start = kafka.Committed("g", kafka.At(time.Now())) },
	} {
		s := good
		change(&s)
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: the error is %v", want, err)
		}
	}
}
