package runner

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
)

// newHandler returns a handler of the form and level that the settings ask for.
func newHandler(w io.Writer, s *Settings) slog.Handler {
	o := &slog.HandlerOptions{Level: s.LogLevel}
	if s.LogFormat == "json" {
		return slog.NewJSONHandler(w, o)
	}
	return slog.NewTextHandler(w, o)
}

// openLog returns where logs go: the settings' file, to which is added, or else stderr. The caller closes it.
func openLog(s *Settings, stderr io.Writer) (io.WriteCloser, error) {
	if s.LogFile == "" {
		return keepOpen{stderr}, nil
	}
	if err := os.MkdirAll(filepath.Dir(s.LogFile), 0o755); err != nil {
		return nil, &UsageError{err}
	}
	f, err := os.OpenFile(s.LogFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, &UsageError{err}
	}
	return f, nil
}

// keepOpen is a writer that belongs to somebody else.
type keepOpen struct{ io.Writer }

// Close does nothing.
func (keepOpen) Close() error { return nil }
