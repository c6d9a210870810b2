package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// totals adds up the output of a job, and removes it.
type totals struct {
	want    int64           // clicks a window
	sums    map[int64]int64 // of windows some of whose minutes' folders are still there, by start
	windows int             // right ones
	wrong   []string        // what was wrong with others, the first few
}

// settled is how many minutes of output, the latest, may still get files: far more than rolling and a restart take.
const settled = 5

// take adds up the minutes that are settled and removes their folders. A window lies in the minute in which it ends, so all of it is in one.
func (t *totals) take(folder string) error {
	minutes, err := filepath.Glob(filepath.Join(folder, "minute=*"))
	if err != nil {
		return err
	}
	slices.Sort(minutes)
	for len(minutes) > settled {
		if err := t.add(minutes[0]); err != nil {
			return err
		}
		if err := os.RemoveAll(minutes[0]); err != nil {
			return err
		}
		minutes = minutes[1:]
	}
	return nil
}

// add takes a minute of output.
func (t *totals) add(minute string) error {
	files, err := filepath.Glob(filepath.Join(minute, "*.csv"))
	if err != nil {
		return err
	}
	clear(t.sums)
	for _, name := range files {
		if err := t.addFile(name); err != nil {
			return err
		}
	}
	const windows = 6 // a minute
	if len(t.sums) != windows {
		t.complain("%s has %d windows, not %d", filepath.Base(minute), len(t.sums), windows)
	}
	for start, n := range t.sums {
		if n != t.want {
			t.complain("the window at %d has %d clicks, not %d", start, n, t.want)
			continue
		}
		t.windows++
	}
	return nil
}

func (t *totals) complain(format string, args ...any) {
	const enough = 20
	if len(t.wrong) < enough {
		t.wrong = append(t.wrong, fmt.Sprintf(format, args...))
	}
}

// addFile takes lines of start,page,clicks.
func (t *totals) addFile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read from
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), ",")
		if len(fields) != 3 {
			return fmt.Errorf("%s: the line %q has not three fields", name, lines.Text())
		}
		start, err := strconv.ParseInt(fields[0], 10, 64)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		n, err := strconv.ParseInt(fields[2], 10, 64)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		t.sums[start] += n
	}
	return lines.Err()
}
