package lsm

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/millrace/millrace/internal/budget"
)

// The memory of a store: a half is Pebble's block cache, a quarter its two tables of recent writes, a quarter the store's own cache.
const (
	defaultMemory = 64 << 20
	leastMemory   = 4 << 20

	maxMemTable       = 16 << 20
	maxNativeMemTable = 8 << 20 // the log is copied with each checkpoint
)

// grant takes memory from an account: as much as asked for, or half as often as need be.
func grant(acct *budget.Account, bytes int64) (int64, error) {
	if bytes <= 0 {
		bytes = defaultMemory
	}
	for ; bytes >= 2*leastMemory; bytes /= 2 {
		if acct.TryGrow(bytes) {
			return bytes, nil
		}
	}
	if err := acct.Grow(leastMemory); err != nil {
		return 0, fmt.Errorf("opening keyed state on disk: %w", err)
	}
	return leastMemory, nil
}

// options returns Pebble's settings for that much memory. The caller drops the cache.
func options(bytes int64, native bool) *pebble.Options {
	mem := min(bytes/8, maxMemTable)
	if native {
		mem = min(mem, maxNativeMemTable)
	}
	o := &pebble.Options{
		FS:                          scratchFS{vfs.Default},
		Cache:                       pebble.NewCache(bytes / 2),
		MemTableSize:                uint64(mem),
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       24,
		LBaseMaxBytes:               4 * mem,
		DisableWAL:                  !native,
		FormatMajorVersion:          pebble.FormatNewest,
		Logger:                      silent{},
		MaxOpenFiles:                500,
	}
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	return o
}

// silent drops Pebble's messages: errors come back from calls.
type silent struct{}

// Infof does nothing.
func (silent) Infof(string, ...any) {}

// Errorf does nothing.
func (silent) Errorf(string, ...any) {}

// Fatalf panics: Pebble cannot go on, and the task ends.
func (silent) Fatalf(format string, args ...any) { panic("lsm: " + fmt.Sprintf(format, args...)) }

// scratchFS is a file system on which nothing is synced: what is on it does not outlive the process.
type scratchFS struct{ vfs.FS }

// Create makes a file.
func (f scratchFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return scratch(f.FS.Create(name, category))
}

// ReuseForWrite makes a file of an old one.
func (f scratchFS) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return scratch(f.FS.ReuseForWrite(oldname, newname, category))
}

// OpenReadWrite opens a file.
func (f scratchFS) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	return scratch(f.FS.OpenReadWrite(name, category, opts...))
}

// OpenDir opens a folder.
func (f scratchFS) OpenDir(name string) (vfs.File, error) { return scratch(f.FS.OpenDir(name)) }

// Unwrap returns the file system below.
func (f scratchFS) Unwrap() vfs.FS { return f.FS }

func scratch(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return scratchFile{f}, nil
}

// scratchFile is a file that is not synced.
type scratchFile struct{ vfs.File }

// Sync does nothing.
func (scratchFile) Sync() error { return nil }

// SyncData does nothing.
func (scratchFile) SyncData() error { return nil }

// SyncTo does nothing.
func (scratchFile) SyncTo(int64) (fullSync bool, err error) { return true, nil }

// Preallocate does nothing: it would be for the syncs.
func (scratchFile) Preallocate(_, _ int64) error { return nil }
