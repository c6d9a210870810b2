package sim

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/millrace/millrace/vfs"
)

// content is the lines below a folder, each with its file's folder before it, and how often it is there.
type content map[string]int

// read reads all files of a folder but hidden ones.
func read(ctx context.Context, fsys vfs.FileSystem, root string) (content, error) {
	c := content{}
	for info, err := range vfs.Walk(ctx, fsys, root) {
		if err != nil {
			return nil, fmt.Errorf("reading the output: %w", err)
		}
		data, err := vfs.ReadFile(ctx, fsys, info.Path)
		if err != nil {
			return nil, fmt.Errorf("reading the output: %w", err)
		}
		folder := strings.TrimPrefix(path.Dir(info.Path), root)
		for line := range bytes.Lines(data) {
			c[folder+" "+string(bytes.TrimSuffix(line, []byte{'\n'}))]++
		}
	}
	return c, nil
}

func (c content) lines() (n int) {
	for _, times := range c {
		n += times
	}
	return n
}

// shownLines is how many lines of a difference are told.
const shownLines = 5

// difference tells in which lines got differs from c; "": in none.
func (c content) difference(got content) string {
	all := maps.Clone(c)
	maps.Copy(all, got)
	var missing, extra, shown int
	var text strings.Builder
	for _, line := range slices.Sorted(maps.Keys(all)) {
		d := got[line] - c[line]
		if d == 0 {
			continue
		}
		extra, missing = extra+max(d, 0), missing+max(-d, 0)
		if shown++; shown <= shownLines {
			fmt.Fprintf(&text, "\n  %d times instead of %d: %s", got[line], c[line], line)
		}
	}
	if missing == 0 && extra == 0 {
		return ""
	}
	return fmt.Sprintf("%d lines are missing, %d are too many, of %d:%s", missing, extra, c.lines(), text.String())
}
