package status

import (
	"time"

	"github.com/millrace/millrace/metrics"
)

// Count fills in what the node's operators have counted, and what the operators at the head of its chains have: they count for the whole task
// how long it was idle and backpressured.
func (n *Node) Count(own, head metrics.Values) {
	n.RowsIn, n.RowsOut, n.BytesIn, n.BytesOut = own.RowsIn, own.RowsOut, own.BytesIn, own.BytesOut
	n.Spilled, n.Bad, n.Counters = own.Spilled, own.Bad, own.User
	n.Time = Time{time.Duration(own.Busy), time.Duration(head.Idle), time.Duration(head.Backpressured)}
}
