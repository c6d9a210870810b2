package chaos_test

import (
	"fmt"

	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/connectors/kafka"
	"github.com/millrace/millrace/connectors/ratelimit"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/formats/text"
	"github.com/millrace/millrace/internal/testkit/subject"
	"github.com/millrace/millrace/plan"
)

// throughKafka numbers the lines of a topic by key, with state, and writes them to another topic, to files, or to both.
func (p *program) throughKafka(job *plan.Job) {
	topic := kafka.Source[string]{Brokers: p.brokers, Topic: p.from, Format: text.Lines{}, Stop: kafka.AtLatest()}
	lines := datastream.Read(job, ratelimit.Source[string]{TypedSource: topic, Rows: 6000}, plan.UID("in")) // so that there is time for faults
	rows := datastream.Map(lines, func(line string) (c subject.Counted) {
		_, err := fmt.Sscan(line, &c.Key)
		if err != nil {
			panic(err)
		}
		return c
	})
	tallied := datastream.Process(datastream.KeyBy(rows, func(c subject.Counted) int64 { return 1 + c.Key%211 }), subject.NewTally, plan.UID("tally"))
	texts := datastream.Map(tallied, func(c subject.Counted) string { return fmt.Sprintf("%d %d", c.Key, c.N) })
	if p.to != "" {
		sink := kafka.Sink[string]{Brokers: p.brokers, Topic: p.to, Format: text.Lines{}, Delivery: kafka.ExactlyOnce, Transactions: p.to} // seeds run side by side
		datastream.Write(texts, sink, plan.UID("topic"))
	}
	if p.out != "" {
		datastream.Write(texts, file.Sink[string]{Path: p.out, Format: text.Lines{}, Rolling: file.Rolling{Size: 32 << 10}}, plan.UID("files"))
	}
}
