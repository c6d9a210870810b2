package runner

import (
	"bytes"
	"io"
	"strconv"
	"sync"
)

// console is a terminal whose last lines are drawn anew again and again while other text scrolls above them. Any goroutine may use it.
type console struct {
	mu    sync.Mutex // guards all below, and writes to out
	out   io.Writer
	lines int    // drawn now
	last  []byte // what is drawn
}

// Write writes text above the drawn lines.
func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lines == 0 {
		return c.out.Write(p)
	}
	_, err := c.out.Write(append(append(c.erase(nil), p...), c.last...))
	return len(p), err
}

// draw replaces the drawn lines by text, whose lines all end in a newline and are no wider than the terminal. Empty text only removes them.
func (c *console) draw(text []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, _ = c.out.Write(append(c.erase(nil), text...)) // a terminal that is gone must not fail the job
	c.lines, c.last = bytes.Count(text, []byte("\n")), text
}

// erase appends the control sequences (ECMA-48: cursor up, erase to the screen's end) that remove the drawn lines.
func (c *console) erase(b []byte) []byte {
	if c.lines == 0 {
		return b
	}
	b = append(b, "\x1b["...)
	b = strconv.AppendInt(b, int64(c.lines), 10)
	return append(b, "A\r\x1b[J"...)
}
