package lint

import (
	"strings"
	"testing"
)

func TestParseTableRefuses(t *testing.T) {
	tests := []struct{ name, table, want string }{
		{"no colon", "vfs", "line 1: \"vfs\" has no colon"},
		{"unknown word", "# a comment\n\nfoo vfs:", "line 3: \"foo vfs\" is not a package"},
		{"twice", "vfs:\nvfs:", "line 2: vfs has a line already"},
		{"import without a line", "hdfs: vfs", "hdfs may import vfs, which has no line"},
		{"taken away without a line", "jobs/...: * -vfs/...", "jobs/... may import vfs/..., which has no line"},
		{"module for nobody", "module example.org/x: vfs", "module example.org/x is for vfs, which has no line"},
		{"cycle", "a: b\nb: c\nc: a", "the lines make a cycle: a -> b -> c -> a"},
		{"cycle not through the first", "a: b\nb: c\nc: b", "the lines make a cycle: b -> c -> b"},
		{"itself", "a: a", "the lines make a cycle: a -> a"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := ParseTable(strings.NewReader(test.table))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("want an error with %q, got %v", test.want, err)
			}
		})
	}
}

func TestAllows(t *testing.T) {
	table := parseTable(t, `
vfs:
vfs/local: vfs
runner: vfs
runner/task: vfs
cmd/millrace: *
jobs/...: * -runner/... runner -cmd/...
jobs/special: vfs
`)
	tests := []struct {
		from, to string
		want     bool
	}{
		{"vfs/local", "vfs", true},
		{"vfs", "vfs/local", false},
		{"vfs/local", "vfs/local/deep", false},
		{"cmd/millrace", "runner/task", true},
		{"jobs", "vfs/local", true},
		{"jobs/wordcount", "runner", true},
		{"jobs/wordcount", "runner/task", false},
		{"jobs/wordcount", "cmd/millrace", false},
		{"jobs/wordcount", "runnerx", true},
		{"jobs/special", "vfs", true},
		{"jobs/special", "runner", false},
	}
	for _, test := range tests {
		t.Run(test.from+" to "+test.to, func(t *testing.T) {
			if got := table.find(test.from).allows(test.to); got != test.want {
				t.Errorf("want %v, got %v", test.want, got)
			}
		})
	}
	if l := table.find("jobsx"); l != nil {
		t.Errorf("jobsx has no line, got that of %s", l.pattern)
	}
}

func parseTable(t *testing.T, text string) *Table {
	t.Helper()
	table, err := ParseTable(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return table
}
