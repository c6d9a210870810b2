package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
	"unicode"

	"github.com/millrace/millrace/runner/status"
)

// Folder is the folder of the jobs of one user: a folder for each job's name.
type Folder struct{ Dir string }

// The files of a job's folder.
const (
	liveFile    = "live.json"
	lastFile    = "last.json"
	commandFile = "command.json"
	lockFile    = "lock"
	logFile     = "log"
	oldLogFile  = "log.old"
)

// Live says where a job that is at work is to be found.
type Live struct {
	Name         string    `json:"name"`
	RunID        string    `json:"run_id"`
	Address      string    `json:"address"`
	Token        string    `json:"token"`
	Started      time.Time `json:"started"`
	Host         string    `json:"host"`
	PID          int       `json:"pid"`
	ProcessStart string    `json:"process_start"` // tells the process from a later one with its number
}

// Client returns a client of the job.
func (l *Live) Client() *Client { return NewClient(l.Address, l.Token) }

// IsHere says whether the job's process is on this machine.
func (l *Live) IsHere() bool { return l.Host == hostname() }

// IsAlive says whether the job's process is still there. Of another machine's processes nothing is known: they are taken to be.
func (l *Live) IsAlive() bool { return !l.IsHere() || processStart(l.PID) == l.ProcessStart }

// hostname names the machine; "" where that is not known.
func hostname() string {
	name, _ := os.Hostname()
	return name
}

// Command is how a job's process was started.
type Command struct {
	Path string   `json:"path"`
	Args []string `json:"args"` // without the program's name
	Dir  string   `json:"dir"`
	Env  []string `json:"env"` // the settings of flags and environment
}

// Known is what a job's folder has.
type Known struct {
	Name string
	Live *Live       // nil: it is not at work
	Last *status.Job // what it told last; nil: it has never ended
}

// RunID is of the job that is at work, or of the one that has ended.
func (k Known) RunID() string {
	if k.Live != nil {
		return k.Live.RunID
	}
	return k.Last.RunID
}

// ErrLive is returned for the name of a job that is at work.
var ErrLive = errors.New("a job of that name is at work")

// ErrName is returned for what is no name for a job.
var ErrName = errors.New("a job's name begins with a letter, a digit or _, and has only these and - and . in it")

// CheckName refuses, with ErrName, names that no folder can have.
func CheckName(name string) error {
	for i, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && (i == 0 || r != '-' && r != '.') {
			return fmt.Errorf("%q: %w", name, ErrName)
		}
	}
	if name == "" {
		return fmt.Errorf("the job has no name: %w", ErrName)
	}
	return nil
}

// PathOf returns the folder of a job.
func (f Folder) PathOf(name string) string { return filepath.Join(f.Dir, name) }

// LogOf returns the path of the log of a job in the background. There is no such file when the last job of that name was in the foreground.
func (f Folder) LogOf(name string) string { return filepath.Join(f.Dir, name, logFile) }

// Claim makes a job of this process the one of its name; l's Host, PID and ProcessStart are filled in. ErrLive: there is another one at work. A
// process that has gone without a word is noted as failed.
func (f Folder) Claim(l Live, c Command) error {
	if err := CheckName(l.Name); err != nil {
		return err
	}
	l.Host, l.PID = hostname(), os.Getpid()
	l.ProcessStart = processStart(l.PID)
	return f.locked(l.Name, func(dir string) error {
		other, err := f.live(l.Name)
		if err != nil {
			return err
		}
		if other != nil {
			return fmt.Errorf("%w: %s is process %d on %s since %s", ErrLive, l.Name, other.PID, other.Host, other.Started.Format(time.DateTime))
		}
		if err := os.Rename(filepath.Join(dir, logFile), filepath.Join(dir, oldLogFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := writeJSON(filepath.Join(dir, commandFile), c); err != nil {
			return err
		}
		return writeJSON(filepath.Join(dir, liveFile), l)
	})
}

// Release says that the job of that name, which this process has claimed, has ended, and what it told last.
func (f Folder) Release(name string, last status.Job) error {
	return f.locked(name, func(dir string) error {
		last.Normalise()
		err := writeJSON(filepath.Join(dir, lastFile), last)
		return errors.Join(err, remove(filepath.Join(dir, liveFile)))
	})
}

// Find returns what is known of the job of that name. fs.ErrNotExist: nothing.
func (f Folder) Find(name string) (k Known, err error) {
	if CheckName(name) != nil {
		return k, fmt.Errorf("a job %q: %w", name, fs.ErrNotExist)
	}
	if _, err := os.Stat(f.PathOf(name)); err != nil {
		return k, err
	}
	k.Name = name
	err = f.locked(name, func(dir string) (err error) {
		if k.Live, err = f.live(name); err != nil {
			return err
		}
		last := status.Job{}
		ok, err := readJSON(filepath.Join(dir, lastFile), &last)
		if ok {
			k.Last = &last
		}
		return err
	})
	if err == nil && k.Live == nil && k.Last == nil {
		err = fmt.Errorf("a job %q: %w", name, fs.ErrNotExist)
	}
	return k, err
}

// List returns all jobs that are known, sorted by name: those at work, and those that have ended, until they are pruned.
func (f Folder) List() ([]Known, error) {
	entries, err := os.ReadDir(f.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var all []Known
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		k, err := f.Find(e.Name())
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, k)
	}
	return all, nil
}

// CommandOf returns how the last job of that name was started. fs.ErrNotExist: there was none.
func (f Folder) CommandOf(name string) (c Command, err error) {
	path := filepath.Join(f.PathOf(name), commandFile)
	ok, err := readJSON(path, &c)
	if err == nil && !ok {
		err = &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	return c, err
}

// OpenLog makes a log for the job of this process, which has claimed the name and goes to the background. The log of the job before is kept as
// log.old since then.
func (f Folder) OpenLog(name string) (*os.File, error) {
	return os.OpenFile(f.LogOf(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}

// Prune removes what is known of jobs that ended before the time.
func (f Folder) Prune(before time.Time) error {
	all, err := f.List()
	for _, k := range all {
		if k.Live == nil && k.Last.Since.Before(before) {
			err = errors.Join(err, os.RemoveAll(f.PathOf(k.Name)))
		}
	}
	return err
}

// live returns where the job of that name is, nil if it is not at work. It cleans up after a process that has gone. The folder is locked.
func (f Folder) live(name string) (*Live, error) {
	path := filepath.Join(f.PathOf(name), liveFile)
	l := &Live{}
	ok, err := readJSON(path, l)
	if err != nil || !ok {
		return nil, err
	}
	if l.IsAlive() {
		return l, nil
	}
	last := status.Job{Name: l.Name, RunID: l.RunID, State: status.Failed, Started: l.Started, Since: time.Now(), Error: fmt.Sprintf("process %d has ended without a word", l.PID)}
	last.Process.PID, last.Process.Host = l.PID, l.Host
	last.Normalise()
	err = writeJSON(filepath.Join(f.PathOf(name), lastFile), last)
	return nil, errors.Join(err, remove(path))
}

// locked calls do with the folder of a job, which it makes, while no other process changes it.
func (f Folder) locked(name string, do func(dir string) error) error {
	dir := f.PathOf(name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	lock, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }() // which unlocks it; nothing is written to it
	for {
		err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("locking %s: %w", lock.Name(), err)
	}
	return do(dir)
}

// writeJSON replaces a file by one that has v, readable for its owner only. At no time is there half of it.
func writeJSON(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	temporary := path + ".tmp" // the folder is locked: nobody else writes it
	if err := remove(temporary); err != nil {
		return err
	}
	file, err := os.OpenFile(temporary, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(append(text, '\n'))
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}

// readJSON reads a file into v; ok is false when there is none.
func readJSON(path string, v any) (ok bool, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		return false, fmt.Errorf("reading %s: %w", path, err)
	}
	return true, nil
}

// remove removes a file that may not be there.
func remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
