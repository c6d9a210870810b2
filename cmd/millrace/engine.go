package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/runner"
)

// engineFlags are the flags of a command that takes settings: one for each, --conf for any, and a file of many.
type engineFlags struct {
	command *cobra.Command
	conf    []string
	file    string
}

// addEngineFlags adds the flags of all settings to a command. They end at the first argument that is no flag.
func addEngineFlags(c *cobra.Command) *engineFlags {
	e := &engineFlags{command: c}
	f := c.Flags()
	f.SetInterspersed(false)
	f.SortFlags = false
	for _, s := range runner.AllSettings() {
		f.StringP(s.Name, s.Short, "", s.Usage)
		f.Lookup(s.Name).NoOptDefVal = s.Alone
	}
	f.StringArrayVarP(&e.conf, "conf", "D", nil, "any setting, as `name=value`; may be given again and again")
	f.StringVar(&e.file, "properties-file", "", "`file` of settings, a line each: name=value or name value")
	return e
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
		if f := e.command.Flags().Lookup(s.Name); f.Changed {
			set(s.Name, f.Value.String(), "flag --"+s.Name)
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
