package hadoop

import (
	"encoding/xml"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// nameService is the logical name of a pair of NameNodes.
const nameService = "ns"

// props are the properties of one of Hadoop's xml files.
type props map[string]string

// text renders the properties as Hadoop's xml, sorted by name.
func (p props) text(t testing.TB) string {
	t.Helper()
	type property struct {
		Name  string `xml:"name"`
		Value string `xml:"value"`
	}
	all := struct {
		XMLName xml.Name   `xml:"configuration"`
		P       []property `xml:"property"`
	}{}
	for _, name := range slices.Sorted(maps.Keys(p)) {
		all.P = append(all.P, property{name, p[name]})
	}
	out, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return xml.Header + string(out) + "\n"
}

const log4j = `log4j.rootLogger=INFO,c
log4j.logger.http.requests=WARN
log4j.appender.c=org.apache.log4j.ConsoleAppender
log4j.appender.c.target=System.err
log4j.appender.c.layout=org.apache.log4j.PatternLayout
log4j.appender.c.layout.ConversionPattern=%d{ISO8601} %-5p %c{2} - %m%n
`

// configure writes the conf folder of one daemon, or of clients if name is "client".
func (c *Cluster) configure(t testing.TB, name string) string {
	t.Helper()
	core, hdfs := c.coreSite(name), c.hdfsSite(name)
	if c.KDC != nil {
		maps.Copy(core, c.KDC.coreSite())
		maps.Copy(hdfs, c.KDC.hdfsSite())
	}
	maps.Copy(hdfs, c.opts.HDFSSite)
	dir := filepath.Join(c.Dir, "conf-"+name)
	write(t, filepath.Join(dir, "core-site.xml"), core.text(t))
	write(t, filepath.Join(dir, "hdfs-site.xml"), hdfs.text(t))
	write(t, filepath.Join(dir, "log4j.properties"), log4j)
	return dir
}

func (c *Cluster) coreSite(name string) props {
	return props{
		"fs.defaultFS":   "hdfs://" + c.NameNode,
		"hadoop.tmp.dir": filepath.Join(c.Dir, "tmp-"+name),
		"hadoop.security.groups.cache.warn.after.ms": "60000",
	}
}

func (c *Cluster) hdfsSite(name string) props {
	data := "file://" + filepath.Join(c.Dir, "data-"+name)
	p := props{
		"dfs.replication":                       strconv.Itoa(c.opts.Replication),
		"dfs.blocksize":                         strconv.FormatInt(c.opts.BlockSize, 10),
		"dfs.namenode.fs-limits.min-block-size": "0",
		"dfs.permissions.enabled":               "true",

		// Writable as soon as a DataNode and all blocks are there; dead after 14 s of silence instead of 10 min.
		"dfs.namenode.safemode.extension":         "0",
		"dfs.safemode.recheck.interval":           "100",
		"dfs.namenode.safemode.min.datanodes":     "1",
		"dfs.namenode.heartbeat.recheck-interval": "2000",
		"dfs.heartbeat.interval":                  "1",

		"dfs.namenode.datanode.registration.ip-hostname-check": "false",
		"dfs.namenode.edits.noeditlogchannelflush":             "true",
		"dfs.namenode.name.dir":                                data,
		"dfs.datanode.data.dir":                                data,
		"dfs.datanode.address":                                 "127.0.0.1:0",
		"dfs.datanode.http.address":                            "127.0.0.1:0",
		"dfs.datanode.ipc.address":                             "127.0.0.1:0",
		"dfs.datanode.hostname":                                "127.0.0.1",
		"dfs.datanode.du.reserved":                             "0",
	}
	if !c.opts.HA {
		p["dfs.namenode.rpc-address"] = c.nameNodes[0].rpc
		p["dfs.namenode.http-address"] = c.nameNodes[0].http
		return p
	}
	maps.Copy(p, c.haSite(name))
	return p
}

// haSite are the properties of a pair of NameNodes that share their edits in a folder; failover is by hand.
func (c *Cluster) haSite(name string) props {
	p := props{
		"dfs.nameservices": nameService,
		"dfs.client.failover.proxy.provider." + nameService: "org.apache.hadoop.hdfs.server.namenode.ha.ConfiguredFailoverProxyProvider",
		"dfs.namenode.shared.edits.dir":                     "file://" + filepath.Join(c.Dir, "edits"),
		"dfs.ha.fencing.methods":                            "shell(/bin/true)",
		"dfs.ha.tail-edits.period":                          "1s",
		"dfs.ha.nn.not-become-active-in-safemode":           "false",
	}
	var ids []string
	for _, n := range c.nameNodes {
		ids = append(ids, n.name)
		p[fmt.Sprintf("dfs.namenode.rpc-address.%s.%s", nameService, n.name)] = n.rpc
		p[fmt.Sprintf("dfs.namenode.http-address.%s.%s", nameService, n.name)] = n.http
		if n.name == name {
			p["dfs.ha.namenode.id"] = name
		}
	}
	p["dfs.ha.namenodes."+nameService] = strings.Join(ids, ",")
	return p
}
