package socket

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/onbad"
	"github.com/millrace/millrace/formats"
)

// Source reads records of type T, a line each, from sockets to which it connects. Delivery is at most once: see the package comment. Empty lines
// are left out.
type Source[T any] struct {
	// Address is host:port, or unix: and a path; several with commas between are read at a time; of connections that end, one by each task.
	Address string
	// Format is how a line is read: text.Lines{}, json.Format[T]{}. It must be a formats.RecordFormat.
	Format formats.Typed[T]
	// Bounded makes the end of the connection the end of the input. Else the source connects anew.
	Bounded bool
	// Reconnect is the time between two attempts to connect. Default 1 second.
	Reconnect time.Duration
	// MaxLine is the length in bytes that lines may have; longer ones are bad records. Default 1 MiB.
	MaxLine int
	// Rate is how many records a second all tasks read together at most; 0: no limit. The sender then has to wait.
	Rate float64
	// OnBad is what becomes of lines that cannot be decoded. Default: the job fails.
	OnBad onbad.Policy
}

const (
	defaultReconnect = time.Second
	defaultMaxLine   = 1 << 20
	unixPrefix       = "unix:"
)

var _ connectors.TypedSource[string] = Source[string]{}

// Element ties the source to its records' type.
func (Source[T]) Element() (zero T) { return zero }

// Name returns "socket".
func (Source[T]) Name() string { return "socket" }

// Describe returns the addresses.
func (s Source[T]) Describe() string { return s.Address + " (at most once)" }

// Validate reports settings that cannot work.
func (s Source[T]) Validate() error {
	var errs []error
	addresses := s.addresses()
	if len(addresses) == 0 {
		errs = append(errs, errors.New("no Address is given"))
	}
	for _, a := range addresses {
		path, isUnix := strings.CutPrefix(a, unixPrefix)
		if _, _, err := net.SplitHostPort(a); isUnix && path == "" || !isUnix && err != nil {
			errs = append(errs, fmt.Errorf("%q is neither host:port nor unix: and a path", a))
		}
	}
	if s.Reconnect < 0 || s.MaxLine < 0 || s.Rate < 0 {
		errs = append(errs, errors.New("neither Reconnect, MaxLine nor Rate may be negative"))
	}
	errs = append(errs, s.validateFormat(), s.OnBad.Validate())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("socket.Source: %w", err)
	}
	return nil
}

func (s Source[T]) validateFormat() error {
	if s.Format == nil {
		return errors.New("no Format is given")
	}
	format, ok := any(s.Format).(formats.RecordFormat)
	if !ok {
		return fmt.Errorf("the format %s is for files only: its records do not stand alone", s.Format.Name())
	}
	_, err := format.NewRecordDecoder(nil)
	return err
}

func (s Source[T]) addresses() []string {
	var out []string
	for a := range strings.SplitSeq(s.Address, ",") {
		if a = strings.TrimSpace(a); a != "" {
			out = append(out, a)
		}
	}
	return out
}

// IsBounded returns Bounded.
func (s Source[T]) IsBounded() bool { return s.Bounded }

// Schema is T's.
func (Source[T]) Schema() *columnar.Schema {
	c, err := codec.Of[T]()
	if err != nil { // Validate reports it
		return nil
	}
	return c.Schema()
}

// BadPolicy returns OnBad.
func (s Source[T]) BadPolicy() onbad.Policy { return s.OnBad }

// Discover counts the addresses.
func (s Source[T]) Discover(context.Context, connectors.Env) (connectors.Facts, error) {
	return connectors.Facts{Schema: s.Schema(), Bytes: -1, Rows: -1, Splits: len(s.addresses())}, nil
}

// NewEnumerator starts giving out addresses.
func (s Source[T]) NewEnumerator(connectors.Env, connectors.Scan, connectors.Facts) (connectors.Enumerator, error) {
	return &enumerator{addresses: s.addresses(), endless: !s.Bounded, asked: map[int]bool{}}, nil
}

// enumerator gives out the addresses, a split each: one at a time where connections end; else, since a task does not ask twice, all of its share.
// There are no positions.
type enumerator struct {
	addresses []string
	endless   bool
	tasks     int
	asked     map[int]bool // tasks that have
	pending   []connectors.Split
}

// version is the first byte of splits, positions and states.
const version = 1

// Step implements connectors.Enumerator.
func (e *enumerator) Step(event connectors.Event) ([]connectors.Action, error) {
	switch event := event.(type) {
	case connectors.Started:
		e.tasks = event.Tasks
		for _, a := range e.addresses {
			e.pending = append(e.pending, connectors.Split{ID: a, Data: append([]byte{version}, a...), Bytes: -1})
		}
		return []connectors.Action{connectors.Known{Splits: len(e.pending), Bytes: -1}}, nil
	case connectors.Restored:
		if len(event.State) == 0 || event.State[0] != version {
			return nil, errors.New("socket: the enumerator's state is not of this version")
		}
		if err := json.Unmarshal(event.State[1:], &e.pending); err != nil {
			return nil, fmt.Errorf("socket: reading the enumerator's state: %w", err)
		}
		e.pending, e.tasks = append(e.pending, event.Splits...), event.Tasks
		return nil, nil
	case connectors.Returned:
		e.pending = append(e.pending, event.Splits...)
		return nil, nil
	case connectors.Requested:
		if len(e.pending) == 0 {
			return []connectors.Action{connectors.NoMore{Task: event.Task}}, nil
		}
		n := e.share(event.Task)
		splits := e.pending[:n:n]
		e.pending = e.pending[n:]
		return []connectors.Action{connectors.Assign{Task: event.Task, Splits: splits}}, nil
	default:
		return nil, nil
	}
}

// share returns how many of the pending splits a task gets that asks.
func (e *enumerator) share(task int) int {
	if !e.endless {
		return 1
	}
	others := e.tasks - len(e.asked) // with this one
	if e.asked[task] {               // it has failed, and what is pending was its
		others = 1
	}
	e.asked[task] = true
	return (len(e.pending)-1)/max(others, 1) + 1
}

// Snapshot implements connectors.Enumerator: a version and JSON of what is not assigned.
func (e *enumerator) Snapshot() ([]byte, error) {
	data, err := json.Marshal(e.pending)
	return append([]byte{version}, data...), err
}

func (s Source[T]) reconnect() time.Duration { return cmp.Or(s.Reconnect, defaultReconnect) }
