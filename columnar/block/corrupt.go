package block

import (
	"errors"
	"fmt"
)

// ErrCorrupt is what errors about damaged or foreign bytes match.
var ErrCorrupt = errors.New("corrupt block")

// CorruptError says which part of which block is wrong and how. It matches ErrCorrupt.
type CorruptError struct {
	Channel  uint32
	Sequence uint64
	Part     string // "header", "payload", "schema", or a column
	Reason   string
}

// Error names the block, the part and the reason.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("%v %d of channel %d: %s: %s", ErrCorrupt, e.Sequence, e.Channel, e.Part, e.Reason)
}

// Is makes the error match ErrCorrupt.
func (e *CorruptError) Is(target error) bool { return target == ErrCorrupt }

func corrupt(part, format string, args ...any) error {
	return Header{}.corrupt(part, format, args...)
}
