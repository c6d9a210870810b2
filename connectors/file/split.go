package file

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/vfs"
)

// version is the first byte of the encodings of splits and positions.
const version = 1

// piece is a range of a file; a split is one or more, read in order.
type piece struct {
	URL  string `json:"u"`
	Size int64  `json:"s"` // of the file
	From int64  `json:"f"`
	To   int64  `json:"t"`
	Skip int64  `json:"k,omitempty"`
	Keys []key  `json:"p,omitempty"`
}

// bytes is about how much work the piece is.
func (p piece) bytes() int64 { return p.To - p.From }

func (p piece) read() formats.Range {
	return formats.Range{From: p.From, To: p.To, Skip: p.Skip}
}

func encodePieces(pieces []piece) ([]byte, error) {
	data, err := json.Marshal(pieces)
	return append([]byte{version}, data...), err
}

func decodePieces(data []byte) (pieces []piece, err error) {
	if len(data) == 0 || data[0] != version {
		return nil, errors.New("a split of files in an unknown encoding")
	}
	err = json.Unmarshal(data[1:], &pieces)
	return pieces, err
}

// position is where in a split reading goes on: in the piece of that number, at its start or, inside, at an offset and row. Encoded it is the
// version and up to three varints.
type position struct {
	piece  int
	inside bool
	at     formats.Position
}

func (p position) encode() connectors.Position {
	out := connectors.Position{version}
	out = binary.AppendVarint(out, int64(p.piece))
	if p.inside {
		out = binary.AppendVarint(out, p.at.Offset)
		out = binary.AppendVarint(out, p.at.Row)
	}
	return out
}

func decodePosition(data connectors.Position) (p position, err error) {
	if len(data) == 0 || data[0] != version {
		return p, errors.New("a position in a split of files in an unknown encoding")
	}
	r := bytes.NewReader(data[1:])
	n, err := binary.ReadVarint(r)
	p.piece, p.inside = int(n), r.Len() > 0
	if p.inside && err == nil {
		if p.at.Offset, err = binary.ReadVarint(r); err == nil {
			p.at.Row, err = binary.ReadVarint(r)
		}
	}
	if err != nil {
		err = fmt.Errorf("decoding a position in a split of files: %w", err)
	}
	return p, err
}

// after returns the pieces from the position on.
func after(pieces []piece, p connectors.Position) ([]piece, error) {
	if p == nil {
		return pieces, nil
	}
	at, err := decodePosition(p)
	if err != nil {
		return nil, err
	}
	if at.piece < 0 || at.piece > len(pieces) || at.inside && at.piece == len(pieces) {
		return nil, fmt.Errorf("position %d in a split of %d pieces", at.piece, len(pieces))
	}
	pieces = slices.Clone(pieces[at.piece:])
	if at.inside {
		pieces[0].From, pieces[0].Skip = at.at.Offset, at.at.Row
	}
	return pieces, nil
}

// openCost is what opening a file counts as in bytes when small files are packed into splits.
const openCost = 256 << 10

// minSplit is the smallest size that splits are cut to so that every task has some.
const minSplit = 1 << 20

// planned is what the enumerator learns from listing.
type planned struct {
	splits []connectors.Split
	bytes  int64
}

// planSplits cuts large files and packs small ones, in order of path. With many tasks and little data splits are smaller, but no file is cut
// finer than the settings' size says, if they have one: rows that come in order may depend on it.
func planSplits(ctx context.Context, files *vfs.Resolver, format formats.Format, l *listing, size int64, tasks int) (planned, error) {
	plan := planned{bytes: l.bytes()}
	share := plan.bytes / int64(3*max(tasks, 1))
	target := min(cmp.Or(size, DefaultSplitBytes), max(share, minSplit))
	ranges, err := divide(ctx, files, format, l, cmp.Or(size, target))
	if err != nil {
		return plan, err
	}
	var pack []piece
	var packed int64
	flush := func() error {
		if len(pack) == 0 {
			return nil
		}
		split, err := newSplit(len(plan.splits), pack)
		plan.splits = append(plan.splits, split)
		pack, packed = nil, 0
		return err
	}
	for i, f := range l.files {
		for _, r := range ranges[i] {
			p := piece{URL: f.URL, Size: f.Size, From: r.From, To: r.To, Skip: r.Skip, Keys: f.Keys}
			if packed > 0 && packed+p.bytes()+openCost > target {
				if err := flush(); err != nil {
					return plan, err
				}
			}
			pack = append(pack, p)
			packed += p.bytes() + openCost
		}
	}
	return plan, flush()
}

func newSplit(i int, pieces []piece) (connectors.Split, error) {
	s := connectors.Split{ID: fmt.Sprintf("%06d", i)}
	for _, p := range pieces {
		s.Bytes += p.bytes()
	}
	var err error
	s.Data, err = encodePieces(pieces)
	return s, err
}

// readers is how many files are asked for their ranges at once: formats with a footer read it.
const readers = 8

// divide returns the ranges of each file.
func divide(ctx context.Context, files *vfs.Resolver, format formats.Format, l *listing, target int64) ([][]formats.Range, error) {
	ranges := make([][]formats.Range, len(l.files))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(readers)
	for i, f := range l.files {
		g.Go(func() error {
			in := &input{files: files, url: f.URL, size: f.Size, ctx: ctx}
			var err error
			ranges[i], err = format.Split(ctx, in, target)
			if err = errors.Join(err, in.Close()); err != nil {
				return fmt.Errorf("dividing %s: %w", f.URL, err)
			}
			return nil
		})
	}
	return ranges, g.Wait()
}

// resumed returns the split that has what is left of s after the position.
func resumed(s connectors.Split, p connectors.Position) (connectors.Split, error) {
	if p == nil {
		return s, nil
	}
	pieces, err := decodePieces(s.Data)
	if err == nil {
		pieces, err = after(pieces, p)
	}
	if err == nil {
		s.Data, err = encodePieces(pieces)
	}
	return s, err
}
