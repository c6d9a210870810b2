package jobs

import (
	"flag"
	"fmt"
	"time"

	"github.com/millrace/millrace/connectors/kafka"
)

// Brokers is a Kafka cluster and how it is reached.
type Brokers struct {
	Addresses    string // host:port, several with commas between
	TLS          bool
	CA           string
	Mechanism    string
	User         string
	PasswordFile string
}

func (b *Brokers) flags(f *flag.FlagSet) {
	f.StringVar(&b.Addresses, "brokers", b.Addresses, "Kafka brokers: `host:port`, several with commas between")
	f.BoolVar(&b.TLS, "tls", b.TLS, "reach Kafka over TLS")
	f.StringVar(&b.CA, "ca", b.CA, "PEM `file` of the authorities to trust; default: the system's")
	f.StringVar(&b.Mechanism, "sasl", b.Mechanism, "`mechanism` by which to log in to Kafka: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512")
	f.StringVar(&b.User, "user", b.User, "`name` by which to log in to Kafka")
	f.StringVar(&b.PasswordFile, "password-file", b.PasswordFile, "`file` whose first line is the password")
}

func (b *Brokers) security() kafka.Security {
	return kafka.Security{TLS: b.TLS, CA: b.CA, Mechanism: kafka.Mechanism(b.Mechanism), User: b.User, PasswordFile: b.PasswordFile}
}

// reading is a topic and what of it is read.
type reading struct {
	topic string
	start string // earliest, latest, or a time
	once  bool   // to the newest message that there is
}

// from returns where to begin.
func (r reading) from() (kafka.Start, error) {
	switch r.start {
	case "", "earliest":
		return kafka.Earliest(), nil
	case "latest":
		return kafka.Latest(), nil
	}
	t, err := time.Parse(time.RFC3339, r.start)
	if err != nil {
		return kafka.Start{}, fmt.Errorf("--start is %q; it is to be earliest, latest, or a time such as 2026-01-31T12:00:00Z", r.start)
	}
	return kafka.At(t), nil
}

// to returns where to end.
func (r reading) to() kafka.Stop {
	if r.once {
		return kafka.AtLatest()
	}
	return kafka.Never()
}

// startFlag binds where reading of a topic begins.
func startFlag(f *flag.FlagSet, start *string) {
	f.StringVar(start, "start", *start, "where in the topic to begin: earliest, latest, or at a `time`, as 2026-01-31T12:00:00Z; a job that goes on does so from its state")
}
