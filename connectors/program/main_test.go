package program_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/formats/arrowipc"
)

// actAs has the test's own binary be one of the programs.
const actAs = "MILLRACE_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if name := os.Getenv(actAs); name != "" {
		if err := programs[name](os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// number is what the programs write.
type number struct {
	N    int64
	Text string
}

var programs = map[string]func(args []string) error{
	"numbers": numbers, "endless": endless, "keep": keep, "cut": cut, "deaf": deaf, "picky": picky,
}

// command is one of the programs, with arguments.
func command(t *testing.T, name string, args ...string) []string {
	t.Helper()
	t.Setenv(actAs, name)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return append([]string{self}, args...)
}

func batch(rows ...number) (columnar.Batch, error) {
	c, err := codec.Of[number]()
	if err != nil {
		return columnar.Batch{}, err
	}
	e := c.Encoder()
	for _, r := range rows {
		e.Append(r)
	}
	columns, err := e.Finish()
	return columnar.Batch{Schema: c.Schema(), Columns: columns, Len: len(rows)}, err
}

// writeNumbers writes the numbers of a split from one on, up to another, each a record batch.
func writeNumbers(out io.Writer, from, to int64, end bool) error {
	empty, err := batch()
	if err != nil {
		return err
	}
	w, err := arrowipc.Format[number]{Stream: true}.NewWriter(out, empty.Schema)
	if err != nil {
		return err
	}
	for ; from < to; from += 3 {
		var rows []number
		for n := from; n < min(from+3, to); n++ {
			rows = append(rows, number{n, fmt.Sprint("number ", n)})
		}
		b, err := batch(rows...)
		if err != nil {
			return err
		}
		if err := w.Write(b); err != nil {
			return err
		}
	}
	if !end {
		return nil
	}
	return w.Close()
}

// numbers: SPLIT COUNT [POSITION]: numbers from SPLIT*1000 on, behind the position if there is one.
func numbers(args []string) error {
	n, err := integers(args)
	if err != nil {
		return err
	}
	from := n[0] * 1000
	if len(n) > 2 {
		from = n[2] + 1
	}
	return writeNumbers(os.Stdout, from, n[0]*1000+n[1], true)
}

// integers reads arguments; an empty one at the end is none.
func integers(args []string) (out []int64, err error) {
	for _, a := range args {
		if a == "" {
			return out, nil
		}
		n, err := strconv.ParseInt(a, 10, 64)
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}

// endless writes numbers until it cannot, and says so in the file that its argument names.
func endless(args []string) error {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go func() {
		<-stop
		_ = os.WriteFile(args[0], []byte("stopped"), 0o600)
		os.Exit(0)
	}()
	return writeNumbers(os.Stdout, 0, 1<<40, true)
}

// deaf writes nothing, and does not stop when it is asked to.
func deaf([]string) error {
	signal.Ignore(syscall.SIGTERM)
	select {}
}

// cut breaks its stream off and fails.
func cut([]string) error {
	if err := writeNumbers(os.Stdout, 0, 9, false); err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "first line")
	return fmt.Errorf("the database is away")
}

// keep: FILE TASK: appends a line with the numbers of its stream to a file, at once.
func keep(args []string) error { return keepOf(os.Stdin, args[0], args[1]) }

func keepOf(in io.Reader, file, task string) error {
	s, err := arrowipc.OpenStream(in, "input", nil)
	if err != nil {
		return err
	}
	var line bytes.Buffer
	for {
		b, err := s.Next()
		if err == io.EOF { //nolint:errorlint // it is bare
			break
		}
		if err != nil {
			return err
		}
		for i := range b.Len {
			fmt.Fprint(&line, columnar.Values[int64](b.Columns[0])[i], " ")
		}
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err = fmt.Fprintln(f, task+": "+strings.TrimSpace(line.String())); err != nil {
		return err
	}
	return f.Close()
}

// picky reads a little, and is not content.
func picky([]string) error {
	_, _ = io.ReadFull(os.Stdin, make([]byte, 10))
	return fmt.Errorf("not this one")
}
