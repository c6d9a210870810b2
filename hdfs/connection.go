package hdfs

import (
	"cmp"
	"fmt"
	"os"
)

// Connection is how a FS reached its cluster: for people.
type Connection struct {
	ConfDir     string   // of the Hadoop configuration; "" without one
	NameNodes   []string // addresses
	Kerberos    bool
	User        string // with Kerberos name@REALM
	Credentials string // with Kerberos: where the key or the tickets are from
}

// Connection describes the connection.
func (f *FS) Connection() Connection {
	c := Connection{ConfDir: f.conf.dir, User: f.opts.User}
	if _, addresses, err := f.conf.nameNodes(f.authority); err == nil {
		c.NameNodes = addresses
	}
	if f.krb == nil {
		return c
	}
	c.Kerberos = true
	c.User = f.krb.Credentials.CName().PrincipalNameString() + "@" + f.krb.Credentials.Domain()
	c.Credentials = f.opts.Keytab
	if c.Credentials == "" {
		c.Credentials = cmp.Or(f.opts.TicketCache, os.Getenv("KRB5CCNAME"), fmt.Sprintf("/tmp/krb5cc_%d", os.Getuid()))
	}
	return c
}
