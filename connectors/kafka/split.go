package kafka

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/millrace/millrace/connectors"
)

// span is what a split reads: a partition from an offset to another.
type span struct {
	Topic     string
	Partition int32
	From      int64 // the first offset to read
	To        int64 // the first not to read; noEnd: it goes on for ever
}

const noEnd = -1

// id is the split's: a partition has only one.
func (s span) id() string { return s.Topic + "/" + strconv.Itoa(int(s.Partition)) }

// spanOf returns the partition that an id names.
func spanOf(id string) (s span, err error) {
	i := strings.LastIndexByte(id, '/')
	if i < 0 {
		return s, fmt.Errorf("%q is no partition's split", id)
	}
	n, err := strconv.ParseInt(id[i+1:], 10, 32)
	if err != nil {
		return s, fmt.Errorf("%q is no partition's split: %w", id, err)
	}
	return span{Topic: id[:i], Partition: int32(n)}, nil
}

// spansOf returns the partitions by topic and number.
func spansOf(found map[string][]int32) []span {
	var spans []span
	for _, topic := range slices.Sorted(maps.Keys(found)) {
		for _, p := range found[topic] {
			spans = append(spans, span{Topic: topic, Partition: p})
		}
	}
	return spans
}

// version is the first byte of the encodings of splits and positions.
const version = 1

// encode returns the split: the version, partition, both ends as varints, and the topic's name.
func (s span) encode() connectors.Split {
	data := binary.AppendVarint([]byte{version}, int64(s.Partition))
	data = binary.AppendVarint(binary.AppendVarint(data, s.From), s.To)
	return connectors.Split{ID: s.id(), Data: append(data, s.Topic...), Bytes: -1}
}

var errSplit = errors.New("it is not in an encoding of this version")

func decodeSpan(split connectors.Split) (s span, err error) {
	data := split.Data
	if len(data) == 0 || data[0] != version {
		return s, fmt.Errorf("reading the split %s: %w", split.ID, errSplit)
	}
	data = data[1:]
	var numbers [3]int64
	for i := range numbers {
		v, n := binary.Varint(data)
		if n <= 0 {
			return s, fmt.Errorf("reading the split %s: %w", split.ID, errSplit)
		}
		numbers[i], data = v, data[n:]
	}
	return span{Topic: string(data), Partition: int32(numbers[0]), From: numbers[1], To: numbers[2]}, nil
}

// position is the offset of the next record: the version and a varint.
func position(next int64) connectors.Position {
	return binary.AppendVarint(connectors.Position{version}, next)
}

// offsetOf returns the offset that a position stands for; nil is the split's start.
func offsetOf(s span, p connectors.Position) (int64, error) {
	if p == nil {
		return s.From, nil
	}
	if p[0] == version {
		if v, n := binary.Varint(p[1:]); n == len(p)-1 && n > 0 {
			return v, nil
		}
	}
	return 0, fmt.Errorf("reading the position in %s: %w", s.id(), errSplit)
}
