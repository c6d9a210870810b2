//go:build !linux

package arena

import "errors"

// canRemap says whether remapMemory works.
const canRemap = false

func remapMemory([]byte, int) ([]byte, error) { return nil, errors.ErrUnsupported }

func adviseHuge([]byte) {}
