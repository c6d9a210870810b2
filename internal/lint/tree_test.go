package lint

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTree is the layer test: this module against layers.txt and the rules for files.
func TestTree(t *testing.T) {
	file, err := os.Open("layers.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	table, err := ParseTable(file)
	if err != nil {
		t.Fatalf("layers.txt: %v", err)
	}
	openFolders(t, "../..")
	module, err := Load(t.Context(), "../..")
	if err != nil {
		t.Fatal(err)
	}
	if len(module.Packages) == 0 {
		t.Fatal("go list found no packages")
	}
	for _, problem := range table.Check(module) {
		t.Error(problem)
	}
	for _, problem := range CheckFiles(module) {
		t.Error(problem)
	}
}

// openFolders opens every folder of the tree. go test keeps a result for as long as what the test opened is the same, and what go
// list opens it cannot see: without this, a new package would go unnoticed.
func openFolders(t *testing.T, root string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && path != root && entry.IsDir() && strings.HasPrefix(entry.Name(), ".") {
			return fs.SkipDir
		}
		if errors.Is(err, fs.ErrNotExist) { // removed meanwhile
			return nil
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
