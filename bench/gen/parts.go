package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"
)

// writers bounds how many part files are written at a time.
const writers = 2

// writeParts makes dir and calls fill for each part file "part-00<suffix>", "part-01<suffix>", ...;
// fill must depend on k alone.
func writeParts(dir, suffix string, parts int, fill func(k int, w *bufio.Writer) error) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var g errgroup.Group
	g.SetLimit(writers)
	for k := range parts {
		g.Go(func() error {
			path := filepath.Join(dir, fmt.Sprintf("part-%02d%s", k, suffix))
			return writeFile(path, func(w *bufio.Writer) error { return fill(k, w) })
		})
	}
	return g.Wait()
}

// writeFile creates path and closes it behind fill.
func writeFile(path string, fill func(w *bufio.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	return errors.Join(fill(w), w.Flush(), f.Close())
}
