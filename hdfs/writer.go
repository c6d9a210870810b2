package hdfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/colinmarc/hdfs/v2"

	"github.com/millrace/millrace/vfs"
)

// writeBuffer is how much a writer gathers before it sends.
const writeBuffer = 128 << 10

// abortGrace is how long Abort waits for a step under way.
const abortGrace = 5 * time.Second

// writer is an open file and all that is needed to begin it anew. Its fields below `sending` belong to the
// goroutine that sends, one at a time; the caller's goroutine touches them when none runs.
type writer struct {
	fsys *FS
	path string          // where the file is to be
	ctx  context.Context //nolint:containedctx // it bounds the file's life, by the contract of vfs
	end  context.CancelFunc

	buf     []byte
	spare   []byte     // the other buffer, when nothing is being sent
	sending chan error // outcome of the send under way; nil if none
	err     error      // the first failure
	done    bool       // closed or aborted
	good    bool       // Close returned nil

	released chan struct{} // closed when the end of the writer is cleaned up

	name  string // where the bytes go: path, or a temporary name after a failure
	lib   *hdfs.FileWriter
	size  int64 // bytes sent
	block int64 // offset where the current block began
	spool spool // the bytes that a replay needs: those from keep on
	keep  int64 // all before it lies in finished blocks
	blind error // why the spool cannot be used any more
}

// Create makes a new file, whose name is taken from this moment on.
func (f *FS) Create(ctx context.Context, p string) (vfs.Writer, error) {
	p = clean(p)
	lib, err := persist(ctx, f, func(again bool) (*hdfs.FileWriter, error) {
		lib, err := f.create(p)
		if again && errors.Is(translate(err), fs.ErrExist) {
			err = errLostAnswer
		}
		return lib, err
	}, func(lib *hdfs.FileWriter) error { return errors.Join(lib.Close(), f.client.Remove(p)) })
	if isBelowFile(err) {
		err = fmt.Errorf("%w: %w", vfs.ErrNotDir, err)
	}
	if err != nil {
		return nil, f.fail("create", p, err)
	}
	w := &writer{fsys: f, path: p, name: p, lib: lib, spool: spool{dir: f.opts.SpoolDir}}
	w.ctx, w.end = context.WithCancel(ctx)
	return w, nil
}

// create makes a file at exactly p, in one call.
func (f *FS) create(p string) (*hdfs.FileWriter, error) {
	return f.client.CreateFile(p, f.replication, f.blockSize, f.conf.permissions(0o666))
}

// Write gathers bytes and sends them in the background; a failure may show at a later call.
func (w *writer) Write(p []byte) (n int, err error) {
	if err := w.state(); err != nil {
		return 0, w.fsys.fail("write", w.path, err)
	}
	for len(p) > 0 {
		if w.buf == nil {
			w.buf = make([]byte, 0, writeBuffer)
		}
		m := min(len(p), cap(w.buf)-len(w.buf))
		w.buf = append(w.buf, p[:m]...)
		p, n = p[m:], n+m
		if len(w.buf) == cap(w.buf) {
			if err := w.flush(); err != nil {
				return n, w.fsys.fail("write", w.path, err)
			}
		}
	}
	return n, nil
}

// state tells why the writer cannot go on.
func (w *writer) state() error {
	switch {
	case w.done:
		return fs.ErrClosed
	case w.ctx.Err() != nil:
		return context.Cause(w.ctx)
	}
	return w.err
}

// flush starts to send the buffer, after what was sent before has gone.
func (w *writer) flush() error {
	if err := w.await(); err != nil {
		return err
	}
	full := w.buf
	w.buf, w.spare = w.spare[:0], nil
	w.start(func() error {
		err := w.send(full)
		w.spare = full
		return err
	})
	return nil
}

// start runs a step on the sending goroutine.
func (w *writer) start(step func() error) {
	sending := make(chan error, 1)
	w.sending = sending
	w.fsys.running.Go(func() { sending <- step() })
}

// await waits for the step under way, or for the end of the context; then the step goes on alone.
func (w *writer) await() error {
	if w.sending == nil || w.err != nil {
		return w.err
	}
	select {
	case w.err = <-w.sending:
		w.sending = nil
	case <-w.ctx.Done():
		w.err = context.Cause(w.ctx)
	}
	return w.err
}

// send spools bytes and hands them to the library, cut at the ends of blocks.
func (w *writer) send(p []byte) error {
	for len(p) > 0 {
		begins := w.size == w.block+w.fsys.blockSize
		if begins {
			w.block = w.size
		}
		part := p[:min(int64(len(p)), w.block+w.fsys.blockSize-w.size)]
		w.remember(part)
		w.size += int64(len(part))
		if _, err := w.lib.Write(part); err != nil {
			if err := w.recover(err); err != nil {
				return err
			}
		}
		if begins {
			// The library began this block after the DataNodes had acknowledged the one before.
			w.spool.reset()
			w.keep = w.block
			w.remember(part)
		}
		p = p[len(part):]
	}
	return nil
}

// remember spools bytes. A failure to do so is no failure of the file, unless it must be recovered.
func (w *writer) remember(p []byte) {
	if w.blind != nil {
		return
	}
	if w.blind = w.spool.append(p); w.blind != nil {
		w.fsys.opts.Logger.Warn("hdfs writer cannot spool, a failed DataNode will fail its file", "file", w.fsys.URL(w.path), "error", w.blind)
	}
}

// recover writes the file anew under another name, after cause made it impossible to go on, until that works or
// patience ends.
func (w *writer) recover(cause error) error {
	p := w.fsys.patience()
	for {
		if cause = translate(cause); !isRecoverable(cause) {
			return cause
		}
		if w.blind != nil {
			return errors.Join(vfs.Unavailable(cause), w.blind)
		}
		w.fsys.links.pipelines.distrust()
		w.fsys.opts.Logger.Log(w.ctx, p.level(), "hdfs writer begins its file anew", "file", w.fsys.URL(w.path), "bytes", w.size, "error", cause)
		name, lib, err := w.rewrite()
		if err == nil {
			w.discard(w.lib, w.name) // but for the first, which holds the asked name
			w.name, w.lib = name, lib
			return nil
		}
		if cause = err; !p.pause(w.ctx) {
			return errors.Join(vfs.Unavailable(translate(cause)), context.Cause(w.ctx))
		}
	}
}

// isRecoverable tells failures of connections, DataNodes and the NameNode's state of the file from refusals.
func isRecoverable(err error) bool {
	var remote *RemoteError
	if errors.As(err, &remote) && remote.Exception == "java.io.IOException" {
		return true
	}
	return isTransient(err)
}

// rewrite makes a file of all that was sent so far, and leaves it open.
func (w *writer) rewrite() (name string, lib *hdfs.FileWriter, err error) {
	name = vfs.TempName(w.path)
	if lib, err = w.fsys.create(name); err != nil {
		return "", nil, err
	}
	if err = w.copyFinished(lib); err == nil {
		err = w.spool.replay(lib)
	}
	if err != nil {
		w.discard(lib, name)
		return "", nil, err
	}
	return name, lib, nil
}

// discard cleans up a file that failed; that this may fail too is why its name is hidden.
func (w *writer) discard(lib *hdfs.FileWriter, name string) {
	_ = lib.Close() // it ends the library's goroutines
	if name != w.path {
		_ = w.fsys.client.Remove(name)
	}
}

// copyFinished copies the finished blocks of the broken file.
func (w *writer) copyFinished(to io.Writer) error {
	if w.keep == 0 {
		return nil
	}
	old, err := w.fsys.client.Open(w.name)
	if err != nil {
		return err
	}
	defer old.Close()
	if old.Stat().Size() < w.keep {
		return fmt.Errorf("the finished blocks of %s have %d bytes, not yet %d", w.name, old.Stat().Size(), w.keep)
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{to}, io.LimitReader(struct{ io.Reader }{old}, w.keep), make([]byte, maxChunk))
	return err
}

// Close sends the rest, completes the file and gives it its name.
func (w *writer) Close() error {
	if err := w.state(); err != nil {
		if !w.done {
			w.done = true
			w.release()
		}
		return w.fsys.fail("close", w.path, err)
	}
	w.done = true
	err := w.await()
	if err == nil {
		rest := w.buf
		w.start(func() error {
			if err := w.send(rest); err != nil {
				return err
			}
			return w.finish()
		})
		err = w.await()
	}
	w.good = err == nil
	w.release()
	return w.fsys.fail("close", w.path, err)
}

// finish completes the file, beginning it anew if its end cannot be written.
func (w *writer) finish() error {
	for until := time.Now().Add(2 * w.fsys.opts.Patience); ; {
		err := w.complete()
		if err == nil {
			break
		}
		if time.Now().After(until) {
			return translate(err)
		}
		if err := w.recover(err); err != nil {
			return err
		}
	}
	if w.name == w.path {
		return nil
	}
	if _, err := w.fsys.Stat(w.ctx, w.path); err != nil {
		return fmt.Errorf("the file was removed while it was written: %w", err)
	}
	if err := w.fsys.Rename(w.ctx, w.name, w.path); err != nil {
		return err
	}
	w.name = w.path
	return nil
}

// complete closes the library's file. The library asks to be called again while replicas are reported.
func (w *writer) complete() error {
	p := w.fsys.patience()
	for {
		err := w.lib.Close()
		if !hdfs.IsErrReplicating(err) {
			return err
		}
		if !p.pause(w.ctx) {
			return fmt.Errorf("waiting for the DataNodes to report the last block: %w", err)
		}
	}
}

// Abort drops the file. A step that hangs is not waited for long; what it leaves is hidden by its name.
func (w *writer) Abort() error {
	if w.good {
		return nil
	}
	if !w.done {
		w.done = true
		w.release()
	}
	timer := time.NewTimer(abortGrace)
	defer timer.Stop()
	select {
	case <-w.released:
	case <-timer.C:
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), w.fsys.opts.Patience)
	defer cancel()
	if err := w.fsys.Remove(ctx, w.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// release ends the context and, once a step under way is over, drops an unfinished file and the spool.
func (w *writer) release() {
	w.end()
	sending, released := w.sending, make(chan struct{})
	w.sending, w.released = nil, released
	w.fsys.running.Go(func() {
		defer close(released)
		if sending != nil {
			if err := <-sending; err != nil {
				w.fsys.opts.Logger.Debug("hdfs write ended after it was given up", "file", w.fsys.URL(w.path), "error", err)
			}
		}
		if !w.good {
			w.discard(w.lib, w.name)
		}
		_ = w.spool.close() // a nameless scratch file
	})
}
