package lint

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Table is the layer table: what each package of the module may import. Package paths are relative to the module.
type Table struct {
	layers  []layer
	modules []moduleRule
}

// layer is one line of the table.
type layer struct {
	pattern  string   // a package, or FOLDER/... for all in and below it
	imports  []string // patterns in the order of the line; the last that fits an import decides
	testOnly bool
}

// moduleRule is one module line: packages whose paths begin with path are for importers and for tests only.
type moduleRule struct {
	path      string
	importers []string
}

// ParseTable reads a layer table. The error names the line that is wrong: no colon, a package twice, an import
// without a line of its own, or lines that make a cycle.
func ParseTable(r io.Reader) (*Table, error) {
	t := &Table{}
	scanner := bufio.NewScanner(r)
	for n := 1; scanner.Scan(); n++ {
		line := strings.TrimSpace(scanner.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if err := t.add(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	if err := scanner.Err(); err != nil {
		return nil, err
	}
	if err := t.checkNames(); err != nil {
		return nil, err
	}
	return t, t.checkCycles()
}

func (t *Table) add(line string) error {
	head, tail, found := strings.Cut(line, ":")
	if !found {
		return fmt.Errorf("%q has no colon after the package", line)
	}
	words := strings.Fields(head)
	rights := strings.Fields(tail)
	switch {
	case len(words) == 2 && words[0] == "module":
		t.modules = append(t.modules, moduleRule{path: words[1], importers: rights})
		return nil
	case len(words) == 2 && words[0] == "test", len(words) == 1:
		name := words[len(words)-1]
		if slices.ContainsFunc(t.layers, func(l layer) bool { return l.pattern == name }) {
			return fmt.Errorf("%s has a line already", name)
		}
		t.layers = append(t.layers, layer{pattern: name, imports: rights, testOnly: len(words) == 2})
		return nil
	default:
		return fmt.Errorf("%q is not a package, test PACKAGE or module PATH", head)
	}
}

// checkNames finds imports that no line stands for: a slip of the pen, or a line taken away.
func (t *Table) checkNames() error {
	for _, l := range t.layers {
		for _, name := range l.imports {
			if name = strings.TrimPrefix(name, "-"); !t.knows(name) {
				return fmt.Errorf("%s may import %s, which has no line", l.pattern, name)
			}
		}
	}
	for _, m := range t.modules {
		for _, name := range m.importers {
			if !t.knows(name) {
				return fmt.Errorf("module %s is for %s, which has no line", m.path, name)
			}
		}
	}
	return nil
}

// find returns the line for a package: its own, or that of the longest pattern it fits. Nil if there is none.
func (t *Table) find(name string) *layer {
	var best *layer
	for i := range t.layers {
		l := &t.layers[i]
		if l.pattern == name {
			return l
		}
		if fits(l.pattern, name) && (best == nil || len(l.pattern) > len(best.pattern)) {
			best = l
		}
	}
	return best
}

// knows says whether a pattern means anything: a line stands for it, or one for a package below the folder it names.
func (t *Table) knows(pattern string) bool {
	return t.find(pattern) != nil || slices.ContainsFunc(t.layers, func(l layer) bool { return fits(pattern, l.pattern) })
}

// allows says whether the line permits an import.
func (l *layer) allows(name string) bool {
	allowed := false
	for _, pattern := range l.imports {
		pattern, taken := strings.CutPrefix(pattern, "-")
		if fits(pattern, name) {
			allowed = !taken
		}
	}
	return allowed
}

// fits says whether a package is meant by a pattern: *, FOLDER/... or the package itself.
func fits(pattern, name string) bool {
	if folder, isFolder := strings.CutSuffix(pattern, "/..."); isFolder {
		return name == folder || strings.HasPrefix(name, folder+"/")
	}
	return pattern == "*" || pattern == name
}

// checkCycles follows the imports that are named one by one. Lines with patterns are on top: nothing may name them,
// which is checked by the compiler when their packages exist.
func (t *Table) checkCycles() error {
	finished := map[string]bool{}
	for _, l := range t.layers {
		if cycle := t.cycleFrom(l.pattern, nil, finished); cycle != nil {
			return fmt.Errorf("the lines make a cycle: %s", strings.Join(cycle, " -> "))
		}
	}
	return nil
}

// cycleFrom searches in depth for a package that is on the path to it; nil if there is none.
func (t *Table) cycleFrom(name string, path []string, finished map[string]bool) []string {
	if i := slices.Index(path, name); i >= 0 {
		return append(path[i:], name)
	}
	l := t.find(name)
	if finished[name] || l == nil || l.pattern != name {
		return nil
	}
	path = append(path, name)
	for _, next := range l.imports {
		if cycle := t.cycleFrom(next, path, finished); cycle != nil {
			return cycle
		}
	}
	finished[name] = true
	return nil
}
