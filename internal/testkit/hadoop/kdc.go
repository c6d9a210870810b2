package hadoop

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Realm is the realm of the test KDC.
const Realm = "TEST.LOCAL"

// KDC is a running MIT Kerberos with a principal for the daemons and one for a user.
type KDC struct {
	Conf      string // KRB5_CONFIG
	Principal string // a user, "alice@TEST.LOCAL"
	Keytab    string // of the user

	DaemonKeytab string // of hdfs/localhost, the superuser, and HTTP/localhost
	Address      string // host:port

	dir  string
	proc *daemon
}

// newKDC sets up a KDC in dir, which serve starts.
func newKDC(t testing.TB, dir string) *KDC {
	t.Helper()
	fetch(t, "kerberos")
	k := &KDC{
		dir: filepath.Join(dir, "kdc"), Conf: filepath.Join(dir, "kdc", "krb5.conf"), Address: freePorts(t, 1)[0],
		Principal: "alice@" + Realm, Keytab: filepath.Join(dir, "kdc", "alice.keytab"),
		DaemonKeytab: filepath.Join(dir, "kdc", "daemons.keytab"),
	}
	k.proc = &daemon{name: "kdc", dir: k.dir}
	k.configure(t)
	k.run(t, "kdb5_util", "create", "-s", "-P", "test", "-r", Realm)
	k.addPrincipal(t, "hdfs/localhost", k.DaemonKeytab)
	k.addPrincipal(t, "HTTP/localhost", k.DaemonKeytab)
	k.addPrincipal(t, "alice", k.Keytab)
	return k
}

// configure writes krb5.conf for clients and kdc.conf for the server.
func (k *KDC) configure(t testing.TB) {
	t.Helper()
	write(t, k.Conf, fmt.Sprintf(`[libdefaults]
  default_realm = %[1]s
  dns_lookup_realm = false
  dns_lookup_kdc = false
  rdns = false
  udp_preference_limit = 1
[realms]
  %[1]s = {
    kdc = %[2]s
  }
[domain_realm]
  localhost = %[1]s
`, Realm, k.Address))
	write(t, filepath.Join(k.dir, "kdc.conf"), fmt.Sprintf(`[realms]
  %[1]s = {
    database_name = %[3]s/db
    key_stash_file = %[3]s/stash
    acl_file = %[3]s/acl
    kdc_listen = %[2]s
    kdc_tcp_listen = %[2]s
    max_life = 10h
    supported_enctypes = aes256-cts-hmac-sha1-96:normal aes128-cts-hmac-sha1-96:normal
  }
[logging]
  kdc = FILE:%[3]s/kdc.log
`, Realm, k.Address, k.dir))
}

// command is one of MIT's tools, which live in sbin, under this KDC's configuration.
func (k *KDC) command(t testing.TB, name string, args ...string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		path = filepath.Join("/usr/sbin", name)
	}
	cmd := exec.Command(path, args...) //nolint:noctx // short, or killed by Cluster.Stop
	cmd.Env = append(os.Environ(), "KRB5_CONFIG="+k.Conf, "KRB5_KDC_PROFILE="+filepath.Join(k.dir, "kdc.conf"))
	return cmd
}

func (k *KDC) run(t testing.TB, name string, args ...string) {
	t.Helper()
	if out, err := k.command(t, name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// addPrincipal makes a principal and adds its key to a keytab.
func (k *KDC) addPrincipal(t testing.TB, name, keytab string) {
	t.Helper()
	k.run(t, "kadmin.local", "-q", "addprinc -randkey "+name)
	k.run(t, "kadmin.local", "-q", "ktadd -k "+keytab+" "+name)
}

// TicketCache gets a ticket for the user as kinit does and returns the cache's path, for KRB5CCNAME.
func (k *KDC) TicketCache(t testing.TB) string {
	t.Helper()
	cache := filepath.Join(t.TempDir(), "krb5cc")
	k.run(t, "kinit", "-c", cache, "-k", "-t", k.Keytab, k.Principal)
	return cache
}

// serve starts the server and waits until it listens.
func (k *KDC) serve(t testing.TB) {
	t.Helper()
	cmd := k.command(t, "krb5kdc", "-n", "-r", Realm)
	k.proc.run(t, cmd)
	deadline := time.Now().Add(10 * time.Second)
	for {
		conn, err := net.Dial("tcp", k.Address) //nolint:noctx // loopback
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(deadline) || k.proc.died() {
			t.Fatalf("the KDC does not listen: %v\n%s", err, k.proc.logTail())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// coreSite turns Kerberos on. The daemons' principal is the superuser; others keep their first name.
func (k *KDC) coreSite() props {
	return props{
		"hadoop.security.authentication": "kerberos",
		"hadoop.security.authorization":  "true",
		"hadoop.security.auth_to_local":  "RULE:[2:$1/$2@$0](hdfs/.*)s/.*/root/ DEFAULT",
	}
}

func (k *KDC) hdfsSite() props {
	return props{
		"dfs.namenode.kerberos.principal":           "hdfs/localhost@" + Realm,
		"dfs.namenode.keytab.file":                  k.DaemonKeytab,
		"dfs.datanode.kerberos.principal":           "hdfs/localhost@" + Realm,
		"dfs.datanode.keytab.file":                  k.DaemonKeytab,
		"dfs.web.authentication.kerberos.principal": "HTTP/localhost@" + Realm,
		"dfs.web.authentication.kerberos.keytab":    k.DaemonKeytab,
		"dfs.block.access.token.enable":             "true",
		"ignore.secure.ports.for.testing":           "true",
		"dfs.data.transfer.protection":              "authentication",
	}
}
