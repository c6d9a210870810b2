package status

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
)

var now = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

// TestForms prints jobs, given as JSON and then changed by merge patches, in all forms.
func TestForms(t *testing.T) {
	t.Setenv("TZ", "UTC")
	datadriven.RunTest(t, "testdata/forms", func(t *testing.T, d *datadriven.TestData) string {
		t.Helper()
		var j Job
		decoder := json.NewDecoder(strings.NewReader(d.Input))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&j); err != nil {
			return err.Error()
		}
		var b bytes.Buffer
		err := error(nil)
		switch d.Cmd {
		case "line":
			b.WriteString(j.Line(now) + "\n")
		case "text":
			err = j.WriteText(&b, now)
		case "metrics":
			err = j.WriteMetrics(&b)
		default:
			err = errors.New("unknown command")
		}
		if err != nil {
			return err.Error()
		}
		return b.String()
	})
}

func TestMeter(t *testing.T) {
	var m Meter
	at, nodes := now, []Node{{ID: 3, Tasks: 2}}
	step := func(elapsed time.Duration, rows int64, busy, idle time.Duration) Rates {
		at = at.Add(elapsed)
		nodes[0].RowsIn, nodes[0].RowsOut = nodes[0].RowsIn+rows, nodes[0].RowsOut+2*rows
		nodes[0].Time.Busy += busy
		nodes[0].Time.Idle += idle
		m.Fill(at, nodes)
		return nodes[0].Rates
	}
	if got := step(0, 100, 0, 0); got != (Rates{}) {
		t.Errorf("the first look knows %+v", got)
	}
	if got, want := step(time.Second, 100, time.Second, time.Second/2), (Rates{In: 100, Out: 200, Busy: 0.5, Idle: 0.25}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for range 20 {
		step(time.Second, 500, 2*time.Second, 0)
	}
	if got, want := step(10*time.Millisecond, 5, 20*time.Millisecond, 0), (Rates{In: 500, Out: 1000, Busy: 1}); got != want {
		t.Errorf("over the last seconds: got %+v, want %+v", got, want)
	}
	if len(m.looks) > int(rateSpan/lookSpan)+2 {
		t.Errorf("%d looks are kept", len(m.looks))
	}
	nodes[0].RowsIn, nodes[0].RowsOut = 0, 0
	if got := step(time.Second, 10, 0, 0); got.In != 0 {
		t.Errorf("after a restart: %+v", got)
	}
	if got := step(time.Second, 10, 0, 0); got.In != 10 {
		t.Errorf("a second after a restart: %+v", got)
	}
}

func TestEventTime(t *testing.T) {
	for micros, want := range map[int64]string{
		0: "1970-01-01T00:00:00Z", -1: "1969-12-31T23:59:59.999999Z", 253402300799999999: "9999-12-31T23:59:59.999999Z",
		253402300800000000: "null", -62135596800000001: "null", math.MinInt64: "null", math.MaxInt64: "null",
	} {
		got, err := json.Marshal(EventTime(micros))
		if err != nil || strings.Trim(string(got), `"`) != want {
			t.Errorf("%d: got %s, want %s: %v", micros, got, want, err)
		}
	}
}

func TestShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0ms", 85 * time.Millisecond: "85ms", 4260 * time.Millisecond: "4.2s", 185 * time.Second: "3m05s", 123 * time.Minute: "2h03m",
		107 * time.Hour: "4d11h", -time.Second: "-1.0s",
	} {
		if got := ShortDuration(d); got != want {
			t.Errorf("%d: got %s, want %s", d, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0", 9999: "9999", 12345: "12.3k", 12345678: "12.3M", 5e9: "5.0G", 7e12: "7.0T", -5: "-5"} {
		if got := ShortNumber(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}

// TestLists: a job with nothing in it has empty lists in JSON, not nulls, for readers that loop over them.
func TestLists(t *testing.T) {
	j := Job{Nodes: []Node{{RowsIn: 1}}}
	j.Normalise()
	text, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "null") {
		t.Errorf("got %s", text)
	}
}
