package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// Secret is a text that is never printed.
type Secret string

const masked = "******"

// String hides the text.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return masked
}

// GoString hides the text.
func (s Secret) GoString() string { return s.String() }

// MarshalText hides the text.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Mechanism is how a client proves who it is.
type Mechanism string

// The mechanisms. The zero value proves nothing.
const (
	Plain       Mechanism = "PLAIN"
	ScramSHA256 Mechanism = "SCRAM-SHA-256"
	ScramSHA512 Mechanism = "SCRAM-SHA-512"
)

// Security is how a cluster is reached. The zero value is a plain connection of nobody.
type Security struct {
	TLS        bool
	CA         string // PEM file with the authorities to trust; empty: the system's
	Cert, Key  string // PEM files of the client's own certificate
	ServerName string // expected of the brokers' certificates; empty: the host's name
	Mechanism  Mechanism
	User       string
	Password   Secret
	// PasswordFile has the password on its first line, so that it is in no configuration.
	PasswordFile string
}

func (s Security) validate() error {
	var errs []error
	complain := func(bad bool, text string) {
		if bad {
			errs = append(errs, errors.New(text))
		}
	}
	switch s.Mechanism {
	case "", Plain, ScramSHA256, ScramSHA512:
	default:
		errs = append(errs, fmt.Errorf("unknown mechanism %q; there are %s, %s, %s", s.Mechanism, Plain, ScramSHA256, ScramSHA512))
	}
	complain(s.Mechanism != "" && s.User == "", "the mechanism "+string(s.Mechanism)+" needs a User")
	complain(s.Mechanism == "" && s.User != "", "User is given but no Mechanism")
	complain(s.Password != "" && s.PasswordFile != "", "Password and PasswordFile exclude each other")
	complain((s.Cert == "") != (s.Key == ""), "Cert and Key belong together")
	complain(!s.TLS && (s.CA != "" || s.Cert != "" || s.ServerName != ""), "CA, Cert and ServerName need TLS")
	return errors.Join(errs...)
}

// options are the client's for it. It reads the files.
func (s Security) options() ([]kgo.Opt, error) {
	var opts []kgo.Opt
	if s.TLS {
		conf, err := s.tls()
		if err != nil {
			return nil, err
		}
		opts = append(opts, kgo.DialTLSConfig(conf))
	}
	password, err := s.password()
	if err != nil {
		return nil, err
	}
	switch s.Mechanism {
	case Plain:
		opts = append(opts, kgo.SASL(plain.Auth{User: s.User, Pass: password}.AsMechanism()))
	case ScramSHA256:
		opts = append(opts, kgo.SASL(scram.Auth{User: s.User, Pass: password}.AsSha256Mechanism()))
	case ScramSHA512:
		opts = append(opts, kgo.SASL(scram.Auth{User: s.User, Pass: password}.AsSha512Mechanism()))
	}
	return opts, nil
}

func (s Security) password() (string, error) {
	if s.PasswordFile == "" {
		return string(s.Password), nil
	}
	data, err := os.ReadFile(s.PasswordFile)
	if err != nil {
		return "", fmt.Errorf("reading the password for Kafka: %w", err)
	}
	line, _, _ := strings.Cut(string(data), "\n")
	return strings.TrimSuffix(line, "\r"), nil
}

func (s Security) tls() (*tls.Config, error) {
	conf := &tls.Config{ServerName: s.ServerName, MinVersion: tls.VersionTLS12}
	if s.CA != "" {
		pem, err := os.ReadFile(s.CA)
		if err != nil {
			return nil, fmt.Errorf("reading the authorities for Kafka: %w", err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("reading the authorities for Kafka: there is no certificate in %s", s.CA)
		}
	}
	if s.Cert != "" {
		own, err := tls.LoadX509KeyPair(s.Cert, s.Key)
		if err != nil {
			return nil, fmt.Errorf("reading the certificate for Kafka: %w", err)
		}
		conf.Certificates = []tls.Certificate{own}
	}
	return conf, nil
}

// cluster is the brokers and how to reach them.
type cluster struct {
	brokers  string // host:port, with commas between
	security Security
}

// seeds are the brokers' addresses.
func (c cluster) seeds() []string {
	var seeds []string
	for s := range strings.SplitSeq(c.brokers, ",") {
		if s = strings.TrimSpace(s); s != "" {
			seeds = append(seeds, s)
		}
	}
	return seeds
}

func (c cluster) validate() error {
	errs := []error{c.security.validate()}
	seeds := c.seeds()
	if len(seeds) == 0 {
		errs = append(errs, errors.New("no Brokers are given: host:port, several with commas between"))
	}
	for _, s := range seeds {
		if _, _, err := net.SplitHostPort(s); err != nil {
			errs = append(errs, fmt.Errorf("broker %q is not host:port", s))
		}
	}
	return errors.Join(errs...)
}

// client returns a client, which connects when it is first used.
func (c cluster) client(opts ...kgo.Opt) (*kgo.Client, error) {
	secure, err := c.security.options()
	if err != nil {
		return nil, err
	}
	all := append([]kgo.Opt{kgo.SeedBrokers(c.seeds()...), kgo.ClientID("millrace"), kgo.DisableClientMetrics()}, secure...)
	return kgo.NewClient(append(all, opts...)...)
}
