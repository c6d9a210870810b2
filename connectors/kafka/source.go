package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/onbad"
	"github.com/millrace/millrace/formats"
)

// Source reads records of type T from topics. A partition is a split. Batches have the messages' timestamps as their event time. Messages
// without a value are left out and counted as "tombstones", unless the format is Raw.
type Source[T any] struct {
	// Brokers are some of the cluster's: host:port, several with commas between.
	Brokers  string
	Security Security
	// Topic is what is read; several with commas between. Pattern is a regular expression instead, which the whole name has to match: topics
	// that are made later are read too. A job that goes on with other topics leaves those that it does not name any more.
	Topic, Pattern string
	// Format is how a message's value is read: json.Format[T]{}. It must be a formats.RecordFormat.
	Format formats.Typed[T]
	// Meta names columns of T that are not in the value but come from the message around it.
	Meta Meta
	// Start says where reading begins. Default: Earliest.
	Start Start
	// Stop makes the source end. Default: Never.
	Stop Stop
	// Discovery is the time between two looks for new partitions. Default 1 minute; negative: none.
	Discovery time.Duration
	// Uncommitted reads also records of transactions that are open or were aborted.
	Uncommitted bool
	// Group, if not empty, is told the offsets of each completed checkpoint, for people who look at it. The job itself does not need it.
	Group string
	// Lost says what becomes of records that the brokers have deleted before they were read. Default: the job fails.
	Lost Lost
	// Rate is how many records a second all tasks read together at most; 0: no limit.
	Rate float64
	// OnBad is what becomes of records that cannot be decoded. Default: the job fails.
	OnBad onbad.Policy
}

// Lost is what becomes of a partition whose next offset is not there any more, or whose topic is not.
type Lost uint8

// The choices. The zero value is FailWhenLost.
const (
	FailWhenLost Lost = iota // the job fails
	SkipLost                 // reading goes on with what there is, and ends for topics that were deleted; a warning is logged
)

// Meta names columns of the record type that come from the message around the value. Empty: none.
type Meta struct {
	Key       string // binary, or string; null when there is none, if the column may be null
	Timestamp string // timestamp
	Topic     string // string
	Partition string // int32
	Offset    string // int64
}

// defaultDiscovery is how often new partitions are looked for.
const defaultDiscovery = time.Minute

var _ connectors.TypedSource[string] = Source[string]{}

// Element ties the source to its records' type.
func (Source[T]) Element() (zero T) { return zero }

// Name returns "kafka".
func (Source[T]) Name() string { return "kafka" }

// Describe returns what is read and from where.
func (s Source[T]) Describe() string {
	words := []string{cmp.Or(s.Topic, "~"+s.Pattern), "from", s.Start.String(), "at", s.Brokers}
	if s.Format != nil {
		words = append([]string{s.Format.Name()}, words...)
	}
	return strings.Join(words, " ")
}

// Validate reports settings that cannot work.
func (s Source[T]) Validate() error {
	errs := []error{s.cluster().validate(), s.Start.validate(), s.OnBad.Validate()}
	complain := func(bad bool, text string) {
		if bad {
			errs = append(errs, errors.New(text))
		}
	}
	complain((s.Topic == "") == (s.Pattern == ""), "one of Topic and Pattern is needed")
	complain(s.Rate < 0, "Rate is negative")
	complain(s.Stop.isBounded() && s.Discovery > 0, "a source that stops does not look for new partitions: Discovery must not be set")
	if _, err := regexp.Compile(s.Pattern); err != nil {
		errs = append(errs, fmt.Errorf("the Pattern: %w", err))
	}
	errs = append(errs, s.validateFormat())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("kafka.Source: %w", err)
	}
	return nil
}

func (s Source[T]) validateFormat() error {
	if s.Format == nil {
		return errors.New("no Format is given")
	}
	if _, ok := any(s.Format).(formats.RecordFormat); !ok {
		return fmt.Errorf("the format %s is for files only: its records do not stand alone", s.Format.Name())
	}
	if v, ok := any(s.Format).(interface{ Validate() error }); ok {
		if err := v.Validate(); err != nil {
			return err
		}
	}
	schema := s.Schema()
	if schema == nil {
		return errors.New("the record type does not tell its columns")
	}
	_, err := newShape(schema, s.meta(), s.format())
	return err
}

func (s Source[T]) cluster() cluster { return cluster{brokers: s.Brokers, security: s.Security} }

func (s Source[T]) format() formats.RecordFormat { return any(s.Format).(formats.RecordFormat) }

// meta is Meta, or that of Raw.
func (s Source[T]) meta() Meta {
	if _, ok := any(s.Format).(Raw); ok {
		return rawMeta
	}
	return s.Meta
}

// IsBounded says whether Stop is set.
func (s Source[T]) IsBounded() bool { return s.Stop.isBounded() }

// Schema is T's; for columnar.Row, the format's, with the columns that Meta names.
func (s Source[T]) Schema() *columnar.Schema {
	c, err := codec.Of[T]()
	if err != nil { // Validate reports it
		return nil
	}
	if c.Schema() == nil && s.Format != nil {
		return s.Format.Schema()
	}
	return c.Schema()
}

// BadPolicy returns OnBad.
func (s Source[T]) BadPolicy() onbad.Policy { return s.OnBad }

func (s Source[T]) topics() topics {
	if s.Pattern != "" {
		return topics{pattern: regexp.MustCompile("^(?:" + s.Pattern + ")$")} // Validate has compiled it
	}
	var t topics
	for name := range strings.SplitSeq(s.Topic, ",") {
		t.names = append(t.names, strings.TrimSpace(name))
	}
	return t
}

// Discover counts the partitions.
func (s Source[T]) Discover(ctx context.Context, _ connectors.Env) (connectors.Facts, error) {
	facts := connectors.Facts{Schema: s.Schema(), Bytes: -1, Rows: -1}
	client, err := s.cluster().client()
	if err != nil {
		return facts, err
	}
	defer client.Close()
	found, err := s.topics().list(ctx, kadm.NewClient(client))
	if err != nil {
		return facts, fmt.Errorf("kafka at %s: %w", s.Brokers, err)
	}
	for _, partitions := range found {
		facts.Splits += len(partitions)
	}
	facts.Splits = max(facts.Splits, 1)
	return facts, nil
}

// NewEnumerator starts sharing out partitions.
func (s Source[T]) NewEnumerator(env connectors.Env, _ connectors.Scan, _ connectors.Facts) (connectors.Enumerator, error) {
	e := &enumerator{wanted: s.topics().has, bounded: s.IsBounded(), again: max(cmp.Or(s.Discovery, defaultDiscovery), 0)}
	if e.bounded {
		e.again = 0
	}
	e.find = func(ctx context.Context, known map[string]bool, first bool) ([]span, error) {
		spans, err := s.find(ctx, known, first)
		if err != nil {
			err = fmt.Errorf("kafka at %s: %w", s.Brokers, err)
			if env.Log != nil && !first {
				env.Log.Warn("new partitions could not be looked for", slog.Any("error", err))
			}
		}
		return spans, err
	}
	return e, nil
}

// find returns the partitions that are not known, with the offsets to read. What is found by a look behind the first is new, and read from its
// start.
func (s Source[T]) find(ctx context.Context, known map[string]bool, first bool) ([]span, error) {
	client, err := s.cluster().client()
	if err != nil {
		return nil, err
	}
	defer client.Close()
	r := resolver{admin: kadm.NewClient(client), stable: !s.Uncommitted}
	found, err := s.topics().list(ctx, r.admin)
	if err != nil {
		return nil, err
	}
	fresh := map[string][]int32{}
	for _, sp := range spansOf(found) {
		if !known[sp.id()] {
			fresh[sp.Topic] = append(fresh[sp.Topic], sp.Partition)
		}
	}
	if len(fresh) == 0 {
		return nil, nil
	}
	for name := range fresh {
		r.names = append(r.names, name)
	}
	begin := s.Start
	if !first {
		begin = Earliest()
	}
	from, err := r.start(ctx, begin)
	if err != nil {
		return nil, fmt.Errorf("asking for the offsets to start at: %w", err)
	}
	to, err := r.stop(ctx, s.Stop)
	if err != nil {
		return nil, fmt.Errorf("asking for the offsets to stop at: %w", err)
	}
	return s.bound(spansOf(fresh), from, to), nil
}

// bound sets the spans' offsets and leaves out those with nothing to read.
func (s Source[T]) bound(spans []span, from, to offsets) []span {
	out := spans[:0]
	for _, sp := range spans {
		sp.From, _ = from.get(sp.Topic, sp.Partition)
		sp.To = noEnd
		if s.IsBounded() {
			sp.To, _ = to.get(sp.Topic, sp.Partition)
			if sp.From >= sp.To {
				continue
			}
		}
		out = append(out, sp)
	}
	return out
}
