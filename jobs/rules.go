package jobs

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/connectors/kafka"
	"github.com/millrace/millrace/connectors/onbad"
	"github.com/millrace/millrace/connectors/socket"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/datastream"
	formatjson "github.com/millrace/millrace/formats/json"
	"github.com/millrace/millrace/formats/text"
	"github.com/millrace/millrace/plan"
)

// Rules matches events, which are JSON objects, against rules that come as a stream of their own: each event against those that are there when it
// comes. A rule record adds a rule, replaces the one of its id, or removes it; all tasks have all rules, and a job that goes on has those it had.
type Rules struct {
	Events   Lines
	Rules    Lines
	Brokers  Brokers
	Start    string // in the events' topic; "": with what comes, with Once with the oldest. Rules are always read from the oldest on
	Once     bool
	Watch    time.Duration // of both kinds of files
	Bad      int64
	BadRules int64
	Output   Output
}

// Lines is where lines come from: files, a socket or a topic.
type Lines struct{ Files, Socket, Topic string }

// Flags implements runner.Job.
func (r *Rules) Flags(f *flag.FlagSet) {
	f.StringVar(&r.Events.Files, "in", r.Events.Files, "events, lines of JSON, from files: `path`, glob or folder")
	f.StringVar(&r.Events.Socket, "socket", r.Events.Socket, "events from a socket: `host:port`, or unix: and a path")
	f.StringVar(&r.Events.Topic, "topic", r.Events.Topic, "events from a Kafka `topic`")
	f.StringVar(&r.Rules.Files, "rules", r.Rules.Files, "rules, lines of JSON, from files: `path`, glob or folder")
	f.StringVar(&r.Rules.Socket, "rules-socket", r.Rules.Socket, "rules from a socket: `host:port`, or unix: and a path")
	f.StringVar(&r.Rules.Topic, "rules-topic", r.Rules.Topic, "rules from a Kafka `topic`, which should have one partition")
	r.Brokers.flags(f)
	f.StringVar(&r.Start, "start", r.Start, "where in the events' topic to begin: earliest, latest, or at a `time`; default: latest, with --once earliest")
	f.BoolVar(&r.Once, "once", r.Once, "end with the connections, or with the newest messages there are now")
	f.DurationVar(&r.Watch, "watch", r.Watch, "look for new files in that `interval`, without end; 0: the files there are")
	f.Int64Var(&r.Bad, "bad", r.Bad, "leave out up to so many events that are no JSON objects; -1: any `number`")
	f.Int64Var(&r.BadRules, "bad-rules", r.BadRules, "leave out up to so many rule records that are none; -1: any `number`")
	r.Output.flags(f, "JSON lines of rule,note,event")
}

// Match is a rule that holds for an event.
type Match struct {
	Rule  string
	Note  string
	Event string // as it came
}

// RuleRecord is a line of rules: {"id": "big", "when": "amount > 1000", "note": "..."}, or {"id": "big", "remove": true}.
type RuleRecord struct {
	ID     string `json:"id"`
	When   string `json:"when"`
	Note   string `json:"note"`
	Remove bool   `json:"remove"`
}

// Rule is what is known of a rule besides its id.
type Rule struct{ When, Note string }

// Validate reports parameters that cannot work.
func (r *Rules) Validate() error {
	if r.Watch < 0 {
		return errors.New("--watch must not be negative")
	}
	err := oneOf(param{"in", r.Events.Files}, param{"socket", r.Events.Socket}, param{"topic", r.Events.Topic})
	if err == nil {
		err = oneOf(param{"rules", r.Rules.Files}, param{"rules-socket", r.Rules.Socket}, param{"rules-topic", r.Rules.Topic})
	}
	if err == nil && r.Events.Topic+r.Rules.Topic != "" {
		err = needed(param{"brokers", r.Brokers.Addresses})
	}
	if err != nil {
		return err
	}
	_, err = reading{start: r.Start}.from()
	return errors.Join(err, r.Output.validate(r.Brokers))
}

// Build implements runner.Job.
func (r *Rules) Build(job *plan.Job) {
	events, rules := r.read(job, r.Events, r.start(), "events"), r.read(job, r.Rules, "earliest", "rules", plan.Parallelism(1))
	matches := matchesOf(events, rules, tolerate(r.Bad), tolerate(r.BadRules))
	deliver(matches, r.Output, r.Brokers, formatjson.Format[Match]{}, func(m Match) string { return m.Rule })
}

// start returns where in the events' topic to begin. What lies there from before would be read faster than the rules.
func (r *Rules) start() string {
	if r.Start == "" && !r.Once {
		return "latest"
	}
	return r.Start
}

// read reads lines. Of files each is one split, so that its lines come in order.
func (r *Rules) read(job *plan.Job, from Lines, begin, uid string, options ...plan.Option) datastream.Stream[string] {
	var in connectors.TypedSource[string] = file.Source[string]{Path: from.Files, Format: text.Lines{}, SplitBytes: wholeFiles, Watch: r.Watch}
	switch {
	case from.Socket != "":
		in = socket.Source[string]{Address: from.Socket, Format: text.Lines{}, Bounded: r.Once}
	case from.Topic != "":
		reading := reading{from.Topic, begin, r.Once}
		start, err := reading.from()
		if err != nil {
			job.Fail("rules", err)
		}
		in = kafka.Source[string]{
			Brokers: r.Brokers.Addresses, Security: r.Brokers.security(), Topic: from.Topic, Format: text.Lines{}, Start: start, Stop: reading.to(),
		}
	}
	return datastream.Read(job, in, append(options, plan.UID(uid))...)
}

// matchesOf matches events against rules. Rules go through one task, so that all have them in the same order.
func matchesOf(events, rules datastream.Stream[string], badEvents, badRules onbad.Policy) datastream.Stream[Match] {
	objects := datastream.From(dataset.Parse(events.DataSet(), checkObject, badEvents))
	records := datastream.From(dataset.Parse(datastream.Global(rules).DataSet(), parseRule, badRules))
	return datastream.ProcessEachWithRules(objects, records, func() *matcher { return &matcher{} }, plan.UID("matches"))
}

// checkObject refuses an event that is no JSON object.
func checkObject(line string) (string, error) {
	_, err := readObject(line)
	return line, err
}

// parseRule reads a rule record and sees whether its condition is one.
func parseRule(line string) (RuleRecord, error) {
	var r RuleRecord
	d := json.NewDecoder(bytes.NewReader([]byte(line)))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return r, fmt.Errorf("the rule is none: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return r, errors.New("the rule is none: there is more behind it")
	}
	switch {
	case r.ID == "":
		return r, errors.New(`the rule has no "id"`)
	case r.Remove && r.When != "":
		return r, fmt.Errorf(`the rule %s has both "when" and "remove"`, r.ID)
	case r.Remove:
		return r, nil
	}
	if _, err := parseCondition(r.When); err != nil {
		return r, fmt.Errorf("the rule %s: %w", r.ID, err)
	}
	return r, nil
}

// matcher is a task's share of the events, with all rules.
type matcher struct {
	Rules      datastream.Rules[string, Rule] `broadcast:"rules"`
	conditions map[string]*condition          // of the rules that were needed since they changed, by id
}

// OnRecord gives the rules that hold for an event. One that means nothing for it, as one that compares a text with a number, does not hold.
func (m *matcher) OnRecord(ctx *datastream.Output[Match], event string) error {
	o, err := readObject(event)
	if err != nil {
		return err
	}
	for id, rule := range m.Rules.All() {
		c, err := m.condition(id, rule)
		if err != nil {
			return err
		}
		yes, err := c.holds(o)
		switch {
		case err != nil:
			ctx.Count("events that a rule means nothing for", 1)
		case yes:
			ctx.Emit(Match{id, rule.Note, event})
		}
	}
	return nil
}

// OnBroadcast takes a rule record.
func (m *matcher) OnBroadcast(_ *datastream.Output[Match], r RuleRecord) error {
	delete(m.conditions, r.ID)
	if r.Remove {
		m.Rules.Delete(r.ID)
		return nil
	}
	m.Rules.Put(r.ID, Rule{r.When, r.Note})
	return nil
}

// condition returns a rule's, which parseRule has found to be one.
func (m *matcher) condition(id string, rule Rule) (*condition, error) {
	if c := m.conditions[id]; c != nil {
		return c, nil
	}
	c, err := parseCondition(rule.When)
	if err != nil {
		return nil, fmt.Errorf("the rule %s: %w", id, err)
	}
	if m.conditions == nil {
		m.conditions = map[string]*condition{}
	}
	m.conditions[id] = c
	return c, nil
}
