package runner

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/millrace/millrace/checkpoint"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/state/heap"
	"github.com/millrace/millrace/state/lsm"
)

// nativeReader reads what back ends have saved in files of their own. Those of lsm it copies to a local folder, which dir names. What has
// lived longer than it may by the clock is left out.
func nativeReader(dir func() string, clock func() time.Time) checkpoint.NativeReader {
	return func(ctx context.Context, files []state.File, groups state.Groups) (state.Frozen, error) {
		if len(files) > 0 && heap.IsFile(files[0].Name) {
			return heap.OpenFiles(ctx, heap.Source{Files: files, Groups: groups, Clock: clock})
		}
		to := dir()
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return nil, err
		}
		return lsm.OpenFiles(ctx, lsm.Source{Files: files, Groups: groups, Clock: clock, Dir: to})
	}
}

// inspectDir names a folder for the files of lsm that are looked at. It goes when they have been.
func inspectDir() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("millrace-inspect-%016x", rand.Uint64())) //nolint:gosec // a name
}
