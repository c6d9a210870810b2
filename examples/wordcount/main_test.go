package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/runner"
)

// README.md shows this very program.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), "```go\n"+string(program)+"```\n") {
		t.Error("README.md does not show examples/wordcount/main.go as it is")
	}
}

func TestWordCount(t *testing.T) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "book.txt"), filepath.Join(dir, "counts")
	if err := os.WriteFile(in, []byte("the mill race\nThe mill\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := runner.Run(t.Context(), (&WordCount{In: in, Out: out}).Build); err != nil {
		t.Fatal(err)
	}
	parts, err := filepath.Glob(out + "/part-*.csv")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range parts {
		data, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, strings.Fields(string(data))...)
	}
	slices.Sort(got)
	if want := []string{"mill,2", "race,1", "the,2"}; !slices.Equal(got, want) {
		t.Errorf("counts %v, want %v", got, want)
	}
}
