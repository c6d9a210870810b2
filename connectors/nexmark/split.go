package nexmark

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/millrace/millrace/connectors"
)

// blockEvents is how many events in a row one split has before it is the next one's turn: about a batch, and whole rounds.
const blockEvents = 160 * eventsPerRound

// stride is the events of a split: those of every step-th block of numbers, from block first on, whose number is below to.
type stride struct {
	First, Step, To int64
}

// start is the number of the first event.
func (s stride) start() int64 { return s.First * blockEvents }

// run returns the end of the events in a row from number n, which is one of the stride's.
func (s stride) run(n int64) int64 { return min(s.To, (n/blockEvents+1)*blockEvents) }

// after returns the number of the stride's event that follows the one before n: n itself, or the beginning of the next block.
func (s stride) after(n int64) int64 {
	if n%blockEvents == 0 && n > s.start() {
		return n + (s.Step-1)*blockEvents
	}
	return n
}

// version is the first byte of the encodings of splits, positions and states.
const version = 1

func (s stride) encode() connectors.Split {
	data := []byte{version}
	for _, v := range []int64{s.First, s.Step, s.To} {
		data = binary.AppendVarint(data, v)
	}
	return connectors.Split{ID: fmt.Sprintf("%d+%d-%d", s.First, s.Step, s.To), Data: data, Bytes: -1}
}

var errVersion = errors.New("it is not in an encoding of this version")

func decodeStride(split connectors.Split) (stride, error) {
	v, err := varints(split.Data, 3)
	if err != nil {
		return stride{}, fmt.Errorf("nexmark: reading the split %s: %w", split.ID, err)
	}
	return stride{v[0], v[1], v[2]}, nil
}

// varints reads n numbers behind a version.
func varints(data []byte, n int) ([]int64, error) {
	if len(data) == 0 || data[0] != version {
		return nil, errVersion
	}
	data = data[1:]
	out := make([]int64, n)
	for i := range out {
		v, k := binary.Varint(data)
		if k <= 0 {
			return nil, errVersion
		}
		out[i], data = v, data[k:]
	}
	if len(data) > 0 {
		return nil, errVersion
	}
	return out, nil
}

// position is the number of the next event, which is one of the stride's or the first behind its end.
func position(n int64) connectors.Position {
	return binary.AppendVarint(connectors.Position{version}, n)
}

func (s stride) at(p connectors.Position) (int64, error) {
	if p == nil {
		return s.start(), nil
	}
	v, err := varints(p, 1)
	if err != nil {
		return 0, fmt.Errorf("nexmark: reading a position: %w", err)
	}
	return v[0], nil
}
