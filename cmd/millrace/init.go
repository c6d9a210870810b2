package main

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/runner"
)

const module = "github.com/millrace/millrace"

//go:embed template
var templates embed.FS

func newInit() *cobra.Command {
	c := &cobra.Command{
		Use:   "init NAME",
		Short: "Write a Go module with a job and its test",
		Long: `Write a folder with a Go module: a job that works, and its test. NAME may be a module path, as example.com/etl/mycount; the
folder is called as its last element.`,
		Args: cobra.ExactArgs(1),
	}
	replace := c.Flags().String("replace", "", "`folder` of a checkout of Millrace to build against, instead of a released version")
	c.RunE = func(c *cobra.Command, args []string) error {
		p := project{Path: args[0], Name: filepath.Base(args[0])}
		if err := p.write(*replace); err != nil {
			return err
		}
		first := "go mod tidy && "
		if *replace != "" {
			first = ""
		}
		fmt.Fprintf(c.OutOrStdout(), "wrote %s: a job and its test. Next:\n  cd %s && %sgo test ./... && go build && ./%s --in '*.go' --out counts\n",
			p.Name, p.Name, first, p.Name)
		return nil
	}
	return c
}

// project is a module to be written.
type project struct{ Path, Name string }

var projectName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._~/-]*$`)

// write makes the module's folder. checkout is of Millrace; "": a released version is required.
func (p project) write(checkout string) error {
	if !projectName.MatchString(p.Path) {
		return &runner.UsageError{Err: fmt.Errorf("%q is no name for a Go module: letters, digits and . _ ~ - /", p.Path)}
	}
	files, err := p.moduleFiles(checkout)
	if err != nil {
		return err
	}
	for _, name := range []string{"main.go", "main_test.go"} {
		if files[name], err = p.fill(name); err != nil {
			return err
		}
	}
	files[".gitignore"] = []byte("/" + p.Name + "\n")
	if err := os.Mkdir(p.Name, 0o755); err != nil {
		if errors.Is(err, fs.ErrExist) {
			err = &runner.UsageError{Err: err}
		}
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(p.Name, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// fill returns a template's text with the project's name in it.
func (p project) fill(name string) ([]byte, error) {
	text, err := templates.ReadFile("template/" + name + ".txt")
	return bytes.ReplaceAll(text, []byte("NAME"), []byte(p.Name)), err
}

// moduleFiles returns go.mod, and for a checkout go.sum: what that requires, the new module requires too, so that nothing has to be fetched.
func (p project) moduleFiles(checkout string) (map[string][]byte, error) {
	var b bytes.Buffer
	if checkout == "" {
		fmt.Fprintf(&b, "module %s\n\ngo %s\n\nrequire %s %s\n", p.Path, goVersion(), module, release())
		return map[string][]byte{"go.mod": b.Bytes()}, nil
	}
	dir, err := filepath.Abs(checkout)
	if err != nil {
		return nil, err
	}
	theirs, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return nil, &runner.UsageError{Err: err}
	}
	sums, err := os.ReadFile(filepath.Join(dir, "go.sum"))
	if err != nil {
		return nil, &runner.UsageError{Err: err}
	}
	rest, ok := strings.CutPrefix(string(theirs), "module "+module+"\n")
	if !ok {
		return nil, &runner.UsageError{Err: fmt.Errorf("%s is no checkout of %s", dir, module)}
	}
	fmt.Fprintf(&b, "module %s\n%s\nrequire %s v0.0.0\n\nreplace %s => %s\n", p.Path, rest, module, module, dir)
	return map[string][]byte{"go.mod": b.Bytes(), "go.sum": sums}, nil
}

var released = regexp.MustCompile(`^v[0-9]+\.[0-9]+\.[0-9]+$`)

// goVersion is the language version of the Go that built this binary.
func goVersion() string {
	fields := strings.SplitN(strings.TrimPrefix(strings.Fields(runtime.Version())[0], "go"), ".", 3)
	return strings.Join(fields[:min(2, len(fields))], ".") + ".0"
}

// release is the version of the module that this binary is of, or the latest.
func release() string {
	if info, ok := debug.ReadBuildInfo(); ok && released.MatchString(info.Main.Version) {
		return info.Main.Version
	}
	if released.MatchString(version) {
		return version
	}
	return "latest"
}
