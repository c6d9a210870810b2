package nexmark

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/expr"
	"github.com/millrace/millrace/connectors"
)

// Rounds reads the events of another source again and again, as if the market went on: so a few files last for any time. In each round all times
// and all ids are later than in the one before by as much as the events take up, and the rest is the same. It is what bench/flink does too.
//
// A split has all rounds of one of the other source's, so that tasks that have one each advance together in event time. The other source's
// enumerator must keep the names of splits, as that of files does. Optional abilities of its readers are not passed on; files have none.
type Rounds[T any] struct {
	connectors.TypedSource[T]       // the events of one round, 10,000 in a second of event time
	Rounds                    int   // how often they are read
	Events                    int64 // of all kinds in a round, a multiple of 50
}

var _ connectors.TypedSource[Event] = Rounds[Event]{}

// Describe adds the number of rounds.
func (s Rounds[T]) Describe() string {
	return fmt.Sprintf("%s, %d rounds", s.TypedSource.Describe(), s.Rounds)
}

// Validate reports settings that cannot work.
func (s Rounds[T]) Validate() error {
	if s.TypedSource == nil {
		return errors.New("nexmark.Rounds: there is no source to read again")
	}
	err := s.TypedSource.Validate()
	if s.Rounds < 1 || s.Events < eventsPerRound || s.Events%eventsPerRound != 0 {
		err = errors.Join(err, fmt.Errorf("nexmark.Rounds: %d rounds of %d events; the events must be a multiple of %d", s.Rounds, s.Events, eventsPerRound))
	}
	return err
}

// Discover multiplies what there is in one round.
func (s Rounds[T]) Discover(ctx context.Context, env connectors.Env) (connectors.Facts, error) {
	f, err := s.TypedSource.Discover(ctx, env)
	for _, n := range []*int64{&f.Rows, &f.Bytes} {
		if *n > 0 {
			*n *= int64(s.Rounds)
		}
	}
	return f, err
}

// NewEnumerator starts handing out the other source's splits.
func (s Rounds[T]) NewEnumerator(env connectors.Env, scan connectors.Scan, facts connectors.Facts) (connectors.Enumerator, error) {
	e, err := s.TypedSource.NewEnumerator(env, ofAllRounds(scan), facts)
	if err != nil {
		return nil, err
	}
	return &roundsEnumerator{e, int64(s.Rounds), map[string]lap{}}, nil
}

// NewReader starts a task's reading.
func (s Rounds[T]) NewReader(env connectors.TaskEnv, scan connectors.Scan) (connectors.Reader, error) {
	r, err := s.TypedSource.NewReader(env, ofAllRounds(scan))
	if err != nil {
		return nil, err
	}
	return &roundsReader{within: r, rounds: int64(s.Rounds), events: s.Events, splits: map[string]*circuit{}}, nil
}

// ofAllRounds drops a filter that a later round's rows would answer otherwise.
func ofAllRounds(scan connectors.Scan) connectors.Scan {
	if slices.ContainsFunc(scan.Filter.Columns(), func(name string) bool { return perRound(name, eventsPerRound) != 0 }) {
		scan.Filter = expr.Expr{}
	}
	return scan
}

// perRound is by how much a column grows in a round of so many events.
func perRound(column string, events int64) int64 {
	switch column {
	case "dateTime", "a_expires":
		return events * 1_000_000 / defaultPerSecond
	case "p_id", "a_seller", "b_bidder":
		return events / eventsPerRound
	case "a_id", "b_auction":
		return events / eventsPerRound * auctionsPerRound
	default:
		return 0
	}
}

// lap is the data of a split: what the other source's enumerator wants read in the first of its rounds, and what in the others.
type lap struct {
	Round int64 // the first
	First []byte
	Whole []byte
}

func (l lap) encode() ([]byte, error) {
	data, err := json.Marshal(l)
	return append([]byte{version}, data...), err
}

func decodeLap(split connectors.Split) (lap, error) {
	var l lap
	if len(split.Data) == 0 || split.Data[0] != version {
		return l, fmt.Errorf("nexmark: reading the split %s: %w", split.ID, errVersion)
	}
	if err := json.Unmarshal(split.Data[1:], &l); err != nil {
		return l, fmt.Errorf("nexmark: reading the split %s: %w", split.ID, err)
	}
	return l, nil
}

// at returns the round and the position in it that a position is, and the data to be read in that round.
func (l lap) at(p connectors.Position) (round int64, within connectors.Position, data []byte, err error) {
	round = l.Round
	if p != nil {
		if round, within, err = roundAt(p); err != nil {
			return 0, nil, nil, err
		}
	}
	if round == l.Round {
		return round, within, l.First, nil
	}
	return round, within, l.Whole, nil
}

// roundsEnumerator wraps the splits of the one within. It must keep their names.
type roundsEnumerator struct {
	within connectors.Enumerator
	rounds int64
	begun  map[string]lap // splits given back, which do not begin with the first round or not at its start
}

// Step implements connectors.Enumerator.
func (e *roundsEnumerator) Step(event connectors.Event) ([]connectors.Action, error) {
	var err error
	switch v := event.(type) {
	case connectors.Restored:
		if v.State, err = e.restore(v.State); err != nil {
			return nil, err
		}
		v.Splits, v.Positions, err = e.takeBack(v.Splits, v.Positions)
		event = v
	case connectors.Returned:
		v.Splits, v.Positions, err = e.takeBack(v.Splits, v.Positions)
		event = v
	}
	if err != nil {
		return nil, err
	}
	actions, err := e.within.Step(event)
	for i, a := range actions {
		if k, ok := a.(connectors.Known); ok && k.Bytes > 0 {
			k.Bytes *= e.rounds
			actions[i] = k
		}
		if a, ok := a.(connectors.Assign); ok && err == nil {
			actions[i], err = e.wrap(a)
		}
	}
	return actions, err
}

// wrap says in which round the splits begin.
func (e *roundsEnumerator) wrap(a connectors.Assign) (connectors.Action, error) {
	a.Splits, a.Positions = slices.Clone(a.Splits), slices.Clone(a.Positions)
	for i := range a.Splits {
		s := &a.Splits[i]
		l, begun := e.begun[s.ID]
		delete(e.begun, s.ID)
		if !begun {
			l.Whole = s.Data
		}
		l.First = s.Data
		var err error
		if s.Data, err = l.encode(); err != nil {
			return a, err
		}
		if i < len(a.Positions) && a.Positions[i] != nil {
			a.Positions[i] = positionIn(l.Round, a.Positions[i])
		}
	}
	return a, nil
}

// takeBack returns splits and positions as the enumerator within knows them, and keeps the rounds.
func (e *roundsEnumerator) takeBack(splits []connectors.Split, positions []connectors.Position) ([]connectors.Split, []connectors.Position, error) {
	splits, inner := slices.Clone(splits), make([]connectors.Position, len(splits))
	for i := range splits {
		s := &splits[i]
		l, err := decodeLap(*s)
		if err != nil {
			return nil, nil, err
		}
		var at connectors.Position
		if i < len(positions) {
			at = positions[i]
		}
		if l.Round, inner[i], s.Data, err = l.at(at); err != nil {
			return nil, nil, fmt.Errorf("nexmark: reading a position in %s: %w", s.ID, err)
		}
		e.begun[s.ID] = lap{Round: l.Round, Whole: l.Whole}
	}
	return splits, inner, nil
}

// savedRounds is the state of both enumerators.
type savedRounds struct {
	Within []byte
	Begun  map[string]lap
}

// Snapshot implements connectors.Enumerator: a version and JSON.
func (e *roundsEnumerator) Snapshot() ([]byte, error) {
	within, err := e.within.Snapshot()
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(savedRounds{within, e.begun})
	return append([]byte{version}, data...), err
}

func (e *roundsEnumerator) restore(state []byte) (within []byte, err error) {
	if len(state) == 0 || state[0] != version {
		return nil, fmt.Errorf("nexmark: the enumerator's state: %w", errVersion)
	}
	var saved savedRounds
	if err := json.Unmarshal(state[1:], &saved); err != nil {
		return nil, fmt.Errorf("nexmark: reading the enumerator's state: %w", err)
	}
	maps.Copy(e.begun, saved.Begun)
	return saved.Within, nil
}

// IsExhausted implements connectors.Exhaustible.
func (e *roundsEnumerator) IsExhausted() bool {
	x, ok := e.within.(connectors.Exhaustible)
	return ok && x.IsExhausted()
}

// roundsReader has the reader within read each split again when it has come to its end.
type roundsReader struct {
	within connectors.Reader
	rounds int64
	events int64
	splits map[string]*circuit // those being read
}

// circuit is a split, as the reader within knows it, and the round in which it is.
type circuit struct {
	split connectors.Split
	round int64
}

// Assign implements connectors.Reader.
func (r *roundsReader) Assign(splits []connectors.Split, from []connectors.Position) error {
	for i, s := range splits {
		l, err := decodeLap(s)
		if err != nil {
			return err
		}
		var at connectors.Position
		if i < len(from) {
			at = from[i]
		}
		first := s
		c := &circuit{split: s}
		c.split.Data = l.Whole
		if c.round, at, first.Data, err = l.at(at); err != nil {
			return fmt.Errorf("nexmark: reading a position in %s: %w", s.ID, err)
		}
		r.splits[s.ID] = c
		if err := r.within.Assign([]connectors.Split{first}, []connectors.Position{at}); err != nil {
			return err
		}
	}
	return nil
}

// Fetch implements connectors.Reader.
func (r *roundsReader) Fetch(ctx context.Context) (connectors.Fetched, error) {
	f, err := r.within.Fetch(ctx)
	c := r.splits[f.Split]
	if err != nil || c == nil {
		return f, err
	}
	f.Batch = moveOn(f.Batch, c.round*r.events)
	switch {
	case !f.Done:
		f.Next = positionIn(c.round, f.Next)
	case c.round+1 < r.rounds:
		c.round++
		f.Done, f.Next = false, positionIn(c.round, nil)
		err = r.within.Assign([]connectors.Split{c.split}, []connectors.Position{nil})
	default:
		f.Next = positionIn(c.round, f.Next)
		delete(r.splits, f.Split)
	}
	return f, err
}

// Close implements connectors.Reader.
func (r *roundsReader) Close() error { return r.within.Close() }

// moveOn returns the batch as it is so many events later. Times and ids are copied, the rest is shared.
func moveOn(b columnar.Batch, events int64) columnar.Batch {
	if b.Len == 0 || events == 0 {
		return b
	}
	b.Columns = slices.Clone(b.Columns)
	for i, f := range b.Schema.Fields {
		by := perRound(f.Name, events)
		if by == 0 {
			continue
		}
		b.Columns[i] = columnar.Of(f.Type, later(columnar.Values[int64](b.Columns[i]), by), b.Columns[i].Valid)
	}
	if b.Time != nil {
		b.Time = later(b.Time, perRound("dateTime", events))
	}
	return b
}

func later(values []int64, by int64) []int64 {
	out := make([]int64, len(values))
	for i, v := range values {
		out[i] = v + by
	}
	return out
}

// positionIn is a version, the round, and the position within it; nothing for its start.
func positionIn(round int64, within connectors.Position) connectors.Position {
	return append(binary.AppendVarint(connectors.Position{version}, round), within...)
}

func roundAt(p connectors.Position) (round int64, within connectors.Position, err error) {
	if len(p) == 0 || p[0] != version {
		return 0, nil, errVersion
	}
	round, n := binary.Varint(p[1:])
	if n <= 0 || round < 0 {
		return 0, nil, errVersion
	}
	if rest := p[1+n:]; len(rest) > 0 {
		within = rest
	}
	return round, within, nil
}
