package runner

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// screen is what a terminal shows that understands what a console writes.
func screen(written string) string {
	var lines []string
	line := ""
	for len(written) > 0 {
		var up int
		switch {
		case written[0] == '\n':
			lines, line, written = append(lines, line), "", written[1:]
		case strings.HasPrefix(written, "\x1b["):
			rest := written[2:]
			for rest[0] != 'A' {
				up, rest = up*10+int(rest[0]-'0'), rest[1:]
			}
			written = strings.TrimPrefix(rest, "A\r\x1b[J")
			lines, line = lines[:len(lines)-up], ""
		default:
			line, written = line+written[:1], written[1:]
		}
	}
	return strings.Join(append(lines, line), "\n")
}

func TestDrawnProgress(t *testing.T) {
	var b bytes.Buffer
	c := &console{out: &b}
	draw := drawProgress(c, func() int { return 60 })
	one := StageStatus{ID: 0, Name: "Read > FlatMap", Tasks: 2, TotalBytes: 1 << 30, BytesIn: 1 << 29, RowsIn: 12345678, Elapsed: 2 * time.Second}
	draw(Status{Elapsed: 2 * time.Second, Stages: []StageStatus{one, {ID: 1, Name: "Write"}}})
	if _, err := c.Write([]byte("a warning\n")); err != nil {
		t.Fatal(err)
	}
	two := StageStatus{ID: 1, Name: "Write", Tasks: 4, Done: 1, RowsIn: 12, Spilled: 3 << 20, Elapsed: 4 * time.Second}
	draw(Status{Elapsed: 4 * time.Second, Stages: []StageStatus{one, two}})
	want := "a warning\n" +
		"stage 0  Read > FlatMap   50%  512 MiB of 1 GiB  12.3M reco\n" +
		"stage 1  Write  1 of 4 tasks  12 records  3/s  spilled 3 MiB\n"
	want = strings.Replace(want, "MiB\n", "Mi\n", 1)
	if got := screen(b.String()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	c.draw(nil)
	if _, err := c.Write([]byte("the end\n")); err != nil {
		t.Fatal(err)
	}
	if got := screen(b.String()); got != "a warning\nthe end\n" {
		t.Errorf("got %q", got)
	}
}

func TestLoggedProgress(t *testing.T) {
	var b bytes.Buffer
	report := logProgress(slog.New(slog.NewTextHandler(&b, nil)), 10*time.Second)
	for s := range 25 {
		report(Status{Elapsed: time.Duration(s) * time.Second, Stages: []StageStatus{
			{ID: 0, Name: "Read", Tasks: 1, Done: 1, RowsIn: 5}, {ID: 1, Name: "Sort", Tasks: 2, Done: 1, RowsIn: 50}, {ID: 2, Name: "Write"},
		}})
	}
	if got := strings.Count(b.String(), "stage=1"); got != 2 || strings.Contains(b.String(), "stage=0") || strings.Contains(b.String(), "stage=2") {
		t.Errorf("got\n%s\nwant two lines, of the running stage", &b)
	}
}

func TestShortNumber(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 9999: "9999", 10000: "10.0k", 999999: "1000.0k", 1234567: "1.2M", 5e9: "5.0G", 7e12: "7.0T"} {
		if got := shortNumber(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}
