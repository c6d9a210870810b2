package lines

import (
	"bytes"
	"cmp"
	"errors"
	"slices"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats"
)

// Records is a formats.RecordDecoder by a Decoder of lines: it joins the records to lines and decodes those.
type Records struct {
	decoder Decoder
	flatten func(line []byte) error
	data    []byte
	starts  []int // of the lines in data
	kept    []int32
}

var _ formats.RecordDecoder = (*Records)(nil)

// NewRecords returns a decoder of records. The Decoder's Begin is not called. flatten makes one line of a record with newlines inside, in place,
// or says why it cannot be one.
func NewRecords(d Decoder, flatten func(line []byte) error) *Records {
	return &Records{decoder: d, flatten: flatten}
}

var errNoRecord = errors.New("the record is empty")

// Decode implements formats.RecordDecoder. When records are bad, the others are decoded once more without them.
func (r *Records) Decode(records [][]byte, bad func(formats.BadValue) error) (columnar.Batch, []int32, error) {
	r.data, r.starts, r.kept = r.data[:0], r.starts[:0], make([]int32, 0, len(records))
	for i, record := range records {
		if err := r.join(i, record); err != nil {
			if err := bad(formats.BadValue{Index: i, Reason: err}); err != nil {
				return columnar.Batch{}, nil, err
			}
		}
	}
	for {
		b, _, wrong := r.decoder.Decode(r.data, len(r.kept))
		if len(wrong) == 0 {
			if b.Len == len(records) {
				return b, nil, nil
			}
			return b, r.kept, nil
		}
		if err := r.leaveOut(wrong, bad); err != nil {
			return columnar.Batch{}, nil, err
		}
	}
}

// join adds a record as a line.
func (r *Records) join(i int, record []byte) error {
	at := len(r.data)
	r.data = append(r.data, record...)
	line := bytes.TrimRight(r.data[at:], "\r\n")
	var err error
	if len(bytes.TrimSpace(line)) == 0 {
		err = errNoRecord
	} else if bytes.IndexByte(line, '\n') >= 0 {
		err = r.flatten(line)
	}
	if err != nil {
		r.data = r.data[:at]
		return err
	}
	r.data = append(r.data[:at+len(line)], '\n')
	r.starts = append(r.starts, at)
	r.kept = append(r.kept, int32(i))
	return nil
}

// leaveOut reports the bad lines and takes them out of the data.
func (r *Records) leaveOut(wrong []Bad, bad func(formats.BadValue) error) error {
	slices.SortStableFunc(wrong, func(x, y Bad) int { return cmp.Compare(x.At, y.At) })
	wrong = slices.CompactFunc(wrong, func(x, y Bad) bool { return x.At == y.At })
	data, starts, kept := r.data, r.starts, r.kept
	r.data, r.starts, r.kept = nil, nil, make([]int32, 0, len(kept))
	for i, at := range starts {
		end := len(data)
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		if len(wrong) > 0 && wrong[0].At < end {
			if err := bad(formats.BadValue{Index: int(kept[i]), Field: wrong[0].Field, Reason: wrong[0].Reason}); err != nil {
				return err
			}
			wrong = wrong[1:]
			continue
		}
		r.starts = append(r.starts, len(r.data))
		r.data = append(r.data, data[at:end]...)
		r.kept = append(r.kept, kept[i])
	}
	return nil
}
