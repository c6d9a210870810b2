package runner

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// clean takes settings out of the test's environment.
func clean(t *testing.T) {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", "")
	t.Chdir(t.TempDir())
}

func TestStreamingDefaults(t *testing.T) {
	clean(t)
	s, err := Load(Sources{Flags: map[string]string{"state-dir": "/s"}})
	if err != nil {
		t.Fatal(err)
	}
	want := Options{}.withDefaults().Streaming
	want.Checkpoints.Folder = "/s/checkpoints"
	if diff := cmp.Diff(want, s.Streaming, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("settings without any are not the zero options (-want +got):\n%s", diff)
	}
	if got, want := s.Streaming.Checkpoints.FolderOf("clicks"), "/s/checkpoints/clicks"; got != want {
		t.Errorf("folder %s, want %s", got, want)
	}
	if got := (Checkpoints{}).FolderOf("clicks"); got != "" {
		t.Errorf("folder %q without one", got)
	}
}

// streaming are options that differ from the defaults in all fields.
var streaming = Streaming{
	Checkpoints: Checkpoints{
		Interval: -1, InBacklog: -1, MinPause: time.Second, Timeout: 90 * time.Second, AtLeastOnce: true, AlignmentTimeout: -1,
		Folder: "hdfs://nn/cp", MergeBelow: -1, Keep: 7, TolerableFailures: -1,
	},
	State: StateLSM,
	Restart: Restart{
		Strategy: RestartRate, Delay: 2 * time.Second, Attempts: 4, Multiplier: 1.25, MaxDelay: 2 * time.Hour, Jitter: -1, ResetAfter: 3 * time.Minute,
		Failures: 6, FailureInterval: time.Hour,
	},
	KeyGroups: 4096, From: "hdfs://nn/sp", AllowDropped: []string{"a", "b"}, AllowDuplicates: true, Always: true,
}

func TestStreamingOfCode(t *testing.T) {
	clean(t)
	s, err := Load(Sources{Code: Options{Streaming: streaming}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(streaming, s.Streaming); diff != "" {
		t.Errorf("settings of code (-want +got):\n%s", diff)
	}
}

func TestStreamingOfFlags(t *testing.T) {
	clean(t)
	s, err := Load(Sources{Flags: map[string]string{
		"checkpoint.interval": "none", "checkpoint.interval-in-backlog": "0s", "checkpoint.merge-below": "0", "checkpoint.min-pause": "1s", "checkpoint.timeout": "90s",
		"checkpoint.alignment-timeout": "0s", "checkpoint.mode": "at-least-once", "checkpoint.folder": "hdfs://nn/cp", "checkpoint.keep": "7", "checkpoint.tolerable-failures": "0",
		"state.backend": "lsm", "restart.strategy": "failure-rate", "restart.delay": "2s", "restart.attempts": "4", "restart.multiplier": "1.25",
		"restart.max-delay": "2h", "restart.jitter": "0", "restart.reset-after": "3m", "restart.failures": "6", "restart.failure-interval": "1h",
		"key-groups": "4096", "from": "hdfs://nn/sp", "allow-dropped-state": "a,b", "allow-duplicates": "true", "stream": "true",
	}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(streaming, s.Streaming); diff != "" {
		t.Errorf("settings of flags (-want +got):\n%s", diff)
	}
}

func TestStreamingMistakes(t *testing.T) {
	clean(t)
	for name, value := range map[string]string{
		"checkpoint.interval": "0s", "checkpoint.timeout": "none", "checkpoint.mode": "once", "checkpoint.keep": "0",
		"checkpoint.tolerable-failures": "-1", "state.backend": "rocksdb", "restart.strategy": "always", "restart.multiplier": "0.5",
		"restart.jitter": "NaN", "restart.delay": "1", "checkpoint.interval-in-backlog": "5s", "checkpoint.merge-below": "small", "key-groups": "1000",
	} {
		if _, err := Load(Sources{Flags: map[string]string{name: value}}); ExitCode(err) != ExitUsage {
			t.Errorf("%s=%s: got %v", name, value, err)
		}
	}
}

func TestDurationText(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-1: "none", 0: "0s", time.Millisecond: "1ms", 10 * time.Second: "10s", 90 * time.Second: "1m30s", 10 * time.Minute: "10m", 2 * time.Hour: "2h",
		time.Hour + time.Second: "1h0m1s",
	} {
		if got := durationText(d); got != want {
			t.Errorf("%d: got %s, want %s", d, got, want)
		}
	}
}
