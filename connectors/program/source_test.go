package program_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/program"
)

// reading is a task that reads.
type reading struct {
	t      *testing.T
	enum   connectors.Enumerator
	reader connectors.Reader
	splits map[string]connectors.Split
	at     map[string]connectors.Position
}

func begin(t *testing.T, s program.Source[number], scan connectors.Scan, first connectors.Event) *reading {
	t.Helper()
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	r := &reading{t: t, splits: map[string]connectors.Split{}, at: map[string]connectors.Position{}}
	var err error
	if r.enum, err = s.NewEnumerator(connectors.Env{}, scan, connectors.Facts{}); err == nil {
		r.reader, err = s.NewReader(connectors.TaskEnv{Tasks: 1}, scan)
	}
	if err == nil {
		_, err = r.enum.Step(first)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.close)
	return r
}

func (r *reading) close() {
	if err := r.reader.Close(); err != nil {
		r.t.Error(err)
	}
}

// restored returns what a run that goes on begins with.
func (r *reading) restored() connectors.Restored {
	r.t.Helper()
	state, err := r.enum.Snapshot()
	if err != nil {
		r.t.Fatal(err)
	}
	e := connectors.Restored{Tasks: 1, State: state}
	for id, s := range r.splits {
		e.Splits, e.Positions = append(e.Splits, s), append(e.Positions, r.at[id])
	}
	return e
}

// take reads so many batches, or to the end; it returns the numbers.
func (r *reading) take(batches int) (got []int64, err error) {
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	asked := false
	for batches > 0 {
		f, err := r.reader.Fetch(ctx)
		if errors.Is(err, io.EOF) {
			if asked {
				return got, nil
			}
			asked = true
			actions, err := r.enum.Step(connectors.Requested{})
			if err != nil {
				r.t.Fatal(err)
			}
			if a, ok := actions[0].(connectors.Assign); ok {
				for i, s := range a.Splits {
					r.splits[s.ID], r.at[s.ID] = s, a.Positions[i]
				}
				if err := r.reader.Assign(a.Splits, a.Positions); err != nil {
					r.t.Fatal(err)
				}
			}
			continue
		}
		if err != nil {
			return got, err
		}
		asked = false
		if f.Split != "" {
			r.at[f.Split] = f.Next
		}
		if f.Done {
			delete(r.splits, f.Split)
		}
		if f.Batch.Rows() > 0 {
			batches--
			got = append(got, columnar.Values[int64](*f.Batch.Column("n"))...)
		}
	}
	return got, nil
}

func (r *reading) all() []int64 {
	r.t.Helper()
	got, err := r.take(1 << 30)
	if err != nil {
		r.t.Fatal(err)
	}
	return got
}

func span(from, to int64) (out []int64) {
	for n := from; n < to; n++ {
		out = append(out, n)
	}
	return out
}

var started = connectors.Started{Tasks: 1}

// Splits are read at a time, each to its end, once, over restarts; whether the program begins anew or behind a position.
func TestReplay(t *testing.T) {
	sources := map[string]program.Source[number]{
		"from its start": {Command: command(t, "numbers", "{split}", "20"), Splits: 2},
		"by position":    {Command: command(t, "numbers", "{split}", "20", "{position}"), Splits: 2, Replay: program.ByPosition, Position: "n"},
	}
	for name, s := range sources {
		t.Run(name, func(t *testing.T) {
			r := begin(t, s, connectors.Scan{Rows: 2}, started)
			var got []int64
			for range 5 {
				some, err := r.take(3)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, some...)
				r = begin(t, s, connectors.Scan{Rows: 2}, r.restored())
			}
			got = append(got, r.all()...)
			slices.Sort(got)
			if want := append(span(0, 20), span(1000, 1020)...); !slices.Equal(got, want) {
				t.Errorf("got %v", got)
			}
			if !r.enum.(connectors.Exhaustible).IsExhausted() {
				t.Error("there is something left")
			}
		})
	}
}

// The column of positions is read also when nobody wants it.
func TestPositionIsNotWanted(t *testing.T) {
	s := program.Source[number]{Command: command(t, "numbers", "{split}", "9", "{position}"), Replay: program.ByPosition, Position: "n"}
	all := s.Schema()
	scan := connectors.Scan{Rows: 2, Columns: &columnar.Schema{Fields: all.Fields[1:]}}
	read := func(first connectors.Event) (*reading, []string) {
		r := begin(t, s, scan, first)
		actions, err := r.enum.Step(connectors.Requested{})
		if err != nil {
			t.Fatal(err)
		}
		a := actions[0].(connectors.Assign)
		if err := r.reader.Assign(a.Splits, a.Positions); err != nil {
			t.Fatal(err)
		}
		for {
			f, err := r.reader.Fetch(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if f.Batch.Len > 0 {
				r.splits[f.Split], r.at[f.Split] = a.Splits[0], f.Next
				var texts []string
				for i := range f.Batch.Len {
					texts = append(texts, f.Batch.Columns[0].Text(i))
				}
				if len(f.Batch.Columns) != 1 {
					t.Errorf("there are %d columns", len(f.Batch.Columns))
				}
				return r, texts
			}
		}
	}
	first, one := read(started)
	_, two := read(first.restored())
	if got := append(one, two...); !slices.Equal(got, []string{"number 0", "number 1", "number 2", "number 3"}) {
		t.Errorf("got %q", got)
	}
}

func TestProgramFails(t *testing.T) {
	for name, c := range map[string]struct {
		source program.Source[number]
		want   []string
	}{
		"breaks off":    {program.Source[number]{Command: command(t, "cut")}, []string{"unexpected EOF", "exit status 3", "first line\nthe database is away"}},
		"not there":     {program.Source[number]{Command: []string{"/nowhere/program"}}, []string{"starting program", "no such file"}},
		"other columns": {program.Source[number]{Command: command(t, "numbers", "no number")}, []string{"exit status 3", "invalid syntax"}},
		"no listener":   {program.Source[number]{Address: "unix:" + filepath.Join(t.TempDir(), "none")}, []string{"connecting to unix:"}},
	} {
		t.Run(name, func(t *testing.T) {
			if len(c.source.Command) > 1 && c.source.Command[1] == "no number" {
				t.Setenv(actAs, "numbers")
			} else {
				t.Setenv(actAs, "cut")
			}
			r := begin(t, c.source, connectors.Scan{}, started)
			_, err := r.take(100)
			for _, text := range c.want {
				if err == nil || !strings.Contains(err.Error(), text) {
					t.Errorf("the error does not say %q: %v", text, err)
				}
			}
		})
	}
}

// A program that gives less than before has not been replayed.
func TestFewerThanBefore(t *testing.T) {
	s := program.Source[number]{Command: command(t, "numbers", "0", "20")}
	r := begin(t, s, connectors.Scan{Rows: 10}, started)
	if _, err := r.take(5); err != nil {
		t.Fatal(err)
	}
	s.Command[2] = "5"
	again := begin(t, s, connectors.Scan{}, r.restored())
	if _, err := again.take(100); err == nil || !strings.Contains(err.Error(), "fewer than the last time") {
		t.Errorf("the error is %v", err)
	}
}

// A program that is at work when the reader is closed is asked to stop.
func TestStop(t *testing.T) {
	said := filepath.Join(t.TempDir(), "said")
	s := program.Source[number]{Command: command(t, "endless", said), Replay: program.Live, Endless: true}
	r := begin(t, s, connectors.Scan{}, started)
	if got, err := r.take(3); err != nil || len(got) < 3 {
		t.Fatal(got, err)
	}
	r.close()
	if data, err := os.ReadFile(said); err != nil || string(data) != "stopped" {
		t.Errorf("the program was not asked to stop: %q, %v", data, err)
	}
}

// One that does not want to is killed.
func TestKill(t *testing.T) {
	s := program.Source[number]{Command: command(t, "deaf"), Replay: program.Live, Endless: true}
	r := begin(t, s, connectors.Scan{}, started)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	for ctx.Err() == nil {
		_, err := r.reader.Fetch(ctx)
		if errors.Is(err, io.EOF) {
			actions, err := r.enum.Step(connectors.Requested{})
			if err != nil {
				t.Fatal(err)
			}
			if err := r.reader.Assign(actions[0].(connectors.Assign).Splits, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	r.close() // goleak says whether it waits for the program
}

// A program that ends is started again, behind what it has given.
func TestEndless(t *testing.T) {
	s := program.Source[number]{
		Command: command(t, "numbers", "0", "9", "{position}"), Replay: program.ByPosition, Position: "n", Endless: true, Restart: time.Millisecond,
	}
	r := begin(t, s, connectors.Scan{}, started)
	got, err := r.take(3)
	if err != nil || !slices.Equal(got, span(0, 9)) {
		t.Fatal(got, err)
	}
	for range 3 { // it gives no more
		f, err := r.reader.Fetch(t.Context())
		if err != nil || f.Batch.Rows() > 0 || f.Done {
			t.Errorf("got %+v, %v", f, err)
		}
	}
}

// Programs that listen are told the same by a line.
func TestAddress(t *testing.T) {
	at := filepath.Join(t.TempDir(), "socket")
	l, err := new(net.ListenConfig).Listen(t.Context(), "unix", at)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 3)
	go func() { // ends with the listener
		for {
			conn, err := l.Accept()
			if err != nil {
				close(served)
				return
			}
			served <- serveNumbers(conn)
		}
	}()
	s := program.Source[number]{Address: "unix:" + at, Splits: 2, Replay: program.ByPosition, Position: "n"}
	r := begin(t, s, connectors.Scan{Rows: 4}, started)
	got, err := r.take(2)
	if err != nil {
		t.Fatal(err)
	}
	r.close()
	again := begin(t, s, connectors.Scan{Rows: 4}, r.restored())
	got = append(got, again.all()...)
	slices.Sort(got)
	if want := append(span(0, 7), span(1000, 1007)...); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	l.Close()
	for range served { // until it is closed: streams that were broken off are errors
	}
}

func serveNumbers(conn net.Conn) error {
	defer conn.Close()
	var hello struct {
		Split, Splits int64
		Position      string
	}
	if err := json.NewDecoder(conn).Decode(&hello); err != nil {
		return err
	}
	from := hello.Split * 1000
	if hello.Position != "" {
		if _, err := fmt.Sscan(hello.Position, &from); err != nil {
			return err
		}
		from++
	}
	return writeNumbers(conn, from, hello.Split*1000+7, true)
}

func TestValidateSource(t *testing.T) {
	good := program.Source[number]{Command: []string{"x"}, Replay: program.ByPosition, Position: "n", Endless: true}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(*program.Source[number]){
		"one of Command and Address": func(s *program.Source[number]) { s.Address = "h:1" },
		"neither host:port":          func(s *program.Source[number]) { s.Command, s.Address = nil, "h" },
		"may be negative":            func(s *program.Source[number]) { s.Splits = -1 },
		"belong together":            func(s *program.Source[number]) { s.Position = "" },
		"no column":                  func(s *program.Source[number]) { s.Position = "x" },
		"from its start":             func(s *program.Source[number]) { s.Replay, s.Position = program.FromStart, "" },
		"for an endless":             func(s *program.Source[number]) { s.Endless, s.Restart = false, 1 },
	} {
		s := good
		change(&s)
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: the error is %v", want, err)
		}
	}
	if err := (program.Source[columnar.Row]{Command: []string{"x"}, Replay: program.Live, Endless: true}).Validate(); err == nil {
		t.Error("a live program may be started to see its columns")
	}
}

// Of records whose columns only the program knows, it is asked.
func TestDiscover(t *testing.T) {
	s := program.Source[columnar.Row]{Command: command(t, "numbers", "{split}", "1000000"), Splits: 3}
	facts, err := s.Discover(t.Context(), connectors.Env{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := codec.Of[number]()
	if err != nil {
		t.Fatal(err)
	}
	if !facts.Schema.Equal(c.Schema()) || facts.Splits != 3 {
		t.Errorf("got %v", facts)
	}
}
