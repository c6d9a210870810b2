package jobs

import (
	"errors"
	"strings"
)

// param is a parameter by its flag.
type param struct{ flag, value string }

// needed reports the parameters that have no value.
func needed(all ...param) error {
	var missing []string
	for _, p := range all {
		if p.value == "" {
			missing = append(missing, "--"+p.flag)
		}
	}
	switch len(missing) {
	case 0:
		return nil
	case 1:
		return errors.New(missing[0] + " is needed")
	default:
		last := len(missing) - 1
		return errors.New(strings.Join(missing[:last], ", ") + " and " + missing[last] + " are needed")
	}
}
