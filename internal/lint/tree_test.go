package lint

import (
	"os"
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
