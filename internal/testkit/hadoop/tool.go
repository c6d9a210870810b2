package hadoop

import (
	"bytes"
	"os/exec"
	"testing"
)

// Run runs the main method of a class of Hadoop's and returns what it printed. It fails the test when that fails.
func Run(t testing.TB, class string, args ...string) []byte {
	t.Helper()
	classPath, _ := jars(t)
	flags := append([]string{}, javaFlags...)
	cmd := exec.CommandContext(t.Context(), "java", append(append(flags, "-cp", classPath, class), args...)...)
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", class, err, log.Bytes())
	}
	return out.Bytes()
}
