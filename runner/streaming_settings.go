package runner

import (
	"fmt"
	"strconv"
	"time"

	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/vfs"
)

// streamingSettings are the settings of jobs whose input need not end. A dot in a name groups settings in the configuration file; flags have
// a dash there.
func streamingSettings() []Setting {
	defaults := map[string]string{
		"checkpoint.min-pause": "0s", "checkpoint.mode": modeName(false), "checkpoint.alignment-timeout": alignmentText(0), "key-groups": "0",
	}
	Streaming{}.withDefaults().values(func(name, value string, isSet bool) {
		if isSet {
			defaults[name] = value
		}
	})
	defaults["checkpoint.merge-below"] = "1m"
	setting := func(name, usage string, set func(*Settings, string) error) Setting {
		return Setting{name, "", usage, "", func() string { return defaults[name] }, set}
	}
	flip := func(name, usage string, field func(*Settings) *bool) Setting {
		return Setting{name, "", usage, "true", func() string { return "false" }, boolean(field)}
	}
	mode := oneOf(func(*Settings) *string { return new(string) }, modeName(false), modeName(true))
	return []Setting{
		setting("checkpoint.interval", "`time` from the start of one checkpoint to that of the next; none: only when asked for, and the last",
			orNone(func(s *Settings) *time.Duration { return &s.Streaming.Checkpoints.Interval })),
		setting("checkpoint.interval-in-backlog", "`time` instead, not less, while a source works off what was there before it comes to what is new; none: no checkpoints until then; default: no other",
			inBacklog),
		setting("checkpoint.folder", "`URL` of the folder for checkpoints, in which each job's have a folder of its name; default: checkpoints in --state-dir",
			text(func(s *Settings) *string { return &s.Streaming.Checkpoints.Folder })),
		setting("checkpoint.mode", "`what` a failure may do to results: exactly-once, at-least-once", func(s *Settings, v string) error {
			s.Streaming.Checkpoints.AtLeastOnce = v == modeName(true)
			return mode(s, v)
		}),
		setting("checkpoint.alignment-timeout", "of exactly-once: `time` that a task waits for barriers before it saves what lies ahead of them; 0s: it does not wait; none: however long it takes",
			alignment(func(s *Settings) *time.Duration { return &s.Streaming.Checkpoints.AlignmentTimeout })),
		setting("checkpoint.timeout", "`time` after which a checkpoint has failed",
			positive(func(s *Settings) *time.Duration { return &s.Streaming.Checkpoints.Timeout })),
		setting("checkpoint.keep", "complete `checkpoints` that are kept",
			number(func(s *Settings) *int { return &s.Streaming.Checkpoints.Keep }, 1)),
		setting("checkpoint.merge-below", "files of a checkpoint of less than this `size` are put together into larger ones; 0: none are",
			sizeOrNegative(func(s *Settings) *int64 { return &s.Streaming.Checkpoints.MergeBelow })),
		setting("checkpoint.min-pause", "the least `time` from the end of one checkpoint to the start of the next",
			duration(func(s *Settings) *time.Duration { return &s.Streaming.Checkpoints.MinPause })),
		setting("checkpoint.tolerable-failures", "failed `checkpoints` in a row that a job survives",
			orNegative(func(s *Settings) *int { return &s.Streaming.Checkpoints.TolerableFailures })),
		setting("state.backend", "`where` keyed state lies: heap (memory), lsm (files in --scratch, partly in memory)",
			oneOf(func(s *Settings) *StateBackend { return &s.Streaming.State }, StateHeap, StateLSM)),
		setting("key-groups", "how many `parts` keyed state is divided into, the most tasks that share it: a power of two, fixed by the job's first checkpoint; 0: as many as --from has, or 1024",
			keyGroups),
		setting("restart.strategy", "`whether` a failed job is restarted: none, fixed, exponential, failure-rate",
			oneOf(func(s *Settings) *RestartStrategy { return &s.Streaming.Restart.Strategy }, RestartNone, RestartFixed, RestartExponential, RestartRate)),
		setting("restart.delay", "`time` from a failure to the restart, of exponential after the first failure",
			positive(func(s *Settings) *time.Duration { return &s.Streaming.Restart.Delay })),
		setting("restart.attempts", "of fixed: `restarts` before the job fails",
			number(func(s *Settings) *int { return &s.Streaming.Restart.Attempts }, 1)),
		setting("restart.multiplier", "of exponential: `factor` by which the delay grows with each failure",
			factor(func(s *Settings) *float64 { return &s.Streaming.Restart.Multiplier }, 1, 100)),
		setting("restart.max-delay", "of exponential: the longest `delay`",
			positive(func(s *Settings) *time.Duration { return &s.Streaming.Restart.MaxDelay })),
		setting("restart.jitter", "of exponential: `part` of the delay that is left to chance, either way",
			factor(func(s *Settings) *float64 { return &s.Streaming.Restart.Jitter }, 0, 1)),
		setting("restart.reset-after", "of exponential: `time` without a failure after which the first delay is back",
			positive(func(s *Settings) *time.Duration { return &s.Streaming.Restart.ResetAfter })),
		setting("restart.failures", "of failure-rate: more `failures` than that within --restart-failure-interval fail the job",
			number(func(s *Settings) *int { return &s.Streaming.Restart.Failures }, 1)),
		setting("restart.failure-interval", "of failure-rate: see --restart-failures; a `time`",
			positive(func(s *Settings) *time.Duration { return &s.Streaming.Restart.FailureInterval })),
		setting("from", "`URL` of the checkpoint or savepoint to go on from; latest: the job's last complete checkpoint",
			text(func(s *Settings) *string { return &s.Streaming.From })),
		setting("allow-dropped-state", "comma-separated `UIDs` of operators whose state in --from may be dropped",
			list(func(s *Settings) *[]string { return &s.Streaming.AllowDropped })),
		flip("allow-duplicates", "where the last checkpoint is damaged, go on from the one before also if output that cannot be taken back is written again",
			func(s *Settings) *bool { return &s.Streaming.AllowDuplicates }),
		flip("stream", "run as a stream, with checkpoints, also when all input ends", func(s *Settings) *bool { return &s.Streaming.Always }),
	}
}

// keyGroups reads the number of key groups.
func keyGroups(s *Settings, v string) error {
	if err := number(func(s *Settings) *int { return &s.Streaming.KeyGroups }, 0)(s, v); err != nil || s.Streaming.KeyGroups == 0 {
		return err
	}
	return state.CheckKeyGroups(s.Streaming.KeyGroups)
}

// deriveStreaming fills in what depends on other settings.
func (s *Settings) deriveStreaming() error {
	s.Streaming = s.Streaming.withDefaults()
	c := &s.Streaming.Checkpoints
	if err := c.validate(); err != nil {
		return err
	}
	if c.Folder == "" {
		c.Folder = vfs.Join(s.StateDir, "checkpoints")
	}
	var err error
	if c.Folder, err = vfs.Absolute(c.Folder); err != nil { // it is to be found from another working folder
		return err
	}
	s.show("checkpoint.folder", c.Folder)
	return nil
}

// orNone reads a duration; "none" is a negative one.
func orNone(field func(*Settings) *time.Duration) func(*Settings, string) error {
	read := positive(field)
	return func(s *Settings, v string) error {
		if v == "none" {
			*field(s) = -1
			return nil
		}
		if err := read(s, v); err != nil {
			return fmt.Errorf("%w, or none", err)
		}
		return nil
	}
}

// inBacklog reads a duration; "none", and 0s as Flink writes it, is a negative one, nothing the default.
func inBacklog(s *Settings, v string) error {
	field := func(s *Settings) *time.Duration { return &s.Streaming.Checkpoints.InBacklog }
	switch v {
	case "":
		*field(s) = 0
		return nil
	case "0", "0s", "off":
		v = "none"
	}
	return orNone(field)(s, v)
}

// alignment reads a duration; "none" is 0, and 0s a negative one.
func alignment(field func(*Settings) *time.Duration) func(*Settings, string) error {
	read := duration(field)
	return func(s *Settings, v string) error {
		if v == "none" {
			*field(s) = 0
			return nil
		}
		if err := read(s, v); err != nil {
			return fmt.Errorf("%w, or none", err)
		}
		if *field(s) == 0 {
			*field(s) = -1
		}
		return nil
	}
}

// positive reads a duration that is more than nothing.
func positive(field func(*Settings) *time.Duration) func(*Settings, string) error {
	return func(s *Settings, v string) error {
		d, err := time.ParseDuration(v)
		if err != nil || d <= 0 {
			return fmt.Errorf("%q is not a duration of more than 0s; write 500ms, 90s, 2m", v)
		}
		*field(s) = d
		return nil
	}
}

// orNegative reads a number; 0 becomes -1, as the field's 0 is the default.
func orNegative(field func(*Settings) *int) func(*Settings, string) error {
	read := number(field, 0)
	return func(s *Settings, v string) error {
		err := read(s, v)
		if *field(s) == 0 {
			*field(s) = -1
		}
		return err
	}
}

// sizeOrNegative reads a size; 0 becomes -1, as the field's 0 is the default.
func sizeOrNegative(field func(*Settings) *int64) func(*Settings, string) error {
	read := size(field)
	return func(s *Settings, v string) error {
		err := read(s, v)
		if *field(s) == 0 {
			*field(s) = -1
		}
		return err
	}
}

// factor reads a number with a fraction; 0 becomes -1, as the field's 0 is the default.
func factor(field func(*Settings) *float64, least, most float64) func(*Settings, string) error {
	return func(s *Settings, v string) error {
		f, err := strconv.ParseFloat(v, 64)
		if err != nil || !(least <= f && f <= most) { // NaN is not between them either
			return fmt.Errorf("%q is not a number from %g to %g", v, least, most)
		}
		if *field(s) = f; f == 0 {
			*field(s) = -1
		}
		return nil
	}
}
