// Package checkpoint makes consistent cuts of a job, keeps them, and gives them back.
//
// In the order a reader needs them:
//
//   - [Core] is the protocol: step(event) -> actions, pure. It says when checkpoints begin, when they are complete, and what is committed then.
//   - [Store] keeps the checkpoints of a job in a folder, for one incarnation of it: Begin, Complete or Discard, Latest. [Writer] is the side of
//     it that tasks write their snapshots by.
//   - [Manifest] is what a checkpoint says of itself; [Saved] is one that is open for reading: Rows gives a table back to tasks, however many.
//   - [Compare] says what a new version of a job makes of saved state, before it runs; Rows migrates by the same rules.
//   - [InFlight] is what was on its way to an operator whose task did not wait for barriers; [Saved.InFlight] gives it back.
//   - [Saved.Inspect] shows what is in a checkpoint.
//
// # A checkpoint's life
//
//	coordinator   Core: Trigger        Acked, from all      Persist    Stored        Commit   Notify
//	                 | Store.Begin        ^                    | Store.Complete ^       |        |
//	tasks            '-> barriers -> Frozen -> Writer.Write    '-> manifest ----'       '-> sinks '-> operators
//	                                 (task)    (beside it)         renamed last
//
// Whatever fails before the manifest is in place fails the checkpoint, not the job. Output that sinks prepared is in the manifest until it is
// known to be visible: whoever begins from a checkpoint first commits what its manifest lists. A savepoint in passing commits nothing and is not
// what recovery begins from; one that stops the job is.
//
// # Whose folder it is
//
// Two incarnations of a job may believe that they are the one. The file epoch-N tells: Open makes the next one (Create is exclusive), and
// everything that is written looks first whether there is a greater. That leaves a gap between the look and the write, which matters for the
// manifest alone. So Open also renames the folders of all checkpoints that are not complete: of the old incarnation's manifest and the new
// one's folder, one is renamed first, and the other rename then fails or is undone. What Open has found afterwards is all there will be.
//
// # Format, versions 1 and 2
//
// A job's folder, in which paths of manifests are relative to it ("root": ".."):
//
//	epoch-00000003                      JSON: job, run, time of the incarnation that may write
//	chk-00000017/manifest.json          complete when this is there
//	chk-00000017/count-0-seen-5f2c09b1d3e4.arrow
//	chk-00000017/merged-90e2b74cc01d.parts    version 2: several files, one behind the other
//	dead-00000016-00000003/             not completed, put aside by epoch 3
//
// The folder of the greatest number is never removed, though it may be empty: numbers grow over all incarnations. Files may be referred to by
// manifests of later checkpoints (the final state of tasks that have ended, and a back end's own files that have not changed, are written once)
// and stay until no manifest that is kept does. A folder without a manifest is that of a checkpoint which was not completed, or of one that is
// kept no more and has files which others need.
//
// Which files of a back end's own a checkpoint has, the back end says, which is told what the base has: the newest complete checkpoint when this one
// was begun. Those of lsm are the tables of its tree, which never change. Those of heap are a chain: all rows, and behind them the rows that
// were written since, checkpoint by checkpoint, until that is as much as all rows; then all are written again. So a checkpoint refers to files of
// at most twice the size of the state, of at most 16 checkpoints, and a file that is damaged damages all that refer to it: to fall back is to go
// to one from before that file, and --checkpoint-keep says how many there are. Package state/heap has the format of its files.
//
// Small files of checkpoints are put together into merged ones by the tasks of a process that write at the same time: merge.go says how. A file that
// later checkpoints may refer to is never together with one that they may not. A merged file stays as long as a manifest that is kept refers to
// anything in it, and a file in it that is damaged damages those checkpoints alone that refer to that one. Where a back end can give a file again,
// it is written again when less than half of the merged file that it lies in is needed.
//
// A savepoint is one folder with a manifest ("root": ".") and all its files, and can be moved. A job that was stopped with one leaves a manifest
// in its own folder that has "moved", the savepoint's URL, and nothing else to read. What a job begins from stays what it is: savepoints, and
// checkpoints in folders of others, are never written to, referred to or removed.
//
// manifest.json is {"format": "millrace checkpoint", "version": 2, "check": "xxh3:...", "manifest": {...}}; the check is XXH3-64, in
// hexadecimal, of the manifest's JSON without insignificant blanks. Bytes are in base64, times as RFC 3339. The manifest:
//
//	id, kind               kind is checkpoint, savepoint, stop, drain or last
//	job, run, epoch, time  who made it, when
//	root, moved            see above
//	unaligned              some tasks did not wait for barriers
//	fingerprint, plan      of the job's graph
//	operators              uid, name, parallelism, keyGroups, enumerator (bytes: which splits there are), tables, parts
//	  tables               name, kind, distribution (keyed, spread, union, broadcast), keys, namespace, values (name, type, nullable, ...), ttl
//	  parts                by task: task {stage, task}, ended, blobs (bytes by name), tables, native
//	    tables             table (its name), rows, files
//	      files            path or inline (the bytes of a small file), merged, offset, size, rows, check (XXH3-64 of the bytes), index
//	        merged         of version 2: the file is a part of what lies at path: size bytes from offset on (0 when it is not there)
//	        index          [first key group, last key group, rows] for each record batch
//	    native             of back ends that save files of their own, for the tables that are not in tables: name, and as in files. Checkpoints
//	                       alone have them, not savepoints
//	committables           checkpoint, uid, task, data (bytes, the connector's), rows, bytes, files
//
// A file of rows is an Arrow IPC file. Its columns are key_group (int32, of keyed tables only; when the table has a column of that name,
// key_group_0) and those of the table: keys, namespace, values, and written_at when it has a time to live. A name that is taken has a number
// behind it. Rows of a keyed table are ordered by key group: the low bits of the hash of the keys as package columnar/keys defines it. The order
// within a key group means nothing. A record batch has rows of one or more groups, a group lies in one or more batches that follow each other.
//
// A table of kind "in flight" has rows that an unaligned checkpoint found on their way to the operator, over the exchange that its name tells: all
// that producers had sent before they were cut, and the operator's task had not taken in before it was. Its columns are channel (int32: the
// task that sent the row), after (timestamp: the watermark that came ahead of the row in its channel, behind the row before; null: none), time
// (timestamp: the row's event time; null: it was in a batch without event times), kind (uint8: of a changelog's row; null: it was in a batch
// without kinds) and row, a struct of the exchange's columns. Rows of one part and channel are in the order in which they were sent.
// Watermarks behind the last row are left out: producers give theirs again when they begin. Such tables are files of rows whatever the back end
// is, and savepoints, which are aligned, have none.
//
// Readers of one version read manifests of all earlier ones, and refuse later ones. A manifest has the least version that has what is in it:
// savepoints, in which no file is merged, have version 1.
//
// The package starts goroutines in Verify alone, which waits for them. Stability: engine-private, but for the format.
package checkpoint
