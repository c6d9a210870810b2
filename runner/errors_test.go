package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"github.com/millrace/millrace/checkpoint"
	"github.com/millrace/millrace/formats/compress"
	"github.com/millrace/millrace/internal/budget"
	"github.com/millrace/millrace/runner/control"
	"github.com/millrace/millrace/runner/task"
	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/vfs"
)

// What another attempt would meet as well ends a job, however often it may begin again.
func TestIsFinal(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"returned by the user's code":     {fmt.Errorf("x: %w", &stream.FinalError{Err: errors.New("x")}), true},
		"a full disk, returned by it":     {&stream.FinalError{Err: syscall.ENOSPC}, true},
		"HDFS away, returned by it":       {&stream.FinalError{Err: vfs.Unavailable(errors.New("x"))}, true},
		"panic":                           {fmt.Errorf("x: %w", &task.PanicError{Where: "Map", Value: 1}), true},
		"bad record":                      {&BadRecordError{Node: "Read"}, true},
		"mistake in the graph":            {&BuildError{errors.New("x")}, true},
		"damaged file":                    {&compress.Error{Err: errors.New("x")}, true},
		"state that does not fit":         {fmt.Errorf("x: %w", checkpoint.ErrMisfit), true},
		"missing file":                    {&fs.PathError{Op: "open", Path: "/x", Err: syscall.ENOENT}, true},
		"no permission":                   {fs.ErrPermission, true},
		"cancelled":                       {context.Canceled, true},
		"missing as HDFS is away":         {vfs.Unavailable(fs.ErrNotExist), false},
		"full disk":                       {&fs.PathError{Op: "write", Path: "/x", Err: syscall.ENOSPC}, false},
		"connection":                      {syscall.ECONNRESET, false},
		"time-out":                        {context.DeadlineExceeded, false},
		"memory":                          {&budget.ExceededError{}, false},
		"lost on the way between tasks":   {&control.LostError{Err: errors.New("x")}, false},
		"lost, as a file is not there":    {&control.LostError{Err: fs.ErrNotExist}, false},
		"anything else of the connectors": {errors.New("x"), false},
	} {
		if got := IsFinal(c.err); got != c.want {
			t.Errorf("%s: got %t, want %t", name, got, c.want)
		}
	}
}
