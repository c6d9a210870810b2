package program

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// target is a program that is started, or one that listens.
type target struct {
	command []string
	address string
}

const (
	unixPrefix = "unix:"
	// grace is the time that a program has to end when it is asked to.
	grace = 2 * time.Second
)

func (t target) validate() error {
	path, isUnix := strings.CutPrefix(t.address, unixPrefix)
	_, _, err := net.SplitHostPort(t.address)
	switch {
	case (len(t.command) == 0) == (t.address == ""):
		return errors.New("one of Command and Address is needed")
	case len(t.command) > 0 && t.command[0] == "":
		return errors.New("the Command has no program")
	case len(t.command) == 0 && (isUnix && path == "" || !isUnix && err != nil):
		return fmt.Errorf("%q is neither host:port nor unix: and a path", t.address)
	}
	return nil
}

// name is the target's in messages. Arguments may be secret.
func (t target) name() string {
	if len(t.command) > 0 {
		return filepath.Base(t.command[0])
	}
	return t.address
}

// words are what a program is told: in its arguments {split}, in the greeting "split". The numbers are whole ones.
type words map[string]any

// fill replaces the words in arguments.
func (w words) fill(command []string) []string {
	var pairs []string
	for name, value := range w {
		pairs = append(pairs, "{"+name+"}", fmt.Sprint(value))
	}
	r := strings.NewReplacer(pairs...)
	out := make([]string, len(command))
	for i, arg := range command {
		out[i] = r.Replace(arg)
	}
	return out
}

// peer is a program at work. Reading and writing are for one goroutine; stop may be called by any, again and again.
type peer interface {
	io.ReadWriter
	// end ends what is written, waits for the program, and says whether it is content. A reader has read to the end of its stream before.
	end() error
	// stop has the program end. It does not wait.
	stop()
	// close stops the program and waits for it. Its error is the program's own: that it was stopped is none.
	close() error
	// expire waits for a program that should be about to end, and stops it when it does not.
	expire() error
}

// start starts a program, or connects, and tells it the words. The program is stopped with ctx.
func (t target) start(ctx context.Context, w words, isReader bool, log *slog.Logger) (peer, error) {
	if len(t.command) > 0 {
		return startProcess(ctx, w.fill(t.command), isReader, log)
	}
	return connect(ctx, t.address, w)
}

// process is a program that was started.
type process struct {
	name   string
	cmd    *exec.Cmd
	cancel context.CancelFunc
	in     io.WriteCloser
	out    io.Reader // of one that is read
	said   *tail
	once   sync.Once
	err    error // of Wait
}

func startProcess(ctx context.Context, command []string, isReader bool, log *slog.Logger) (*process, error) {
	ctx, cancel := context.WithCancel(ctx)
	p := &process{name: filepath.Base(command[0]), cancel: cancel}
	p.said = &tail{program: p.name, log: log}
	p.cmd = exec.CommandContext(ctx, command[0], command[1:]...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.Cancel = func() error { return syscall.Kill(-p.cmd.Process.Pid, syscall.SIGTERM) }
	p.cmd.WaitDelay = grace
	p.cmd.Stderr = p.said
	var err error
	if p.in, err = p.cmd.StdinPipe(); err == nil {
		if isReader {
			p.out, err = p.cmd.StdoutPipe()
		} else {
			p.cmd.Stdout = p.said
		}
	}
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		cancel()
		return nil, fmt.Errorf("starting %s: %w", p.name, err)
	}
	return p, nil
}

func (p *process) Read(b []byte) (int, error)  { return p.out.Read(b) }
func (p *process) Write(b []byte) (int, error) { return p.in.Write(b) }

func (p *process) end() error {
	if p.out != nil {
		_, _ = io.Copy(io.Discard, p.out) // behind the stream's end; what is wrong, the exit code says
	} else if err := p.in.Close(); err != nil {
		return errors.Join(fmt.Errorf("writing to %s: %w", p.name, err), p.wait())
	}
	return p.wait()
}

// wait returns how the program has ended. Whom it has started and left behind ends with it.
func (p *process) wait() error {
	p.once.Do(func() {
		err := p.cmd.Wait()
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // mostly there is nobody
		p.cancel()
		if err != nil && !errors.Is(err, exec.ErrWaitDelay) { // that one only says that somebody has kept its outputs open
			p.err = fmt.Errorf("%s: %w%s", p.name, err, p.said.text())
		}
	})
	return p.err
}

func (p *process) stop() { p.cancel() }

func (p *process) close() error {
	p.cancel()
	err := p.wait()
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if ok && status.Signaled() && (status.Signal() == syscall.SIGTERM || status.Signal() == syscall.SIGKILL) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func (p *process) expire() error {
	timer := time.AfterFunc(grace, p.stop)
	defer timer.Stop()
	_ = p.in.Close() // there may be nobody to read it any more
	return p.wait()
}

// tail logs the lines that a program says, and keeps the last of it. The goroutine that copies is the only one until the program has ended.
type tail struct {
	program string
	log     *slog.Logger
	line    []byte
	last    []byte
}

// tailBytes is how much of what a program has said is kept, and the longest line that is logged as one.
const tailBytes = 4 << 10

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	t.last = append(t.last, b...)
	t.last = t.last[max(0, len(t.last)-tailBytes):]
	t.line = append(t.line, b...)
	for {
		n := bytes.IndexByte(t.line, '\n')
		if n < 0 && len(t.line) < tailBytes {
			return len(b), nil
		}
		line, rest := t.line, []byte(nil)
		if n >= 0 {
			line, rest = t.line[:n], t.line[n+1:]
		}
		if t.log != nil {
			t.log.Info("a program says", slog.String("program", t.program), slog.String("text", string(line)))
		}
		t.line = append([]byte(nil), rest...)
	}
}

// text is the last that was said, as the end of a message.
func (t *tail) text() string {
	text := strings.TrimSpace(string(t.last))
	if text == "" {
		return ""
	}
	return "; it said: " + text
}

// connection is a program that listens.
type connection struct {
	net.Conn
	address string
	undo    func() bool
	once    sync.Once
	err     error // of Close
}

func connect(ctx context.Context, address string, w words) (*connection, error) {
	network, at := "tcp", address
	if path, ok := strings.CutPrefix(address, unixPrefix); ok {
		network, at = "unix", path
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, at)
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", address, err)
	}
	c := &connection{Conn: conn, address: address}
	c.undo = context.AfterFunc(ctx, c.stop)
	greeting, err := json.Marshal(w)
	if err == nil {
		_, err = conn.Write(append(greeting, '\n'))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("greeting %s: %w", address, err), c.close())
	}
	return c, nil
}

// content is what a program answers that has all.
const content = "ok"

// longestAnswer bounds what is read of an answer.
const longestAnswer = 4 << 10

func (c *connection) end() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return fmt.Errorf("%s: the connection cannot be closed by half", c.address)
	}
	if err := half.CloseWrite(); err != nil {
		return errors.Join(fmt.Errorf("writing to %s: %w", c.address, err), c.close())
	}
	answer, err := io.ReadAll(io.LimitReader(c.Conn, longestAnswer))
	if text := strings.TrimSpace(string(answer)); err == nil && text != content {
		err = fmt.Errorf("it answers %q", text)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("writing to %s: %w", c.address, err), c.close())
	}
	return c.close()
}

func (c *connection) stop() { c.once.Do(func() { c.err = c.Close() }) }

func (c *connection) close() error {
	c.undo()
	c.stop()
	return c.err
}

func (c *connection) expire() error { return c.close() }
