package runner

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/vfs"
)

// Streaming are the options of a job whose input need not end. The zero value works: it keeps state in memory and, having no folder for them,
// makes no checkpoints.
type Streaming struct {
	Checkpoints Checkpoints
	State       StateBackend // where keyed state lies; default: StateHeap
	Restart     Restart
	// KeyGroups is how many parts keyed state is divided into: the most tasks that share it. It is a power of two, and fixed by the job's first
	// checkpoint: a job that goes on from one has as many. 0: as many as that, or state.DefaultKeyGroups.
	KeyGroups int
	// From is the URL of the checkpoint or savepoint that the job goes on from; FromLatest: the last complete checkpoint of the job's name;
	// "": it starts anew.
	From string
	// AllowDropped are the UIDs of operators whose state From has and the job has no use for. Other state that nobody takes is an error.
	AllowDropped []string
	// AllowDuplicates has the job go on from a checkpoint before the damaged last one also when a sink cannot take back what that one published:
	// it will be there twice. Else that is an error.
	AllowDuplicates bool
	// Always has data that ends run as a stream too, with checkpoints.
	Always bool
}

// FromLatest is a Streaming.From.
const FromLatest = "latest"

// Checkpoints say when, how and where checkpoints are made.
type Checkpoints struct {
	// Interval is from the start of one to the start of the next; default 10 s; negative: only those that somebody asks for and the last.
	Interval time.Duration
	// InBacklog is Interval while a source works off what was there before it comes to what is new; default: Interval; negative: none are made
	// by themselves until that is done. It is not less than Interval.
	InBacklog   time.Duration
	MinPause    time.Duration // the least time from the end of one to the start of the next; default 0
	Timeout     time.Duration // after which one has failed; default 10 min
	AtLeastOnce bool          // barriers hold nothing back: what comes behind them may come twice after a failure
	// AlignmentTimeout is how long a task waits for barriers before it takes what lies ahead of them into its snapshot; default: however long
	// they take; negative: not at all. It is for exactly-once; savepoints are always waited for.
	AlignmentTimeout time.Duration
	// Folder is a URL: the checkpoints of a job lie in it in a folder of the job's name. "": none are made.
	Folder string
	// MergeBelow is the size in bytes below which files of a checkpoint are put together into larger ones, by those who write at the same time;
	// default 1 MiB; negative: none are.
	MergeBelow        int64
	Keep              int // complete ones; default 3
	TolerableFailures int // failed ones in a row that the job survives; default 10; negative: none
}

// FolderOf returns the folder of a job's checkpoints, "" when none are made.
func (c Checkpoints) FolderOf(job string) string {
	if c.Folder == "" {
		return ""
	}
	return vfs.Join(c.Folder, job)
}

// validate reports what cannot be.
func (c Checkpoints) validate() error {
	if c.InBacklog == 0 || c.InBacklog < 0 || c.Interval > 0 && c.InBacklog >= c.Interval {
		return nil
	}
	return fmt.Errorf("checkpoint.interval-in-backlog is %s, checkpoint.interval %s: a backlog is worked off with as many checkpoints or fewer, so it must be %[2]s at least, or none",
		durationText(c.InBacklog), durationText(c.Interval))
}

// longest is the longest time from the start of one checkpoint to that of the next, 0 when there is none.
func (c Checkpoints) longest() time.Duration {
	if c.Interval < 0 || c.InBacklog < 0 {
		return 0
	}
	return max(c.Interval, c.InBacklog)
}

// StateBackend is where keyed state lies.
type StateBackend string

// The back ends. A savepoint of one can be restored into the other.
const (
	StateHeap StateBackend = "heap" // in memory, as columns
	StateLSM  StateBackend = "lsm"  // in files of the scratch folder, a part of them in memory
)

// Restart is what becomes of a job when a task has failed for a reason that may pass.
type Restart struct {
	Strategy RestartStrategy // default: RestartExponential
	Delay    time.Duration   // from the failure to the restart, with RestartExponential after the first failure; default 1 s

	Attempts int // RestartFixed: restarts before the job fails; default 3

	Multiplier float64       // RestartExponential: by which the delay grows with each failure; default 2
	MaxDelay   time.Duration // RestartExponential: the longest delay; default 1 min
	Jitter     float64       // RestartExponential: the part of the delay that is left to chance, either way; default 0.1; negative: none
	ResetAfter time.Duration // RestartExponential: time without a failure after which the first delay is back; default 10 min

	Failures        int           // RestartRate: more failures than that within FailureInterval fail the job; default 3
	FailureInterval time.Duration // RestartRate; default 5 min
}

// RestartStrategy says how often a job is restarted, and after what delay.
type RestartStrategy string

// The strategies. Their names and parameters are those of Flink.
const (
	RestartNone        RestartStrategy = "none"
	RestartFixed       RestartStrategy = "fixed"       // a number of times, with one delay
	RestartExponential RestartStrategy = "exponential" // again and again, with a growing delay
	RestartRate        RestartStrategy = "failure-rate"
)

func (s Streaming) withDefaults() Streaming {
	c, r := &s.Checkpoints, &s.Restart
	setDefault(&s.State, StateHeap)
	setDefault(&c.Interval, 10*time.Second)
	setDefault(&c.Timeout, 10*time.Minute)
	setDefault(&c.MergeBelow, 1<<20)
	setDefault(&c.Keep, 3)
	setDefault(&c.TolerableFailures, 10)
	setDefault(&r.Strategy, RestartExponential)
	setDefault(&r.Delay, time.Second)
	setDefault(&r.Attempts, 3)
	setDefault(&r.Multiplier, 2)
	setDefault(&r.MaxDelay, time.Minute)
	setDefault(&r.Jitter, 0.1)
	setDefault(&r.ResetAfter, 10*time.Minute)
	setDefault(&r.Failures, 3)
	setDefault(&r.FailureInterval, 5*time.Minute)
	return s
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// values calls set with each option as a setting's value. isSet is false for zero fields.
func (s Streaming) values(set func(name, value string, isSet bool)) {
	c, r := s.Checkpoints, s.Restart
	duration := func(name string, d time.Duration) { set(name, durationText(d), d != 0) }
	count := func(name string, n int) { set(name, strconv.Itoa(max(n, 0)), n != 0) }
	factor := func(name string, f float64) { set(name, strconv.FormatFloat(max(f, 0), 'g', -1, 64), f != 0) }

	duration("checkpoint.interval", c.Interval)
	duration("checkpoint.interval-in-backlog", c.InBacklog)
	duration("checkpoint.min-pause", c.MinPause)
	duration("checkpoint.timeout", c.Timeout)
	set("checkpoint.mode", modeName(c.AtLeastOnce), c.AtLeastOnce)
	set("checkpoint.alignment-timeout", alignmentText(c.AlignmentTimeout), c.AlignmentTimeout != 0)
	set("checkpoint.folder", c.Folder, c.Folder != "")
	set("checkpoint.merge-below", strconv.FormatInt(max(c.MergeBelow, 0), 10), c.MergeBelow != 0)
	count("checkpoint.keep", c.Keep)
	count("checkpoint.tolerable-failures", c.TolerableFailures)
	set("state.backend", string(s.State), s.State != "")
	count("key-groups", s.KeyGroups)
	set("restart.strategy", string(r.Strategy), r.Strategy != "")
	duration("restart.delay", r.Delay)
	count("restart.attempts", r.Attempts)
	factor("restart.multiplier", r.Multiplier)
	duration("restart.max-delay", r.MaxDelay)
	factor("restart.jitter", r.Jitter)
	duration("restart.reset-after", r.ResetAfter)
	count("restart.failures", r.Failures)
	duration("restart.failure-interval", r.FailureInterval)
	set("from", s.From, s.From != "")
	set("allow-dropped-state", strings.Join(s.AllowDropped, ","), len(s.AllowDropped) > 0)
	set("allow-duplicates", strconv.FormatBool(s.AllowDuplicates), s.AllowDuplicates)
	set("stream", strconv.FormatBool(s.Always), s.Always)
}

// patience is how long tasks wait for barriers; negative: however long they take.
func (c Checkpoints) patience() time.Duration {
	switch {
	case c.AtLeastOnce || c.AlignmentTimeout == 0:
		return -1
	default:
		return max(c.AlignmentTimeout, 0)
	}
}

// alignmentText is an AlignmentTimeout as its setting has it.
func alignmentText(d time.Duration) string {
	if d == 0 {
		return "none"
	}
	return durationText(max(d, 0))
}

func modeName(atLeastOnce bool) string {
	if atLeastOnce {
		return "at-least-once"
	}
	return "exactly-once"
}

// durationText is "10m", "1m30s", "none" of a negative one.
func durationText(d time.Duration) string {
	if d < 0 {
		return "none"
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
