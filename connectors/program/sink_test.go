package program_test

import (
	"bufio"
	"context"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/program"
)

func open(t *testing.T, s program.Sink[number]) connectors.Writer {
	t.Helper()
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	b, err := batch()
	if err != nil {
		t.Fatal(err)
	}
	w, err := s.NewWriter(t.Context(), connectors.TaskEnv{Task: 2, Tasks: 4}, b.Schema)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func write(t *testing.T, w connectors.Writer, n ...int64) error {
	t.Helper()
	var rows []number
	for _, v := range n {
		rows = append(rows, number{N: v})
	}
	b, err := batch(rows...)
	if err != nil {
		t.Fatal(err)
	}
	return w.Write(t.Context(), b)
}

func prepare(t *testing.T, w connectors.Writer, rows int64) {
	t.Helper()
	c, err := w.Prepare(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if rows == 0 && len(c) > 0 || rows > 0 && (len(c) != 1 || c[0].Rows != rows || c[0].Bytes == 0) {
		t.Errorf("prepared %+v, want %d rows", c, rows)
	}
}

func linesOf(t *testing.T, file string) []string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(data)), "\n")
}

// What is written between two checkpoints is one run of the program, which has all of it when Prepare returns. What was not prepared it does not count.
func TestSink(t *testing.T) {
	file := filepath.Join(t.TempDir(), "kept")
	w := open(t, program.Sink[number]{Command: command(t, "keep", file, "{task}"), Codec: "lz4"})
	prepare(t, w, 0)
	for _, n := range [][]int64{{1, 2}, {3}} {
		if err := write(t, w, n...); err != nil {
			t.Fatal(err)
		}
	}
	prepare(t, w, 3)
	prepare(t, w, 0)
	if err := write(t, w, 4); err != nil {
		t.Fatal(err)
	}
	prepare(t, w, 1)
	if err := write(t, w, 5); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got := linesOf(t, file); !slices.Equal(got, []string{"2: 1 2 3", "2: 4"}) {
		t.Errorf("kept: %q", got)
	}
}

func TestSinkFails(t *testing.T) {
	for name, s := range map[string]program.Sink[number]{
		"picky":     {Command: command(t, "picky")},
		"not there": {Command: []string{"/nowhere/picky"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := open(t, s)
			var err error
			for range 1000 { // until the pipe is full
				if err = write(t, w, span(0, 1000)...); err != nil {
					break
				}
			}
			if err == nil {
				_, err = w.Prepare(t.Context())
			}
			want := map[string]string{"picky": "not this one", "not there": "no such file"}[name]
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("the error is %v", err)
			}
		})
	}
	w := open(t, program.Sink[number]{Command: command(t, "picky")})
	if err := write(t, w, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Prepare(t.Context()); err == nil || !strings.Contains(err.Error(), "not this one") {
		t.Errorf("the error is %v", err)
	}
}

// A task that is cancelled does not wait for a program that does not read.
func TestSinkCancelled(t *testing.T) {
	w := open(t, program.Sink[number]{Command: command(t, "deaf")})
	ctx, cancel := context.WithCancel(t.Context())
	var rows []number
	for n := range int64(200_000) {
		rows = append(rows, number{n, "a text of some length"})
	}
	b, err := batch(rows...)
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error)
	go func() { failed <- w.Write(ctx, b) }()
	cancel()
	if err := <-failed; err == nil {
		t.Error("a program that reads nothing has read it")
	}
}

// Programs that listen say whether they have all.
func TestSinkAddress(t *testing.T) {
	dir := t.TempDir()
	at, file := filepath.Join(dir, "socket"), filepath.Join(dir, "kept")
	l, err := new(net.ListenConfig).Listen(t.Context(), "unix", at)
	if err != nil {
		t.Fatal(err)
	}
	greetings := make(chan string, 3)
	go func() { // ends with the listener
		defer close(greetings)
		for n := 0; ; n++ {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			in := bufio.NewReader(conn)
			hello, _ := in.ReadString('\n')
			answer := "ok\n"
			if err := keepOf(in, file, "x"); err != nil {
				answer = err.Error()
			} else if n == 1 {
				answer = "the disk is full"
			}
			_, _ = conn.Write([]byte(answer))
			_ = conn.Close()
			greetings <- hello
		}
	}()
	w := open(t, program.Sink[number]{Address: "unix:" + at})
	if err := write(t, w, 1, 2); err != nil {
		t.Fatal(err)
	}
	prepare(t, w, 2)
	if hello := <-greetings; hello != `{"task":2,"tasks":4}`+"\n" {
		t.Errorf("the greeting is %q", hello)
	}
	if err := write(t, w, 3); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Prepare(t.Context()); err == nil || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("the error is %v", err)
	}
	if err := write(t, w, 4); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	l.Close()
	for range greetings { // until it is closed
	}
	if got := linesOf(t, file); !slices.Equal(got, []string{"x: 1 2", "x: 3"}) {
		t.Errorf("kept: %q", got)
	}
}

func TestValidateSink(t *testing.T) {
	for _, s := range []program.Sink[number]{{}, {Command: []string{""}}, {Address: "x"}, {Command: []string{"x"}, Codec: "zip"}} {
		if s.Validate() == nil {
			t.Errorf("%+v is valid", s)
		}
	}
	if err := (program.Sink[columnar.Row]{Command: []string{"x"}}).Validate(); err != nil {
		t.Error(err)
	}
}
