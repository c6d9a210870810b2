package hdfs

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/colinmarc/hdfs/v2/hadoopconf"
)

// site writes a configuration file of name=value pairs.
func site(t *testing.T, dir, file string, pairs ...string) {
	t.Helper()
	var b strings.Builder
	b.WriteString("<configuration>")
	for _, p := range pairs {
		name, value, _ := strings.Cut(p, "=")
		b.WriteString("<property><name>" + name + "</name><value>" + value + "</value></property>")
	}
	b.WriteString("</configuration>")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, file), []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

func noEnvironment(t *testing.T) {
	t.Helper()
	for _, name := range []string{"HADOOP_CONF_DIR", "HADOOP_HOME", "HADOOP_USER_NAME", "KRB5CCNAME", "KRB5_CONFIG"} {
		t.Setenv(name, "")
	}
}

func TestLoadConf(t *testing.T) {
	noEnvironment(t)
	confDir, home := t.TempDir(), t.TempDir()
	site(t, confDir, "core-site.xml", "fs.defaultFS=hdfs://${nn.host}:9000", "nn.host=${env.NN_HOST}", "loop=${loop}", "unknown=${what}")
	site(t, filepath.Join(home, "etc", "hadoop"), "hdfs-site.xml", "where=home")
	t.Setenv("NN_HOST", "master")

	if c, err := loadConf(""); err != nil || c.dir != "" || len(c.HadoopConf) != 0 {
		t.Errorf("without a configuration: %+v, %v", c, err)
	}
	c, err := loadConf(confDir)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"fs.defaultFS": "hdfs://master:9000", "loop": "${loop}", "unknown": "${what}"} {
		if got := c.HadoopConf[name]; got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	t.Setenv("HADOOP_HOME", home)
	if c, err := loadConf(""); err != nil || c.HadoopConf["where"] != "home" {
		t.Errorf("HADOOP_HOME: %+v, %v", c, err)
	}
	t.Setenv("HADOOP_CONF_DIR", confDir)
	if c, err := loadConf(""); err != nil || c.dir != confDir {
		t.Errorf("HADOOP_CONF_DIR: %+v, %v", c, err)
	}
	t.Setenv("HADOOP_CONF_DIR", t.TempDir())
	if _, err := loadConf(""); err == nil {
		t.Error("an empty HADOOP_CONF_DIR is taken for a configuration")
	}
	broken := t.TempDir()
	if err := os.WriteFile(filepath.Join(broken, "core-site.xml"), []byte("<configuration><property>"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := loadConf(broken); err == nil {
		t.Error("broken XML is read")
	}
}

func TestNameNodes(t *testing.T) {
	c := conf{dir: "/conf", HadoopConf: hadoopconf.HadoopConf{
		"fs.defaultFS":                       "hdfs://prod",
		"dfs.nameservices":                   "prod, other,bare",
		"dfs.ha.namenodes.prod":              "nn1,nn2",
		"dfs.namenode.rpc-address.prod.nn1":  "a:8020",
		"dfs.namenode.rpc-address.prod.nn2":  "b:8020",
		"dfs.namenode.rpc-address.other":     "c:9000",
		"dfs.namenode.rpc-address.other.nn1": "unused:1",
	}}
	for _, x := range []struct {
		authority, resolved string
		addresses           []string
	}{
		{"", "prod", []string{"a:8020", "b:8020"}},
		{"prod", "prod", []string{"a:8020", "b:8020"}},
		{"other", "other", []string{"c:9000"}},
		{"host:1234", "host:1234", []string{"host:1234"}},
		{"host", "host", []string{"host:8020"}},
		{"bare", "bare", nil},
	} {
		resolved, addresses, err := c.nameNodes(x.authority)
		if resolved != x.resolved || !slices.Equal(addresses, x.addresses) || (err != nil) != (x.addresses == nil) {
			t.Errorf("%q: %q, %q, %v", x.authority, resolved, addresses, err)
		}
	}
	for _, c := range []conf{{}, {dir: "/c", HadoopConf: hadoopconf.HadoopConf{"fs.defaultFS": "file:///"}}} {
		if _, _, err := c.nameNodes(""); err == nil {
			t.Errorf("%v has a default", c)
		}
	}
}

func TestCheckProtection(t *testing.T) {
	const aes = "AES/CTR/NoPadding"
	for _, x := range []struct {
		auth, protection, encrypt, suites string
		ok                                bool
	}{
		{"simple", "", "", "", true},
		{"simple", "privacy", "", "", true}, // ignored without Kerberos
		{"kerberos", "", "", "", true},
		{"kerberos", "authentication", "", "", true},
		{"kerberos", "integrity", "", "", false},
		{"kerberos", "Privacy", "", "", false},
		{"kerberos", "authentication, integrity", "", "", false},
		{"kerberos", "privacy", "true", aes, true},
		{"kerberos", "privacy", "true", "", false},
		{"simple", "", "true", "", false},
		{"simple", "", "TRUE", aes, true},
	} {
		c := conf{HadoopConf: hadoopconf.HadoopConf{
			"hadoop.security.authentication": x.auth, "dfs.data.transfer.protection": x.protection,
			"dfs.encrypt.data.transfer": x.encrypt, "dfs.encrypt.data.transfer.cipher.suites": x.suites,
		}}
		err := c.checkProtection()
		if (err == nil) != x.ok || err != nil && !errors.Is(err, ErrProtection) {
			t.Errorf("%+v: %v", x, err)
		}
	}
}

func TestSizesAndPermissions(t *testing.T) {
	for text, want := range map[string]int64{"": -1, "0": 0, "12": 12, "128m": 128 << 20, "2G": 2 << 30, "1t": 1 << 40, "-1": -1, "x": -1, "m": -1, "99999999t": -1} {
		n, ok := conf{HadoopConf: hadoopconf.HadoopConf{"n": text}}.size("n")
		if ok != (want >= 0) || ok && n != want {
			t.Errorf("%q: %d, %v", text, n, ok)
		}
	}
	if p := (conf{}).permissions(0o666); p != 0o644 {
		t.Errorf("default umask: %o", p)
	}
	c := conf{HadoopConf: hadoopconf.HadoopConf{"fs.permissions.umask-mode": "077"}}
	if p := c.permissions(0o777); p != 0o700 {
		t.Errorf("umask 077: %o", p)
	}
}
