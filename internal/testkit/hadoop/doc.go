// Package hadoop starts a real HDFS for integration tests: NameNodes and DataNodes of Apache Hadoop, each a process
// of its own on loopback, that can be killed and restarted while a test runs. Test-only; imports nothing of ours.
//
//	c := hadoop.Start(t, hadoop.Options{DataNodes: 3})
//	c.Setenv(t)                      // HADOOP_CONF_DIR and, with Kerberos, KRB5_CONFIG
//	fsys, err := hdfs.Open(ctx, c.NameNode)
//	c.KillDataNode(0)                // kill -9
//
// Run runs one of Hadoop's own tools.
//
// The jars come from Maven, once, into $XDG_CACHE_HOME/millrace-test/hadoop-<version>-<sum of pom.xml> (fetch.sh, which is
// run when they are missing). A formatted NameNode folder is kept there too, which saves each start a JVM. The
// environment needs java (11 or newer), mvn for the first time, and for Options.Kerberos the MIT KDC, which fetch.sh
// installs on Debian when it runs as root. What is missing fails the test: nothing is skipped.
//
// How it starts quickly: C1-only serial JVMs, DataNodes beside the NameNode rather than after it, heartbeats every
// second. A cluster of one NameNode and three DataNodes takes about 1 GB. A silent DataNode counts as dead after 14 s.
//
// Processes are killed when the test ends, and by the kernel (Pdeathsig) when the test process dies. Each has a
// folder below Cluster.Dir with its conf and its log; the tail of a log is part of a start failure.
package hadoop
