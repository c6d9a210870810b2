package jobs

import (
	"errors"
	"flag"
	"fmt"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/connectors/kafka"
	"github.com/millrace/millrace/connectors/ratelimit"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/json"
	"github.com/millrace/millrace/plan"
)

// Publish writes the records of files to a topic, each once for who reads committed messages. Lines of text are messages as they are; records of
// other formats become JSON. With Watch it goes on as files come.
type Publish struct {
	In       string
	From     string // format; "": by the suffix of In
	NoHeader bool
	Watch    time.Duration
	Bad      int64
	Brokers  Brokers
	Topic    string
	Key      string // the column that is the message's key; "": none
	Rate     float64
}

// Flags implements runner.Job.
func (p *Publish) Flags(f *flag.FlagSet) {
	f.StringVar(&p.In, "in", p.In, "files: `path`, glob or folder")
	f.StringVar(&p.From, "from", p.From, "`format` that is read: "+formatNames()+"; default: as the suffix says")
	f.BoolVar(&p.NoHeader, "no-header", p.NoHeader, "csv and tsv files have no line of column names")
	f.DurationVar(&p.Watch, "watch", p.Watch, "look for new files in that `interval`, without end; 0: the files there are")
	f.Int64Var(&p.Bad, "bad", p.Bad, "leave out up to so many records that cannot be read; -1: any `number`")
	p.Brokers.flags(f)
	f.StringVar(&p.Topic, "topic", p.Topic, "Kafka `topic` that is written")
	f.StringVar(&p.Key, "key", p.Key, "`column` of strings that is the message's key, which decides on the partition; default: there are no keys")
	f.Float64Var(&p.Rate, "rate", p.Rate, "`records` a second at most; 0: as many as go")
}

// Validate reports parameters that cannot work.
func (p *Publish) Validate() error {
	if p.Watch < 0 || p.Rate < 0 {
		return errors.New("--watch and --rate must not be negative")
	}
	if err := needed(param{"in", p.In}, param{"brokers", p.Brokers.Addresses}, param{"topic", p.Topic}); err != nil {
		return err
	}
	_, _, err := p.formats()
	return err
}

// Build implements runner.Job.
func (p *Publish) Build(job *plan.Job) {
	from, to, err := p.formats()
	if err != nil {
		job.Fail("publish", err)
		return
	}
	var in connectors.TypedSource[columnar.Row] = file.Source[columnar.Row]{Path: p.In, Format: from, Watch: p.Watch, OnBad: tolerate(p.Bad)}
	if p.Rate > 0 {
		in = ratelimit.Source[columnar.Row]{TypedSource: in, Rows: p.Rate}
	}
	datastream.Write(datastream.Read(job, in, plan.UID("in")), kafka.Sink[columnar.Row]{
		Brokers: p.Brokers.Addresses, Security: p.Brokers.security(), Topic: p.Topic, Format: to, KeyColumn: p.Key, Delivery: kafka.ExactlyOnce,
	}, plan.UID("out"))
}

// formats returns that of the files, and that of the messages.
func (p *Publish) formats() (from, to formats.Typed[columnar.Row], err error) {
	f, err := FindFormat(p.From, p.In)
	if err != nil {
		return nil, nil, fmt.Errorf("--from: %w", err)
	}
	if from, err = f.Open(!p.NoHeader, ""); err != nil {
		return nil, nil, err
	}
	if _, isText := from.(rowLines); !isText {
		return from, json.Format[columnar.Row]{}, nil
	}
	if p.Key != "" {
		return nil, nil, errors.New("--key: lines of text have no columns")
	}
	return from, from, nil
}
