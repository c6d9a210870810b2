package file

import (
	"errors"
	"fmt"
	"strings"
)

// Mode says what becomes of data that the target has already. As a flag.Value it takes the names below.
type Mode string

// The modes. The zero value is ErrorIfExists.
const (
	ErrorIfExists       Mode = "error"                // the job fails before it starts when the target has data
	Append              Mode = "append"               // the new files are added; committing the same run again adds nothing
	Overwrite           Mode = "overwrite"            // the new files take the place of all old ones
	OverwritePartitions Mode = "overwrite-partitions" // the new files take the place of the old ones in the folders that are written
)

var modes = []Mode{ErrorIfExists, Append, Overwrite, OverwritePartitions}

// ErrTargetExists is the error of mode ErrorIfExists.
var ErrTargetExists = errors.New("the target has data already; choose the mode append or overwrite, or another target")

// String returns the mode's name.
func (m Mode) String() string {
	if m == "" {
		return string(ErrorIfExists)
	}
	return string(m)
}

// Set takes a mode's name.
func (m *Mode) Set(name string) error {
	*m = Mode(name)
	return m.Validate()
}

// Validate reports a mode that does not exist.
func (m Mode) Validate() error {
	var names []string
	for _, known := range modes {
		if m == known || m == "" {
			return nil
		}
		names = append(names, string(known))
	}
	return fmt.Errorf("unknown mode %q; modes are %s", string(m), strings.Join(names, ", "))
}
