package kafka

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// What was compacted away at the end of a partition never comes: its backlog ends when nothing has come for a while. What is paused, or lies
// here unread, is waited for.
func TestSilence(t *testing.T) {
	begin := time.Unix(0, 0)
	gone, paused, unread := &part{split: "gone"}, &part{split: "paused"}, &part{split: "unread", waiting: []*kgo.Record{{}}}
	r := &reader{order: []*part{gone, paused, unread}, paused: map[string]bool{"paused": true}}
	for _, p := range r.order {
		p.next, p.backlog = 7, backlog{end: 10, heard: begin}
	}
	r.listen(begin.Add(silence))
	if !gone.isBehind() {
		t.Error("it was given up early")
	}
	r.listen(begin.Add(silence + 1))
	if gone.isBehind() || !paused.isBehind() || !unread.isBehind() {
		t.Errorf("behind are: what is gone %t, what is paused %t, what is unread %t", gone.isBehind(), paused.isBehind(), unread.isBehind())
	}
	if !r.IsInBacklog() {
		t.Error("two partitions are behind, the reader is not")
	}
}
