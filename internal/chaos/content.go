package chaos

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

// content is the lines of an output folder, each with how often it is there. A line of a file in a sub-folder has the folder before it.
type content struct {
	times map[string]int
	files int
	first map[string]int // lines that files begin with
}

// read reads all files of a folder but hidden ones.
func read(ctx context.Context, fsys vfs.FileSystem, root string) (content, error) {
	c := content{times: map[string]int{}, first: map[string]int{}}
	for info, err := range vfs.Walk(ctx, fsys, root) {
		if err != nil {
			return c, fmt.Errorf("reading the output: %w", err)
		}
		data, err := vfs.ReadFile(ctx, fsys, info.Path)
		if err != nil {
			return c, fmt.Errorf("reading the output: %w", err)
		}
		folder := strings.TrimPrefix(strings.TrimPrefix(path.Dir(info.Path), root), "/")
		switch suffix := path.Ext(info.Path); suffix {
		case ".csv", ".tsv", ".txt", ".json", ".jsonl", "":
		default:
			return c, fmt.Errorf("reading the output: %s: files of lines can be compared, not those of %s", info.Path, suffix)
		}
		c.add(folder, data)
	}
	return c, nil
}

func (c *content) add(folder string, data []byte) {
	begun := false
	for line := range bytes.Lines(data) {
		text := string(bytes.TrimSuffix(line, []byte{'\n'}))
		if folder != "" {
			text = folder + ": " + text
		}
		c.times[text]++
		if !begun {
			begun = true
			c.files++
			c.first[text]++
		}
	}
}

func (c content) lines() (n int) {
	for _, times := range c.times {
		n += times
	}
	return n
}

// header returns the line that every file begins with and that is nowhere else; "": there is none.
func (c content) header() string {
	for line, n := range c.first {
		if n == c.files && c.times[line] == n {
			return line
		}
	}
	return ""
}

// shownLines is how many lines of a difference are told.
const shownLines = 5

// difference tells in what got is not c; "": they are the same. How many files they are, each with the same header, makes none.
func (c content) difference(got content) string {
	all := maps.Clone(c.times)
	maps.Copy(all, got.times)
	if header := c.header(); header == got.header() { // there are as many as there are files
		delete(all, header)
	}
	var missing, extra int
	var text strings.Builder
	shown := 0
	for _, line := range slices.Sorted(maps.Keys(all)) {
		d := got.times[line] - c.times[line]
		if d == 0 {
			continue
		}
		if d > 0 {
			extra += d
		} else {
			missing -= d
		}
		if shown++; shown <= shownLines {
			fmt.Fprintf(&text, "\n  %d times instead of %d: %s", got.times[line], c.times[line], line)
		}
	}
	if missing == 0 && extra == 0 {
		return ""
	}
	return fmt.Sprintf("%d lines are missing, %d are too many, of %d:%s", missing, extra, c.lines(), text.String())
}
