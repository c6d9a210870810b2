package onbad_test

import (
	"testing"

	"github.com/millrace/millrace/connectors/onbad"
)

func TestCheck(t *testing.T) {
	tests := []struct {
		policy     onbad.Policy
		bad, total int64
		ended, ok  bool
	}{
		{onbad.Fail(), 0, 9, true, true},
		{onbad.Fail(), 1, 9, false, false},
		{onbad.Skip(2), 2, 9, true, true},
		{onbad.Skip(2), 3, 9, false, false},
		{onbad.Skip(-1), 9, 9, true, true},
		{onbad.SkipShare(0.5), 9, 9, false, true},
		{onbad.SkipShare(0.5), 5, 9, true, false},
		{onbad.SkipShare(0.5), 4, 9, true, true},
		{onbad.Side("bad"), 9, 9, true, true},
	}
	for _, tt := range tests {
		if err := tt.policy.Check(tt.bad, tt.total, tt.ended); (err == nil) != tt.ok {
			t.Errorf("%s: %d of %d, ended %v: %v", tt.policy, tt.bad, tt.total, tt.ended, err)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, p := range []onbad.Policy{onbad.Side(""), onbad.SkipShare(1), {Action: 7}} {
		if p.Validate() == nil {
			t.Errorf("%+v passes", p)
		}
	}
}
