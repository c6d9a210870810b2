package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace/runner"
)

// process is a command at work.
type process struct {
	*exec.Cmd
	stderr bytes.Buffer // may be read after wait
	drain  sync.WaitGroup
}

// wait waits for the end and returns the exit code.
func (p *process) wait() int {
	p.drain.Wait()
	_ = p.Wait() // its error is the exit code
	return p.ProcessState.ExitCode()
}

// started runs a command until it says on stderr that its functions are at work.
func (s *sandbox) started(t *testing.T, name string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.CommandContext(t.Context(), filepath.Join(filepath.Dir(s.dir), "bin", name), args...)}
	p.Dir, p.Env = s.dir, s.env
	pipe, err := p.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(pipe)
	for line := ""; !strings.Contains(line, "at work"); {
		if line, err = lines.ReadString('\n'); err != nil {
			t.Fatalf("%v; it said %q", err, &p.stderr)
		}
		p.stderr.WriteString(line)
	}
	p.drain.Go(func() { // ends with the command
		_, _ = p.stderr.ReadFrom(lines)
	})
	return p
}

func TestSignals(t *testing.T) {
	for _, c := range []struct {
		name    string
		signals []syscall.Signal
		delay   string
		want    int
	}{
		{"interrupted", []syscall.Signal{syscall.SIGINT}, "2ms", 130},
		{"terminated", []syscall.Signal{syscall.SIGTERM}, "2ms", 143},
		{"stuck", []syscall.Signal{syscall.SIGINT, syscall.SIGTERM}, "1h", 143},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSandbox(t)
			cmd := s.started(t, "millrace", "submit", "./trial", "--rows", "100000000", "--delay", c.delay, "--out", "out")
			begin := time.Now()
			for _, signal := range c.signals {
				if err := cmd.Process.Signal(signal); err != nil {
					t.Fatal(err)
				}
				time.Sleep(200 * time.Millisecond) // two at once may arrive in any order
			}
			if got := cmd.wait(); got != c.want {
				t.Errorf("exit code %d, want %d: %s", got, c.want, &cmd.stderr)
			}
			if took := time.Since(begin); took > 10*time.Second {
				t.Errorf("it took %s to end", took)
			}
			if !strings.Contains(cmd.stderr.String(), "cancelling") {
				t.Errorf("it did not say that it cancels: %s", &cmd.stderr)
			}
			if files, _ := filepath.Glob(filepath.Join(s.dir, "out", "[!_.]*")); len(files) > 0 {
				t.Errorf("it left %s", files)
			}
		})
	}
}

// TestCancelLeavesNothing looks for what a cancelled job leaves besides its history.
func TestCancelLeavesNothing(t *testing.T) {
	s := newSandbox(t)
	cmd := s.started(t, "trial", "--rows", "100000000", "--delay", "1ms", "--out", "out")
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	cmd.wait()
	found, _, _ := s.run(t, "cd .. && find . -type f ! -path './state/*'")
	if found != "" {
		t.Errorf("it left\n%s", found)
	}
	past, _, _ := s.run(t, "millrace history")
	if !strings.Contains(past, "failed") || !strings.Contains(past, "interrupt") {
		t.Errorf("the history says %q; stderr: %s", past, &cmd.stderr)
	}
}

func TestPeakMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	for name, args := range map[string]string{
		"garbage of the user's": "--rows 20000 --garbage 100000",
		"groups that spill":     "--rows 1500000 --groups",
	} {
		t.Run(name, func(t *testing.T) {
			s := newSandbox(t)
			c := s.command(t, "exec millrace submit -p 2 --memory 96m ./trial --out out "+args)
			out, err := c.CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			usage, _ := c.ProcessState.SysUsage().(*syscall.Rusage)
			if got := usage.Maxrss >> 10; got > 96 {
				t.Errorf("%d MiB resident, 96 allowed: %s", got, out)
			}
			t.Logf("%d MiB: %s", usage.Maxrss>>10, out)
		})
	}
}

// TestFullDisk writes to a file system that is too small. It can be made only by root.
func TestFullDisk(t *testing.T) {
	s := newSandbox(t)
	disk := filepath.Join(s.dir, "disk")
	if err := os.Mkdir(disk, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("mounting a file system: %v", err)
	}
	defer func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	}()
	_, stderr, code := s.run(t, "millrace submit ./trial --rows 100 --out disk/out")
	if code != runner.ExitComplete {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	before, _, _ := s.run(t, "cat disk/out/part-*")
	_, stderr, code = s.run(t, "millrace submit ./trial --rows 1000000 --out disk/out2; code=$?; ls disk/out2/part-* >&2; exit $code")
	if code != runner.ExitSurroundings || !strings.Contains(stderr, "no space left on device") || !strings.Contains(stderr, "disk/out2") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	if after, _, _ := s.run(t, "cat disk/out/part-*"); after != before {
		t.Error("the old output has changed")
	}
	_, stderr, code = s.run(t, "millrace submit --state-dir disk/state ./trial --rows 100 --out ok && head -c 300000 /dev/zero >disk/fill; millrace submit --state-dir disk/state ./trial --rows 100 --out ok2")
	if code != runner.ExitComplete || !strings.Contains(stderr, "history") {
		t.Errorf("a job whose history finds no room: exit code %d: %s", code, stderr)
	}
}

// TestLogs looks at the forms and places of logs.
func TestLogs(t *testing.T) {
	s := newSandbox(t)
	_, stderr, code := s.run(t, "millrace submit --log-file logs/x.log --log-format json --log-level debug ./trial --rows 3 --out out")
	if code != 0 || strings.Contains(stderr, "job started") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	text, err := os.ReadFile(filepath.Join(s.dir, "logs", "x.log"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		var entry struct{ Msg, Job, Run string }
		if err := json.Unmarshal(line, &entry); err != nil || entry.Job != "trial" || entry.Run == "" || entry.Msg == "" {
			t.Errorf("%s: %v", line, err)
		}
	}
	_, stderr, code = s.run(t, "millrace submit --log-level error ./trial --rows 3 --out out2; millrace submit --log-file /nope/x ./trial")
	if code != runner.ExitComplete && code != runner.ExitUsage || strings.Contains(stderr, "level=INFO") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

// TestInit builds and tests the module that init writes, without a network.
func TestInit(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	s := newSandbox(t)
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH"} {
		value, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		s.env = append(s.env, name+"="+strings.TrimSpace(string(value)))
	}
	s.env = append(s.env, "GOPROXY=off", "GOFLAGS=-mod=readonly", "CGO_ENABLED=0")
	script := fmt.Sprintf("millrace init example.com/etl/mycount --replace %s && cd mycount && gofmt -l . && go vet ./... && go test ./... && go build && "+
		"echo a b a >in.txt && ./mycount --in in.txt --out out && cat out/part-* | sort", root)
	stdout, stderr, code := s.run(t, script)
	if code != 0 || !strings.HasSuffix(stdout, "a,2\nb,1\n") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	if _, stderr, code := s.run(t, "millrace init mycount"); code != runner.ExitUsage || !strings.Contains(stderr, "mycount") {
		t.Errorf("a folder that exists: exit code %d: %s", code, stderr)
	}
	if _, _, code := s.run(t, "millrace init 'my count'"); code != runner.ExitUsage {
		t.Errorf("a bad name: exit code %d", code)
	}
	if _, stderr, code := s.run(t, "millrace init other --replace ."); code != runner.ExitUsage {
		t.Errorf("no checkout: exit code %d: %s", code, stderr)
	}
	stdout, stderr, code = s.run(t, "millrace init released && cat released/go.mod")
	if code != 0 || !strings.Contains(stdout, "require github.com/millrace/millrace ") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
}
