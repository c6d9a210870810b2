package sim_test

import (
	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/connectors/generate"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/formats/json"
	"github.com/millrace/millrace/internal/sim"
	"github.com/millrace/millrace/plan"
)

// underTest are the jobs.
func underTest() []sim.Job {
	return []sim.Job{{"rolling", rolling}}
}

type reading struct{ Sensor, Value int64 }

type counted struct{ Key, N int64 }

const readings = 600

// source gives readings for a minute.
func source(job *plan.Job) datastream.Stream[reading] {
	return datastream.Read(job, generate.Source[reading]{Rows: readings, SplitRows: readings / 16, Rate: readings / 60, At: func(i int64) reading {
		return reading{i * 2654435761 % 97, i}
	}})
}

// rolling counts the readings of each sensor, and writes each count.
func rolling(out string) func(*plan.Job) {
	return func(job *plan.Job) {
		sensors := datastream.KeyBy(source(job), func(r reading) int64 { return r.Sensor })
		counts := datastream.Aggregate(sensors, agg.Count[reading](), func(k, n int64) counted { return counted{k, n} }, plan.UID("counts"))
		datastream.Write(counts, file.Sink[counted]{Path: out, Format: json.Format[counted]{}}, plan.UID("out"))
	}
}
