package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// sized is a thing and its lines.
type sized struct {
	name  string
	lines int
}

// tree is what was measured.
type tree struct {
	files, functions, packages []sized
	testLines, generatedLines  int
}

// measure reads all Go files in and below folder.
func measure(folder string) (*tree, error) {
	t := &tree{}
	inPackages := map[string]int{}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			if path != folder && foreign(path, entry.Name()) {
				return fs.SkipDir
			}
			return nil
		case !strings.HasSuffix(path, ".go"):
			return nil
		}
		lines, err := t.addFile(path)
		if lines > 0 {
			inPackages[filepath.Dir(path)] += lines
		}
		return err
	})
	for name, lines := range inPackages {
		t.packages = append(t.packages, sized{name, lines})
	}
	return t, err
}

// foreign says whether a folder holds no code of this module.
func foreign(path, name string) bool {
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" {
		return true
	}
	_, err := os.Stat(filepath.Join(path, "go.mod"))
	return err == nil
}

// addFile measures one file and its functions. It returns the lines that count for the package: none of a test or of a
// generated file.
func (t *tree) addFile(path string) (int, error) {
	files := token.NewFileSet()
	syntax, err := parser.ParseFile(files, path, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return 0, err
	}
	lines := files.File(syntax.Pos()).LineCount()
	switch {
	case strings.HasSuffix(path, "_test.go"):
		t.testLines += lines
		return 0, nil
	case ast.IsGenerated(syntax):
		t.generatedLines += lines
		return 0, nil
	}
	t.files = append(t.files, sized{path, lines})
	for _, declaration := range syntax.Decls {
		if fn, ok := declaration.(*ast.FuncDecl); ok {
			first, last := files.Position(fn.Pos()), files.Position(fn.End())
			name := fmt.Sprintf("%s:%d %s", path, first.Line, functionName(fn))
			t.functions = append(t.functions, sized{name, last.Line - first.Line + 1})
		}
	}
	return lines, nil
}

// functionName is F for a function and T.F for a method of T, T being without pointer and type parameters.
func functionName(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return fn.Name.Name
	}
	receiver := fn.Recv.List[0].Type
	for {
		switch r := receiver.(type) {
		case *ast.StarExpr:
			receiver = r.X
		case *ast.IndexExpr:
			receiver = r.X
		case *ast.IndexListExpr:
			receiver = r.X
		case *ast.Ident:
			return r.Name + "." + fn.Name.Name
		default:
			return fn.Name.Name
		}
	}
}
