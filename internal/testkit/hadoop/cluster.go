package hadoop

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Options describe a cluster. The zero value is one NameNode and one DataNode without security.
type Options struct {
	DataNodes   int   // default 1
	Replication int   // default: the DataNodes, at most 3
	BlockSize   int64 // bytes; default 1 MiB, so that small test files have several blocks

	// HA starts two NameNodes, nn1 active; Cluster.Failover changes over.
	HA bool
	// Kerberos starts a KDC and secures the cluster. DataTransferProtection is then "authentication" unless
	// HDFSSite says otherwise.
	Kerberos bool
	// HDFSSite are further properties for hdfs-site.xml, of the daemons and of clients.
	HDFSSite map[string]string
}

// Cluster is a running HDFS. Its methods are for one goroutine at a time.
type Cluster struct {
	Dir      string // holds everything: conf, data and logs of each process
	ConfDir  string // HADOOP_CONF_DIR for clients
	NameNode string // authority of the cluster's URLs: host:port, or the name service of an HA pair
	KDC      *KDC   // nil without Kerberos

	opts      Options
	classPath string
	nameNodes []*nameNode
	dataNodes []*daemon
}

// nameNode is a NameNode and its addresses, which stay the same over restarts.
type nameNode struct {
	daemon
	rpc, http string
}

const (
	nameNodeClass = "org.apache.hadoop.hdfs.server.namenode.NameNode"
	dataNodeClass = "org.apache.hadoop.hdfs.server.datanode.DataNode"
)

// Start starts a cluster and returns when all its DataNodes are live and files can be written. It fails the test
// if it cannot. The cluster ends with the test.
func Start(t testing.TB, o Options) *Cluster {
	t.Helper()
	o.DataNodes = max(o.DataNodes, 1)
	if o.Replication == 0 {
		o.Replication = min(o.DataNodes, 3)
	}
	if o.BlockSize == 0 {
		o.BlockSize = 1 << 20
	}
	classPath, cache := jars(t)
	c := &Cluster{Dir: t.TempDir(), opts: o, classPath: classPath}
	t.Cleanup(c.Stop)
	if o.Kerberos {
		c.KDC = newKDC(t, c.Dir)
		c.KDC.serve(t)
	}
	c.plan(t)
	// Hadoop insists on folders for its web pages, which are not in the jars.
	for _, app := range []string{"hdfs", "datanode", "journal", "static"} {
		if err := os.MkdirAll(filepath.Join(c.Dir, "web", "webapps", app), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	c.formatted(t, filepath.Join(cache, "formatted"))
	for _, n := range c.nameNodes {
		n.start(t)
	}
	for _, d := range c.dataNodes {
		d.start(t)
	}
	if o.HA {
		c.activate(t, "nn1")
	}
	c.AwaitDataNodes(t, o.DataNodes)
	return c
}

// plan picks ports and lays out the daemons with their conf folders.
func (c *Cluster) plan(t testing.TB) {
	t.Helper()
	count := 1
	if c.opts.HA {
		count = 2
	}
	ports := freePorts(t, 2*count)
	for i := range count {
		n := &nameNode{rpc: ports[2*i], http: ports[2*i+1]}
		n.name = fmt.Sprintf("nn%d", i+1)
		c.nameNodes = append(c.nameNodes, n)
	}
	c.NameNode = c.nameNodes[0].rpc
	if c.opts.HA {
		c.NameNode = nameService
	}
	for _, n := range c.nameNodes {
		n.daemon = *c.daemon(t, n.name, nameNodeClass)
	}
	for i := range c.opts.DataNodes {
		c.dataNodes = append(c.dataNodes, c.daemon(t, fmt.Sprintf("dn%d", i+1), dataNodeClass))
	}
	c.ConfDir = c.configure(t, "client")
}

// daemon describes a process that is not started yet.
func (c *Cluster) daemon(t testing.TB, name, class string, args ...string) *daemon {
	t.Helper()
	conf := c.configure(t, name)
	classPath := c.classPath + ":" + filepath.Join(c.Dir, "web") + ":" + conf
	d := &daemon{name: name, dir: c.Dir, conf: conf}
	if c.KDC != nil {
		d.args = append(d.args, "-Djava.security.krb5.conf="+c.KDC.Conf)
	}
	d.args = append(append(d.args, "-cp", classPath, class), args...)
	return d
}

// formatted gives each NameNode a formatted folder: a copy of the one in the cache, which is made the first time.
func (c *Cluster) formatted(t testing.TB, cached string) {
	t.Helper()
	if _, err := os.Stat(cached); err != nil {
		c.format(t, cached)
	}
	for _, n := range c.nameNodes {
		if err := os.CopyFS(filepath.Join(c.Dir, "data-"+n.name), os.DirFS(cached)); err != nil {
			t.Fatal(err)
		}
	}
	if c.opts.HA { // the active one wants the shared edits to exist
		if err := os.CopyFS(filepath.Join(c.Dir, "edits"), os.DirFS(cached)); err != nil {
			t.Fatal(err)
		}
	}
}

// format lets a NameNode without security format a folder and moves it into the cache.
func (c *Cluster) format(t testing.TB, cached string) {
	t.Helper()
	plain := &Cluster{Dir: t.TempDir(), opts: Options{DataNodes: 1, Replication: 1, BlockSize: 1 << 20}, classPath: c.classPath}
	plain.plan(t)
	if err := os.MkdirAll(filepath.Join(plain.Dir, "web"), 0o755); err != nil {
		t.Fatal(err)
	}
	d := plain.daemon(t, "nn1", nameNodeClass, "-format", "-nonInteractive")
	t.Cleanup(d.kill)
	d.start(t)
	if err := d.wait(); err != nil {
		t.Fatalf("formatting a NameNode: %v\n%s", err, d.logTail())
	}
	tmp := fmt.Sprintf("%s.%d", cached, os.Getpid())
	if err := os.CopyFS(tmp, os.DirFS(filepath.Join(plain.Dir, "data-nn1"))); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(tmp, cached); err != nil { // another test process was first
		if _, statErr := os.Stat(cached); statErr != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(tmp); err != nil {
			t.Fatal(err)
		}
	}
}

// Setenv points the environment of the test at the cluster.
func (c *Cluster) Setenv(t testing.TB) {
	t.Helper()
	t.Setenv("HADOOP_CONF_DIR", c.ConfDir)
	if c.KDC != nil {
		t.Setenv("KRB5_CONFIG", c.KDC.Conf)
	}
}

// KillDataNode kills a DataNode (counted from 0) as kill -9 does.
func (c *Cluster) KillDataNode(i int) { c.dataNodes[i].kill() }

// StartDataNode starts a killed DataNode again and waits until the NameNode knows its new address. Like all
// processes it runs until the test that called hadoop.Start ends, whatever t is.
func (c *Cluster) StartDataNode(t testing.TB, i int) {
	t.Helper()
	d := c.dataNodes[i]
	before := bytes.Count(d.log(), registered)
	d.start(t)
	c.await(t, d.name+" to register", func() error {
		if bytes.Count(d.log(), registered) == before {
			return errors.New("not in its log")
		}
		return nil
	})
}

// registered is what a DataNode logs when a NameNode has accepted it.
var registered = []byte("successfully registered with NN")

// KillNameNode kills a NameNode (counted from 0) as kill -9 does.
func (c *Cluster) KillNameNode(i int) { c.nameNodes[i].kill() }

// StartNameNode starts a killed NameNode again at its old address; it does not wait for it.
func (c *Cluster) StartNameNode(t testing.TB, i int) {
	t.Helper()
	c.nameNodes[i].start(t)
}

// RestartNameNode kills the only NameNode, starts it again and waits until files can be written.
func (c *Cluster) RestartNameNode(t testing.TB) {
	t.Helper()
	c.KillNameNode(0)
	c.StartNameNode(t, 0)
	c.AwaitDataNodes(t, c.runningDataNodes())
}

func (c *Cluster) runningDataNodes() (n int) {
	for _, d := range c.dataNodes {
		if d.isRunning() {
			n++
		}
	}
	return n
}

// Failover makes the other NameNode of an HA pair the active one.
func (c *Cluster) Failover(t testing.TB, to string) {
	t.Helper()
	c.activate(t, to, "--forceactive")
}

// AwaitDataNodes waits until the active NameNode has left safe mode and sees n live DataNodes.
func (c *Cluster) AwaitDataNodes(t testing.TB, n int) {
	t.Helper()
	c.await(t, fmt.Sprintf("%d live DataNodes", n), func() error {
		var state struct {
			FSState          string
			NumLiveDataNodes int
		}
		var err error
		for _, nn := range c.nameNodes {
			if !nn.isRunning() {
				continue
			}
			if err = nn.bean("FSNamesystemState", &state); err == nil && state.FSState == "Operational" && state.NumLiveDataNodes == n {
				return nil
			}
		}
		return errors.Join(fmt.Errorf("the NameNode says %+v", state), err)
	})
}

// Stop kills all processes; the end of the test that called Start does it too.
func (c *Cluster) Stop() {
	for _, d := range c.dataNodes {
		d.kill()
	}
	for _, n := range c.nameNodes {
		n.kill()
	}
	if c.KDC != nil {
		c.KDC.proc.kill()
	}
}

// await polls until ready returns nil. It fails the test when three minutes have passed or a running daemon has exited.
func (c *Cluster) await(t testing.TB, what string, ready func() error) {
	t.Helper()
	deadline := time.Now().Add(3 * time.Minute)
	for {
		err := ready()
		if err == nil {
			return
		}
		all := append([]*daemon{}, c.dataNodes...)
		for _, n := range c.nameNodes {
			all = append(all, &n.daemon)
		}
		for _, d := range all {
			if d.died() {
				t.Fatalf("waiting for %s: %s exited\n%s", what, d.name, d.logTail())
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("waiting for %s: %v\n%s", what, err, c.nameNodes[0].logTail())
		}
		time.Sleep(50 * time.Millisecond)
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
