package kafka_test

import (
	"bytes"
	stdjson "encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/millrace/millrace/connectors/kafka"
	"github.com/millrace/millrace/connectors/onbad"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/formats/json"
	"github.com/millrace/millrace/internal/testkit/disturb"
	broker "github.com/millrace/millrace/internal/testkit/kafka"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
)

// TestDeadLetters sends what cannot be decoded to a topic of its own, while tasks are killed.
func TestDeadLetters(t *testing.T) {
	deadLetters(t, fake(t, kfake.SeedTopics(2, "letters"), kfake.SeedTopics(1, "good", "dead")), "letters", "good", "dead")
}

// deadLetters does so on the fake and a real broker: each record is in one of the two topics, once; a dead one with its topic, partition, offset and
// bytes.
func deadLetters(t *testing.T, addr, from, good, dead string) {
	t.Helper()
	var messages []broker.Message
	offsets, want, wantGood := map[int32]int64{}, map[string]string{}, 0
	for i := range 2400 {
		m := broker.Message{Partition: int32(i % 2), Value: fmt.Appendf(nil, `{"user":"u","n":%d}`, i)}
		switch i % 50 {
		case 7:
			m.Value = fmt.Appendf(nil, `{"user":%d`, i)
		case 8:
			m.Value = append([]byte{0xff, 0, 0xfe}, fmt.Sprint(i)...)
		case 9:
			m.Value = bytes.Repeat([]byte{'x'}, 100<<10)
		default:
			wantGood++
		}
		if i%50 >= 7 && i%50 <= 9 {
			want[fmt.Sprintf("%s/%d %d", from, m.Partition, offsets[m.Partition])] = string(m.Value[:min(len(m.Value), 64<<10)])
		}
		offsets[m.Partition]++
		messages = append(messages, m)
	}
	broker.Produce(t, addr, from, messages...)
	killer := disturb.NewKiller(1, 3, 40)
	o := killer.Options(2)
	o.Name = "letters"
	_, err := runner.Run(t.Context(), func(job *plan.Job) {
		dataset.WriteBad(job, "refused", kafka.Sink[onbad.Record]{Brokers: addr, Topic: dead, Format: json.Format[onbad.Record]{}, Delivery: kafka.ExactlyOnce})
		in := datastream.Read(job, kafka.Source[click]{
			Brokers: addr, Topic: from, Format: json.Format[click]{}, Stop: kafka.AtLatest(), Rate: 20_000, OnBad: onbad.Side("refused"),
			Meta: kafka.Meta{Timestamp: "at", Offset: "off"},
		}, plan.UID("in"))
		datastream.Write(in, kafka.Sink[click]{Brokers: addr, Topic: good, Format: json.Format[click]{}, Delivery: kafka.ExactlyOnce}, plan.UID("out"))
	}, o)
	check(t, err)
	if got := consume(t, addr, good, wantGood); len(got) != wantGood {
		t.Errorf("%d good records of %d", len(got), wantGood)
	}
	got := map[string]string{}
	for _, m := range consume(t, addr, dead, len(want)) {
		var r onbad.Record
		check(t, stdjson.Unmarshal([]byte(m), &r))
		place := fmt.Sprintf("%s %d", r.Source, r.Offset)
		if _, twice := got[place]; twice {
			t.Errorf("%s is there twice", place)
		}
		if got[place] = r.Record; len(r.Bytes) > 0 {
			got[place] = string(r.Bytes)
		}
		if r.Reason == "" || r.Node == "" {
			t.Errorf("nothing is said of %s: %+v", place, r)
		}
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	for place, record := range want {
		if got[place] != record {
			t.Errorf("%s: %.40q, want %.40q", place, got[place], record)
		}
	}
	if n := killer.Left(); n > 0 {
		t.Errorf("%d kills did not come", n)
	}
}
