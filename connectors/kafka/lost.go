package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/stream"
)

// failed looks at what became of a partition. The client itself tries again what may pass.
func (r *reader) failed(ctx context.Context, p *part, err error) error {
	reset, isLoss := errors.AsType[*kgo.ErrDataLoss](err)
	switch {
	case errors.Is(err, kerr.OffsetOutOfRange):
		return r.outOfRange(ctx, p, err)
	case errors.Is(err, kerr.UnknownTopicID), errors.Is(err, kerr.UnknownTopicOrPartition):
		r.unknown(p)
		return nil
	case isLoss && r.lost == SkipLost:
		r.warn(p, reset)
		return nil
	default:
		return fmt.Errorf("reading %s at offset %d: %w", p.split, p.next, err)
	}
}

// outOfRange goes on, if it may, where the partition has messages: at its start, when what is missing was before that. A partition that ends
// before the offset has lost its end, and goes on with what comes.
func (r *reader) outOfRange(ctx context.Context, p *part, cause error) error {
	admin := kadm.NewClient(r.client)
	starts, err := listed(admin.ListStartOffsets(ctx, p.Topic))
	var ends offsets
	if err == nil {
		ends, err = listed(admin.ListEndOffsets(ctx, p.Topic))
	}
	if err != nil {
		return fmt.Errorf("reading %s at offset %d: %w", p.split, p.next, errors.Join(cause, err))
	}
	from, _ := starts.get(p.Topic, p.Partition)
	to, _ := ends.get(p.Topic, p.Partition)
	if r.lost != SkipLost {
		return &stream.FinalError{Err: fmt.Errorf("reading %s at offset %d: %w: the brokers have deleted what was to be read next, there are offsets %d to %d; "+
			"start anew, or set Lost to go on with what there is", p.split, p.next, cause, from, to)}
	}
	r.warn(p, cause)
	next, isCut := from, from <= p.fetched()
	if isCut {
		next = to
	}
	r.client.RemoveConsumePartitions(map[string][]int32{p.Topic: {p.Partition}})
	if p.To != noEnd && (isCut || next >= p.To) { // nothing will come of what the split was to have
		r.completed(p)
		return nil
	}
	r.client.AddConsumePartitions(map[string]map[int32]kgo.Offset{p.Topic: {p.Partition: kgo.NewOffset().At(next)}})
	return nil
}

var (
	errDeleted = errors.New("the topic has been deleted")
	errAnew    = errors.New("the topic has been deleted and made anew")
)

const (
	// absence is how long a topic is not known to the brokers before it counts as deleted: of one that was just made, some know later than others.
	absence = 15 * time.Second
	// absenceLook is the time between two looks at it.
	absenceLook = time.Second
)

// doubt is about a topic that may not be there. Its partitions are not fetched meanwhile, if brokers have said so of them.
type doubt struct {
	since, next time.Time
}

// doubtful begins to doubt that a topic is there.
func (r *reader) doubtful(topic string) {
	if _, is := r.doubts[topic]; !is {
		r.doubts[topic] = doubt{since: time.Now()}
	}
}

// unknown leaves a partition alone that brokers do not know, until settle has found out about its topic.
func (r *reader) unknown(p *part) {
	r.doubtful(p.Topic)
	p.aside = true
	r.client.RemoveConsumePartitions(map[string][]int32{p.Topic: {p.Partition}})
}

// settle looks at topics that are doubtful: those of new splits, since of a topic that is not there the client would say nothing for ever, and those
// that brokers do not know any more. A topic that is gone ends the job, or its splits; what else brokers do not know a topic for, passes.
func (r *reader) settle(ctx context.Context) error {
	now := time.Now()
	var due []string
	for topic, d := range r.doubts {
		if !now.Before(d.next) {
			due = append(due, topic)
		}
	}
	if len(due) == 0 {
		return nil
	}
	look, cancel := context.WithTimeout(ctx, absenceLook)
	defer cancel()
	found, failed := kadm.NewClient(r.client).ListTopics(look, due...)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for _, topic := range due {
		d := r.doubts[topic]
		var err error
		switch t, had := found[topic], r.ids[topic]; {
		case failed != nil: // the brokers are away; that is waited for
			r.doubts[topic] = doubt{since: now, next: now.Add(absenceLook)}
		case errors.Is(t.Err, kerr.UnknownTopicOrPartition) && now.Sub(d.since) >= r.absence:
			err = r.gone(topic, errDeleted)
		case t.Err != nil:
			r.doubts[topic] = doubt{since: d.since, next: now.Add(absenceLook)}
		case had != (kadm.TopicID{}) && had != t.ID:
			err = r.gone(topic, errAnew)
		default:
			r.goOn(topic)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// goOn reads partitions again that were left alone.
func (r *reader) goOn(topic string) {
	delete(r.doubts, topic)
	for _, p := range r.parts {
		if p.Topic == topic && p.aside {
			p.aside = false
			r.client.AddConsumePartitions(map[string]map[int32]kgo.Offset{topic: {p.Partition: kgo.NewOffset().At(p.fetched())}})
		}
	}
}

// gone ends the job, or the splits of the topic.
func (r *reader) gone(topic string, why error) error {
	delete(r.doubts, topic)
	for _, p := range r.order {
		if p.Topic != topic || p.complete {
			continue
		}
		if r.lost != SkipLost {
			return &stream.FinalError{Err: fmt.Errorf("reading %s at offset %d: %w", p.split, p.next, why)}
		}
		r.warn(p, why)
		r.client.RemoveConsumePartitions(map[string][]int32{topic: {p.Partition}})
		r.completed(p)
	}
	return nil
}

// fetched is the offset after what waits.
func (p *part) fetched() int64 {
	if n := len(p.waiting); n > 0 {
		return p.waiting[n-1].Offset + 1
	}
	return p.next
}

// completed has a partition end with what is waiting.
func (r *reader) completed(p *part) {
	p.complete = true
	if len(p.waiting) == 0 {
		r.finish = append(r.finish, p.split)
	}
}

func (r *reader) warn(p *part, cause error) {
	if r.env.Log != nil {
		r.env.Log.Warn("messages are lost that were not read", slog.String("split", p.split), slog.Int64("offset", p.next), slog.Any("error", cause))
	}
	if r.env.Count != nil {
		r.env.Count("lost ranges", 1)
	}
}
