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
		return errors.New(enumerated(missing, "and") + " are needed")
	}
}

// exclusive reports parameters of which more than one has a value.
func exclusive(all ...param) error {
	var given []string
	for _, p := range all {
		if p.value != "" {
			given = append(given, "--"+p.flag)
		}
	}
	if len(given) < 2 {
		return nil
	}
	return errors.New(enumerated(given, "and") + " exclude each other")
}

// oneOf reports parameters of which not exactly one has a value.
func oneOf(all ...param) error {
	var names []string
	none := true
	for _, p := range all {
		names = append(names, "--"+p.flag)
		none = none && p.value == ""
	}
	if none {
		return errors.New(enumerated(names, "or") + " is needed")
	}
	return exclusive(all...)
}

// enumerated is "a, b and c".
func enumerated(names []string, word string) string {
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " " + word + " " + names[last]
}
