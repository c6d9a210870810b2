package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/ratelimit"
)

// reader reads the partitions of one task by one client, whose goroutines fetch ahead; what has been fetched waits here by partition.
type reader struct {
	env    connectors.TaskEnv
	client *kgo.Client
	shape  *shape
	rate   *ratelimit.Limiter
	rows   int
	group  string
	lost   Lost
	open   bool             // messages of open transactions are read too
	parts  map[string]*part // by split
	order  []*part          // in turn
	paused map[string]bool
	finish []string // splits that turned out to be read

	doubts  map[string]doubt        // by topic: whether it is there
	ids     map[string]kadm.TopicID // of topics that were read
	absence time.Duration

	mu  sync.Mutex // guards lag, which any goroutine may ask for
	lag map[string]int64
}

// part is a partition being read.
type part struct {
	span
	split    string
	next     int64 // the offset after what was returned
	waiting  []*kgo.Record
	complete bool // all up to the split's end is waiting or was returned
	aside    bool // it is not fetched, since brokers do not know it
	backlog  backlog
}

var (
	_ connectors.Pauser    = (*reader)(nil)
	_ connectors.Completer = (*reader)(nil)
	_ connectors.Lagging   = (*reader)(nil)
)

// NewReader starts a task's reading.
func (s Source[T]) NewReader(env connectors.TaskEnv, scan connectors.Scan) (connectors.Reader, error) {
	sh, err := newShape(wantedColumns(scan, s.Schema()), s.meta(), s.format())
	if err != nil {
		return nil, fmt.Errorf("kafka.Source: %w", err)
	}
	isolation := kgo.ReadCommitted()
	if s.Uncommitted {
		isolation = kgo.ReadUncommitted()
	}
	client, err := s.cluster().client(
		kgo.FetchIsolationLevel(isolation), kgo.KeepControlRecords(), // they have offsets too
		kgo.ConsumeResetOffset(kgo.NoResetOffset()), kgo.FetchMaxWait(time.Second), kgo.FetchMaxPartitionBytes(fetchBytes),
		kgo.MetadataMinAge(metadataAge),
	)
	if err != nil {
		return nil, err
	}
	limiter := ratelimit.New(s.Rate, env.Tasks)
	return &reader{
		env: env, client: client, shape: sh, rate: limiter, rows: limiter.Rows(cmp.Or(scan.Rows, columnar.DefaultRows)), group: s.Group, lost: s.Lost, open: s.Uncommitted,
		parts: map[string]*part{}, paused: map[string]bool{}, lag: map[string]int64{},
		doubts: map[string]doubt{}, ids: map[string]kadm.TopicID{}, absence: absence,
	}, nil
}

const (
	// fetchBytes bounds what is fetched of a partition at once.
	fetchBytes = 4 << 20
	// metadataAge is how long the client may go by what it knew when a partition is new to it.
	metadataAge = 250 * time.Millisecond
	// batchBytes bounds the values of a batch, softly.
	batchBytes = 1 << 20
	// patience is how long Fetch waits for messages. It is also how often a topic to which nothing comes wakes the processor.
	patience = 50 * time.Millisecond
)

// Assign implements connectors.Reader.
func (r *reader) Assign(splits []connectors.Split, from []connectors.Position) error {
	more := map[string]map[int32]kgo.Offset{}
	for i, split := range splits {
		s, err := decodeSpan(split)
		if err != nil {
			return err
		}
		next, err := offsetOf(s, positionOf(from, i))
		if err != nil {
			return err
		}
		p := &part{span: s, split: split.ID, next: next, backlog: newBacklog()}
		r.parts[split.ID] = p
		r.order = append(r.order, p)
		if p.complete = s.To != noEnd && next >= s.To; p.complete {
			r.finish = append(r.finish, split.ID)
			continue
		}
		if more[s.Topic] == nil {
			more[s.Topic] = map[int32]kgo.Offset{}
			r.doubtful(s.Topic)
		}
		more[s.Topic][s.Partition] = kgo.NewOffset().At(next)
	}
	r.client.AddConsumePartitions(more)
	return nil
}

// Fetch implements connectors.Reader.
func (r *reader) Fetch(ctx context.Context) (connectors.Fetched, error) {
	if ctx.Err() != nil {
		return connectors.Fetched{}, context.Cause(ctx)
	}
	if len(r.parts) == 0 {
		return connectors.Fetched{}, io.EOF
	}
	if !r.rate.Wait(ctx, patience) {
		return connectors.Fetched{}, context.Cause(ctx)
	}
	if p := r.ready(); p != nil {
		return r.take(p)
	}
	if f, ok := r.ended(); ok {
		return f, nil
	}
	if err := r.settle(ctx); err != nil {
		return connectors.Fetched{}, err
	}
	if err := r.poll(ctx); err != nil {
		return connectors.Fetched{}, err
	}
	if p := r.ready(); p != nil {
		return r.take(p)
	}
	return connectors.Fetched{}, context.Cause(ctx)
}

// ready returns the next partition in turn that has messages and is not paused.
func (r *reader) ready() *part {
	for i, p := range r.order {
		if len(p.waiting) > 0 && !r.paused[p.split] {
			r.order = append(slices.Delete(r.order, i, i+1), p)
			return p
		}
	}
	return nil
}

// ended returns the news that a split has been read.
func (r *reader) ended() (connectors.Fetched, bool) {
	if len(r.finish) == 0 {
		return connectors.Fetched{}, false
	}
	p := r.parts[r.finish[0]]
	r.finish = r.finish[1:]
	r.drop(p)
	return connectors.Fetched{Split: p.split, Next: position(p.next), Done: true}, true
}

func (r *reader) drop(p *part) {
	delete(r.parts, p.split)
	r.order = slices.DeleteFunc(r.order, func(o *part) bool { return o == p })
	r.client.RemoveConsumePartitions(map[string][]int32{p.Topic: {p.Partition}})
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.lag, p.split)
}

// take makes a batch of the messages that a partition has waiting.
func (r *reader) take(p *part) (connectors.Fetched, error) {
	n, size := 0, 0
	for n < len(p.waiting) && n < r.rows && size < batchBytes {
		size += len(p.waiting[n].Value) + len(p.waiting[n].Key)
		n++
	}
	records := p.waiting[:n]
	p.waiting = p.waiting[n:]
	if len(p.waiting) == 0 {
		p.waiting = nil
	}
	b, tombstones, err := r.shape.batch(records, r.env.Report)
	if err != nil {
		return connectors.Fetched{}, err
	}
	if tombstones > 0 && r.env.Count != nil {
		r.env.Count("tombstones", tombstones)
	}
	p.next = records[n-1].Offset + 1
	r.rate.Took(b.Len)
	f := connectors.Fetched{Batch: b, Split: p.split, Bytes: int64(size)}
	if f.Done = p.complete && len(p.waiting) == 0; f.Done {
		if p.To != noEnd {
			p.next = p.To
		}
		r.drop(p)
	}
	f.Next = position(p.next)
	return f, nil
}

// poll waits a little for messages and puts them to their partitions.
func (r *reader) poll(ctx context.Context) error {
	short, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	fetches := r.client.PollFetches(short)
	for _, f := range fetches {
		for _, t := range f.Topics {
			for i := range t.Partitions {
				p := r.parts[span{Topic: t.Topic, Partition: t.Partitions[i].Partition}.id()]
				if p == nil { // it is read already, or the error is of no partition
					if err := t.Partitions[i].Err; err != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
						return fmt.Errorf("kafka: %w", err)
					}
					continue
				}
				if t.TopicID != (kadm.TopicID{}) && r.ids[t.Topic] == (kadm.TopicID{}) {
					r.ids[t.Topic] = t.TopicID
				}
				if err := r.add(ctx, p, &t.Partitions[i]); err != nil {
					return err
				}
			}
		}
	}
	r.listen(time.Now())
	return nil
}

// add takes what was fetched of a partition, up to its end.
func (r *reader) add(ctx context.Context, p *part, f *kgo.FetchPartition) error {
	if p.complete {
		return nil
	}
	if f.Err != nil {
		return r.failed(ctx, p, f.Err)
	}
	records := f.Records
	if p.To != noEnd {
		n, _ := slices.BinarySearchFunc(records, p.To, func(k *kgo.Record, to int64) int { return cmp.Compare(k.Offset, to) })
		p.complete = n < len(records) || n > 0 && records[n-1].Offset+1 == p.To
		records = records[:n]
	}
	p.waiting = append(p.waiting, records...)
	p.backlog.begin(r.end(f))
	if p.complete && len(p.waiting) == 0 { // the last ones are not there any more
		r.finish = append(r.finish, p.split)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lag[p.split] = max(0, f.HighWatermark-p.next)
	return nil
}

// Pause implements connectors.Pauser: what is paused is not fetched either.
func (r *reader) Pause(splits []string) {
	paused := map[string]bool{}
	stop, resume := map[string][]int32{}, map[string][]int32{}
	for _, id := range splits {
		paused[id] = true
		if p := r.parts[id]; p != nil && !r.paused[id] {
			stop[p.Topic] = append(stop[p.Topic], p.Partition)
		}
	}
	for id := range r.paused {
		if p := r.parts[id]; p != nil && !paused[id] {
			resume[p.Topic] = append(resume[p.Topic], p.Partition)
		}
	}
	r.client.PauseFetchPartitions(stop)
	r.client.ResumeFetchPartitions(resume)
	r.paused = paused
}

// Completed implements connectors.Completer: the group, if there is one, learns the offsets.
func (r *reader) Completed(ctx context.Context, positions map[string]connectors.Position) error {
	if r.group == "" || len(positions) == 0 {
		return nil
	}
	known := kadm.Offsets{}
	for id, at := range positions {
		s, err := spanOf(id)
		if err != nil {
			return err
		}
		next, err := offsetOf(s, at)
		if err != nil {
			return err
		}
		if at != nil {
			known.AddOffset(s.Topic, s.Partition, next, -1)
		}
	}
	if err := kadm.NewClient(r.client).CommitAllOffsets(ctx, r.group, known); err != nil {
		return fmt.Errorf("telling the offsets to the group %s: %w", r.group, err)
	}
	return nil
}

// Lag implements connectors.Lagging: the messages between what was read and the partition's end, as of the last fetch.
func (r *reader) Lag() map[string]int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.lag)
}

// Close implements connectors.Reader. It does not wait for brokers that do not answer.
func (r *reader) Close() error {
	r.client.CloseAllowingRebalance()
	return nil
}
