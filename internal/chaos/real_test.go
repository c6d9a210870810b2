//go:build integration

package chaos_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"github.com/millrace/millrace/hdfs"
	"github.com/millrace/millrace/internal/chaos"
	"github.com/millrace/millrace/internal/testkit/hadoop"
	"github.com/millrace/millrace/internal/testkit/kafka"
	"github.com/millrace/millrace/vfs"
)

var (
	realSeeds  = flag.Int("real", 4, "seeds to try on a real Kafka and HDFS")
	realAtOnce = flag.Int("real-at-once", 2, "seeds at a time")
	realReport = flag.String("real-report", "", "file for a table of what was tried on a real Kafka and HDFS")
)

// realSystems are a Kafka and an HDFS.
type realSystems struct {
	t      *testing.T
	broker *kafka.Broker
	admin  *kadm.Client
	hdfs   string // URL of the root
	opener vfs.Opener

	mu     sync.Mutex // guards topics
	topics map[string]bool
}

const (
	realRows       = 6000
	realPartitions = 3
)

// start starts both, and writes the topic that is read.
func start(t *testing.T) *realSystems {
	t.Helper()
	cluster := hadoop.Start(t, hadoop.Options{DataNodes: 1})
	cluster.Setenv(t)
	s := &realSystems{
		t: t, broker: kafka.Start(t, nil), hdfs: "hdfs://" + cluster.NameNode + "/", opener: hdfs.Options{ConfDir: cluster.ConfDir}.Open, topics: map[string]bool{},
	}
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

// topic makes the topic of a seed.
func (s *realSystems) topic(out string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := "out-" + id(out)
	if !s.topics[name] {
		s.topics[name] = true
		if _, err := s.admin.CreateTopic(context.Background(), 2, 1, nil, name); err != nil {
			s.t.Errorf("making the topic %s: %v", name, err)
		}
	}
	return name
}

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
	began := time.Now()
	kinds := []struct {
		name    string
		toKafka bool
		faults  []chaos.Fault
	}{
		{"tokafka", true, []chaos.Fault{chaos.Kill, chaos.Kill, chaos.Rescale, chaos.Abort}},
		{"tohdfs", false, []chaos.Fault{chaos.Kill, chaos.Kill, chaos.Rescale, chaos.Abort, chaos.Damage}},
	}
	rows := make([]row, len(kinds))
	for i, k := range kinds {
		o := chaos.Options{Scratch: t.TempDir(), Faults: k.faults, Openers: map[string]vfs.Opener{"hdfs": s.opener}, Timeout: 10 * time.Minute}
		tester, err := chaos.NewCommand(t.Context(), s.command(t, k.name, k.toKafka), o)
		if err != nil {
			t.Fatal(err)
		}
		r := &rows[i]
		r.lines = tester.Lines()
		var lock sync.Mutex // guards r
		g := errgroup.Group{}
		g.SetLimit(*realAtOnce)
		for n := i; n < *realSeeds; n += len(kinds) {
			g.Go(func() error {
				seed := *first + uint64(n)
				result, err := tester.Try(t.Context(), seed)
				lock.Lock()
				defer lock.Unlock()
				r.seeds++
				r.total.Add(result.Counts)
				if err != nil {
					r.failed++
					t.Errorf("%s: %v", k.name, err)
				}
				if result.Difference != "" {
					r.different++
					t.Errorf("%s, seed %d: %s\n%s", k.name, seed, result.Difference, result.Counts)
				}
				return nil
			})
		}
		_ = g.Wait() // errors are told
		t.Log(k.name, r.seeds, r.total)
	}
	if *realReport == "" {
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Measured on %s with %s, %s/%s, %d processors, Kafka %s, in %v; seeds from %d.\n\n", time.Now().UTC().Format(time.DateOnly),
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), kafka.Version, time.Since(began).Round(time.Second), *first)
	b.WriteString("| Job | Lines | Seeds | Processes | Killed (-9) | Rescaled | Interrupted | Damaged | Different | Not ended |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for i, r := range rows {
		c := r.total
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d | %d | %d | %d | %d |\n",
			kinds[i].name, r.lines, r.seeds, c.Runs, c.Kills, c.Rescales, c.Aborts, c.Damaged, r.different, r.failed)
	}
	if err := os.WriteFile(*realReport, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}
