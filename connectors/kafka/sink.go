package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/formats"
)

// Delivery is how often a record is in the topic after failures.
type Delivery uint8

// The deliveries. The zero value is AtLeastOnce.
const (
	AtLeastOnce Delivery = iota // what was written after the last checkpoint is there twice
	ExactlyOnce                 // for readers of committed records, with a delay of up to the time between checkpoints
	AtMostOnce                  // nobody waits for the brokers: what they refuse is counted as "lost records"
)

// String returns the delivery's name.
func (d Delivery) String() string {
	switch d {
	case ExactlyOnce:
		return "exactly once"
	case AtMostOnce:
		return "at most once"
	case AtLeastOnce:
	}
	return "at least once"
}

// Sink writes records of type T to a topic. A message's timestamp is the record's event time; without one it is the time of writing.
type Sink[T any] struct {
	// Brokers are some of the cluster's: host:port, several with commas between.
	Brokers  string
	Security Security
	Topic    string
	// Format is how a record becomes a message's value: json.Format[T]{}. It must be a formats.RecordFormat.
	Format formats.Typed[T]
	// Key returns a record's key, which decides on the partition: equal keys are in one, in order. nil: there are no keys, unless KeyColumn
	// names a column of strings or binaries that is the key.
	Key       func(T) []byte
	KeyColumn string
	// Delivery is how often a record is there after failures. Default: AtLeastOnce.
	Delivery Delivery
	// Transactions begins the names of transactions. It must be the job's alone and stay the same over its runs. Default: the job's name and
	// the node's UID.
	Transactions string
	// TransactionTimeout is when Kafka gives up a transaction, prepared or not: it has to outlive a crash and the restart. Default 15 minutes,
	// which is the longest that brokers allow when their transaction.max.timeout.ms is not set.
	TransactionTimeout time.Duration
	// Compression is none, gzip, snappy, lz4 or zstd. Default: lz4.
	Compression string
}

const defaultTransactionTimeout = 15 * time.Minute

var _ connectors.TypedSink[string] = Sink[string]{}

// Element ties the sink to its records' type.
func (Sink[T]) Element() (zero T) { return zero }

// Name returns "kafka".
func (Sink[T]) Name() string { return "kafka" }

// Describe returns topic, delivery and brokers.
func (s Sink[T]) Describe() string {
	words := []string{s.Topic, "(" + s.Delivery.String() + ")", "at", s.Brokers}
	if s.Format != nil {
		words = append([]string{s.Format.Name()}, words...)
	}
	return strings.Join(words, " ")
}

var compressions = map[string]kgo.CompressionCodec{
	"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
}

const defaultCompression = "lz4"

// Validate reports settings that cannot work.
func (s Sink[T]) Validate() error {
	errs := []error{s.cluster().validate()}
	complain := func(bad bool, text string) {
		if bad {
			errs = append(errs, errors.New(text))
		}
	}
	_, known := compressions[cmp.Or(s.Compression, defaultCompression)]
	complain(s.Topic == "", "Topic is empty")
	complain(s.Delivery > AtMostOnce, "unknown Delivery")
	complain(!known, "Compression is none, gzip, snappy, lz4 or zstd")
	complain(s.Key != nil && s.KeyColumn != "", "Key and KeyColumn exclude each other")
	complain(s.TransactionTimeout < 0 || s.TransactionTimeout > 0 && s.TransactionTimeout < time.Second, "TransactionTimeout is below a second")
	complain(s.Delivery != ExactlyOnce && (s.Transactions != "" || s.TransactionTimeout != 0), "transactions are for Delivery ExactlyOnce")
	errs = append(errs, s.validateFormat())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("kafka.Sink: %w", err)
	}
	return nil
}

func (s Sink[T]) validateFormat() error {
	if s.Format == nil {
		return errors.New("no Format is given")
	}
	format, ok := any(s.Format).(formats.RecordFormat)
	if !ok {
		return fmt.Errorf("the format %s is for files only: its records do not stand alone", s.Format.Name())
	}
	if v, ok := any(s.Format).(interface{ Validate() error }); ok {
		if err := v.Validate(); err != nil {
			return err
		}
	}
	schema := format.Schema()
	if schema == nil {
		return nil
	}
	if _, err := format.NewRecordEncoder(schema); err != nil {
		return err
	}
	if s.KeyColumn != "" {
		return checkKey(schema, s.KeyColumn)
	}
	return nil
}

func checkKey(schema *columnar.Schema, name string) error {
	i := schema.Index(name)
	if i < 0 {
		return fmt.Errorf("KeyColumn: there is no column %q; there are %s", name, strings.Join(schema.Names(), ", "))
	}
	if f := schema.Fields[i]; !f.Type.IsVariable() {
		return fmt.Errorf("KeyColumn: the column %q is %s; a key is a string or a binary", name, f.Type)
	}
	return nil
}

func (s Sink[T]) cluster() cluster { return cluster{brokers: s.Brokers, security: s.Security} }

func (s Sink[T]) timeout() time.Duration {
	return cmp.Or(s.TransactionTimeout, defaultTransactionTimeout)
}

// names returns how the transactions are named.
func (s Sink[T]) names(env connectors.Env) names {
	prefix := s.Transactions
	if prefix == "" {
		prefix = env.Job
		if env.UID != "" {
			prefix += "-" + env.UID
		}
	}
	n := names{prefix: prefix}
	if !env.IsStreaming {
		n.run = env.RunID
	}
	return n
}

// Begin looks whether the topic is there and, for ExactlyOnce, whether the time-out can work.
func (s Sink[T]) Begin(ctx context.Context, env connectors.Env) error {
	if err := s.begin(ctx, env); err != nil {
		return fmt.Errorf("kafka at %s: %w", s.Brokers, err)
	}
	return nil
}

func (s Sink[T]) begin(ctx context.Context, env connectors.Env) error {
	client, err := s.cluster().client()
	if err != nil {
		return err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	found, err := admin.ListTopics(ctx, s.Topic)
	if err != nil {
		return fmt.Errorf("looking at the topic %s: %w", s.Topic, err)
	}
	if err := found[s.Topic].Err; err != nil {
		return topicError(s.Topic, err)
	}
	if s.Delivery != ExactlyOnce {
		return nil
	}
	if wanted := env.Checkpoints + max(env.Checkpoints, time.Minute); env.Checkpoints > 0 && s.timeout() < wanted {
		return &connectors.SettingsError{Err: fmt.Errorf("TransactionTimeout is %v and there are %v between checkpoints: a transaction might be given up "+
			"before it is committed, and its records be lost; it must be %v at least", s.timeout(), env.Checkpoints, wanted)}
	}
	return s.checkLongest(ctx, admin)
}

const longestSetting = "transaction.max.timeout.ms"

// checkLongest refuses a time-out that the brokers would refuse. Who may not see their settings learns it from the first write.
func (s Sink[T]) checkLongest(ctx context.Context, admin *kadm.Client) error {
	brokers, err := admin.ListBrokers(ctx)
	if err != nil {
		return fmt.Errorf("listing the brokers: %w", err)
	}
	configs, err := admin.DescribeBrokerConfigs(ctx, brokers.NodeIDs()...)
	if errors.Is(err, kerr.ClusterAuthorizationFailed) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("asking for the brokers' settings: %w", err)
	}
	for _, broker := range configs {
		for _, c := range broker.Configs {
			longest, err := strconv.ParseInt(c.MaybeValue(), 10, 64)
			if c.Key == longestSetting && err == nil && s.timeout().Milliseconds() > longest {
				return &connectors.SettingsError{Err: fmt.Errorf("TransactionTimeout is %v; broker %s allows %v (%s)",
					s.timeout(), broker.Name, time.Duration(longest)*time.Millisecond, longestSetting)}
			}
		}
	}
	return nil
}

// NewWriter starts a task's writing.
func (s Sink[T]) NewWriter(_ context.Context, env connectors.TaskEnv, schema *columnar.Schema) (connectors.Writer, error) {
	format := any(s.Format).(formats.RecordFormat)
	encoder, err := format.NewRecordEncoder(schema)
	if err != nil {
		return nil, fmt.Errorf("kafka.Sink: %w", err)
	}
	w := &writer{topic: s.Topic, env: env, encoder: encoder, delivery: s.Delivery, cluster: s.cluster(), options: []kgo.Opt{
		kgo.DefaultProduceTopicAlways(), kgo.DefaultProduceTopic(s.Topic), kgo.MaxBufferedRecords(bufferedRecords), kgo.MaxBufferedBytes(bufferedBytes),
		kgo.ProducerBatchCompression(compressions[cmp.Or(s.Compression, defaultCompression)]), kgo.ProducerLinger(time.Millisecond),
	}}
	if w.keys, err = s.keys(schema); err != nil {
		return nil, fmt.Errorf("kafka.Sink: %w", err)
	}
	if _, isRaw := format.(Raw); isRaw {
		w.timeColumn = rawMeta.Timestamp
	}
	if s.Delivery == ExactlyOnce {
		w.transactions = &transactions{cluster: s.cluster(), names: s.names(env.Env), task: env.Task, tasks: env.Tasks, attempt: env.Attempt, timeout: s.timeout()}
	}
	return w, nil
}

// keys returns what finds the key of each row; nil: there are none.
func (s Sink[T]) keys(schema *columnar.Schema) (func(columnar.Batch) (func(i int) []byte, error), error) {
	name := s.KeyColumn
	if _, isRaw := any(s.Format).(Raw); isRaw && s.Key == nil {
		name = cmp.Or(name, rawMeta.Key)
	}
	switch {
	case s.Key != nil:
		return s.computedKeys(schema)
	case name == "":
		return nil, nil
	}
	if err := checkKey(schema, name); err != nil {
		return nil, err
	}
	return func(b columnar.Batch) (func(int) []byte, error) {
		c := b.Column(name)
		return func(i int) []byte {
			row := b.Row(i)
			if c.IsNull(row) {
				return nil
			}
			return append([]byte{}, c.Bytes(row)...)
		}, nil
	}, nil
}

func (s Sink[T]) computedKeys(schema *columnar.Schema) (func(columnar.Batch) (func(i int) []byte, error), error) {
	c, err := codec.Of[T]()
	if err != nil {
		return nil, err
	}
	d, err := c.Decoder(schema)
	if err != nil {
		return nil, err
	}
	var rows []T
	return func(b columnar.Batch) (func(int) []byte, error) {
		var err error
		rows, err = d.Decode(b, rows)
		return func(i int) []byte { return s.Key(rows[i]) }, err
	}, nil
}

// NewCommitter starts the run's committing.
func (s Sink[T]) NewCommitter(env connectors.Env) (connectors.Committer, error) {
	if s.Delivery != ExactlyOnce {
		return connectors.Counter{}, nil
	}
	return &committer{cluster: s.cluster(), names: s.names(env)}, nil
}
