package lint

import (
	"fmt"
	"strings"
)

// Check compares a module's imports with the table. It returns a line of text for each package that has no line, each
// import that its package's line does not permit, each import of a test package by one that is none, and each
// import of a foreign module that is for others. None is right.
func (t *Table) Check(m *Module) []string {
	var problems []string
	for _, p := range m.Packages {
		if len(p.Files) == 0 { // nothing but tests, which may import what they like
			continue
		}
		l := t.find(p.Path)
		if l == nil {
			problems = append(problems, fmt.Sprintf("%s: package %s has no line in layers.txt", p.Files[0].Path, p.Path))
			continue
		}
		for _, file := range p.Files {
			for _, i := range file.Imports {
				if reason := t.objection(l, p.Path, i.Path, m.Path); reason != "" {
					problems = append(problems, fmt.Sprintf("%s:%d: %s imports %s: %s", file.Path, i.Line, p.Path, i.Path, reason))
				}
			}
		}
	}
	return problems
}

// objection says what is wrong with an import by package from, whose line is l; empty if nothing is.
func (t *Table) objection(l *layer, from, path, module string) string {
	name, ours := strings.CutPrefix(path, module+"/")
	if !ours {
		return t.foreignObjection(l, from, path)
	}
	if target := t.find(name); target != nil && target.testOnly && !l.testOnly {
		return "it serves tests only"
	}
	if !l.allows(name) {
		return fmt.Sprintf("its line in layers.txt permits %s", orNothing(l.imports))
	}
	return ""
}

func (t *Table) foreignObjection(l *layer, from, path string) string {
	for _, m := range t.modules {
		if !fits(m.path+"/...", path) || l.testOnly {
			continue
		}
		permitted := false
		for _, pattern := range m.importers {
			permitted = permitted || fits(pattern, from)
		}
		if !permitted {
			return "layers.txt keeps this module for " + strings.Join(append([]string{"tests"}, m.importers...), " ")
		}
	}
	return ""
}

func orNothing(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, " ")
}

// CheckFiles finds what no file of ours has: an init function, a blank import but that of embed, an import of package
// log; and packages without a comment. It returns a line of text for each.
func CheckFiles(m *Module) []string {
	var problems []string
	for _, p := range m.Packages {
		commented := false
		for _, file := range p.Files {
			commented = commented || file.Comment
			problems = append(problems, file.check()...)
		}
		if len(p.Files) > 0 && !commented {
			problems = append(problems, fmt.Sprintf("%s: package %s has no comment", p.Files[0].Path, p.Path))
		}
	}
	return problems
}

func (f *File) check() []string {
	var problems []string
	for _, line := range f.Inits {
		problems = append(problems, fmt.Sprintf("%s:%d: an init function: nothing happens by being imported; call it by name", f.Path, line))
	}
	for _, i := range f.Imports {
		switch {
		case i.Name == "_" && i.Path != "embed":
			problems = append(problems, fmt.Sprintf("%s:%d: a blank import of %s: name what is used", f.Path, i.Line, i.Path))
		case i.Path == "log":
			problems = append(problems, fmt.Sprintf("%s:%d: an import of log: take a *slog.Logger", f.Path, i.Line))
		}
	}
	return problems
}
