package stream_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/stream"
)

// markText is "5", "idle" or "end"; "-" for none.
func markText(m stream.Mark, changed bool) string {
	switch {
	case !changed:
		return "-"
	case m.Kind == stream.IdleMark:
		return "idle"
	case m.Watermark == stream.EndOfTime:
		return "end"
	default:
		return fmt.Sprint(int64(m.Watermark))
	}
}

// mergeStep takes a step of a script: "0:5" is a watermark of feed 0, "1:idle", "1:rows" and "1:end" are what they say.
func mergeStep(t *testing.T, m *stream.Merge, step string) (stream.Mark, bool) {
	t.Helper()
	var feed int
	var what string
	if _, err := fmt.Sscanf(strings.Replace(step, ":", " ", 1), "%d %s", &feed, &what); err != nil {
		t.Fatal(err)
	}
	switch what {
	case "idle":
		return m.Take(feed, stream.Mark{Kind: stream.IdleMark})
	case "rows":
		return m.Rows(feed)
	case "end":
		return m.End(feed)
	}
	var w int64
	if _, err := fmt.Sscan(what, &w); err != nil {
		t.Fatal(err)
	}
	return m.Take(feed, stream.Mark{Kind: stream.WatermarkMark, Watermark: stream.Watermark(w)})
}

func TestMerge(t *testing.T) {
	for _, c := range []struct{ name, steps, want string }{
		{"the least of all", "0:5 1:3 1:4 0:9 1:20", "- 3 4 - 9"},
		{"nobody goes back", "0:5 1:5 0:2 1:7 0:6", "- 5 - - 6"},
		{"idle ones are left out", "0:5 1:idle 0:9", "- 5 9"},
		{"all are idle: time stands", "0:5 1:5 0:idle 1:idle 0:rows 0:4 0:6", "- 5 - idle 5 - 6"},
		{"a watermark ends idleness", "0:5 1:5 0:idle 1:idle 1:8", "- 5 - idle 8"},
		{"who comes back late counts when it has caught up", "0:5 1:5 1:idle 0:9 1:rows 1:6 0:10 1:9 0:20 1:20 0:30 1:25", "- 5 - 9 - - 10 - 20 - - 25"},
		{"rows of one that is behind end idleness, which may come again", "0:idle 1:5 1:idle 0:rows 0:idle", "- 5 idle 5 idle"},
		{"ended ones are left out", "0:5 1:end 0:7 0:end", "- 5 7 end"},
		{"the last end is that of time, whoever is idle", "0:idle 1:5 1:end 0:end", "- 5 idle end"},
		{"who catches up is not idle", "0:9 1:5 1:idle 1:rows 0:idle 1:8 1:9 1:12", "- 5 9 - - - - 12"},
		{"nothing is known of an input", "0:5 0:6", "- -"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := stream.NewMerge(2)
			var got []string
			for step := range strings.FieldsSeq(c.steps) {
				got = append(got, markText(mergeStep(t, m, step)))
			}
			if text := strings.Join(got, " "); text != c.want {
				t.Errorf("%s gives %s, want %s", c.steps, text, c.want)
			}
		})
	}
}

func TestMergeRaised(t *testing.T) {
	m := stream.NewMerge(2)
	m.Raise(7)
	m.Take(0, stream.Mark{Kind: stream.WatermarkMark, Watermark: 3})
	if mark, changed := m.Take(1, stream.Mark{Kind: stream.WatermarkMark, Watermark: 5}); changed || m.Watermark() != 7 {
		t.Errorf("%v after the watermark was 7", mark)
	}
	if feed, w := m.Behind(); feed != 0 || w != 3 {
		t.Errorf("feed %d holds at %d", feed, w)
	}
}

// However feeds are silent, come back and end: the watermark never goes back and is never above that of a feed that counts, the stream is idle when
// all that have not ended are, and what is returned is what has changed.
func TestMergeRules(t *testing.T) {
	type feed struct {
		mark                stream.Watermark
		idle, ended, behind bool
	}
	rapid.Check(t, func(r *rapid.T) {
		feeds := make([]feed, rapid.IntRange(1, 4).Draw(r, "feeds"))
		for i := range feeds {
			feeds[i].mark = stream.NoWatermark
		}
		m := stream.NewMerge(len(feeds))
		shown, idle := stream.NoWatermark, false // what who listens knows
		for range rapid.IntRange(1, 40).Draw(r, "steps") {
			i := rapid.IntRange(0, len(feeds)-1).Draw(r, "feed")
			f := &feeds[i]
			if f.ended {
				continue
			}
			before := m.Watermark()
			var mark stream.Mark
			var changed bool
			switch rapid.SampledFrom([]string{"watermark", "watermark", "watermark", "idle", "rows", "end"}).Draw(r, "what") {
			case "watermark":
				f.mark = max(f.mark, stream.Watermark(rapid.Int64Range(0, 30).Draw(r, "watermark")))
				f.behind, f.idle = (f.behind || f.idle) && f.mark < before, false
				mark, changed = m.Take(i, stream.Mark{Kind: stream.WatermarkMark, Watermark: f.mark})
			case "idle":
				f.idle = true
				mark, changed = m.Take(i, stream.Mark{Kind: stream.IdleMark})
			case "rows":
				if f.idle {
					f.idle, f.behind = false, f.mark < before
				}
				mark, changed = m.Rows(i)
			case "end":
				f.ended = true
				mark, changed = m.End(i)
			}
			if changed {
				idle = mark.Kind == stream.IdleMark
				if !idle {
					if mark.Watermark < shown {
						r.Fatalf("the watermark went back from %d to %d", shown, mark.Watermark)
					}
					shown = mark.Watermark
				}
			}
			if !idle && shown != m.Watermark() {
				r.Fatalf("the watermark is %d, given was %d", m.Watermark(), shown)
			}
			open, silent := 0, 0
			for _, f := range feeds {
				if f.ended {
					continue
				}
				open++
				if f.idle {
					silent++
				} else if !f.behind && m.Watermark() > f.mark && m.Watermark() > before {
					r.Fatalf("the watermark rose to %d above a feed's, %d", m.Watermark(), f.mark)
				}
			}
			if open == 0 && shown != stream.EndOfTime {
				r.Fatalf("all have ended, and the watermark is %d", shown)
			}
			if open > 0 && idle != (open == silent) {
				r.Fatalf("idle is %v: %d of %d feeds are", idle, silent, open)
			}
		}
	})
}
