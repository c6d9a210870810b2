package kafka

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Version is the Kafka that is tested against.
const Version = "4.4.0"

//go:embed fetch.sh
var fetchScript []byte

//go:embed pom.xml
var pom []byte

// Broker is a running Kafka. Its methods are for one goroutine at a time.
type Broker struct {
	Addr string // host:port of the plain listener

	dir    string
	args   []string // of the JVM, without the class
	conf   string
	cmd    *exec.Cmd
	exited chan struct{} // closed once the process is gone
}

const properties = `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@%[2]s
listeners=PLAINTEXT://%[1]s,CONTROLLER://%[2]s
advertised.listeners=PLAINTEXT://%[1]s
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=%[3]s
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
log.cleaner.dedupe.buffer.size=4194304
num.network.threads=1
num.io.threads=2
`

const logging = `Configuration:
  Appenders:
    Console: {name: out, target: SYSTEM_ERR, PatternLayout: {pattern: "%d %p %m (%c)%n"}}
  Loggers:
    Root: {level: WARN, AppenderRef: [{ref: out}]}
`

// clusterID is any 16 bytes in the alphabet of URLs.
const clusterID = "bWlsbHJhY2UtdGVzdC1jbA"

// Start starts a broker, with further lines of server.properties, and returns when it answers. It ends with the test.
func Start(t testing.TB, settings map[string]string) *Broker {
	t.Helper()
	b := &Broker{dir: t.TempDir()}
	ports := freePorts(t, 2)
	b.Addr = ports[0]
	lines := []string{fmt.Sprintf(properties, ports[0], ports[1], filepath.Join(b.dir, "data"))}
	for name, value := range settings {
		lines = append(lines, name+"="+value)
	}
	b.conf = filepath.Join(b.dir, "server.properties")
	log := filepath.Join(b.dir, "log4j2.yaml")
	write(t, b.conf, strings.Join(lines, "\n")+"\n")
	write(t, log, logging)
	b.args = []string{
		"-Xms64m", "-Xmx192m", "-Xss512k", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Xshare:auto",
		"-Djava.net.preferIPv4Stack=true", "-Dlog4j2.configurationFile=" + log, "-cp", jars(t),
	}
	t.Cleanup(b.Kill)
	b.run(t, "kafka.tools.StorageTool", "format", "-t", clusterID, "-c", b.conf)
	<-b.exited
	if !b.cmd.ProcessState.Success() {
		t.Fatalf("formatting the broker's folder: %v\n%s", b.cmd.ProcessState, b.logTail())
	}
	b.Restart(t)
	return b
}

// Restart starts a killed broker again, at its old address and on its old data, and waits until it answers.
func (b *Broker) Restart(t testing.TB) {
	t.Helper()
	b.run(t, "kafka.Kafka", b.conf)
	b.await(t)
}

// Kill kills the broker as kill -9 does and waits until it is gone.
func (b *Broker) Kill() {
	if b.cmd == nil {
		return
	}
	_ = b.cmd.Process.Kill() // it may be gone already
	<-b.exited
}

// Admin returns a client for administration, which ends with the test.
func (b *Broker) Admin(t testing.TB) *kadm.Client {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addr))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return kadm.NewClient(client)
}

// CreateTopic creates a topic, as MakeTopic does.
func (b *Broker) CreateTopic(t testing.TB, name string, partitions int32) {
	t.Helper()
	if err := MakeTopic(t.Context(), b.Admin(t), name, partitions); err != nil {
		t.Fatal(err)
	}
}

// MakeTopic creates a topic, and waits until the broker tells of it: it does a little after it has said that it is there. Any goroutine may call it.
func MakeTopic(ctx context.Context, admin *kadm.Client, name string, partitions int32) error {
	if _, err := admin.CreateTopic(ctx, partitions, 1, nil, name); err != nil {
		return fmt.Errorf("creating the topic %s: %w", name, err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		topics, err := admin.ListTopics(ctx, name)
		if err == nil && topics[name].Err == nil && len(topics[name].Partitions) == int(partitions) {
			return nil
		}
		if time.Now().After(deadline) {
			return errors.Join(fmt.Errorf("the topic %s has not appeared within a minute", name), err, topics[name].Err)
		}
	}
}

// run starts a class of the jars; what it says goes to the log.
func (b *Broker) run(t testing.TB, class string, args ...string) {
	t.Helper()
	log, err := os.OpenFile(b.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	all := append(append(append([]string{}, b.args...), class), args...)
	cmd := exec.Command("java", all...) //nolint:noctx // killed by Kill
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", class, err)
	}
	b.cmd, b.exited = cmd, make(chan struct{})
	go func(exited chan struct{}) { // ends with the process, which Kill ends
		_ = cmd.Wait() // its state is looked at
		close(exited)
	}(b.exited)
}

// await polls until the broker answers; it fails the test after a minute or when the process has ended.
func (b *Broker) await(t testing.TB) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addr), kgo.RequestRetries(0))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		_, err := kadm.NewClient(client).ListBrokers(ctx)
		cancel()
		if err == nil {
			return
		}
		select {
		case <-b.exited:
			t.Fatalf("the broker ended: %v\n%s", b.cmd.ProcessState, b.logTail())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("the broker does not answer: %v\n%s", err, b.logTail())
		}
	}
}

func (b *Broker) logFile() string { return filepath.Join(b.dir, "broker.log") }

func (b *Broker) logTail() string {
	data, err := os.ReadFile(b.logFile())
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(data), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-25):], []byte("\n")))
}

// jars makes sure of the jars and returns the class path.
func jars(t testing.TB) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "millrace-test", "kafka-"+Version)
	lib := filepath.Join(dir, "lib")
	if _, err := os.Stat(lib); err != nil {
		fetch(t, dir)
	}
	all, err := filepath.Glob(filepath.Join(lib, "*.jar"))
	if err != nil || len(all) == 0 {
		t.Fatalf("no jars in %s: %v; remove it to fetch them again", lib, err)
	}
	return strings.Join(all, ":")
}

// fetch runs fetch.sh; the script brings its pom.xml along.
func fetch(t testing.TB, dir string) {
	t.Helper()
	tmp := t.TempDir()
	script, pomFile := filepath.Join(tmp, "fetch.sh"), filepath.Join(tmp, "pom.xml")
	write(t, script, string(fetchScript))
	write(t, pomFile, string(pom))
	cmd := exec.CommandContext(t.Context(), "bash", script, Version, dir)
	cmd.Env = append(os.Environ(), "POM="+pomFile)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("fetching Kafka's jars: %v\n%s", err, out)
	}
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// freePorts returns n loopback addresses that nobody listened on a moment ago.
func freePorts(t testing.TB, n int) (addrs []string) {
	t.Helper()
	for range n {
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		addrs = append(addrs, l.Addr().String())
	}
	return addrs
}
