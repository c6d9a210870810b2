package hadoop

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// daemon is a JVM that can be started again after it was killed.
type daemon struct {
	name, dir, conf string
	args            []string // after the JVM's own flags

	cmd    *exec.Cmd
	exited chan struct{} // closed once the process is gone; err may be read then
	err    error
	killed bool // the exit was ours
}

// javaFlags make a JVM that starts fast and stays small.
var javaFlags = []string{
	"-Xmx256m", "-Xss512k", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Xshare:auto",
	"-Djava.net.preferIPv4Stack=true",
}

// start starts the process. Whoever starts it kills it; the kernel does when this process dies.
func (d *daemon) start(t testing.TB) {
	t.Helper()
	cmd := exec.Command("java", append(append([]string{}, javaFlags...), d.args...)...) //nolint:noctx // killed by Cluster.Stop
	cmd.Env = append(os.Environ(), "HADOOP_CONF_DIR="+d.conf, "HADOOP_HOME="+d.dir)
	d.run(t, cmd)
}

// run starts cmd as the daemon's process.
func (d *daemon) run(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	log, err := os.OpenFile(d.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	d.cmd = cmd
	d.cmd.Stdout, d.cmd.Stderr = log, log
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := d.cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", d.name, err)
	}
	d.exited, d.killed = make(chan struct{}), false
	go func(cmd *exec.Cmd, exited chan struct{}) { // ends with the process, which kill ends
		d.err = cmd.Wait()
		close(exited)
	}(d.cmd, d.exited)
}

// kill ends the process as kill -9 does and waits until it is gone.
func (d *daemon) kill() {
	if d.cmd == nil {
		return
	}
	d.killed = true
	_ = d.cmd.Process.Kill() // it may be gone already
	<-d.exited
}

// wait waits for the process to end by itself.
func (d *daemon) wait() error {
	<-d.exited
	return d.err
}

func (d *daemon) isRunning() bool {
	if d.cmd == nil {
		return false
	}
	select {
	case <-d.exited:
		return false
	default:
		return true
	}
}

// died tells whether the process ended without being killed.
func (d *daemon) died() bool { return d.cmd != nil && !d.killed && !d.isRunning() }

func (d *daemon) logFile() string { return filepath.Join(d.dir, d.name+".log") }

// log is all that the process has said, over its restarts.
func (d *daemon) log() []byte {
	data, err := os.ReadFile(d.logFile())
	if err != nil {
		return []byte(err.Error())
	}
	return data
}

// logTail is the end of the log.
func (d *daemon) logTail() string {
	lines := bytes.Split(bytes.TrimSpace(d.log()), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-25):], []byte("\n")))
}

// bean reads one of the NameNode's JMX beans into v.
func (n *nameNode) bean(name string, v any) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.http+"/jmx?qry=Hadoop:service=NameNode,name="+name, nil)
	if err != nil {
		return err
	}
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var answer struct{ Beans []json.RawMessage }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return err
	}
	if len(answer.Beans) == 0 {
		return errors.New("no such bean yet")
	}
	return json.Unmarshal(answer.Beans[0], v)
}

// activate makes one NameNode of a pair the active one, by Hadoop's own tool.
func (c *Cluster) activate(t testing.TB, name string, flags ...string) {
	t.Helper()
	for _, n := range c.nameNodes {
		if n.name != name {
			continue
		}
		c.await(t, name+" to serve", func() error {
			var status struct{ State string }
			if err := n.bean("NameNodeStatus", &status); err != nil {
				return err
			}
			if status.State == "" {
				return errors.New("no state yet")
			}
			return nil
		})
	}
	args := append(append([]string{"-transitionToActive"}, flags...), name)
	tool := c.daemon(t, "haadmin", "org.apache.hadoop.hdfs.tools.DFSHAAdmin", args...)
	tool.start(t)
	if err := tool.wait(); err != nil {
		t.Fatal(fmt.Errorf("haadmin %s: %w\n%s", strings.Join(args, " "), err, tool.logTail()))
	}
}
