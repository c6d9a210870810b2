package plan

import (
	"path"
	"runtime"
	"strconv"
	"strings"
)

// Site is a place in the user's program.
type Site struct {
	File string // base name
	Line int
}

// String prints "file.go:31".
func (s Site) String() string {
	if s.File == "" {
		return "unknown place"
	}
	return s.File + ":" + strconv.Itoa(s.Line)
}

// frontEnds are the packages whose frames a call site is looked for above.
var frontEnds = []string{
	"github.com/millrace/millrace/plan.", "github.com/millrace/millrace/dataset.", "github.com/millrace/millrace/datastream.",
}

// caller returns the innermost frame outside of the front ends.
func caller() Site {
	var pcs [32]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		if !isFrontEnd(f) {
			return Site{File: path.Base(f.File), Line: f.Line}
		}
		if !more {
			return Site{}
		}
	}
}

func isFrontEnd(f runtime.Frame) bool {
	if strings.HasSuffix(f.File, "_test.go") {
		return false
	}
	for _, p := range frontEnds {
		if strings.HasPrefix(f.Function, p) {
			return true
		}
	}
	return false
}
