package runner

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// write leaves a run that began at that time.
func (h History) write(t *testing.T, job string, at time.Time, runErr error) string {
	t.Helper()
	id := newRunID(at)
	r := h.begin(id, "memory: 1g\n", 30)
	s := &Summary{Job: job, RunID: id, Started: at}
	s.setError(runErr)
	if err := r.end(s, runErr); err != nil {
		t.Fatal(err)
	}
	return id
}

func TestHistory(t *testing.T) {
	h := History{filepath.Join(t.TempDir(), "state", "history")}
	if runs, err := h.List(""); err != nil || len(runs) != 0 {
		t.Fatalf("before anything ran: %v, %v", runs, err)
	}
	now := time.Now()
	old := h.write(t, "a", now.AddDate(0, 0, -31), nil)
	older := h.write(t, "a", now.AddDate(0, 0, -29), nil)
	if err := os.MkdirAll(filepath.Join(h.Dir, "00-not-a-run"), 0o755); err != nil {
		t.Fatal(err)
	}
	failed := h.write(t, "b", now, errors.New("it broke\nindeed"))
	running := newRunID(now.Add(time.Second))
	r := h.begin(running, "x: 1\n", 30)
	if _, err := r.Write([]byte("a line of the log\n")); err != nil {
		t.Fatal(err)
	}
	runs, err := h.List("")
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, r := range runs {
		ids = append(ids, r.ID)
	}
	if got, want := strings.Join(ids, " "), strings.Join([]string{running, failed, older}, " "); got != want {
		t.Errorf("got %s, want %s without %s, which is too old", got, want, old)
	}
	if runs[0].Summary != nil || runs[1].Summary.Error != "it broke\nindeed" || runs[2].Summary.Error != "" {
		t.Errorf("got %+v", runs)
	}
	if runs, err := h.List("b"); err != nil || len(runs) != 1 || runs[0].ID != failed {
		t.Errorf("of job b: %v, %v", runs, err)
	}
	var b bytes.Buffer
	if err := h.Show(&b, running); err != nil || !strings.Contains(b.String(), "a line of the log") || !strings.Contains(b.String(), "x: 1") {
		t.Errorf("%v: %s", err, &b)
	}
	b.Reset()
	if err := h.Show(&b, failed[:len(failed)-2]); err != nil || !strings.Contains(b.String(), "it broke\nindeed\n") {
		t.Errorf("%v: %s", err, &b)
	}
	if err := h.Show(&b, "2099"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a run that is not there: %v", err)
	}
	if err := h.Show(&b, "*"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a pattern: %v", err)
	}
	if err := r.end(nil, nil); err != nil {
		t.Error(err)
	}
}

func TestHistoryThatCannotBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	r := History{file}.begin(newRunID(time.Now()), "", 30)
	if _, err := r.Write([]byte("x")); err != nil {
		t.Errorf("logging must not fail: %v", err)
	}
	if err := r.end(&Summary{}, errors.New("x")); err == nil {
		t.Error("no error at the end")
	}
}

func BenchmarkHistory(b *testing.B) {
	h := History{b.TempDir()}
	b.ReportAllocs()
	for b.Loop() {
		r := h.begin(newRunID(time.Now()), "memory: 1g\n", 30)
		if err := r.end(&Summary{}, nil); err != nil {
			b.Fatal(err)
		}
	}
}
