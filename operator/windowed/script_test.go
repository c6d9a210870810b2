package windowed

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/millrace/millrace/stream/window"
)

const us = time.Microsecond

func level(float64) float64 { return 0 } // the column is there already

// scripted are the windows that scripts name.
var scripted = map[string]window.Spec{
	"tumbling 10":               window.New(window.Tumbling(10 * us)),
	"tumbling 10 late 5":        window.New(window.Tumbling(10*us), window.AllowedLateness(5*us)),
	"sliding 10 5 late 5":       window.New(window.Sliding(10*us, 5*us), window.AllowedLateness(5*us)),
	"discarding 10 late 5":      window.New(window.Tumbling(10*us), window.AllowedLateness(5*us), window.Panes(window.Discarding)),
	"retracting 10 late 5":      window.New(window.Tumbling(10*us), window.AllowedLateness(5*us), window.Panes(window.Retracting)),
	"retracting session 5":      window.New(window.Session(5*us), window.AllowedLateness(20*us), window.Panes(window.Retracting)),
	"session 5":                 window.New(window.Session(5 * us)),
	"count 3":                   window.New(window.CountTumbling(3)),
	"count 3 every 2":           window.New(window.CountSliding(3, 2)),
	"global":                    window.New(window.Global()),
	"global count 2":            window.New(window.Global(), window.Firing(window.Count(2))),
	"global purging count 2":    window.New(window.Global(), window.Firing(window.Purging(window.Count(2)))),
	"early late":                window.New(window.Tumbling(10*us), window.AllowedLateness(10*us), window.Firing(window.AtWatermark().Early(window.Count(2)).Late(window.Count(2)))),
	"never":                     window.New(window.Tumbling(10*us), window.Firing(window.Never())),
	"every 3":                   window.New(window.Tumbling(10*us), window.Firing(window.ContinuousEventTime(3*us))),
	"every 3 of the clock":      window.New(window.Tumbling(10*us), window.Firing(window.ContinuousProcessingTime(3*us))),
	"at the clock":              window.New(window.Tumbling(10*us), window.Firing(window.ProcessingTime())),
	"delta 5":                   window.New(window.Global(), window.Firing(window.Delta(5, level))),
	"and":                       window.New(window.Tumbling(10*us), window.AllowedLateness(10*us), window.Firing(window.And(window.Count(2), window.EventTime()))),
	"or":                        window.New(window.Tumbling(10*us), window.Firing(window.Or(window.Count(3), window.EventTime()))),
	"once":                      window.New(window.Global(), window.Firing(window.Once(window.Count(2)))),
	"repeated once":             window.New(window.Global(), window.Firing(window.Repeated(window.Count(2)))),
	"session count 2":           window.New(window.Session(5*us), window.Firing(window.Count(2))),
	"last 2 rows":               window.New(window.Tumbling(10*us), window.Evicting(window.LastRows(2))),
	"last 3us":                  window.New(window.Tumbling(10*us), window.Evicting(window.LastTime(3*us))),
	"within 4":                  window.New(window.Tumbling(10*us), window.Evicting(window.WithinDelta(4, level))),
	"last row after late 5":     window.New(window.Tumbling(10*us), window.AllowedLateness(5*us), window.Evicting(window.LastRows(1).After())),
	"session 5 by the clock":    window.New(window.Session(5 * us).ProcessingTime()),
	"sliding 10 5 by the clock": window.New(window.Sliding(10*us, 5*us).ProcessingTime(), window.Firing(window.ProcessingTime())),
}

// TestScripts runs the scripts of testdata. A line is a call:
//
//	rows 1@5=7 2@6=8    a batch: key 1 at time 5 with value 7, ...
//	watermark 9         event time passes
//	clock 12            processing time passes
//	restart 3           snapshot, and on in that many tasks
//	end                 the input ends
//
// and its output are the panes that come of it: key, window, number, timing, count, sum, greatest and all values; and how many rows were late.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		t.Helper()
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			t.Helper()
			name := strings.ReplaceAll(d.Cmd+" "+argsText(d), "_", " ")
			spec, ok := scripted[strings.TrimSpace(name)]
			if !ok {
				t.Fatalf("no windows %q", name)
			}
			return script(t, spec, d.Input)
		})
	})
}

func argsText(d *datadriven.TestData) string {
	var parts []string
	for _, a := range d.CmdArgs {
		parts = append(parts, a.Key)
	}
	return strings.Join(parts, " ")
}

func script(t *testing.T, spec window.Spec, input string) string {
	t.Helper()
	j := (&job{t: t, spec: testSpec(t, spec), random: rand.New(rand.NewPCG(1, 2)), clock: &clock{now: time.UnixMicro(0)}}).onHeap()
	j.start(1)
	var out strings.Builder
	for line := range strings.Lines(input) {
		line = strings.TrimSpace(line)
		word, rest, _ := strings.Cut(line, " ")
		late := j.late
		j.got = nil
		switch word {
		case "rows":
			j.process(0, events(t, rest))
		case "watermark":
			j.advance(number(t, rest), false)
		case "clock":
			j.pass(time.UnixMicro(number(t, rest)))
		case "restart":
			j.restart(int(number(t, rest)))
		case "end":
			j.stop()
		default:
			t.Fatalf("what is %q?", line)
		}
		fmt.Fprintln(&out, line)
		for _, p := range j.got {
			fmt.Fprintln(&out, "  "+p)
		}
		if j.late > late {
			fmt.Fprintf(&out, "  %d late\n", j.late-late)
		}
	}
	return out.String()
}

func events(t *testing.T, text string) []event {
	t.Helper()
	var out []event
	for word := range strings.FieldsSeq(text) {
		var e event
		if _, err := fmt.Sscanf(word, "%d@%d=%d", &e.key, &e.at, &e.value); err != nil {
			t.Fatalf("%q: %v", word, err)
		}
		out = append(out, e)
	}
	return out
}

func number(t *testing.T, text string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
