package window

import (
	"errors"
	"fmt"
	"time"
)

// Mode says how the results of one window relate.
type Mode uint8

// The modes.
const (
	Accumulating Mode = iota // a firing gives all there is: it replaces the last one
	Discarding               // a firing gives what came since the last one
	Retracting               // accumulating, and the last result is given once more before, to be taken back
)

// String returns the mode's name.
func (m Mode) String() string { return [...]string{"accumulating", "discarding", "retracting"}[m] }

// Spec is windows with all that is said about them. It is plain data.
type Spec struct {
	Assigner Assigner
	Trigger  Trigger // zero: on time, and again for late rows
	Mode     Mode
	Lateness time.Duration // how long a window is kept after it fired on time
	Evictor  Evictor       // zero: none
}

// Option says more about windows.
type Option func(*Spec)

// AllowedLateness keeps windows for that long after they fired on time, in event time: rows that come by then make them fire again.
func AllowedLateness(d time.Duration) Option { return func(s *Spec) { s.Lateness = d } }

// Firing makes windows fire by a trigger instead of on time.
func Firing(t Trigger) Option { return func(s *Spec) { s.Trigger = t } }

// Panes says how the results of one window relate; Accumulating if nothing is said.
func Panes(m Mode) Option { return func(s *Spec) { s.Mode = m } }

// Evicting drops rows before, or after, a window function sees them.
func Evicting(e Evictor) Option { return func(s *Spec) { s.Evictor = e } }

// New returns the windows of an assigner.
func New(a Assigner, options ...Option) Spec {
	s := Spec{Assigner: a}
	for _, o := range options {
		o(&s)
	}
	return s
}

// Validate says what is wrong with the windows.
func (s Spec) Validate() error {
	err := s.Assigner.Validate()
	if s.Lateness < 0 {
		err = errors.Join(err, fmt.Errorf("the allowed lateness %s is negative", s.Lateness))
	}
	if s.Lateness > 0 && s.Assigner.ByClock {
		err = errors.Join(err, fmt.Errorf("windows in processing time have no lateness"))
	}
	if s.Assigner.Kind == KindSession && s.Trigger.ValueFunc() != nil {
		err = errors.Join(err, fmt.Errorf("sessions merge, and a delta trigger does not"))
	}
	if s.Assigner.Kind == KindCount && (!s.Trigger.IsZero() || !s.Evictor.IsZero()) {
		err = errors.Join(err, fmt.Errorf("count windows have a trigger and an evictor of their own; take Global"))
	}
	return errors.Join(err, s.Trigger.validate(), s.Evictor.validate())
}

// HasSlices says whether windows can be put together of slices: sliding in time, by default triggers, without evictors and retractions.
// Their aggregates are shared between the windows that overlap.
func (s Spec) HasSlices() bool {
	return s.Assigner.Kind == KindSliding && s.Trigger.IsZero() && s.Evictor.IsZero() && s.Mode != Retracting
}

// String describes the windows.
func (s Spec) String() string {
	text := s.Assigner.String()
	if s.Lateness > 0 {
		text += ", late by " + s.Lateness.String()
	}
	if !s.Trigger.IsZero() {
		text += ", firing " + s.Trigger.String()
	}
	if s.Mode != Accumulating {
		text += ", " + s.Mode.String()
	}
	if !s.Evictor.IsZero() {
		text += ", " + s.Evictor.String()
	}
	return text
}
