package hadoop

import (
	_ "embed"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Version is the Hadoop that is tested against.
const Version = "3.4.2"

//go:embed fetch.sh
var fetchScript []byte

//go:embed pom.xml
var pom []byte

// cacheDir is where the jars that pom.xml names stay between test runs.
func cacheDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding a folder for Hadoop's jars: %w", err)
	}
	return filepath.Join(dir, "millrace-test", fmt.Sprintf("hadoop-%s-%08x", Version, crc32.ChecksumIEEE(pom))), nil
}

// fetch runs fetch.sh with args; the script brings its pom.xml along.
func fetch(t testing.TB, args ...string) {
	t.Helper()
	dir := t.TempDir()
	script, pomFile := filepath.Join(dir, "fetch.sh"), filepath.Join(dir, "pom.xml")
	write(t, script, string(fetchScript))
	write(t, pomFile, string(pom))
	cmd := exec.CommandContext(t.Context(), "bash", append([]string{script}, args...)...)
	cmd.Env = append(os.Environ(), "POM="+pomFile)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("fetch.sh %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// jars makes sure of the jars and returns the class path and the folder that they lie in.
func jars(t testing.TB) (classPath, dir string) {
	t.Helper()
	dir, err := cacheDir()
	if err != nil {
		t.Fatal(err)
	}
	lib := filepath.Join(dir, "lib")
	if _, err := os.Stat(lib); err != nil {
		fetch(t, "jars", Version, dir)
	}
	all, err := filepath.Glob(filepath.Join(lib, "*.jar"))
	if err != nil || len(all) == 0 {
		t.Fatalf("no jars in %s: %v; remove it to fetch them again", lib, err)
	}
	return strings.Join(all, ":"), dir
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
