//go:build integration

package hdfs_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/hdfs"
	"github.com/millrace/millrace/internal/testkit/hadoop"
	"github.com/millrace/millrace/vfs"
)

// A Kerberised cluster with the protection that can be read; the refused ones need only its configuration.
func TestKerberos(t *testing.T) {
	c := hadoop.Start(t, hadoop.Options{Kerberos: true})
	c.Setenv(t)
	root := hdfs.Options{Principal: "hdfs/localhost@" + hadoop.Realm, Keytab: c.KDC.DaemonKeytab}
	alice := hdfs.Options{Principal: c.KDC.Principal, Keytab: c.KDC.Keytab}

	t.Run("Keytab", func(t *testing.T) {
		fsys := open(t, c, root)
		p, data := folder(t, fsys)+"/f", random(2_500_000)
		if err := create(t.Context(), fsys, p, data, nil); err != nil {
			t.Fatal(err)
		}
		holds(t, fsys, p, data)
	})
	t.Run("TicketCache", func(t *testing.T) {
		fsys := open(t, c, hdfs.Options{TicketCache: c.KDC.TicketCache(t)})
		if _, err := vfs.ReadFile(t.Context(), fsys, "/TestKerberos/Keytab/f"); err != nil {
			t.Error(err)
		}
	})
	t.Run("TicketCacheFromEnvironment", func(t *testing.T) {
		t.Setenv("KRB5CCNAME", "FILE:"+c.KDC.TicketCache(t))
		open(t, c, hdfs.Options{})
	})
	t.Run("Permission", func(t *testing.T) {
		_, err := open(t, c, alice).Create(t.Context(), "/TestKerberos/hers")
		if !errors.Is(err, fs.ErrPermission) || vfs.IsUnavailable(err) {
			t.Errorf("alice writes into root's folder: %v", err)
		}
	})
	t.Run("Refused", func(t *testing.T) {
		simple := clientConf(t, c, map[string]string{"<value>kerberos</value>": "<value>simple</value>"})
		for name, o := range map[string]hdfs.Options{
			"wrong key":     {Principal: "bob@" + hadoop.Realm, Keytab: c.KDC.Keytab},
			"unknown user":  {Principal: "alice@ELSEWHERE", Keytab: c.KDC.Keytab},
			"no keytab":     {Principal: c.KDC.Principal, Keytab: "/does/not/exist"},
			"no cache":      {TicketCache: "/does/not/exist"},
			"kernel cache":  {TicketCache: "KEYRING:persistent:0"},
			"simple client": {ConfDir: simple},
		} {
			fsys, err := o.Open(t.Context(), c.NameNode)
			if !errors.Is(err, hdfs.ErrAuthentication) || vfs.IsUnavailable(err) || fsys != nil {
				t.Errorf("%s: got %v, want ErrAuthentication", name, err)
			}
		}
	})
	t.Run("KDCDown", func(t *testing.T) {
		krb5 := filepath.Join(t.TempDir(), "krb5.conf")
		replaced(t, c.KDC.Conf, krb5, map[string]string{c.KDC.Address: "127.0.0.1:1"})
		o := alice
		o.KRB5Config = krb5
		if _, err := o.Open(t.Context(), c.NameNode); !vfs.IsUnavailable(err) {
			t.Errorf("got %v, want unavailable", err)
		}
	})
	for _, level := range []string{"integrity", "privacy", "authentication,privacy"} {
		t.Run("Protection/"+level, func(t *testing.T) {
			o := alice
			o.ConfDir = clientConf(t, c, map[string]string{"<value>authentication</value>": "<value>" + level + "</value>"})
			start := time.Now()
			_, err := o.Open(t.Context(), c.NameNode)
			if !errors.Is(err, hdfs.ErrProtection) || !strings.Contains(err.Error(), "is "+level) || vfs.IsUnavailable(err) {
				t.Errorf("got %v, want ErrProtection", err)
			}
			if time.Since(start) > time.Second {
				t.Error("the refusal needed the cluster")
			}
		})
	}
}

// What Open lets through must be readable: AES instead of SASL's own protection.
func TestEncryptedTransfer(t *testing.T) {
	c := hadoop.Start(t, hadoop.Options{Kerberos: true, HDFSSite: map[string]string{
		"dfs.data.transfer.protection":            "privacy",
		"dfs.encrypt.data.transfer":               "true",
		"dfs.encrypt.data.transfer.cipher.suites": "AES/CTR/NoPadding",
	}})
	c.Setenv(t)
	fsys := open(t, c, hdfs.Options{Principal: "hdfs/localhost@" + hadoop.Realm, Keytab: c.KDC.DaemonKeytab})
	p, data := folder(t, fsys)+"/f", random(2_500_000)
	if err := create(t.Context(), fsys, p, data, nil); err != nil {
		t.Fatal(err)
	}
	holds(t, fsys, p, data)
}

// clientConf is a copy of the clients' configuration with texts replaced.
func clientConf(t *testing.T, c *hadoop.Cluster, texts map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"core-site.xml", "hdfs-site.xml"} {
		replaced(t, filepath.Join(c.ConfDir, name), filepath.Join(dir, name), texts)
	}
	return dir
}

func replaced(t *testing.T, from, to string, texts map[string]string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	for old, text := range texts {
		data = []byte(strings.ReplaceAll(string(data), old, text))
	}
	if err := os.WriteFile(to, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// The pair of NameNodes is addressed by its name service, and a change-over in mid-file is ridden out.
func TestFailover(t *testing.T) {
	c := hadoop.Start(t, hadoop.Options{HA: true})
	fsys := open(t, c, hdfs.Options{})
	p, data := folder(t, fsys)+"/f", random(2_500_000)
	err := create(t.Context(), fsys, p, data, map[int]func(){1_500_000: func() {
		c.KillNameNode(0)
		c.Failover(t, "nn2")
	}})
	if err != nil {
		t.Fatal(err)
	}
	holds(t, fsys, p, data)
	if url := fsys.URL(p); url != "hdfs://ns"+p {
		t.Errorf("URL %s", url)
	}
}

func TestNothingListens(t *testing.T) {
	start := time.Now()
	_, err := hdfs.Options{}.Open(t.Context(), "127.0.0.1:1")
	if !vfs.IsUnavailable(err) || time.Since(start) > 2*time.Second {
		t.Errorf("got %v after %v, want unavailable at once", err, time.Since(start))
	}
}
