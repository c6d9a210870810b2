// Package hdfs is the vfs of Hadoop's distributed file system, over github.com/colinmarc/hdfs: scheme hdfs.
//
//	open := hdfs.Options{Principal: "etl@EXAMPLE.COM", Keytab: "/etc/etl.keytab"}.Open   // a vfs.Opener
//
// [Options.Open] reads Hadoop's own configuration (HADOOP_CONF_DIR, else HADOOP_HOME), so that hdfs://service/ finds
// the NameNodes of an HA pair, and hdfs:/// the default file system. The user is HADOOP_USER_NAME or the process's;
// with Kerberos it is the ticket's, from a keytab or from the cache that KRB5CCNAME names.
//
// What this package adds to the client library, which has no contexts, no time-outs and no repair of writes:
//
//   - Calls (call.go) run on a goroutine of their own and return when their context ends. The abandoned call ends
//     by itself, at the latest when its sockets time out; FS.Close cuts them and waits. A call that meets a NameNode
//     that restarts, fails over or is in safe mode is repeated for Options.Patience.
//   - Reads (reader.go, stream.go) fetch ahead when they go forward, reopen the file where they stood when every
//     replica failed, and fail rather than return bytes of another file that took its name.
//   - Writes (writer.go, spool.go) outlive a DataNode. The library cannot repair a pipeline, and after a failed write
//     a file cannot be continued. So the bytes since the last finished block are kept in a spool (memory, then a
//     local scratch file, at most two blocks); on failure the writer begins a new file under a temporary name,
//     copies the finished blocks over from the broken one, replays the spool, goes on there, and at Close renames
//     it to the name it was asked for, which its first file held all the time.
//   - Pipelines (pipeline.go, link.go): the NameNode goes on naming a dead DataNode for ten minutes. After a failed
//     write the targets that take no connection are taken out of the library's requests on their way, as long as
//     two replicas remain, so that the next try works also where there are few DataNodes.
//   - Errors (errors.go) match fs.ErrNotExist, vfs.ErrUnavailable and so on, and carry the NameNode's exception as
//     a *RemoteError.
//
// Not possible with this library, so not here: delegation tokens, block locations, appending, data transfer protection
// "integrity" or "privacy" without AES (Open refuses them by the configuration, ErrProtection; reading would fail
// later), erasure coding, encryption zones, short-circuit reads. One NameNode call runs at a time for each FS.
//
// Memory: about 0.6 MB for each open writer, 2 MB for each file being read forward.
//
// Goroutines: one for each running call, fetch or send, one by the library for lease renewal, all ended by FS.Close.
// After a write that failed in the pipeline the library leaves one idle goroutine behind. Stability: extension.
package hdfs
