package local

import (
	"context"
	"os"
)

// WriteForTest writes to a file that exists, which Create does not open.
func WriteForTest(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	w := &writer{f: f, alive: context.Background().Err}
	if _, err := w.Write(data); err != nil {
		return err
	}
	return w.Close()
}
