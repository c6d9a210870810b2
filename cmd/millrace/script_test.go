package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/millrace/millrace/runner"
)

// TestMain makes this test binary several programs: called as millrace it is the command, called as trial a user's job.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "millrace":
		os.Exit(execute(os.Args[1:], os.Stdout, os.Stderr))
	case "trial":
		runner.Main(&trial{Rows: 10}, runner.Options{Attempts: 2})
	default:
		os.Exit(m.Run())
	}
}

// sandbox is a folder with the programs millrace and trial, and an environment without settings.
type sandbox struct {
	dir string
	env []string
}

func newSandbox(t *testing.T) *sandbox {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := &sandbox{dir: filepath.Join(dir, "work"), env: []string{
		"HOME=" + dir, "PATH=" + filepath.Join(dir, "bin") + ":" + os.Getenv("PATH"), "TZ=UTC", "MILLRACE_STATE_DIR=" + filepath.Join(dir, "state"),
		"MILLRACE_MASTER=local[3]", "MILLRACE_MEMORY=512m", "MILLRACE_SCRATCH=" + dir,
	}}
	for _, folder := range []string{"bin", "work"} {
		if err := os.Mkdir(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, link := range []string{"bin/millrace", "bin/trial", "work/trial"} {
		if err := os.Symlink(self, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// command returns a shell command in the sandbox.
func (s *sandbox) command(t *testing.T, line string) *exec.Cmd {
	t.Helper()
	c := exec.CommandContext(t.Context(), "sh", "-c", line)
	c.Dir, c.Env = s.dir, s.env
	return c
}

// run returns a command's output and exit code.
func (s *sandbox) run(t *testing.T, line string) (stdout, stderr string, code int) {
	t.Helper()
	c := s.command(t, line)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), c.ProcessState.ExitCode()
}

// TestScripts runs the shell commands in testdata, each file in a folder of its own. The output is stdout, then stderr behind a line that
// says so, then the exit code if it is not 0; what differs from run to run is replaced. Log lines are left out unless the command is "logs".
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		t.Helper()
		s := newSandbox(t)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			t.Helper()
			stdout, stderr, code := s.run(t, d.Input)
			if d.Cmd != "logs" {
				stderr = withoutLogs(stderr)
			}
			out := stdout
			if stderr != "" {
				out += "-- stderr\n" + stderr
			}
			if code != 0 {
				out += fmt.Sprintf("-- exit %d\n", code)
			}
			return s.normal(out)
		})
	})
}

func withoutLogs(text string) string {
	lines := slices.Collect(strings.Lines(text))
	lines = slices.DeleteFunc(lines, func(line string) bool { return strings.HasPrefix(line, "time=") })
	return strings.Join(lines, "")
}

var varying = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`[0-9]{8}-[0-9]{6}\.[0-9]{3}-[0-9a-f]{8}`), "RUN"},
	{regexp.MustCompile(`-[0-9]{8}-[0-9]{8}-[0-9]{6}_[0-9]{3}-[0-9a-f]{8}`), "-N-RUN"},
	{regexp.MustCompile(`(chk-|point |stop )[0-9]+`), "${1}N"},
	{regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9:]{8}(\.[0-9]+)?Z?`), "TIME"},
	{regexp.MustCompile(`(complete|failed) +[0-9.]+s`), "$1 SECONDS"},
	{regexp.MustCompile(`in [0-9.]+m?s, [0-9.]+ s of CPU, [0-9.]+ MiB`), "in WALL, CPU, MEMORY"},
	{regexp.MustCompile(`after [0-9.]+m?s`), "after WALL"},
	{regexp.MustCompile(`\.go:[0-9]+`), ".go:N"},
	{regexp.MustCompile(`(stage [0-9]+, [0-9]+ tasks?), [0-9.]+m?s +records in`), "$1, WALL  records in"},
	{regexp.MustCompile(`(?m)^(  \S.*  [0-9]+ +[0-9]+ +)[0-9.]+[kMGT]?$`), "${1}RATE"},
	{regexp.MustCompile(`(wall_s|cpu_s|peak_rss_bytes|busy_ns|per_second)("?[=:] ?)[0-9.e-]+`), "$1${2}N"},
	{regexp.MustCompile(`(?m)^ *"(idle|backpressured)_ns": [0-9]+,?\n`), ""},
	{regexp.MustCompile(`\.[0-9a-f]{16}\.tmp`), ".RANDOM.tmp"},
	{regexp.MustCompile(`process [0-9]+ on [^ ,]+`), "process PID on HOST"},
	{regexp.MustCompile(`process [0-9]+`), "process PID"},
}

// normal replaces what differs from run to run.
func (s *sandbox) normal(text string) string {
	text = strings.ReplaceAll(text, s.dir, "$WORK")
	text = strings.ReplaceAll(text, filepath.Dir(s.dir), "$HOME")
	for _, v := range varying {
		text = v.pattern.ReplaceAllString(text, v.instead)
	}
	return text
}
