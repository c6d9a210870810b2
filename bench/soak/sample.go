package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"time"
)

// sample is what was seen of a job at one moment.
type sample struct {
	After       time.Duration // since the beginning of all
	Incarnation int
	Age         time.Duration // of the process
	RSS         int64
	Innards     innards
	Files       int           // open
	CPU         time.Duration // of the process
	Rows        int64         // read since the process began
	Completed   int           // checkpoints, by this process
	Failed      int
	Checkpoint  time.Duration // the last one
	Bytes       int64         // of it
	Output      int64         // bytes in folders
	Checkpoints int64
	Scratch     int64
	State       int64 // all else the job keeps
}

// innards is what a process knows of itself.
type innards struct {
	PID        int   `json:"pid"`
	Heap       int64 `json:"heap"` // live objects and those not yet collected
	Goroutines int   `json:"goroutines"`
}

const innardsEvery = 10 * time.Second

// writeInnards writes them to a file, again and again until ctx ends.
func writeInnards(ctx context.Context, path string) {
	read := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	tick := time.NewTicker(innardsEvery)
	defer tick.Stop()
	for {
		metrics.Read(read)
		text, err := json.Marshal(innards{os.Getpid(), int64(read[0].Value.Uint64()), runtime.NumGoroutine()}) //nolint:gosec // bytes of memory
		if err == nil {
			err = os.WriteFile(path+".new", text, 0o600)
		}
		if err == nil {
			_ = os.Rename(path+".new", path) // the next one will come through
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// look takes a sample.
func (s *subject) look(ctx context.Context, began time.Time) (sample, error) {
	j, err := s.status(ctx)
	if err != nil {
		return sample{}, err
	}
	now := time.Now()
	x := sample{
		After: now.Sub(began), Incarnation: s.incarnation, Age: now.Sub(s.began), Completed: j.Checkpoints.Completed, Failed: j.Checkpoints.Failed,
		Output: bytesIn(s.path("out")), Checkpoints: bytesIn(filepath.Join(s.path("state"), "checkpoints")), Scratch: bytesIn(s.path("scratch")),
	}
	x.State = bytesIn(s.path("state")) - x.Checkpoints
	x.Rows, _ = j.RowsIn()
	if last := j.Checkpoints.LastComplete(); last != nil {
		x.Checkpoint, x.Bytes = time.Duration(last.Duration*float64(time.Second)), last.Bytes
	}
	pid := j.Process.PID
	if x.RSS, err = residentOf(pid); err != nil {
		return x, err
	}
	if x.CPU, err = processorOf(pid); err != nil {
		return x, err
	}
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return x, err
	}
	x.Files = len(files)
	text, err := os.ReadFile(s.path("innards.json"))
	if err == nil {
		var in innards
		if err = json.Unmarshal(text, &in); err == nil && in.PID == pid { // else it has not written its own yet
			x.Innards = in
		}
	}
	return x, err
}

// residentOf returns a process's resident bytes.
func residentOf(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text))
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// processorOf returns the processor time that a process has used.
func processorOf(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), ") ") // a name has no brackets here
	fields := strings.Fields(rest)
	var ticks int64
	for _, f := range fields[11:13] { // user and system time
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	const perSecond = 100 // ticks; the kernel's USER_HZ
	return time.Duration(ticks) * time.Second / perSecond, nil
}

// sampleHead names the columns of line.
const sampleHead = "job,after_s,incarnation,age_s,rss,heap,goroutines,files,cpu_s,rows,checkpoints,failed,checkpoint_ms,checkpoint_bytes," +
	"output_bytes,checkpoints_bytes,scratch_bytes,state_bytes,windows_right,windows_wrong\n"

// line is the sample as a line of CSV.
func (x sample) line(s *subject) string {
	return fmt.Sprintf("%s,%.0f,%d,%.0f,%d,%d,%d,%d,%.2f,%d,%d,%d,%d,%d,%d,%d,%d,%d,%d,%d\n", s.name, x.After.Seconds(), x.Incarnation, x.Age.Seconds(),
		x.RSS, x.Innards.Heap, x.Innards.Goroutines, x.Files, x.CPU.Seconds(), x.Rows, x.Completed, x.Failed, x.Checkpoint.Milliseconds(), x.Bytes,
		x.Output, x.Checkpoints, x.Scratch, x.State, s.output.windows, len(s.output.wrong))
}

// takeLine adds the sample that line has written, to a job of the name that it begins with.
func takeLine(line string, jobs map[string]*subject) error {
	fields := strings.Split(strings.TrimSpace(line), ",")
	if len(fields) != strings.Count(sampleHead, ",")+1 {
		return fmt.Errorf("the line %q has %d fields", line, len(fields))
	}
	n := make([]int64, len(fields))
	for i, f := range fields[1:] {
		v, err := strconv.ParseFloat(f, 64)
		if err != nil {
			return fmt.Errorf("the line %q: %w", line, err)
		}
		n[i+1] = int64(v)
	}
	s, ok := jobs[fields[0]]
	if !ok {
		return fmt.Errorf("there is no job %q", fields[0])
	}
	s.incarnation = max(s.incarnation, int(n[2]))
	s.output.windows, s.output.wrong = int(n[18]), slices.Repeat([]string{"a window is wrong"}, int(n[19]))
	s.samples = append(s.samples, sample{
		After: time.Duration(n[1]) * time.Second, Incarnation: int(n[2]), Age: time.Duration(n[3]) * time.Second, RSS: n[4],
		Innards: innards{Heap: n[5], Goroutines: int(n[6])}, Files: int(n[7]), CPU: time.Duration(n[8]) * time.Second, Rows: n[9],
		Completed: int(n[10]), Failed: int(n[11]), Checkpoint: time.Duration(n[12]) * time.Millisecond, Bytes: n[13],
		Output: n[14], Checkpoints: n[15], Scratch: n[16], State: n[17],
	})
	return nil
}
