package arrowipc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow/ipc"

	"github.com/millrace/millrace/columnar"
)

// Stream reads a stream of record batches as it comes, by a pipe or a connection. One goroutine uses it.
type Stream struct {
	name   string
	in     *frames
	ipc    *ipc.Reader
	match  match
	number int // of the next record batch
}

// OpenStream waits for the schema, and returns the stream of these columns, matched by name; nil: of all. name is for messages. It does not close
// in, and reads nothing behind the stream's end.
func OpenStream(in io.Reader, name string, want *columnar.Schema) (*Stream, error) {
	s := &Stream{name: name, in: &frames{in: in}}
	err := guarded(name, func() (err error) {
		if s.ipc, err = ipc.NewReader(s.in, ipc.WithAllocator(&bounded{most: maxBody})); err != nil {
			return s.in.why(err)
		}
		columns, err := schemaOf(s.ipc.Schema())
		if err == nil {
			s.match, err = newMatch(columns, want)
		}
		return err
	})
	if err == io.EOF { //nolint:errorlint // guarded returns it bare
		err = fmt.Errorf("reading %s: %w", name, io.ErrUnexpectedEOF)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Schema is that of the batches.
func (s *Stream) Schema() *columnar.Schema { return s.match.schema }

// Next waits for the next record batch, which may be empty, and returns it: fresh, the caller owns it. io.EOF is the stream's end; a stream that breaks
// off before it says so is io.ErrUnexpectedEOF.
func (s *Stream) Next() (b columnar.Batch, err error) {
	err = guarded(s.name, func() error {
		rec, err := s.ipc.Read()
		if err != nil {
			return s.in.why(err)
		}
		if n := rec.NumRows(); n < 0 || len(s.match.index) == 0 && n > maxBody {
			return fmt.Errorf("a record batch of %d rows", n)
		}
		if b, err = s.match.batch(rec); err != nil {
			return fmt.Errorf("record batch %d, %w", s.number, err)
		}
		s.number++
		return nil
	})
	return b, err
}

const (
	// maxMeta and maxBody bound the parts of a message: its flatbuffer, and what lies behind it.
	maxMeta = 64 << 20
	maxBody = 1 << 30
	// continuation begins a message; those before Arrow 0.15 begin with the length at once.
	continuation = 1<<32 - 1
	// messageBody is the slot of a message's bodyLength in Arrow's Message.fbs.
	messageBody = 3
)

// frames hands over the bytes of a stream message by message, once it has seen that the lengths in it are sound: the library allocates what they say.
type frames struct {
	in    io.Reader
	front []byte // of the message, to be handed over: its lengths and flatbuffer
	body  int64  // bytes of it behind front
	begun bool   // there was a schema
	ended bool   // the stream's end was read
	err   error  // of the stream
}

// Read implements io.Reader.
func (f *frames) Read(p []byte) (n int, err error) {
	if len(f.front) == 0 && f.body == 0 && f.err == nil {
		f.err = f.next()
	}
	switch {
	case len(f.front) > 0:
		n = copy(p, f.front)
		f.front = f.front[n:]
		return n, nil
	case f.body > 0:
		n, err = f.in.Read(p[:min(int64(len(p)), f.body)])
		f.body -= int64(n)
		if errors.Is(err, io.EOF) && f.body > 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil && f.body > 0 {
			f.err = err
			return n, err
		}
		return n, nil
	case f.ended:
		return 0, io.EOF
	default:
		return 0, f.err
	}
}

// next reads the lengths and the flatbuffer of the next message.
func (f *frames) next() error {
	head := make([]byte, 8)
	if _, err := io.ReadFull(f.in, head[:4]); err != nil {
		return unexpected(err)
	}
	size := binary.LittleEndian.Uint32(head)
	if isMarked := size == continuation; isMarked {
		if _, err := io.ReadFull(f.in, head[4:]); err != nil {
			return unexpected(err)
		}
		size = binary.LittleEndian.Uint32(head[4:])
	} else {
		head = head[:4]
	}
	if size == 0 {
		f.front, f.ended = head, true
		return nil
	}
	if size > maxMeta {
		return fmt.Errorf("a message of %d bytes: %w", size, errFlatbuffer)
	}
	front := append(head, make([]byte, size)...)
	meta := front[len(head):]
	if _, err := io.ReadFull(f.in, meta); err != nil {
		return unexpected(err)
	}
	v := &verifier{data: meta}
	root := v.root()
	if !f.begun {
		v.schema(v.child(root, messageHeader))
		f.begun = true
	}
	body := v.number(root, messageBody)
	if v.err != nil {
		return v.err
	}
	if body < 0 || body > maxBody {
		return fmt.Errorf("a message of %d bytes: %w", body, errFlatbuffer)
	}
	f.front, f.body = front, body
	return nil
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// why returns what is wrong with the stream, if anything is, instead of what the library makes of it.
func (f *frames) why(err error) error {
	if f.err != nil && !f.ended {
		return f.err
	}
	return err
}
