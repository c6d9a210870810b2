package heap

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"time"

	"github.com/millrace/millrace/state"
)

// Source is where OpenFiles finds a native snapshot, and what of it is wanted.
type Source struct {
	Files  []state.File // of one snapshot
	Groups state.Groups // rows of other key groups are not read
	Clock  func() time.Time
}

// OpenFiles reads a native snapshot, a row at a time: what it returns holds a buffer for each link of the chain, and can be given to any back end.
// An error that matches state.ErrCorrupt, here or from Read, says that the files are no snapshot.
func OpenFiles(ctx context.Context, from Source) (state.Frozen, error) {
	s := &saved{groups: from.Groups, now: from.Clock}
	if s.now == nil {
		s.now = time.Now
	}
	for _, f := range from.Files {
		err := ctx.Err()
		if err == nil {
			err = s.open(f)
		}
		if err != nil {
			s.Release()
			return nil, fmt.Errorf("opening a native snapshot: %s: %w", f.Name, err)
		}
	}
	if err := s.agree(); err != nil {
		s.Release()
		return nil, fmt.Errorf("opening a native snapshot: %w", err)
	}
	return s, nil
}

// saved is a native snapshot that is read: a state.Frozen.
type saved struct {
	groups state.Groups
	now    func() time.Time
	files  []savedFile // by epoch
	forms  []*state.Form
}

// savedFile is one of its files.
type savedFile struct {
	io.Closer
	at   io.ReaderAt
	size int64
	foot foot
}

// maxFoot bounds the foot of a file: 65536 groups, and what is known of 250 tables.
const maxFoot = 16 << 20

// open opens a file and reads its foot.
func (s *saved) open(f state.File) error {
	in, err := f.Open()
	if err != nil {
		return err
	}
	at, ok := in.(io.ReaderAt)
	if !ok {
		return errors.Join(errors.New("it cannot be read at any place"), in.Close())
	}
	s.files = append(s.files, savedFile{Closer: in, at: at, size: f.Size})
	return s.files[len(s.files)-1].readFoot()
}

func (f *savedFile) readFoot() error {
	var magic [len(fileMagic)]byte
	var tail [8]byte // check and length
	if f.size < int64(len(magic)+len(tail)) {
		return fmt.Errorf("%w: %d bytes are too few", state.ErrCorrupt, f.size)
	}
	if err := readAt(f.at, magic[:], 0); err != nil {
		return err
	}
	if string(magic[:]) != fileMagic {
		return fmt.Errorf("%w: it begins with %q", state.ErrCorrupt, magic[:])
	}
	if err := readAt(f.at, tail[:], f.size-int64(len(tail))); err != nil {
		return err
	}
	n := int64(binary.LittleEndian.Uint32(tail[4:]))
	if n > maxFoot || n > f.size-int64(len(magic)+len(tail)) {
		return fmt.Errorf("%w: a foot of %d bytes", state.ErrCorrupt, n)
	}
	text := make([]byte, n)
	end := f.size - int64(len(tail)) - n
	if err := readAt(f.at, text, end); err != nil {
		return err
	}
	if footCheck(text) != binary.LittleEndian.Uint32(tail[:]) {
		return fmt.Errorf("%w: its foot has another check", state.ErrCorrupt)
	}
	if err := json.Unmarshal(text, &f.foot); err != nil {
		return fmt.Errorf("%w: %w", state.ErrCorrupt, err)
	}
	return f.foot.check(end)
}

// check wants the groups to be in order, and in the file, whose foot begins there.
func (f *foot) check(end int64) error {
	last, at := int64(-1), int64(len(fileMagic))
	for _, g := range f.Groups {
		if g[0] <= last || g[1] != at || g[2] < 0 || g[2] > end-at {
			return fmt.Errorf("%w: key group %d is at %d, %d bytes", state.ErrCorrupt, g[0], g[1], g[2])
		}
		last, at = g[0], g[1]+g[2]
	}
	return nil
}

// readAt fills p.
func readAt(from io.ReaderAt, p []byte, at int64) error {
	n, err := from.ReadAt(p, at)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = fmt.Errorf("%w: it ends early", state.ErrCorrupt)
	}
	return err
}

// agree puts the files in order and wants all to have the same tables.
func (s *saved) agree() error {
	if len(s.files) == 0 {
		return fmt.Errorf("%w: it has no files", state.ErrCorrupt)
	}
	slices.SortStableFunc(s.files, func(a, b savedFile) int { return cmp.Compare(a.foot.Epoch, b.foot.Epoch) })
	var first []byte
	for i, f := range s.files {
		tables, err := json.Marshal(f.foot.Tables)
		if err != nil {
			return err
		}
		if i == 0 {
			first = tables
		}
		if !bytes.Equal(tables, first) {
			return fmt.Errorf("%w: its files have different tables", state.ErrCorrupt)
		}
	}
	for _, t := range s.files[0].foot.Tables {
		form, err := state.FormOf(t)
		if err != nil {
			return fmt.Errorf("%w: %w", state.ErrCorrupt, err)
		}
		s.forms = append(s.forms, form)
	}
	return nil
}

// Tables returns the tables.
func (s *saved) Tables() []state.Table { return s.files[0].foot.Tables }

// Release closes the files. What goes wrong with files that were read does no harm.
func (s *saved) Release() {
	for _, f := range s.files {
		_ = f.Close()
	}
	s.files = s.files[:min(1, len(s.files))]
}

// Read yields the rows of a table by key group.
func (s *saved) Read(ctx context.Context, i int) iter.Seq2[state.Rows, error] {
	return func(yield func(state.Rows, error) bool) {
		r := chainReader{saved: s, table: i, out: s.forms[i].NewRowBuilder(), yield: yield, now: s.now().UnixMicro()}
		for g := s.groups.From; g < s.groups.To; g++ {
			err := ctx.Err()
			more := err == nil
			if more {
				r.group = g
				more, err = r.readGroup()
			}
			if err != nil {
				yield(state.Rows{}, fmt.Errorf("reading state %q: %w", s.forms[i].Table.Name, err))
			}
			if !more || err != nil {
				return
			}
		}
	}
}

// chainReader makes batches of a table's rows.
type chainReader struct {
	saved *saved
	table int
	group int
	now   int64
	out   *state.RowBuilder
	yield func(state.Rows, error) bool
	links []*records // those that have records of the group, by epoch
}

// readGroup merges the records of a group, which each link has by place: of each place the last one counts. It returns false when no more are
// wanted.
func (r *chainReader) readGroup() (more bool, err error) {
	if err := r.open(); err != nil {
		return false, err
	}
	for len(r.links) > 0 {
		at := r.links[0].at
		for _, l := range r.links[1:] {
			at = min(at, l.at)
		}
		var top *records
		for _, l := range r.links {
			if l.at == at {
				top = l
			}
		}
		if more, err := r.add(top); !more || err != nil {
			return false, err
		}
		if err := r.advance(at); err != nil {
			return false, err
		}
	}
	return r.flush(), nil
}

// open finds the records of the group and reads the first of each link.
func (r *chainReader) open() error {
	r.links = r.links[:0]
	for i := range r.saved.files {
		f := &r.saved.files[i]
		k, ok := slices.BinarySearchFunc(f.foot.Groups, int64(r.group), func(g [3]int64, want int64) int { return cmp.Compare(g[0], want) })
		if !ok {
			continue
		}
		l := newRecords(f, k, r.table)
		switch ok, err := l.next(); {
		case err != nil:
			return err
		case ok:
			r.links = append(r.links, l)
		}
	}
	return nil
}

// advance goes on in the links that are at that place.
func (r *chainReader) advance(at uint64) (err error) {
	r.links = slices.DeleteFunc(r.links, func(l *records) bool {
		if l.at != at || err != nil {
			return false
		}
		var ok bool
		ok, err = l.next()
		return !ok
	})
	return err
}

// add adds the cells of a record. It returns false when no more are wanted.
func (r *chainReader) add(l *records) (more bool, err error) {
	ttl := r.saved.forms[r.table].Table.TTL
	for _, c := range l.cells {
		e := state.Entry{Key: l.key, Namespace: l.data[c.namespace:c.stored], Cell: l.data[c.stored:c.end]}
		if ttl > 0 {
			if len(e.Cell) < stampBytes {
				return false, fmt.Errorf("%w: a cell without its time", state.ErrCorrupt)
			}
			e.Written, e.Cell = int64(binary.LittleEndian.Uint64(e.Cell)), e.Cell[stampBytes:]
			if state.Expired(e.Written, ttl, r.now) {
				continue
			}
		}
		if err := r.out.Add(&e); err != nil {
			return false, err
		}
		if r.out.Full() && !r.flush() {
			return false, nil
		}
	}
	return true, nil
}

func (r *chainReader) flush() bool {
	return r.out.Len() == 0 || r.yield(state.Rows{Group: r.group, Batch: r.out.Finish()}, nil)
}
