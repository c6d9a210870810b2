package socket_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/socket"
	"github.com/millrace/millrace/formats/json"
	"github.com/millrace/millrace/formats/text"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// listen accepts connections and lets serve write to each in turn, then closes it.
func listen(t *testing.T, network, address string, serve ...func(io.Writer)) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), network, address)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, s := range serve {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s(conn)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	if network == "unix" {
		return "unix:" + address
	}
	return l.Addr().String()
}

func say(parts ...string) func(io.Writer) {
	return func(w io.Writer) {
		for _, p := range parts {
			_, _ = io.WriteString(w, p)
			time.Sleep(2 * time.Millisecond)
		}
	}
}

// open returns a reader of the source's only split.
func open[T any](t *testing.T, s socket.Source[T], env connectors.TaskEnv) connectors.Reader {
	t.Helper()
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	r, err := s.NewReader(env, connectors.Scan{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	e, err := s.NewEnumerator(connectors.Env{}, connectors.Scan{}, connectors.Facts{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Step(connectors.Started{Tasks: 1}); err != nil {
		t.Fatal(err)
	}
	actions, err := e.Step(connectors.Requested{})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Assign(actions[0].(connectors.Assign).Splits, nil); err != nil {
		t.Fatal(err)
	}
	return r
}

// lines reads until there are n, or the input ends.
func lines(t *testing.T, r connectors.Reader, n int) (out []string) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); len(out) < n && time.Now().Before(end); {
		f, err := r.Fetch(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range f.Batch.Rows() {
			out = append(out, f.Batch.Columns[0].Text(i))
		}
	}
	return out
}

func TestBounded(t *testing.T) {
	want := []string{"one", "two", "three", "four"}
	serve := say("one\ntw", "o\r\n\n", "three\nfo", "ur")
	for _, address := range []string{
		listen(t, "tcp", "127.0.0.1:0", serve), listen(t, "unix", filepath.Join(t.TempDir(), "s"), serve),
	} {
		r := open(t, socket.Source[string]{Address: address, Format: text.Lines{}, Bounded: true}, connectors.TaskEnv{})
		if got := lines(t, r, 100); !slices.Equal(got, want) {
			t.Errorf("%s: got %q", address, got)
		}
		if _, err := r.Fetch(t.Context()); !errors.Is(err, io.EOF) {
			t.Errorf("after the end: %v", err)
		}
	}
}

func TestReconnects(t *testing.T) {
	address := listen(t, "tcp", "127.0.0.1:0", say("a\nb\n"), say("c\n"), say("d"))
	s := socket.Source[string]{Address: address, Format: text.Lines{}, Reconnect: 5 * time.Millisecond}
	r := open(t, s, connectors.TaskEnv{})
	if got := lines(t, r, 4); !slices.Equal(got, []string{"a", "b", "c", "d"}) {
		t.Errorf("got %q", got)
	}
	start := time.Now()
	if f, err := r.Fetch(t.Context()); err != nil || f.Batch.Rows() != 0 || time.Since(start) > time.Second {
		t.Errorf("with nobody there: %v, %v after %v", f, err, time.Since(start))
	}
}

func TestBadLines(t *testing.T) {
	type rec struct{ N int64 }
	long := strings.Repeat("x", 300_000)
	address := listen(t, "tcp", "127.0.0.1:0", say(`{"n":1}`+"\n", `{"n":`+"\n", long, long+"\n", `{"n":2}`+"\n", long))
	var bad []connectors.Bad
	r := open(t, socket.Source[rec]{Address: address, Format: json.Format[rec]{}, Bounded: true, MaxLine: 1000}, connectors.TaskEnv{
		Report: func(b connectors.Bad) error {
			bad = append(bad, b)
			return nil
		},
	})
	var got []int64
	for {
		f, err := r.Fetch(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if f.Batch.Rows() > 0 {
			got = append(got, columnar.Values[int64](f.Batch.Columns[0])...)
		}
	}
	if !slices.Equal(got, []int64{1, 2}) {
		t.Errorf("got %v", got)
	}
	var offsets []int64
	for _, b := range bad {
		offsets = append(offsets, b.Offset)
	}
	if want := []int64{8, 14, 600_023}; !slices.Equal(offsets, want) {
		t.Errorf("bad lines at %v, want %v", offsets, want)
	}
}

func TestSeveralAddressesAndRestart(t *testing.T) {
	s := socket.Source[string]{Address: "h:1, h:2,h:3", Format: text.Lines{}}
	e, err := s.NewEnumerator(connectors.Env{}, connectors.Scan{}, connectors.Facts{})
	if err != nil {
		t.Fatal(err)
	}
	step := func(event connectors.Event) []connectors.Action {
		actions, err := e.Step(event)
		if err != nil {
			t.Fatal(err)
		}
		return actions
	}
	step(connectors.Started{Tasks: 2})
	first := step(connectors.Requested{})[0].(connectors.Assign).Splits
	state, err := e.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if e, err = s.NewEnumerator(connectors.Env{}, connectors.Scan{}, connectors.Facts{}); err != nil {
		t.Fatal(err)
	}
	step(connectors.Restored{Tasks: 4, State: state, Splits: first})
	var ids []string
	for task := range 4 {
		if a, ok := step(connectors.Requested{Task: task})[0].(connectors.Assign); ok {
			ids = append(ids, a.Splits[0].ID)
		}
	}
	slices.Sort(ids)
	if !slices.Equal(ids, []string{"h:1", "h:2", "h:3"}) {
		t.Errorf("given out again are %v", ids)
	}
}

func TestValidate(t *testing.T) {
	for _, s := range []socket.Source[string]{
		{Format: text.Lines{}},
		{Address: "a:1"},
		{Address: "a", Format: text.Lines{}},
		{Address: "unix:", Format: text.Lines{}},
		{Address: "a:1", Format: text.Lines{}, Rate: -1},
	} {
		if s.Validate() == nil {
			t.Errorf("%+v is valid", s)
		}
	}
}

// BenchmarkRead reads lines of 20 bytes over a unix socket, from a writer that is never late.
func BenchmarkRead(b *testing.B) {
	path := filepath.Join(b.TempDir(), "s")
	l, err := new(net.ListenConfig).Listen(b.Context(), "unix", path)
	if err != nil {
		b.Fatal(err)
	}
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		chunk := []byte(strings.Repeat(fmt.Sprintf("%019d\n", 7), 1000))
		for {
			if _, err := conn.Write(chunk); err != nil {
				return
			}
		}
	}()
	defer l.Close()
	r, err := socket.Source[string]{Format: text.Lines{}}.NewReader(connectors.TaskEnv{}, connectors.Scan{})
	if err != nil {
		b.Fatal(err)
	}
	if err := r.Assign([]connectors.Split{{ID: "s", Data: append([]byte{1}, "unix:"+path...)}}, nil); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	rows := 0
	for b.Loop() {
		f, err := r.Fetch(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		rows += f.Batch.Rows()
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
	_ = r.Close()
}

// One task reads all addresses, of which the connections do not end.
func TestManyAddressesOfOneTask(t *testing.T) {
	waiting := make(chan struct{})
	defer close(waiting)
	hold := func(line string) func(io.Writer) {
		return func(w io.Writer) {
			_, _ = io.WriteString(w, line+"\n")
			<-waiting
		}
	}
	one, two := listen(t, "tcp", "127.0.0.1:0", hold("one")), listen(t, "tcp", "127.0.0.1:0", hold("two"))
	r := open(t, socket.Source[string]{Address: one + "," + two, Format: text.Lines{}}, connectors.TaskEnv{})
	got := lines(t, r, 2)
	slices.Sort(got)
	if !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("got %q", got)
	}
}
