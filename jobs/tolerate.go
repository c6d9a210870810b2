package jobs

import "github.com/millrace/millrace/connectors/onbad"

// tolerate leaves out up to so many records that cannot be read, any number of them if it is negative.
func tolerate(most int64) onbad.Policy {
	if most == 0 {
		return onbad.Fail()
	}
	return onbad.Skip(most)
}
