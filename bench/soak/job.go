package main

import (
	"errors"
	"flag"
	"time"

	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/connectors/blackhole"
	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/connectors/generate"
	"github.com/millrace/millrace/connectors/socket"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/formats/csv"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream/watermark"
	"github.com/millrace/millrace/stream/window"
)

// clicks is the job under test: made clicks, counted by page in windows that go to rolling files, by visit with a timer that ends it, and by user
// with state that only its time to live ends. All keys but the pages come and go, so that from some minutes on as much state dies as is made.
type clicks struct {
	Out  string
	Rate float64
	From string // a socket's address, to read clicks as CSV of user,page,at instead of making them
}

// Flags implements runner.Job.
func (c *clicks) Flags(f *flag.FlagSet) {
	f.StringVar(&c.Out, "out", c.Out, "output `folder`")
	f.Float64Var(&c.Rate, "rate", c.Rate, "clicks a `second`")
	f.StringVar(&c.From, "from", c.From, "`address` of a socket to read clicks from instead of making them")
}

// Validate reports parameters that cannot work.
func (c *clicks) Validate() error {
	if c.Out == "" || c.Rate <= 0 {
		return errors.New("--out and a positive --rate are needed")
	}
	return nil
}

const (
	pages = 500
	// clicksPerUser is how often a user comes, spread over the next strayed users.
	clicksPerUser = 40
	strayed       = 20_000
	windowSize    = 10 * time.Second
	disorder      = 5 * time.Second
	visitGap      = time.Minute
	// minuteLayout names the folder of a minute of output. Names are in the order of time.
	minuteLayout = "minute=2006-01-02T15-04"
)

// begin is the event time of the first click: that of click i is i/rate seconds later, so each window has as many clicks as any other.
var begin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// click is what a user did.
type click struct {
	User int64
	Page int64
	At   time.Time
}

func (c click) at() time.Time { return c.At }
func (c click) page() int64   { return c.Page }
func (c click) user() int64   { return c.User }

// at makes click i.
func (c *clicks) at(i int64) click {
	x := scramble(uint64(i)) //nolint:gosec // i counts up from 0
	user := i/clicksPerUser + int64(x%strayed)
	at := begin.Add(time.Duration(float64(i) / c.Rate * float64(time.Second)))
	return click{User: user, Page: int64(x >> 32 % pages), At: at}
}

// scramble is the finaliser of SplitMix64 (Steele, Lea and Flood 2014): neighbours have nothing in common.
func scramble(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// hits is a row of the output: how many clicks a page had in the window that begins at Start, in seconds since 1970.
type hits struct {
	Start int64
	Page  int64
	N     int64
}

// visit is the clicks of a user from the first to a minute without one.
type visit struct {
	User   int64
	Clicks int64
}

// Build implements runner.Job.
func (c *clicks) Build(job *plan.Job) {
	timed := datastream.EventTime(c.read(job), click.at, watermark.Bounded(disorder), plan.UID("time"))

	byPage := datastream.Window(datastream.KeyBy(timed, click.page), window.Tumbling(windowSize))
	counts := datastream.AggregateWindows(byPage, agg.Count[click](), func(p window.Pane[int64], n int64) hits {
		return hits{Start: p.Start.Unix(), Page: p.Key, N: n}
	}, plan.UID("pages"))
	datastream.Write(counts, file.Sink[hits]{
		Path: c.Out, Format: csv.Format[hits]{}, Mode: file.Append,
		Buckets: file.Buckets{Layout: minuteLayout}, Rolling: file.Rolling{Every: time.Minute, Idle: 20 * time.Second},
	}, plan.UID("out"))

	byUser := datastream.KeyBy(timed, click.user)
	visits := datastream.Process(byUser, func() *visitCounter { return &visitCounter{} }, plan.UID("visits"))
	datastream.Write(visits, blackhole.Sink[visit]{}, plan.UID("visits-out"))
	users := datastream.Process(byUser, func() *userCounter { return &userCounter{} }, plan.UID("users"))
	datastream.Write(users, blackhole.Sink[visit]{}, plan.UID("users-out"))
}

func (c *clicks) read(job *plan.Job) datastream.Stream[click] {
	if c.From != "" {
		return datastream.Read(job, socket.Source[click]{Address: c.From, Format: csv.Format[click]{}}, plan.UID("in"))
	}
	return datastream.Read(job, generate.Source[click]{Endless: true, Rate: c.Rate, At: c.at}, plan.UID("in"))
}

// visitCounter gives a visit when its user has not clicked for a while.
type visitCounter struct {
	Clicks state.Value[int64]     `state:"clicks"`
	Ends   state.Value[time.Time] `state:"ends"`
}

// OnRecord implements datastream.Processor.
func (v *visitCounter) OnRecord(ctx *datastream.Context[int64, visit], c click) error { //nolint:unparam // the interface has it
	n, _ := v.Clicks.Get()
	v.Clicks.Set(n + 1)
	if ends, ok := v.Ends.Get(); ok {
		ctx.DeleteTimer(ends)
	}
	ends := c.At.Add(visitGap)
	v.Ends.Set(ends)
	ctx.SetTimer(ends)
	return nil
}

// OnTimer implements datastream.TimerProcessor.
func (v *visitCounter) OnTimer(ctx *datastream.Context[int64, visit], _ time.Time) error { //nolint:unparam // the interface has it
	n, _ := v.Clicks.Get()
	ctx.Emit(visit{ctx.Key(), n})
	v.Clicks.Clear()
	v.Ends.Clear()
	return nil
}

// userCounter gives every tenth click of a user; what it knows of one that does not come back goes with its time to live.
type userCounter struct {
	Clicks state.Value[int64]          `state:"clicks,ttl=3m"`
	Pages  state.Map[int64, time.Time] `state:"pages,ttl=3m"`
}

// OnRecord implements datastream.Processor.
func (u *userCounter) OnRecord(ctx *datastream.Context[int64, visit], c click) error { //nolint:unparam // the interface has it
	n, _ := u.Clicks.Get()
	n++
	u.Clicks.Set(n)
	u.Pages.Put(c.Page%8, c.At)
	if n%10 == 0 {
		ctx.Emit(visit{c.User, n})
	}
	return nil
}
