//go:build integration

package chaos_test

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/hdfs"
	"github.com/millrace/millrace/internal/chaos"
	"github.com/millrace/millrace/internal/fault"
	"github.com/millrace/millrace/internal/testkit/hadoop"
	"github.com/millrace/millrace/internal/testkit/kafka"
	"github.com/millrace/millrace/vfs"
)

var realSeeds = flag.Int("real", 4, "seeds to try on a real Kafka and HDFS, in all")

// realSystems are a Kafka and an HDFS.
type realSystems struct {
	broker *kafka.Broker
	admin  *kadm.Client
	hdfs   string // URL of the root
	opener vfs.Opener
}

const (
	realRows       = 9000
	realPartitions = 3
)

// start starts both, and writes the topic that is read.
func start(t *testing.T) *realSystems {
	t.Helper()
	cluster := hadoop.Start(t, hadoop.Options{DataNodes: 1})
	cluster.Setenv(t)
	s := &realSystems{broker: kafka.Start(t, nil), hdfs: "hdfs://" + cluster.NameNode + "/", opener: hdfs.Options{ConfDir: cluster.ConfDir}.Open}
	s.admin = s.broker.Admin(t)
	s.broker.CreateTopic(t, "in", realPartitions)
	client, err := kgo.NewClient(kgo.SeedBrokers(s.broker.Addr), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for i := range realRows {
		client.Produce(t.Context(), &kgo.Record{Topic: "in", Partition: int32(i % realPartitions), Value: fmt.Append(nil, i)}, nil)
	}
	if err := client.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// id names what a seed has in both systems.
func id(out string) string { return filepath.Base(filepath.Dir(out)) }

func (s *realSystems) folder(out string) string { return s.hdfs + "out-" + id(out) }

// topic is that of a seed.
func (s *realSystems) topic(out string) string { return "out-" + id(out) }

// command is the job as a program: to HDFS, and to Kafka as well.
func (s *realSystems) command(t *testing.T, name string, toKafka bool) chaos.Command {
	t.Helper()
	c := aProgram(t, name, "")
	c.Checkpoints = s.hdfs + "checkpoints"
	c.Args = func(out string) []string {
		args := []string{"--brokers", s.broker.Addr, "--from", "in", "--out", s.folder(out)}
		if toKafka {
			args = append(args, "--to", s.topic(out))
		}
		return args
	}
	if toKafka {
		c.Prepare = func(ctx context.Context, out string) error { return kafka.MakeTopic(ctx, s.admin, s.topic(out), 2) }
	}
	c.Read = func(ctx context.Context, out string) ([]string, error) {
		lines, err := s.readFiles(ctx, s.folder(out))
		if err == nil && toKafka {
			var records []string
			records, err = s.readTopic(ctx, s.topic(out))
			lines = append(lines, records...)
		}
		return lines, err
	}
	return c
}

func (s *realSystems) readFiles(ctx context.Context, url string) ([]string, error) {
	files := vfs.NewResolver(map[string]vfs.Opener{"hdfs": s.opener})
	defer func() { _ = files.Close() }() // only read from
	fsys, root, err := files.FS(ctx, url)
	if err != nil {
		return nil, err
	}
	var lines []string
	for info, err := range vfs.Walk(ctx, fsys, root) {
		if err != nil {
			return nil, err
		}
		data, err := vfs.ReadFile(ctx, fsys, info.Path)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(data)) {
			lines = append(lines, "file: "+strings.TrimSuffix(line, "\n"))
		}
	}
	return lines, nil
}

// readTopic reads what readers of committed records see, up to the end of each partition.
func (s *realSystems) readTopic(ctx context.Context, topic string) ([]string, error) {
	ends, err := s.admin.ListEndOffsets(ctx, topic)
	if err != nil {
		return nil, err
	}
	left := map[int32]int64{}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			left[o.Partition] = o.Offset
		}
	})
	client, err := kgo.NewClient(kgo.SeedBrokers(s.broker.Addr), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	if err != nil {
		return nil, err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeoutCause(ctx, time.Minute, fmt.Errorf("the topic %s cannot be read to its end: there is an open transaction", topic))
	defer cancel()
	var lines []string
	for len(left) > 0 {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() {
				lines = append(lines, "record: "+string(r.Value))
			}
			if r.Offset+1 >= left[r.Partition] {
				delete(left, r.Partition)
			}
		})
	}
	return lines, nil
}

// TestReal runs jobs from Kafka to HDFS, and to Kafka too, with checkpoints on HDFS, as processes that are killed, stopped and interrupted. Where
// all output can be taken back, the last checkpoint is damaged, too.
func TestReal(t *testing.T) {
	s := start(t)
	trials := trials{flag: "real", seeds: *realSeeds}
	for _, k := range []struct {
		name    string
		toKafka bool
		faults  []fault.Kind
	}{
		{"tokafka", true, []fault.Kind{chaos.Kill, chaos.Kill, chaos.Rescale, chaos.Abort}},
		{"tohdfs", false, []fault.Kind{chaos.Kill, chaos.Kill, chaos.Rescale, chaos.Abort, chaos.Damage}},
	} {
		trials.jobs = append(trials.jobs, trial{k.name, func(t *testing.T) (tester, error) {
			t.Helper()
			o := chaos.Options{Scratch: t.TempDir(), Faults: k.faults, Openers: map[string]vfs.Opener{"hdfs": s.opener}, Timeout: 10 * time.Minute}
			return chaos.NewCommand(t.Context(), s.command(t, k.name, k.toKafka), o)
		}})
	}
	trials.run(t)
	trials.require(t, map[fault.Event]float64{chaos.Runs: 1.5, chaos.Kills: 0.25})
	if *realSeeds >= 50 { // of few seeds, some kinds may have none
		trials.require(t, map[fault.Event]float64{chaos.Runs: 2, chaos.Kills: 0.5, chaos.Rescales: 0.05, chaos.Aborts: 0.2, chaos.Damages: 0.01})
	}
	trials.report(t, "As processes, on Kafka "+kafka.Version+" and HDFS", chaos.Runs, chaos.Kills, chaos.Rescales, chaos.Aborts, chaos.Damages)
}
