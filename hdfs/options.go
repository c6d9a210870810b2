package hdfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/user"
	"time"

	"github.com/colinmarc/hdfs/v2"

	"github.com/millrace/millrace/vfs"
)

// Options say how to reach HDFS. The zero value follows the environment, as Hadoop's own tools do.
type Options struct {
	ConfDir     string // folder of core-site.xml and hdfs-site.xml; default $HADOOP_CONF_DIR, $HADOOP_HOME/etc/hadoop, $HADOOP_HOME/conf
	User        string // without Kerberos; default $HADOOP_USER_NAME, then the process's user
	Principal   string // with Kerberos: name@REALM, whose key is in Keytab
	Keytab      string // file; without one the ticket cache is used
	TicketCache string // file; default $KRB5CCNAME, then /tmp/krb5cc_<uid>
	KRB5Config  string // file; default $KRB5_CONFIG, then /etc/krb5.conf

	// SpoolDir is for the scratch files of open writers: up to two HDFS blocks each, gone when the process is.
	// Default os.TempDir().
	SpoolDir string
	// Patience is how long a call, a read or a write puts up with an unreachable cluster; default 60 s.
	Patience time.Duration
	// SocketTimeout ends a silent connection; default dfs.client.socket-timeout, else 60 s.
	SocketTimeout time.Duration
	// Logger hears what was ridden out, at Warn. Default none.
	Logger *slog.Logger
}

// Validate checks what can be checked without a cluster.
func (o Options) Validate() error {
	if (o.Principal == "") != (o.Keytab == "") {
		return errors.New("hdfs: principal and keytab go together")
	}
	if o.Patience < 0 || o.SocketTimeout < 0 {
		return errors.New("hdfs: a negative duration")
	}
	return nil
}

// Open connects to the cluster of a URL's authority: host:port, host (port 8020), a name service of the
// configuration, or "" for fs.defaultFS. It does not wait for a cluster that is down. A *FS is returned.
//
// A cluster that cannot be reached is vfs.ErrUnavailable, missing or refused credentials are ErrAuthentication, a
// protection of data transfer that cannot be read is ErrProtection. It is a vfs.Opener.
func (o Options) Open(ctx context.Context, authority string) (vfs.FileSystem, error) {
	fsys, err := o.open(ctx, authority)
	if err != nil {
		return nil, err
	}
	return fsys, nil
}

func (o Options) open(ctx context.Context, authority string) (_ *FS, err error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	conf, err := loadConf(o.ConfDir)
	if err != nil {
		return nil, err
	}
	authority, addresses, err := conf.nameNodes(authority)
	if err != nil {
		return nil, err
	}
	if err := conf.checkProtection(); err != nil {
		return nil, err
	}
	o.setDefaults(conf)
	f := &FS{authority: authority, opts: o, conf: conf, links: newLinks(o.SocketTimeout)}
	defer func() {
		if err != nil {
			err = vfs.PathError("open", f.URL("/"), errors.Join(err, f.Close()))
		}
	}()
	clientOptions := hdfs.ClientOptionsFromConf(conf.HadoopConf)
	clientOptions.Addresses = addresses
	clientOptions.User = o.User
	clientOptions.NamenodeDialFunc, clientOptions.DatanodeDialFunc = f.links.dialNameNode, f.links.dialDataNode
	f.links.pipelines.useHostname = clientOptions.UseDatanodeHostname
	if conf.isSecure() {
		if f.krb, err = o.kerberos(ctx, f, clientOptions.KerberosServicePrincipleName, addresses); err != nil {
			return nil, err
		}
		clientOptions.KerberosClient = f.krb
	} else if clientOptions.KerberosClient = nil; !conf.isTrue("dfs.encrypt.data.transfer") {
		clientOptions.DataTransferProtection = "" // DataNodes without security ignore it
		f.links.detours = true
	}
	if f.client, err = call(ctx, f, func() (*hdfs.Client, error) { return hdfs.NewClient(clientOptions) }, (*hdfs.Client).Close); err != nil {
		return nil, f.translateOpen(err)
	}
	if err := f.probe(ctx); err != nil {
		return nil, f.translateOpen(err)
	}
	return f, nil
}

// probe makes the first call, which shows what the handshake leaves open, and learns the defaults for new files.
func (f *FS) probe(ctx context.Context) error {
	defaults, err := call(ctx, f, f.client.ServerDefaults, nil)
	if err != nil {
		return err
	}
	f.blockSize, f.replication = defaults.BlockSize, defaults.Replication
	if n, ok := f.conf.size("dfs.blocksize"); ok {
		f.blockSize = n
	}
	if n, ok := f.conf.size("dfs.replication"); ok {
		f.replication = int(n)
	}
	f.links.pipelines.minimum = min(f.replication, 2)
	if f.blockSize <= 0 || f.replication <= 0 {
		return fmt.Errorf("%w: block size %d, replication %d", fs.ErrInvalid, f.blockSize, f.replication)
	}
	return nil
}

// setDefaults fills in what is not set, from the configuration and the environment.
func (o *Options) setDefaults(conf conf) {
	if o.User == "" {
		o.User = os.Getenv("HADOOP_USER_NAME")
	}
	if o.User == "" {
		if u, err := user.Current(); err == nil {
			o.User = u.Username
		}
	}
	if o.Patience == 0 {
		o.Patience = time.Minute
	}
	if o.SocketTimeout == 0 {
		o.SocketTimeout = time.Minute
		if ms, ok := conf.size("dfs.client.socket-timeout"); ok && ms > 0 {
			o.SocketTimeout = time.Duration(ms) * time.Millisecond
		}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}
