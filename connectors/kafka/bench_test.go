package kafka_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/kafka"
	"github.com/millrace/millrace/formats/text"
)

// BenchmarkSource reads from a broker in the same process that serves one batch of messages for ever.
func BenchmarkSource(b *testing.B) {
	b.Run("text", func(b *testing.B) {
		source(b, kfake.SyntheticBatch{RecordBytes: 100}, func(addr string) connectors.Source {
			return kafka.Source[string]{Brokers: addr, Topic: "in", Format: text.Lines{}}
		})
	})
	b.Run("raw", func(b *testing.B) {
		source(b, kfake.SyntheticBatch{RecordBytes: 100, Compression: kgo.Lz4Compression()}, func(addr string) connectors.Source {
			return kafka.Source[kafka.Record]{Brokers: addr, Topic: "in", Format: kafka.Raw{}}
		})
	})
}

func source(b *testing.B, batch kfake.SyntheticBatch, of func(addr string) connectors.Source) {
	b.Helper()
	addr := fake(b, kfake.SeedTopics(1, "in"), kfake.SyntheticFetch(batch))
	s := of(addr)
	r, err := s.NewReader(connectors.TaskEnv{}, connectors.Scan{})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	e, err := s.NewEnumerator(connectors.Env{}, connectors.Scan{}, connectors.Facts{})
	if err != nil {
		b.Fatal(err)
	}
	actions, err := e.Step(connectors.Started{Tasks: 1})
	if err != nil {
		b.Fatal(err)
	}
	found, err := actions[0].(connectors.Call).Do(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	if _, err = e.Step(connectors.Called{Name: actions[0].(connectors.Call).Name, Result: found}); err != nil {
		b.Fatal(err)
	}
	if actions, err = e.Step(connectors.Requested{}); err != nil {
		b.Fatal(err)
	}
	if err := r.Assign(actions[0].(connectors.Assign).Splits, nil); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	rows := 0
	for b.Loop() {
		f, err := r.Fetch(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		rows += f.Batch.Rows()
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}
