package lint

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// Package is one package of the module with its files that are no tests.
type Package struct {
	Path  string // relative to the module: "operator/join"; "." for the module's root
	Files []File
}

// File is what the checks need of one Go file.
type File struct {
	Path    string // relative to the module's folder
	Comment bool   // it carries the package comment
	Imports []Import
	Inits   []int // lines of its init functions
}

// Import is one import of a file.
type Import struct {
	Path string // of the package; ours begin with the module's path
	Name string // the local name, "_" for a blank import, "" for none
	Line int
}

// Module is a module's packages, ordered by path.
type Module struct {
	Path     string // as in go.mod
	Packages []Package
}

// listed is what go list tells about a package.
type listed struct {
	Dir, ImportPath, Name             string
	GoFiles, CgoFiles, IgnoredGoFiles []string
	Module                            struct{ Path, Dir string }
}

// Load reads all packages of the module in folder. It runs the go command, so it needs one, and takes about as long
// as go list. Packages that do not compile are read all the same; a file that cannot be parsed is an error.
func Load(ctx context.Context, folder string) (*Module, error) {
	command := exec.CommandContext(ctx, "go", "list", "-e", "-tags", "integration,invariants",
		"-json=Dir,ImportPath,Name,GoFiles,CgoFiles,IgnoredGoFiles,Module", "./...")
	command.Dir = folder
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("listing the packages of %s: %w\n%s", folder, err, stderr.Bytes())
	}

	module := &Module{}
	decoder := json.NewDecoder(bytes.NewReader(out))
	for {
		var l listed
		err := decoder.Decode(&l)
		if errors.Is(err, io.EOF) {
			return module, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading the output of go list: %w", err)
		}
		p, err := l.load()
		if err != nil {
			return nil, err
		}
		module.Path = l.Module.Path
		module.Packages = append(module.Packages, p)
	}
}

// load parses the package's files.
func (l *listed) load() (Package, error) {
	path := strings.TrimPrefix(strings.TrimPrefix(l.ImportPath, l.Module.Path), "/")
	if path == "" {
		path = "."
	}
	p := Package{Path: path}
	var names []string
	for _, files := range [][]string{l.GoFiles, l.CgoFiles, l.IgnoredGoFiles} {
		names = append(names, files...)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, packageName, err := parseFile(filepath.Join(l.Dir, name))
		if err != nil {
			return p, err
		}
		// A file of another package in the same folder is a program of its own, as a generator is.
		if l.Name != "" && packageName != l.Name {
			continue
		}
		file.Path = filepath.ToSlash(filepath.Join(path, name))
		p.Files = append(p.Files, file)
	}
	return p, nil
}

func parseFile(path string) (f File, packageName string, err error) {
	files := token.NewFileSet()
	syntax, err := parser.ParseFile(files, path, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return f, "", fmt.Errorf("parsing: %w", err)
	}
	f.Comment = syntax.Doc.Text() != ""
	for _, spec := range syntax.Imports {
		f.Imports = append(f.Imports, newImport(spec, files))
	}
	for _, declaration := range syntax.Decls {
		if fn, ok := declaration.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
			f.Inits = append(f.Inits, files.Position(fn.Pos()).Line)
		}
	}
	return f, syntax.Name.Name, nil
}

func newImport(spec *ast.ImportSpec, files *token.FileSet) Import {
	path, err := strconv.Unquote(spec.Path.Value)
	if err != nil { // the parser lets only string literals through
		panic(err)
	}
	i := Import{Path: path, Line: files.Position(spec.Pos()).Line}
	if spec.Name != nil {
		i.Name = spec.Name.Name
	}
	return i
}
