package runner

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/hdfs"
	"github.com/millrace/millrace/internal/budget"
	"github.com/millrace/millrace/vfs"
	"github.com/millrace/millrace/vfs/local"
)

// Setting is one of the settings of a command that runs jobs. Its name is the configuration file's key, with dashes for dots the flag's and,
// in capitals and with underscores behind MILLRACE_, the environment variable's.
type Setting struct {
	Name  string
	Short string // the flag's letter; "": none
	Usage string // the value's name stands in backquotes
	Alone string // the value of a flag without one: "true" of a switch; "": it needs one

	value func() string // the default
	set   func(s *Settings, value string) error
}

// Default returns the value where nobody set one.
func (s Setting) Default() string { return s.value() }

// Variable returns the name of the setting's environment variable.
func (s Setting) Variable() string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(s.Flag(), "-", "_"))
}

// Flag returns the name of the setting's flag.
func (s Setting) Flag() string { return strings.ReplaceAll(s.Name, ".", "-") }

const variablePrefix = "MILLRACE_"

// Settings are how a command runs a job. Load makes them of defaults, code, file, environment and flags.
type Settings struct {
	Options     // how the engine runs it; Log and Progress are the command's to set, and Files unless the program has
	Cores   int // processors used at once; 0: all there are
	HDFS    hdfs.Options
	With    []string // files that the job finds by name in its working folder

	Explain string // text, json, dot: print the plan in that form and run nothing; "": run
	JSON    bool   // print the summary to stdout

	LogFormat   string // text, json
	LogFile     string // "": stderr
	LogLevel    slog.Level
	StateDir    string
	HistoryDays int // how long histories of runs are kept

	values []Value
}

// Value is a setting as it came to be.
type Value struct {
	Name, Value string
	Origin      string // "default", "code", "file /etc/millrace/millrace.yaml", "environment MILLRACE_MEMORY", "flag"
}

// Values returns all settings, in the order of AllSettings.
func (s *Settings) Values() []Value { return slices.Clone(s.values) }

// AllSettings returns the settings there are, in the order in which help lists them.
func AllSettings() []Setting {
	none := func() string { return "" }
	fixed := func(v string) func() string { return func() string { return v } }
	return slices.Concat([]Setting{
		{"parallelism", "p", "`tasks` of a stage that run at once; 0: the cores of --master", "", fixed("0"), number(func(s *Settings) *int { return &s.Parallelism }, 0)},
		{"memory", "", "limit of the whole process, a `size`: 512m, 4g", "", memoryDefault, (*Settings).setMemory},
		{"master", "", "`where` it runs: local (this machine, all cores), local[4]", "", fixed("local"), (*Settings).setMaster},
		{"name", "", "the job's `name` in logs and history; default: the job's own", "", none, text(func(s *Settings) *string { return &s.Name })},
		{"files", "", "comma-separated `files` which the job finds by name in its working folder", "", none, list(func(s *Settings) *[]string { return &s.With })},
		{"scratch", "", "`folder` for data that does not fit into memory", "", os.TempDir, text(func(s *Settings) *string { return &s.Scratch })},
		{"broadcast", "", "a join's side of at most this `size` is sent to all tasks", "", fixed("16m"), size(func(s *Settings) *int64 { return &s.Broadcast })},
		{"pipelined", "", "exchanges flow instead of being complete before they are read", "true", fixed("false"), boolean(func(s *Settings) *bool { return &s.Pipelined })},
		{"attempts", "", "how many `times` a task is tried", "", fixed("3"), number(func(s *Settings) *int { return &s.Attempts }, 1)},
		{"principal", "", "Kerberos `name@REALM`, whose key is in --keytab; without one the ticket cache is used", "", none, text(func(s *Settings) *string { return &s.HDFS.Principal })},
		{"keytab", "", "`file` with the key of --principal", "", none, text(func(s *Settings) *string { return &s.HDFS.Keytab })},
		{"hdfs-conf-dir", "", "`folder` of core-site.xml and hdfs-site.xml", "", variable("HADOOP_CONF_DIR"), text(func(s *Settings) *string { return &s.HDFS.ConfDir })},
		{"hdfs-user", "", "the `user` on an HDFS without Kerberos", "", variable("HADOOP_USER_NAME"), text(func(s *Settings) *string { return &s.HDFS.User })},
		{"hdfs-patience", "", "how `long` an unreachable HDFS is waited for", "", fixed("1m"), duration(func(s *Settings) *time.Duration { return &s.HDFS.Patience })},
		{"explain", "", "print the logical graph and the physical plan in this `form`, text, json or dot; run nothing", "text", none, oneOf(func(s *Settings) *string { return &s.Explain }, "", "text", "json", "dot")},
		{"complete", "", "publish what the `run` of that id prepared and could not publish; run nothing else", "", none, text(func(s *Settings) *string { return &s.Complete })},
		{"json", "", "print the summary to stdout, as JSON", "true", fixed("false"), boolean(func(s *Settings) *bool { return &s.JSON })},
		{"log-format", "", "`form` of logs: text, json", "", fixed("text"), oneOf(func(s *Settings) *string { return &s.LogFormat }, "text", "json")},
		{"log-file", "", "`file` that logs are added to; default: stderr", "", none, text(func(s *Settings) *string { return &s.LogFile })},
		{"log-level", "", "the least `level` of logs: debug, info, warn, error", "", fixed("info"), (*Settings).setLogLevel},
		{"state-dir", "", "`folder` for the history of runs, what is known of those at work, and their checkpoints", "", stateDir, text(func(s *Settings) *string { return &s.StateDir })},
		{"history-days", "", "`days` for which the history of a run is kept", "", fixed("30"), number(func(s *Settings) *int { return &s.HistoryDays }, 0)},
	}, streamingSettings())
}

func variable(name string) func() string { return func() string { return os.Getenv(name) } }

func memoryDefault() string { return strconv.FormatInt(defaultMemory()>>20, 10) + "m" }

// stateDir is where the XDG base directory specification puts what outlives a run and is nobody's configuration.
func stateDir() string {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "millrace")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return filepath.Join(os.TempDir(), "millrace")
	}
	return filepath.Join(home, ".local", "state", "millrace")
}

func (s *Settings) setMemory(value string) error {
	n, err := budget.ParseSize(value)
	if err == nil && n < leastMemory {
		err = fmt.Errorf("%s is less than the %s that an engine needs", value, budget.FormatSize(leastMemory))
	}
	s.Memory = n
	return err
}

// leastMemory is what a process needs before it has done anything, and as much again to work with.
const leastMemory = 64 << 20

var localMaster = regexp.MustCompile(`^local(?:\[(\*|[1-9][0-9]*)\])?$`)

func (s *Settings) setMaster(value string) error {
	m := localMaster.FindStringSubmatch(value)
	if m == nil {
		return fmt.Errorf("unknown master %q; this version knows local, local[4] and local[*]", value)
	}
	s.Cores = 0
	if m[1] != "" && m[1] != "*" {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			return fmt.Errorf("%s: %w", value, err)
		}
		s.Cores = n
	}
	return nil
}

func (s *Settings) setLogLevel(value string) error {
	if err := s.LogLevel.UnmarshalText([]byte(value)); err != nil {
		return fmt.Errorf("unknown level %q; levels are debug, info, warn, error", value)
	}
	return nil
}

// derive fills in what depends on several settings.
func (s *Settings) derive() error {
	if s.Parallelism == 0 && s.Cores > 0 {
		s.Parallelism = s.Cores
	}
	if s.Parallelism == 0 {
		s.Parallelism = runtime.GOMAXPROCS(0)
	}
	s.show("parallelism", strconv.Itoa(s.Parallelism))
	s.HDFS.SpoolDir = s.Scratch
	if err := s.deriveStreaming(); err != nil {
		return &UsageError{err}
	}
	if len(s.With) > 0 {
		if err := s.absolute(); err != nil {
			return &UsageError{err}
		}
	}
	if err := s.HDFS.Validate(); err != nil {
		return &UsageError{err}
	}
	return nil
}

// absolute makes paths independent of the working folder.
func (s *Settings) absolute() error {
	for _, p := range []*string{&s.Scratch, &s.StateDir, &s.HDFS.Keytab, &s.HDFS.ConfDir, &s.HDFS.SpoolDir} {
		if *p == "" {
			continue
		}
		abs, err := filepath.Abs(*p)
		if err != nil {
			return err
		}
		*p = abs
	}
	return nil
}

// openFiles returns the file systems of a run: those of the program that calls Main, if it has some. Of others, relative paths are taken against
// the folder that is the working folder now.
func (s *Settings) openFiles() (*vfs.Resolver, error) {
	if s.Files != nil {
		return s.Files, nil
	}
	if len(s.With) == 0 {
		return NewFiles(s.HDFS), nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	return newFiles(s.HDFS, func(ctx context.Context, authority string) (vfs.FileSystem, error) {
		fsys, err := local.Open(ctx, authority)
		return rooted{fsys, dir}, err
	}), nil
}

// show replaces a setting's value by what came of it.
func (s *Settings) show(name, value string) {
	for i := range s.values {
		if s.values[i].Name == name {
			s.values[i].Value = value
		}
	}
}

// The kinds of settings: each returns a function that reads a value's text into a field.

func text(field func(*Settings) *string) func(*Settings, string) error {
	return func(s *Settings, v string) error {
		*field(s) = v
		return nil
	}
}

func list(field func(*Settings) *[]string) func(*Settings, string) error {
	return func(s *Settings, v string) error {
		*field(s) = strings.FieldsFunc(v, func(r rune) bool { return r == ',' })
		return nil
	}
}

func oneOf[T ~string](field func(*Settings) *T, values ...T) func(*Settings, string) error {
	return func(s *Settings, v string) error {
		if !slices.Contains(values, T(v)) {
			var names []string
			for _, name := range values {
				names = append(names, string(name))
			}
			return fmt.Errorf("%q is none of %s", v, strings.TrimPrefix(strings.Join(names, ", "), ", "))
		}
		*field(s) = T(v)
		return nil
	}
}

func number(field func(*Settings) *int, least int) func(*Settings, string) error {
	return func(s *Settings, v string) error {
		n, err := strconv.Atoi(v)
		if err != nil || n < least {
			return fmt.Errorf("%q is not a whole number of at least %d", v, least)
		}
		*field(s) = n
		return nil
	}
}

func size(field func(*Settings) *int64) func(*Settings, string) error {
	return func(s *Settings, v string) error {
		n, err := budget.ParseSize(v)
		*field(s) = n
		return err
	}
}

func boolean(field func(*Settings) *bool) func(*Settings, string) error {
	return func(s *Settings, v string) error {
		b, err := strconv.ParseBool(v)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", v)
		}
		*field(s) = b
		return nil
	}
}

func duration(field func(*Settings) *time.Duration) func(*Settings, string) error {
	return func(s *Settings, v string) error {
		d, err := time.ParseDuration(v)
		if err != nil || d < 0 {
			return fmt.Errorf("%q is not a duration; write 90s, 2m", v)
		}
		*field(s) = d
		return nil
	}
}
