package main

import (
	"os"
	"strings"
	"testing"

	"github.com/millrace/millrace/runner"
)

// TestManualHasAllSettings keeps docs/manual/settings.md complete.
func TestManualHasAllSettings(t *testing.T) {
	text, err := os.ReadFile("../../docs/manual/settings.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range runner.AllSettings() {
		if !strings.Contains(string(text), "`"+s.Name+"`") {
			t.Errorf("docs/manual/settings.md lacks %s", s.Name)
		}
	}
}
