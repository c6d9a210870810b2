package vfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// HasMeta tells whether a path is a pattern for Glob: it contains one of * ? [ { or a backslash.
func HasMeta(pattern string) bool { return strings.ContainsAny(pattern, `*?[{\`) }

// Glob returns the files and folders that match a pattern, sorted by path, each once. No match is no error.
//
//	?        one character of a name
//	*        any number of them
//	[a-c]    one of a set; [^a-c] one outside it
//	\x       the character x itself
//	{x,y}    either; may nest and may contain slashes
//	**       as a whole name: any number of folders, also none; at the end: all files below
//
// A wildcard at the beginning of a name does not match a hidden name (IsHidden), nor does ** enter one: write
// the '.' or '_' out. A malformed pattern is path.ErrBadPattern.
func Glob(ctx context.Context, fsys FileSystem, pattern string) ([]Info, error) {
	alternatives, err := expandBraces(pattern)
	if err != nil {
		return nil, PathError("glob", fsys.URL(pattern), err)
	}
	found := map[string]Info{}
	for _, p := range alternatives {
		if err := globOne(ctx, fsys, p, found); err != nil {
			return nil, err
		}
	}
	infos := make([]Info, 0, len(found))
	for _, info := range found {
		infos = append(infos, info)
	}
	slices.SortFunc(infos, func(a, b Info) int { return strings.Compare(a.Path, b.Path) })
	return infos, nil
}

// globOne adds the matches of a pattern without braces.
func globOne(ctx context.Context, fsys FileSystem, pattern string, found map[string]Info) error {
	names := strings.Split(pattern, "/")
	for _, n := range names {
		if _, err := path.Match(n, ""); err != nil {
			return PathError("glob", fsys.URL(pattern), err)
		}
	}
	literal := 0
	for literal < len(names) && !HasMeta(names[literal]) {
		literal++
	}
	root := path.Clean(strings.Join(names[:literal], "/") + trailingSlash(pattern, literal))
	g := globber{fsys: fsys, found: found}
	return g.matchLiteral(ctx, root, names[literal:])
}

// trailingSlash keeps the root of an absolute pattern whose first name has a wildcard: "/*" begins at "/".
func trailingSlash(pattern string, literal int) string {
	if literal == 1 && strings.HasPrefix(pattern, "/") {
		return "/"
	}
	return ""
}

// globber collects matches below folders.
type globber struct {
	fsys  FileSystem
	found map[string]Info
}

// match adds what matches the remaining names at or below info.
func (g *globber) match(ctx context.Context, info Info, names []string) error {
	for len(names) > 0 && names[0] == "" { // doubled or trailing slash
		names = names[1:]
	}
	if len(names) == 0 {
		g.found[info.Path] = info
		return nil
	}
	if !info.IsDir {
		return nil
	}
	if names[0] == "**" {
		return g.matchDeep(ctx, info, names[1:])
	}
	if !HasMeta(names[0]) {
		return g.matchLiteral(ctx, path.Join(info.Path, names[0]), names[1:])
	}
	children, err := g.fsys.List(ctx, info.Path)
	if err != nil {
		return err
	}
	for _, c := range children {
		if !matchName(names[0], c.Name()) {
			continue
		}
		if err := g.match(ctx, c, names[1:]); err != nil {
			return err
		}
	}
	return nil
}

// matchLiteral matches the names at or below p, if p exists. Looking it up is cheaper than listing its folder.
func (g *globber) matchLiteral(ctx context.Context, p string, names []string) error {
	info, err := g.fsys.Stat(ctx, p)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrNotDir) {
		return nil
	}
	if err != nil {
		return err
	}
	return g.match(ctx, info, names)
}

// matchDeep matches the names after a ** in info and in every folder below it.
func (g *globber) matchDeep(ctx context.Context, info Info, rest []string) error {
	if len(rest) > 0 {
		if err := g.match(ctx, info, rest); err != nil {
			return err
		}
	}
	children, err := g.fsys.List(ctx, info.Path)
	if err != nil {
		return err
	}
	for _, c := range children {
		switch {
		case IsHidden(c.Name()):
		case c.IsDir:
			if err := g.matchDeep(ctx, c, rest); err != nil {
				return err
			}
		case len(rest) == 0:
			g.found[c.Path] = c
		}
	}
	return nil
}

// matchName matches one name; the pattern is known to be well formed.
func matchName(pattern, name string) bool {
	if IsHidden(name) && pattern[0] != name[0] && !strings.HasPrefix(pattern, `\`) {
		return false
	}
	ok, _ := path.Match(pattern, name)
	return ok
}

// expandBraces returns the patterns that pattern's {a,b} stand for.
func expandBraces(pattern string) ([]string, error) {
	open := indexUnescaped(pattern, "{")
	if open < 0 {
		if i := indexUnescaped(pattern, "}"); i >= 0 {
			return nil, fmt.Errorf("%w: } without {", path.ErrBadPattern)
		}
		return []string{pattern}, nil
	}
	parts, end := splitBraces(pattern[open+1:])
	if end < 0 {
		return nil, fmt.Errorf("%w: { without }", path.ErrBadPattern)
	}
	var all []string
	for _, part := range parts {
		more, err := expandBraces(pattern[:open] + part + pattern[open+1+end+1:])
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	return all, nil
}

// splitBraces splits s, which follows a '{', at the commas of its own level; end is where its '}' is, or -1.
func splitBraces(s string) (parts []string, end int) {
	depth, from := 0, 0
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case s[i] == '{':
			depth++
		case s[i] == '}' && depth > 0:
			depth--
		case s[i] == '}':
			return append(parts, s[from:i]), i
		case s[i] == ',' && depth == 0:
			parts, from = append(parts, s[from:i]), i+1
		}
	}
	return nil, -1
}

// indexUnescaped is strings.Index of a one-character string that no backslash precedes.
func indexUnescaped(s, char string) int {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case char[0]:
			return i
		}
	}
	return -1
}
