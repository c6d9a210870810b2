package jobs

import (
	"flag"

	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/console"
	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/connectors/kafka"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/json"
	"github.com/millrace/millrace/plan"
)

// Output is where results go as they come: to files, to a topic, or, without either, to the standard output.
type Output struct {
	Out   string // folder
	Mode  file.Mode
	Topic string
}

func (o *Output) flags(f *flag.FlagSet, files string) {
	f.StringVar(&o.Out, "out", o.Out, "output `folder`, for "+files+"; without it and --to-topic results are printed")
	f.Var(&o.Mode, "mode", "what becomes of data in the output folder: error, append")
	f.StringVar(&o.Topic, "to-topic", o.Topic, "Kafka `topic` for the results, as JSON")
}

func (o *Output) validate(b Brokers) error {
	if err := exclusive(param{"out", o.Out}, param{"to-topic", o.Topic}); err != nil {
		return err
	}
	if o.Topic == "" {
		return nil
	}
	return needed(param{"brokers", b.Addresses})
}

// deliver sends records where the output says: to files in that format, to a topic by key. They are written exactly once, but for those that are
// printed.
func deliver[T any](s datastream.Stream[T], o Output, b Brokers, format formats.Typed[T], key func(T) string) {
	var sink connectors.TypedSink[T] = console.Sink[T]{}
	switch {
	case o.Out != "":
		sink = file.Sink[T]{Path: o.Out, Format: format, Mode: o.Mode}
	case o.Topic != "":
		sink = kafka.Sink[T]{
			Brokers: b.Addresses, Security: b.security(), Topic: o.Topic, Format: json.Format[T]{}, Delivery: kafka.ExactlyOnce,
			Key: func(v T) []byte { return []byte(key(v)) },
		}
	}
	datastream.Write(s, sink, plan.UID("out"))
}
