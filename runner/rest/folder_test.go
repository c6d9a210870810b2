package rest

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/runner/status"
)

func newFolder(t *testing.T) Folder {
	t.Helper()
	return Folder{filepath.Join(t.TempDir(), "state", "jobs")}
}

func TestLifeInFolder(t *testing.T) {
	f := newFolder(t)
	if all, err := f.List(); err != nil || len(all) != 0 {
		t.Errorf("before anything: %v, %v", all, err)
	}
	if _, err := f.Find("clicks"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before anything: %v", err)
	}
	started := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	c := Command{Path: "/bin/clicks", Args: []string{"--brokers", "x"}, Dir: "/home/me", Env: []string{"MILLRACE_PARALLELISM=4"}}
	if err := f.Claim(Live{Name: "clicks", RunID: "r1", Address: "http://127.0.0.1:1", Token: "secret", Started: started}, c); err != nil {
		t.Fatal(err)
	}
	if err := f.Claim(Live{Name: "clicks", RunID: "r2"}, c); !errors.Is(err, ErrLive) || !strings.Contains(err.Error(), "clicks is process") {
		t.Errorf("a second job: %v", err)
	}
	k, err := f.Find("clicks")
	if err != nil || k.Last != nil || k.Live.RunID != "r1" || k.Live.PID != os.Getpid() || !k.Live.IsHere() || !k.Live.IsAlive() {
		t.Errorf("found %+v, %v", k, err)
	}
	for name, want := range map[string]os.FileMode{"": fs.ModeDir | 0o700, liveFile: 0o600, commandFile: 0o600} {
		if info, err := os.Stat(filepath.Join(f.PathOf("clicks"), name)); err != nil || info.Mode() != want {
			t.Errorf("%s has mode %v, want %v: %v", name, info.Mode(), want, err)
		}
	}
	if err := f.Release("clicks", status.Job{Name: "clicks", State: status.Stopped, Since: started}); err != nil {
		t.Fatal(err)
	}
	k, err = f.Find("clicks")
	if err != nil || k.Live != nil || k.Last.State != status.Stopped {
		t.Errorf("after its end: %+v, %v", k, err)
	}
	got, err := f.CommandOf("clicks")
	if diff := cmp.Diff(c, got); diff != "" || err != nil {
		t.Errorf("%v; the command (-want +got):\n%s", err, diff)
	}
	if err := f.Claim(Live{Name: "clicks", RunID: "r2"}, c); err != nil {
		t.Errorf("a job after the first: %v", err)
	}
	if err := f.Release("clicks", status.Job{Name: "clicks", State: status.Finished, Since: started}); err != nil {
		t.Fatal(err)
	}
	if err := f.Prune(started); err != nil {
		t.Fatal(err)
	}
	if all, err := f.List(); err != nil || len(all) != 1 {
		t.Errorf("pruned too early: %v, %v", all, err)
	}
	if err := f.Prune(started.Add(1)); err != nil {
		t.Fatal(err)
	}
	if all, err := f.List(); err != nil || len(all) != 0 {
		t.Errorf("not pruned: %v, %v", all, err)
	}
}

// TestDeadProcess: the entry of a process that was killed is no job's, also when its number is another process's.
func TestDeadProcess(t *testing.T) {
	killed := exec.CommandContext(t.Context(), "sleep", "100")
	if err := killed.Start(); err != nil {
		t.Fatal(err)
	}
	start := processStart(killed.Process.Pid)
	if start == "" || start == processStart(os.Getpid()) {
		t.Errorf("the process started at %q", start)
	}
	if err := killed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = killed.Wait() // it was killed
	for name, l := range map[string]Live{
		"gone":           {PID: killed.Process.Pid, ProcessStart: start},
		"another's-pid":  {PID: os.Getpid(), ProcessStart: start},
		"never-was-here": {PID: 1 << 30, ProcessStart: "x"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFolder(t)
			l.Name, l.Host, l.RunID = "clicks", hostname(), "r1"
			if err := f.locked("clicks", func(dir string) error { return writeJSON(filepath.Join(dir, liveFile), l) }); err != nil {
				t.Fatal(err)
			}
			k, err := f.Find("clicks")
			if err != nil || k.Live != nil || k.Last.State != status.Failed || !strings.Contains(k.Last.Error, "without a word") || k.Last.RunID != "r1" {
				t.Errorf("found %+v, %v", k, err)
			}
			if err := f.Claim(Live{Name: "clicks"}, Command{}); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestOtherHost(t *testing.T) {
	f := newFolder(t)
	l := Live{Name: "clicks", Host: "elsewhere.example", PID: 1 << 30}
	if err := f.locked("clicks", func(dir string) error { return writeJSON(filepath.Join(dir, liveFile), l) }); err != nil {
		t.Fatal(err)
	}
	if k, err := f.Find("clicks"); err != nil || k.Live == nil || k.Live.IsHere() {
		t.Errorf("found %+v, %v", k, err)
	}
	if err := f.Claim(Live{Name: "clicks"}, Command{}); !errors.Is(err, ErrLive) || !strings.Contains(err.Error(), "elsewhere.example") {
		t.Errorf("got %v", err)
	}
}

func TestCheckName(t *testing.T) {
	for name, ok := range map[string]bool{
		"clicks": true, "Clicks_2.0-beta": true, "größe": true, "": false, ".hidden": false, "-x": false, "a/b": false, "..": false, "a b": false, "a\x00": false,
	} {
		if err := CheckName(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
		f := newFolder(t)
		if err := f.Claim(Live{Name: name}, Command{}); (err == nil) != ok {
			t.Errorf("claiming %q: %v", name, err)
		}
	}
}

func TestLog(t *testing.T) {
	f := newFolder(t)
	for _, text := range []string{"first", "second", "third"} {
		if err := f.Claim(Live{Name: "clicks"}, Command{}); err != nil {
			t.Fatal(err)
		}
		log, err := f.OpenLog("clicks")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := log.WriteString(text); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(log.Close(), f.Release("clicks", status.Job{})); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]string{f.LogOf("clicks"): "third", filepath.Join(f.PathOf("clicks"), oldLogFile): "second"} {
		if got, err := os.ReadFile(path); string(got) != want {
			t.Errorf("%s has %q, want %q: %v", path, got, want, err)
		}
	}
}
