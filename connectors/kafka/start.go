package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millrace/millrace/connectors"
)

// Start says where reading begins when no checkpoint does: Earliest(), Latest(), At(time), Offsets(...), Committed(...).
// Partitions found later are read from their beginning, whatever Start says. The zero value is Earliest.
type Start struct {
	from    place
	time    time.Time
	offsets map[string]map[int32]int64
	group   string
	other   place // for partitions that offsets, or the group, do not name
}

// place is a kind of place in a partition.
type place uint8

const (
	earliest place = iota
	latest
	atTime
	atOffsets
	committed
	never // of Stop
)

// Earliest starts with the oldest record there is.
func Earliest() Start { return Start{} }

// Latest starts behind the newest record: with what comes.
func Latest() Start { return Start{from: latest} }

// At starts with the first record whose timestamp is not before t.
func At(t time.Time) Start { return Start{from: atTime, time: t} }

// Offsets starts at offsets, by topic and partition; partitions without one are read from the oldest record.
func Offsets(offsets map[string]map[int32]int64) Start {
	return Start{from: atOffsets, offsets: offsets}
}

// Committed starts where a consumer group has got to; without such an offset as otherwise says, Earliest or Latest.
func Committed(group string, otherwise Start) Start {
	return Start{from: committed, group: group, other: otherwise.from}
}

// String prints the start as plans show it.
func (s Start) String() string {
	switch s.from {
	case latest:
		return "latest"
	case atTime:
		return s.time.UTC().Format(time.RFC3339Nano)
	case atOffsets:
		return "given offsets"
	case committed:
		return "group " + s.group
	case earliest, never:
	}
	return "earliest"
}

func (s Start) validate() error {
	switch {
	case s.from == committed && s.group == "":
		return errors.New("Start: Committed needs a group")
	case s.from == committed && s.other != earliest && s.other != latest:
		return errors.New("Start: Committed takes Earliest or Latest besides")
	case s.from == atOffsets && len(s.offsets) == 0:
		return errors.New("Start: Offsets has none")
	default:
		return nil
	}
}

// Stop says where reading ends; the source is then bounded. The zero value is Never.
type Stop struct {
	to      place
	time    time.Time
	offsets map[string]map[int32]int64
}

// Never reads on for ever.
func Never() Stop { return Stop{to: never} }

// AtLatest ends with the records that there are when the job starts.
func AtLatest() Stop { return Stop{to: latest} }

// Before ends before the first record whose timestamp is t or later, or with the records there are when the job starts.
func Before(t time.Time) Stop { return Stop{to: atTime, time: t} }

// BeforeOffsets ends before offsets, by topic and partition; partitions without one are not read.
func BeforeOffsets(offsets map[string]map[int32]int64) Stop {
	return Stop{to: atOffsets, offsets: offsets}
}

func (s Stop) isBounded() bool { return s.to == latest || s.to == atTime || s.to == atOffsets }

// topics says which topics are read.
type topics struct {
	names   []string
	pattern *regexp.Regexp // nil: names are all
}

// has says whether a topic is one of them.
func (t topics) has(name string) bool {
	if t.pattern != nil {
		return t.pattern.MatchString(name)
	}
	return slices.Contains(t.names, name)
}

// list returns the partitions that there are, by topic.
func (t topics) list(ctx context.Context, admin *kadm.Client) (map[string][]int32, error) {
	found, err := admin.ListTopics(ctx, t.names...)
	if err != nil {
		return nil, fmt.Errorf("listing topics: %w", err)
	}
	all := map[string][]int32{}
	for name, topic := range found {
		switch {
		case t.pattern != nil && !t.pattern.MatchString(name):
		case t.pattern != nil && errors.Is(topic.Err, kerr.UnknownTopicOrPartition): // deleted just now
		case topic.Err != nil:
			return nil, topicError(name, topic.Err)
		default:
			all[name] = slices.Sorted(maps.Keys(topic.Partitions))
		}
	}
	return all, nil
}

// topicError is what the brokers say of a topic that was asked for by name.
func topicError(name string, err error) error {
	named := fmt.Errorf("looking at the topic %s: %w", name, err)
	if errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.InvalidTopicException) {
		return &connectors.SettingsError{Err: named}
	}
	return named
}

// offsets is an offset by topic and partition.
type offsets map[string]map[int32]int64

func listed(list kadm.ListedOffsets, err error) (offsets, error) {
	if err != nil {
		return nil, err
	}
	if err := list.Error(); err != nil {
		return nil, err
	}
	out := offsets{}
	list.Each(func(o kadm.ListedOffset) { out.set(o.Topic, o.Partition, o.Offset) })
	return out, nil
}

func (o offsets) set(topic string, partition int32, offset int64) {
	if o[topic] == nil {
		o[topic] = map[int32]int64{}
	}
	o[topic][partition] = offset
}

func (o offsets) get(topic string, partition int32) (int64, bool) {
	v, ok := o[topic][partition]
	return v, ok
}

// resolver finds the offsets that a Start and a Stop mean for some topics.
type resolver struct {
	admin  *kadm.Client
	names  []string
	stable bool // Latest is behind the last record of which it is decided that it counts
}

func (r resolver) at(ctx context.Context, p place, t time.Time) (offsets, error) {
	switch {
	case p == latest && r.stable:
		return listed(r.admin.ListCommittedOffsets(ctx, r.names...))
	case p == latest:
		return listed(r.admin.ListEndOffsets(ctx, r.names...))
	case p == atTime:
		return listed(r.admin.ListOffsetsAfterMilli(ctx, millis(t), r.names...))
	default:
		return listed(r.admin.ListStartOffsets(ctx, r.names...))
	}
}

// millis is the first whole millisecond that is not before t: messages have no finer times.
func millis(t time.Time) int64 { return t.Add(time.Millisecond - 1).UnixMilli() }

// start returns the offset of every partition to begin at.
func (r resolver) start(ctx context.Context, s Start) (offsets, error) {
	switch s.from {
	case atOffsets, committed:
	default:
		return r.at(ctx, s.from, s.time)
	}
	base, err := r.at(ctx, s.other, time.Time{})
	if err != nil {
		return nil, err
	}
	given := offsets(s.offsets)
	if s.from == committed {
		if given, err = r.group(ctx, s.group); err != nil {
			return nil, err
		}
	}
	for topic, partitions := range given {
		for p, offset := range partitions {
			if _, ok := base.get(topic, p); ok {
				base.set(topic, p, offset)
			}
		}
	}
	return base, nil
}

func (r resolver) group(ctx context.Context, name string) (offsets, error) {
	found, err := r.admin.FetchOffsetsForTopics(ctx, name, r.names...)
	if err == nil {
		err = found.Error()
	}
	if errors.Is(err, kerr.GroupIDNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("asking for the offsets of the group %s: %w", name, err)
	}
	out := offsets{}
	found.Each(func(o kadm.OffsetResponse) {
		if o.At >= 0 {
			out.set(o.Topic, o.Partition, o.At)
		}
	})
	return out, nil
}

// stop returns the offset of every partition to end before; nil: none.
func (r resolver) stop(ctx context.Context, s Stop) (offsets, error) {
	if !s.isBounded() {
		return nil, nil
	}
	if s.to == atOffsets {
		return s.offsets, nil
	}
	to, err := r.at(ctx, s.to, s.time)
	if err != nil || s.to != atTime || !r.stable {
		return to, err
	}
	return to, r.decided(ctx, to)
}

// decided lowers offsets to where it is decided which records count: a reader of these would wait there for the end of a transaction.
func (r resolver) decided(ctx context.Context, to offsets) error {
	ends, err := r.at(ctx, latest, time.Time{})
	if err != nil {
		return err
	}
	for topic, partitions := range ends {
		for p, end := range partitions {
			if at, ok := to.get(topic, p); ok {
				to.set(topic, p, min(at, end))
			}
		}
	}
	return nil
}
