package jobs_test

import (
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/internal/testkit/disturb"
	"github.com/millrace/millrace/internal/testkit/kafka"
	"github.com/millrace/millrace/jobs"
	"github.com/millrace/millrace/runner"
)

// speak listens, writes the lines to who connects, and closes the connection. It returns the address.
func speak(t *testing.T, lines ...string) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { // ends when it has spoken, or with the listener
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		for _, line := range lines {
			_, _ = conn.Write([]byte(line + "\n")) // what is missing fails the test
		}
		_ = conn.Close()
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return l.Addr().String()
}

// wordsOf counts words in lower case.
func wordsOf(lines []string) map[string]int {
	counts := map[string]int{}
	for _, line := range lines {
		for w := range strings.FieldsSeq(line) {
			counts[strings.ToLower(w)]++
		}
	}
	return counts
}

// Without windows each word gives its count so far.
func TestWordStreamOfSocket(t *testing.T) {
	all := prose(1000)
	for name, o := range settings(t) {
		out := t.TempDir()
		run(t, &jobs.WordStream{Socket: speak(t, all...), Once: true, Output: jobs.Output{Out: out}}, o)
		var want []string
		for word, n := range wordsOf(all) {
			for i := range n {
				want = append(want, fmt.Sprintf("%s,%d", word, i+1))
			}
		}
		slices.Sort(want)
		if diff := gocmp.Diff(want, lines(t, out)); diff != "" {
			t.Errorf("%s: counts differ (-want +got):\n%.2000s", name, diff)
		}
	}
}

// With windows each word gives a count a window, and all windows together have all words.
func TestWordStreamOfSocketWindows(t *testing.T) {
	all := prose(1000)
	for _, streaming := range []bool{false, true} {
		out := t.TempDir()
		o := runner.Options{Parallelism: 2}
		o.Streaming.Always = streaming
		run(t, &jobs.WordStream{Socket: speak(t, all...), Once: true, Window: time.Hour, Exact: true, Output: jobs.Output{Out: out}}, o)
		got, seen := map[string]int{}, map[string]bool{}
		for _, line := range lines(t, out) {
			parts := strings.Split(line, ",")
			if seen[parts[0]+parts[1]] {
				t.Errorf("the window at %s has %q twice", parts[0], parts[1])
			}
			seen[parts[0]+parts[1]] = true
			var n int
			if _, err := fmt.Sscan(parts[2], &n); err != nil {
				t.Fatal(err)
			}
			got[strings.ToLower(parts[1])] += n
		}
		if diff := gocmp.Diff(wordsOf(all), got); diff != "" {
			t.Errorf("streaming %v: counts differ (-want +got):\n%.2000s", streaming, diff)
		}
	}
}

// chatter is a topic of lines, one a second in each of three partitions.
func chatter(t *testing.T, all []string, topics ...string) (addr string, at func(i int) time.Time) {
	t.Helper()
	addr = kafka.Fake(t, 3, append(topics, "chatter")...)
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	at = func(i int) time.Time { return noon.Add(time.Duration(i/3) * time.Second) }
	var messages []kafka.Message
	for i, line := range all {
		messages = append(messages, kafka.Message{Partition: int32(i % 3), Value: []byte(line), Time: at(i)})
	}
	kafka.Produce(t, addr, "chatter", messages...)
	return addr, at
}

// Over a topic windows are in the time of its messages: the same in batch and in stream, and when tasks are killed.
func TestWordStreamOfTopic(t *testing.T) {
	all := prose(3000)
	addr, at := chatter(t, all, "counts")
	counts := map[jobs.WindowCount]int64{}
	for i, line := range all {
		for w := range strings.FieldsSeq(line) {
			counts[jobs.WindowCount{Start: at(i).Truncate(time.Minute), Word: strings.ToLower(w)}]++
		}
	}
	var want []string
	for c, n := range counts {
		want = append(want, fmt.Sprintf("%s,%s,%d", stamp(c.Start), c.Word, n))
	}
	slices.Sort(want)
	job := func(output jobs.Output) *jobs.WordStream {
		return &jobs.WordStream{Brokers: jobs.Brokers{Addresses: addr}, Topic: "chatter", Once: true, Window: time.Minute, Output: output}
	}
	killer := disturb.NewKiller(1, 3, 100)
	for name, o := range map[string]runner.Options{"batch": {Parallelism: 2}, "stream": disturb.NewKiller(1, 0, 1).Options(2), "killed": killer.Options(2)} {
		out := t.TempDir()
		run(t, job(jobs.Output{Out: out}), o)
		if diff := gocmp.Diff(want, lines(t, out)); diff != "" {
			t.Errorf("%s: counts differ (-want +got):\n%.2000s", name, diff)
		}
	}
	if n := killer.Left(); n > 0 {
		t.Errorf("%d kills did not come", n)
	}
	run(t, job(jobs.Output{Topic: "counts"}), disturb.NewKiller(2, 3, 100).Options(2))
	var got []string
	for _, m := range kafka.Consume(t, addr, "counts", len(want)) {
		var c struct {
			Start time.Time
			Word  string
			N     int64
		}
		if err := json.Unmarshal(m.Value, &c); err != nil || string(m.Key) != c.Word {
			t.Fatalf("%s: %s: %v", m.Key, m.Value, err)
		}
		got = append(got, fmt.Sprintf("%s,%s,%d", stamp(c.Start), c.Word, c.N))
	}
	slices.Sort(got)
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("counts in the topic differ (-want +got):\n%.2000s", diff)
	}
}

// Parameters that cannot work are usage errors that name flags.
func TestStreamParameters(t *testing.T) {
	topic, here := "t", jobs.Brokers{Addresses: "h:1"}
	archive := func(change func(*jobs.Archive)) *jobs.Archive {
		a := jobs.NewArchive()
		a.Brokers, a.Topic, a.Out = here, topic, "out"
		change(a)
		return a
	}
	for text, job := range map[string]interface{ Validate() error }{
		"--socket or --topic is needed":             &jobs.WordStream{},
		"--socket and --topic exclude each other":   &jobs.WordStream{Socket: "h:1", Topic: topic},
		"--brokers is needed":                       &jobs.WordStream{Topic: topic},
		`--start is "noon"`:                         &jobs.WordStream{Topic: topic, Brokers: here, Start: "noon"},
		"--out and --to-topic exclude each other":   &jobs.WordStream{Socket: "h:1", Output: jobs.Output{Out: "o", Topic: "o"}},
		"--window, --late and --idle must not":      &jobs.WordStream{Window: -1},
		"--in, --socket or --topic is needed":       &jobs.Rules{},
		"--rules, --rules-socket or --rules-topic":  &jobs.Rules{Events: jobs.Lines{Files: "in"}},
		"--in and --topic exclude each other":       &jobs.Rules{Events: jobs.Lines{Files: "in", Topic: topic}},
		"--in, --brokers and --topic are needed":    &jobs.Publish{},
		"the suffix of":                             &jobs.Publish{In: "in", Brokers: here, Topic: topic},
		"--key: lines of text have no columns":      &jobs.Publish{In: "in.txt", Brokers: here, Topic: topic, Key: "k"},
		"--brokers, --topic and --out are needed":   &jobs.Archive{},
		"--size, --every and --idle must":           archive(func(a *jobs.Archive) { a.MiB = 0 }),
		"--columns and --binary exclude each other": archive(func(a *jobs.Archive) { a.Columns, a.Binary = "id int", true }),
		`--columns: "id" is not a name and a type`:  archive(func(a *jobs.Archive) { a.Columns = "id" }),
		`--columns: column "id": "integr" is not`:   archive(func(a *jobs.Archive) { a.Columns = "id integr" }),
		`--columns: the column "id" occurs twice`:   archive(func(a *jobs.Archive) { a.Columns = "id int, id decimal(3,1)" }),
		`--time: there is no column "at"`:           archive(func(a *jobs.Archive) { a.Time = "at" }),
		"--zone: unknown time zone Mars":            archive(func(a *jobs.Archive) { a.Zone = "Mars" }),
		`--codec: parquet: unknown codec "rar"`:     archive(func(a *jobs.Archive) { a.Codec = "rar" }),
	} {
		if err := job.Validate(); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("the error is %v, want %q", err, text)
		}
	}
	for _, job := range []interface{ Validate() error }{
		archive(func(*jobs.Archive) {}),
		archive(func(a *jobs.Archive) {
			a.Columns, a.Time, a.Folders = "id decimal(3,1), at timestamp", "at", "y=2006/m=01"
		}),
	} {
		if err := job.Validate(); err != nil {
			t.Error(err)
		}
	}
}
