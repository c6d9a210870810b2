package main

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/millrace/millrace/runner"
)

// engineFlags are the flags of a command that takes settings: one for each, --conf for any, and a file of many.
type engineFlags struct {
	flags *pflag.FlagSet
	conf  []string
	file  string
}

// hdfsSettings are what a command needs that only handles files.
var hdfsSettings = []string{"principal", "keytab", "hdfs-conf-dir", "hdfs-user", "hdfs-patience"}

// addEngineFlags adds flags for the settings of those names, or for all, to flags. They end at the first argument that is no flag.
func addEngineFlags(flags *pflag.FlagSet, names ...string) *engineFlags {
	e := &engineFlags{flags: flags}
	flags.SetInterspersed(len(names) > 0)
	flags.SortFlags = false
	flags.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if name == "checkpoints" { // the short way to say where they are
			name = "checkpoint-folder"
		}
		return pflag.NormalizedName(name)
	})
	for _, s := range runner.AllSettings() {
		if len(names) > 0 && !slices.Contains(names, s.Name) {
			continue
		}
		flags.VarPF(&flagValue{isSwitch: s.Alone == "true"}, s.Flag(), s.Short, s.Usage).NoOptDefVal = s.Alone
	}
	flags.StringArrayVarP(&e.conf, "conf", "D", nil, "any setting, as `name=value`; may be given again and again")
	flags.StringVar(&e.file, "properties-file", "", "`file` of settings, a line each: name=value or name value")
	return e
}

// flagValue is a setting's text as a pflag.Value; runner.Load reads it.
type flagValue struct {
	text     string
	isSwitch bool
}

// Set implements pflag.Value.
func (v *flagValue) Set(text string) error {
	v.text = text
	return nil
}

// String implements pflag.Value.
func (v *flagValue) String() string { return v.text }

// Type implements pflag.Value: help shows no value for a switch.
func (v *flagValue) Type() string {
	if v.isSwitch {
		return "bool"
	}
	return "string"
}

// load makes settings of the flags and all other sources.
func (e *engineFlags) load() (*runner.Settings, error) {
	from, err := e.sources()
	if err != nil {
		return nil, err
	}
	return runner.Load(from)
}

// sources returns what the flags say: a flag of its own wins over --conf, and both over the properties file.
func (e *engineFlags) sources() (runner.Sources, error) {
	from := runner.Sources{Flags: map[string]string{}, From: map[string]string{}}
	set := func(name, value, origin string) {
		from.Flags[name], from.From[name] = value, origin
	}
	if e.file != "" {
		if err := readProperties(e.file, set); err != nil {
			return from, &runner.UsageError{Err: err}
		}
	}
	for _, entry := range e.conf {
		name, value, ok := strings.Cut(entry, "=")
		if !ok {
			return from, &runner.UsageError{Err: fmt.Errorf("--conf %q is not name=value", entry)}
		}
		set(name, value, "flag --conf")
	}
	for _, s := range runner.AllSettings() {
		if f := e.flags.Lookup(s.Flag()); f != nil && f.Changed {
			set(s.Name, f.Value.String(), "flag --"+s.Flag())
		}
	}
	return from, nil
}

// readProperties reads lines of "name=value", "name: value" or "name value", as spark-submit's --properties-file has them. Empty lines and
// those that begin with # or ! say nothing.
func readProperties(path string, set func(name, value, origin string)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' || line[0] == '!' {
			continue
		}
		i := strings.IndexAny(line, "=: \t")
		if i < 0 {
			return fmt.Errorf("%s:%d: %q is not name=value", path, n, line)
		}
		value := strings.TrimSpace(strings.TrimLeft(strings.TrimSpace(line[i:]), "=:"))
		set(line[:i], value, fmt.Sprintf("file %s:%d", path, n))
	}
	return lines.Err()
}
