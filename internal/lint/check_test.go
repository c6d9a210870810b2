package lint

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const checkTable = `
vfs:
hdfs: vfs
test vfs/vfstest: vfs
module example.org/hdfs: hdfs
module example.org/rapid:
`

// A small module on disk shows Load and both checks at once: each problem once, and no other.
func TestCheck(t *testing.T) {
	folder := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":              "module example.org/m\n\ngo 1.26\n",
		"vfs/vfs.go":          "// Package vfs has a comment.\npackage vfs\n",
		"vfs/vfs_test.go":     "package vfs\n\nimport _ \"log\"\n\nfunc init() {}\n",
		"vfs/vfs_windows.go":  "package vfs\n\nimport _ \"example.org/m/hdfs\"\n",
		"vfs/generate.go":     "//go:build ignore\n\npackage main\n\nimport _ \"log\"\n\nfunc main() {}\n",
		"vfs/vfstest/test.go": "// Package vfstest has a comment.\npackage vfstest\n\nimport (\n\t\"example.org/m/vfs\"\n\t\"example.org/rapid\"\n)\n",
		"hdfs/hdfs.go":        "package hdfs\n\nimport (\n\t_ \"embed\"\n\t\"example.org/hdfs/v2\"\n\t\"example.org/m/vfs\"\n\t\"example.org/m/vfs/vfstest\"\n\t\"example.org/rapid\"\n\t\"log\"\n)\n\nfunc init() {}\n",
		"lost/lost.go":        "// Package lost has a comment.\npackage lost\n",
		"onlytests/a_test.go": "package onlytests\n\nimport _ \"example.org/m/hdfs\"\n",
	} {
		path := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	module, err := Load(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}

	table := parseTable(t, checkTable)
	wantEdges := []string{
		"hdfs/hdfs.go:7: hdfs imports example.org/m/vfs/vfstest: it serves tests only",
		"hdfs/hdfs.go:8: hdfs imports example.org/rapid: layers.txt keeps this module for tests",
		"lost/lost.go: package lost has no line in layers.txt",
		"vfs/vfs_windows.go:3: vfs imports example.org/m/hdfs: its line in layers.txt permits nothing",
	}
	if diff := cmp.Diff(wantEdges, table.Check(module)); diff != "" {
		t.Errorf("imports (-want +got):\n%s", diff)
	}
	wantFiles := []string{
		"hdfs/hdfs.go:12: an init function: nothing happens by being imported; call it by name",
		"hdfs/hdfs.go:9: an import of log: take a *slog.Logger",
		"hdfs/hdfs.go: package hdfs has no comment",
		"vfs/vfs_windows.go:3: a blank import of example.org/m/hdfs: name what is used",
	}
	if diff := cmp.Diff(wantFiles, CheckFiles(module)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}
