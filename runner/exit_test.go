package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/hdfs"
	"github.com/millrace/millrace/runner/task"
	"github.com/millrace/millrace/vfs"
)

func TestExitCode(t *testing.T) {
	full := &fs.PathError{Op: "write", Path: "/x", Err: syscall.ENOSPC}
	for name, c := range map[string]struct {
		err  error
		want int
	}{
		"none":                           {nil, 0},
		"missing input":                  {&fs.PathError{Op: "open", Path: "/x", Err: syscall.ENOENT}, 1},
		"no permission":                  {fs.ErrPermission, 1},
		"panic":                          {&task.PanicError{Where: "Map", Value: 1}, 1},
		"panic with a full disk":         {errors.Join(&task.PanicError{Where: "Map", Value: 1}, full), 1},
		"bad record":                     {&BadRecordError{Node: "Read", Err: errors.New("limit")}, 1},
		"anything else":                  {errors.New("x"), 1},
		"usage":                          {&UsageError{errors.New("x")}, 2},
		"build":                          {fmt.Errorf("x: %w", &BuildError{errors.New("x")}), 2},
		"scheme":                         {vfs.PathError("open", "s3://x", vfs.ErrScheme), 2},
		"settings":                       {fmt.Errorf("x: %w", &connectors.SettingsError{Err: errors.New("no such topic")}), 2},
		"ticket":                         {fmt.Errorf("x: %w", hdfs.ErrAuthentication), 2},
		"full disk":                      {full, 3},
		"full disk, joined":              {errors.Join(errors.New("x"), full), 3},
		"I/O":                            {syscall.EIO, 3},
		"unavailable":                    {vfs.Unavailable(errors.New("x")), 3},
		"unavailable as it was missing":  {vfs.Unavailable(fs.ErrNotExist), 3},
		"timed out":                      {os.ErrDeadlineExceeded, 3},
		"unknown host":                   {&net.DNSError{Name: "nn"}, 3},
		"interrupted":                    {&SignalError{syscall.SIGINT}, 130},
		"terminated":                     {fmt.Errorf("x: %w", &SignalError{syscall.SIGTERM}), 143},
		"cancelled by the embedding one": {context.Canceled, 1},
	} {
		if got := ExitCode(c.err); got != c.want {
			t.Errorf("%s: got %d, want %d", name, got, c.want)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"memory", "master", "name", "parallelism"}
	for name, want := range map[string]string{"memroy": "memory", "mem": "memory", "nam": "name", "paralelism": "parallelism", "": "name", "Master": "master"} {
		if got := Nearest(name, known); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
	if got := Nearest("x", nil); got != "" {
		t.Errorf("of none: got %q", got)
	}
}

func TestMask(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"in", "books", "books"},
		{"password", "x", masked},
		{"db_password", "x", masked},
		{"--api-key", "x", masked},
		{"AccessToken", "x", masked},
		{"password", "", ""},
		{"keytab", "/etc/me.keytab", "/etc/me.keytab"},
		{"url", "https://me:geheim@host/x", "https://me:" + masked + "@host/x"},
		{"url", "https://me@host/x", "https://me@host/x"},
		{"mail", "me@host", "me@host"},
		{"in", "hdfs://nn/a@b", "hdfs://nn/a@b"},
	} {
		if got := mask(c.name, c.value); got != c.want {
			t.Errorf("%s=%s: got %s, want %s", c.name, c.value, got, c.want)
		}
	}
}
