package status

import "time"

// Meter makes rates of counters: what is counted now is compared with what was counted some seconds ago. One goroutine uses it at a time.
type Meter struct{ looks []look }

// look is what the nodes had counted at one time.
type look struct {
	at    time.Time
	nodes map[int]counted
}

type counted struct {
	in, out int64
	time    Time
	tasks   int
}

const (
	rateSpan = 5 * time.Second        // over which rates are taken, when there is that much
	lookSpan = 500 * time.Millisecond // between looks that are kept
)

// Fill sets the nodes' Rates, and remembers what they have counted. It is called once a second or so, and may be called more often. The
// first call, and that after a restart, knows no rates.
func (m *Meter) Fill(now time.Time, nodes []Node) {
	latest := look{now, map[int]counted{}}
	for _, n := range nodes {
		latest.nodes[n.ID] = counted{n.RowsIn, n.RowsOut, n.Time, n.Tasks}
	}
	m.forget(latest)
	oldest := latest
	if len(m.looks) > 0 {
		oldest = m.looks[0]
	}
	for i := range nodes {
		nodes[i].Rates = latest.nodes[nodes[i].ID].since(oldest.nodes[nodes[i].ID], now.Sub(oldest.at))
	}
	if n := len(m.looks); n == 0 || now.Sub(m.looks[n-1].at) >= lookSpan {
		m.looks = append(m.looks, latest)
	}
}

// forget drops looks that are older than need be, and all when counters have begun anew.
func (m *Meter) forget(latest look) {
	for len(m.looks) > 1 && latest.at.Sub(m.looks[1].at) >= rateSpan {
		m.looks = m.looks[1:]
	}
	if n := len(m.looks); n > 0 && latest.isBehind(m.looks[n-1]) {
		m.looks = nil
	}
}

func (l look) isBehind(earlier look) bool {
	for id, c := range l.nodes {
		if c.in < earlier.nodes[id].in || c.out < earlier.nodes[id].out {
			return true
		}
	}
	return false
}

// since returns the rates between two looks that lie elapsed apart.
func (c counted) since(earlier counted, elapsed time.Duration) Rates {
	if elapsed <= 0 {
		return Rates{}
	}
	r := Rates{In: float64(c.in-earlier.in) / elapsed.Seconds(), Out: float64(c.out-earlier.out) / elapsed.Seconds()}
	all := float64(elapsed) * float64(c.tasks)
	if all > 0 {
		share := func(now, before time.Duration) float64 { return min(1, max(0, float64(now-before)/all)) }
		r.Busy = share(c.time.Busy, earlier.time.Busy)
		r.Idle = share(c.time.Idle, earlier.time.Idle)
		r.Backpressured = share(c.time.Backpressured, earlier.time.Backpressured)
	}
	return r
}
