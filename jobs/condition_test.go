package jobs

import (
	"strings"
	"testing"
)

func TestConditions(t *testing.T) {
	for _, c := range []struct {
		when, event string
		want        bool
		problem     string // part of the error; "": none
	}{
		{"amount > 1000", `{"amount": 1001}`, true, ""},
		{"amount > 1000", `{"amount": 1000.5}`, true, ""},
		{"amount > 1000", `{"amount": 1000}`, false, ""},
		{"amount > 1000", `{"amount": 9007199254740993}`, true, ""},
		{"amount = 9007199254740993", `{"amount": 9007199254740992}`, false, ""},
		{"amount > 1000", `{}`, false, ""},
		{"amount > 1000", `{"amount": null}`, false, ""},
		{"amount is null", `{"amount": null}`, true, ""},
		{"amount is null", `{"amount": 1}`, false, ""},
		{"amount > 1000 or country = 'DE'", `{"country": "DE"}`, true, ""},
		{"amount > 1000 or country = 'DE'", `{"amount": 1, "country": "DE"}`, true, ""},
		{"amount > 1000", `{"amount": "much"}`, false, "amount"},
		{"amount > 1000", `{"amount": [1, 2]}`, false, "amount"},
		{"tags = '[1,\"a\"]'", `{"tags": [1, "a"]}`, true, ""},
		{`"user.name" = 'ann'`, `{"user": {"name": "ann"}}`, true, ""},
		{`"user.at.home"`, `{"user": {"at": {"home": true}}}`, true, ""},
		{"urgent", `{"urgent": true}`, true, ""},
		{"urgent", `{"urgent": 1}`, false, "bool"},
		{"urgent", `{}`, false, "NULL"},
		{"not urgent", `{"urgent": false}`, true, ""},
		{"name like 'a%'", `{"name": "ann"}`, true, ""},
		{"lower(name) in ('ann', 'bob')", `{"name": "BOB"}`, true, ""},
		{"10 / n > 1", `{"n": 0}`, false, "division by zero"},
		{"cast(at as timestamp) >= 2026-01-01", `{"at": "2026-05-01T10:00:00Z"}`, true, ""},
		{"true", `{}`, true, ""},
	} {
		condition, err := parseCondition(c.when)
		if err != nil {
			t.Errorf("%s: %v", c.when, err)
			continue
		}
		o, err := readObject(c.event)
		if err != nil {
			t.Errorf("%s: %v", c.event, err)
			continue
		}
		for range 2 { // compiled, and remembered
			got, err := condition.holds(o)
			if got != c.want {
				t.Errorf("%s of %s is %v, want %v", c.when, c.event, got, c.want)
			}
			if (err == nil) != (c.problem == "") || err != nil && !strings.Contains(err.Error(), c.problem) {
				t.Errorf("%s of %s: the error is %v, want %q", c.when, c.event, err, c.problem)
			}
		}
	}
}

func TestRuleRecords(t *testing.T) {
	for line, problem := range map[string]string{
		`{"id": "a", "when": "x > 1", "note": "n"}`:       "",
		`{"id": "a", "remove": true}`:                     "",
		`{"id": "a", "when": "x > 1", "remove": true}`:    "both",
		`{"when": "x > 1"}`:                               `no "id"`,
		`{"id": "a"}`:                                     "the rule a",
		`{"id": "a", "when": "x >"}`:                      "at character 4, the end",
		`{"id": "a", "when": "x + 1"}`:                    "true or false",
		`{"id": "a", "when": "5"}`:                        "true or false",
		`{"id": "a", "if": "x"}`:                          `"if"`,
		`{"id": "a", "when": "x"} {"id": "b"}`:            "more",
		`{"id": "a", "when": "x"}]`:                       "more",
		`{"id": 1, "when": "x"}`:                          "string",
		`id: a`:                                           "none",
		``:                                                "none",
		`null`:                                            `no "id"`,
		`{"id": "a", "when": "sqrt(x) > 1"}`:              "sqrt",
		`{"id": "a", "when": "lower(x, y) = 'a'"}`:        "lower",
		`{"id": "a", "when": "x like 'a' and y + 1 > 0"}`: "",
	} {
		_, err := parseRule(line)
		if (err == nil) != (problem == "") || err != nil && !strings.Contains(err.Error(), problem) {
			t.Errorf("%s: the error is %v, want %q", line, err, problem)
		}
	}
}

func TestNoObjects(t *testing.T) {
	for _, line := range []string{``, `[1]`, `1`, `{"a": 1`, `{"a": 1} {}`, `{"a": 1}x`, `{"a": 1}}`, `{"a": 1}]`, `null`, `{"a": 1e999}`} {
		if _, err := readObject(line); err == nil {
			t.Errorf("%q is an object", line)
		}
	}
}

// FuzzRules takes any event to any rule: there is no panic, and an event that was refused does not come so far.
func FuzzRules(f *testing.F) {
	f.Add(`{"id": "a", "when": "amount > 1000 and \"user.name\" like 'a%'"}`, `{"amount": 1e3, "user": {"name": "ann"}}`)
	f.Add(`{"id": "a", "when": "cast(x as int64) % 2 = 1 or y is null"}`, `{"x": "17", "y": [null]}`)
	f.Fuzz(func(t *testing.T, rule, event string) {
		record, err := parseRule(rule)
		if err != nil || record.Remove {
			return
		}
		condition, err := parseCondition(record.When)
		if err != nil {
			t.Fatalf("the rule was accepted: %v", err)
		}
		if o, err := readObject(event); err == nil {
			_, _ = condition.holds(o) // it may mean nothing for the event
		}
	})
}
