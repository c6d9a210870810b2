package program

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/formats/arrowipc"
)

// Replay is what a program can do about records that have to be read once more.
type Replay uint8

// What programs can do. The zero value is FromStart.
const (
	FromStart  Replay = iota // it gives the same records each time it is started: those that were read are left out
	ByPosition               // it is told the position behind which it is to begin
	Live                     // nothing: delivery is at most once
)

// String returns the delivery that comes of it.
func (r Replay) String() string {
	switch r {
	case ByPosition:
		return "by position"
	case Live:
		return "at most once"
	case FromStart:
	}
	return "from its start"
}

// Source reads records of type T that a program writes.
type Source[T any] struct {
	// Command is a program and its arguments; there is no shell. In arguments, {split} is the number of the split, from 0, {splits} how many there are,
	// {position} where to begin: empty at the beginning.
	Command []string
	// Address is, instead of Command, where a program listens: host:port, or unix: and a path.
	Address string
	// Splits is how many times the program runs at a time, each giving its share. Default 1.
	Splits int
	// Replay says what the program can do about records that have to be read once more.
	Replay Replay
	// Position is, of a program that is told positions, the column of T that has them: of strings or whole numbers. The position behind a record is its
	// value there.
	Position string
	// Endless says that records never end. A program that ends with exit code 0 is started anew, after Restart.
	Endless bool
	// Restart is the time between two starts of an endless source's program. Default 1 second.
	Restart time.Duration
}

const defaultRestart = time.Second

var _ connectors.TypedSource[string] = Source[string]{}

// Element ties the source to its records' type.
func (Source[T]) Element() (zero T) { return zero }

// Name returns "program".
func (Source[T]) Name() string { return "program" }

// Describe returns the program, or the address, and how it is replayed.
func (s Source[T]) Describe() string {
	return fmt.Sprintf("%s (%s)", s.target().name(), s.Replay)
}

func (s Source[T]) target() target { return target{s.Command, s.Address} }

// Validate reports settings that cannot work.
func (s Source[T]) Validate() error {
	errs := []error{s.target().validate(), arrowipc.Format[T]{}.Validate()}
	complain := func(bad bool, text string) {
		if bad {
			errs = append(errs, errors.New(text))
		}
	}
	complain(s.Splits < 0 || s.Restart < 0, "neither Splits nor Restart may be negative")
	complain(s.Replay > Live, "unknown Replay")
	complain((s.Replay == ByPosition) != (s.Position != ""), "Position and Replay ByPosition belong together")
	complain(s.Endless && s.Replay == FromStart, "an endless program cannot be replayed from its start")
	complain(!s.Endless && s.Restart > 0, "Restart is for an endless source")
	complain(s.Replay == Live && s.Schema() == nil, "the record type does not tell its columns, and the program cannot be started to see them")
	if schema := s.Schema(); schema != nil && s.Position != "" {
		errs = append(errs, checkPosition(schema, s.Position))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("program.Source: %w", err)
	}
	return nil
}

func checkPosition(schema *columnar.Schema, name string) error {
	i := schema.Index(name)
	if i < 0 {
		return fmt.Errorf("the Position: there is no column %q; there are %v", name, schema.Names())
	}
	if t := schema.Fields[i].Type; t.Kind != columnar.String && t.Kind != columnar.Int64 && t.Kind != columnar.Int32 {
		return fmt.Errorf("the Position: the column %q is %s; it has to be a string, int64 or int32", name, t)
	}
	return nil
}

// IsBounded says whether the program's records end.
func (s Source[T]) IsBounded() bool { return !s.Endless }

// Schema is T's; of columnar.Row nil.
func (Source[T]) Schema() *columnar.Schema { return codec.Columns[T]() }

// Discover starts the program, if only that tells the columns, and stops it again.
func (s Source[T]) Discover(ctx context.Context, env connectors.Env) (connectors.Facts, error) {
	facts := connectors.Facts{Schema: s.Schema(), Bytes: -1, Rows: -1, Splits: s.splits()}
	if facts.Schema != nil {
		return facts, nil
	}
	p, err := s.target().start(ctx, s.words(0, ""), true, env.Log)
	if err != nil {
		return facts, err
	}
	stream, err := arrowipc.OpenStream(p, s.target().name(), nil)
	if err != nil {
		return facts, errors.Join(err, p.expire())
	}
	_ = p.close() // how it takes being stopped in the middle does not matter
	facts.Schema = stream.Schema()
	if s.Position != "" {
		err = checkPosition(facts.Schema, s.Position)
	}
	return facts, err
}

func (s Source[T]) splits() int { return max(s.Splits, 1) }

func (s Source[T]) words(split int, position string) words {
	return words{"split": split, "splits": s.splits(), "position": position}
}

// NewEnumerator starts giving out splits.
func (s Source[T]) NewEnumerator(connectors.Env, connectors.Scan, connectors.Facts) (connectors.Enumerator, error) {
	return &enumerator{splits: s.splits()}, nil
}

// NewReader starts a task's reading.
func (s Source[T]) NewReader(env connectors.TaskEnv, scan connectors.Scan) (connectors.Reader, error) {
	want := cmp.Or(scan.Columns, s.Schema())
	if want == nil {
		return nil, errors.New("program.Source: the columns are not known")
	}
	r := &reader{
		env: env, target: s.target(), words: s.words, replay: s.Replay, endless: s.Endless, restart: cmp.Or(s.Restart, defaultRestart),
		want: want, all: want, position: -1, rows: cmp.Or(scan.Rows, columnar.DefaultRows), out: make(chan piece), open: map[string]bool{},
	}
	if s.Position != "" {
		if r.position = want.Index(s.Position); r.position < 0 { // it is not wanted, but needed
			own := s.Schema()
			if own == nil {
				return nil, fmt.Errorf("program.Source: the column %q has to be read", s.Position)
			}
			r.position = len(want.Fields)
			r.all = &columnar.Schema{Fields: append(append([]columnar.Field{}, want.Fields...), own.Fields[own.Index(s.Position)])}
		}
	}
	r.life, r.cancel = context.WithCancel(context.Background())
	return r, nil
}
