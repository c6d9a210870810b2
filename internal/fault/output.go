package fault

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

// Output is what a job has written, as a multiset of lines. A line of a file in a sub-folder has the folder before it.
type Output struct {
	times map[string]int
	files int
	first map[string]int // lines that files begin with
}

// ReadOutput reads all files of a folder but hidden ones.
func ReadOutput(ctx context.Context, fsys vfs.FileSystem, root string) (Output, error) {
	o := Output{times: map[string]int{}, first: map[string]int{}}
	for info, err := range vfs.Walk(ctx, fsys, root) {
		if err != nil {
			return o, fmt.Errorf("reading the output: %w", err)
		}
		switch suffix := path.Ext(info.Path); suffix {
		case ".csv", ".tsv", ".txt", ".json", ".jsonl", "":
		default:
			return o, fmt.Errorf("reading the output: %s: files of lines can be compared, not those of %s", info.Path, suffix)
		}
		data, err := vfs.ReadFile(ctx, fsys, info.Path)
		if err != nil {
			return o, fmt.Errorf("reading the output: %w", err)
		}
		o.add(strings.TrimPrefix(strings.TrimPrefix(path.Dir(info.Path), root), "/"), data)
	}
	return o, nil
}

// OutputOf returns the output that has these lines.
func OutputOf(lines []string) Output {
	o := Output{times: map[string]int{}}
	for _, line := range lines {
		o.times[line]++
	}
	return o
}

// add adds a file's lines.
func (o *Output) add(folder string, data []byte) {
	begun := false
	for line := range bytes.Lines(data) {
		text := string(bytes.TrimSuffix(line, []byte{'\n'}))
		if folder != "" {
			text = folder + ": " + text
		}
		o.times[text]++
		if !begun {
			begun = true
			o.files++
			o.first[text]++
		}
	}
}

// Lines is how many lines there are.
func (o Output) Lines() (n int) {
	for _, times := range o.times {
		n += times
	}
	return n
}

// header returns the line that every file begins with and that is nowhere else; "": there is none.
func (o Output) header() string {
	for line, n := range o.first {
		if n == o.files && o.times[line] == n {
			return line
		}
	}
	return ""
}

// shownLines is how many lines of a difference are told.
const shownLines = 5

// Difference tells in what got is not o; "": they are the same. How many files they are, each with the same header, makes none.
func (o Output) Difference(got Output) string {
	all := maps.Clone(o.times)
	maps.Copy(all, got.times)
	if header := o.header(); header == got.header() { // there are as many as there are files
		delete(all, header)
	}
	var missing, extra, shown int
	var text strings.Builder
	for _, line := range slices.Sorted(maps.Keys(all)) {
		d := got.times[line] - o.times[line]
		if d == 0 {
			continue
		}
		extra, missing = extra+max(d, 0), missing+max(-d, 0)
		if shown++; shown <= shownLines {
			fmt.Fprintf(&text, "\n  %d times instead of %d: %s", got.times[line], o.times[line], line)
		}
	}
	if missing == 0 && extra == 0 {
		return ""
	}
	return fmt.Sprintf("%d lines are missing, %d are too many, of %d:%s", missing, extra, o.Lines(), text.String())
}
