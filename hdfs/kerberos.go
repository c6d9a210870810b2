package hdfs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	krb "github.com/jcmturner/gokrb5/v8/client"
	"github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/credentials"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/krberror"
	"github.com/jcmturner/gokrb5/v8/types"

	"github.com/millrace/millrace/vfs"
)

// kerberos logs in and gets a ticket for the first NameNode, which shows whether the credentials are good before
// the library hides the reason in a text. A keytab's tickets are renewed as long as the FS is open; a ticket cache
// is read once, and new connections fail when its ticket has expired.
func (o Options) kerberos(ctx context.Context, f *FS, spn string, addresses []string) (*krb.Client, error) {
	if spn == "" {
		return nil, fmt.Errorf("%w: dfs.namenode.kerberos.principal is not set in %s", ErrAuthentication, f.conf.dir)
	}
	client, err := o.credentials()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAuthentication, err)
	}
	host, _, err := net.SplitHostPort(addresses[0])
	if err != nil {
		return nil, err
	}
	_, err = call(ctx, f, func() (struct{}, error) {
		if o.Keytab != "" {
			if err := client.Login(); err != nil {
				return struct{}{}, err
			}
		}
		_, _, err := client.GetServiceTicket(strings.Replace(spn, "/_HOST", "/"+host, 1))
		return struct{}{}, err
	}, nil)
	if err != nil {
		client.Destroy()
		return nil, loginError(ctx, err)
	}
	return client, nil
}

// loginError tells a KDC that cannot be reached from one that refuses.
func loginError(ctx context.Context, err error) error {
	var k krberror.Krberror
	switch {
	case ctx.Err() != nil:
		return err
	case errors.As(err, &k) && k.RootCause == krberror.NetworkingError:
		return vfs.Unavailable(err)
	}
	return fmt.Errorf("%w: %w", ErrAuthentication, err)
}

// credentials prepares a client from the keytab or the ticket cache; it does not use the network.
func (o Options) credentials() (*krb.Client, error) {
	path := cmp.Or(o.KRB5Config, os.Getenv("KRB5_CONFIG"), "/etc/krb5.conf")
	cfg, err := config.Load(path)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	if o.Keytab == "" {
		return o.fromCache(cfg)
	}
	kt, err := keytab.Load(o.Keytab)
	if err != nil {
		return nil, fmt.Errorf("reading keytab %s: %w", o.Keytab, err)
	}
	name, realm, ok := strings.Cut(o.Principal, "@")
	if !ok {
		realm = cfg.LibDefaults.DefaultRealm
	}
	if err := knownRealm(cfg, realm); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return krb.NewWithKeytab(name, realm, kt, cfg, krb.DisablePAFXFAST(true)), nil
}

// knownRealm tells a realm that cannot be reached from one that the configuration lacks.
func knownRealm(cfg *config.Config, realm string) error {
	if cfg.LibDefaults.DNSLookupKDC {
		return nil
	}
	_, _, err := cfg.GetKDCs(realm, true)
	return err
}

// fromCache makes a client of the tickets that kinit left.
func (o Options) fromCache(cfg *config.Config) (*krb.Client, error) {
	path := cmp.Or(o.TicketCache, os.Getenv("KRB5CCNAME"), fmt.Sprintf("/tmp/krb5cc_%d", os.Getuid()))
	kind, rest, ok := strings.Cut(path, ":")
	if ok && kind != "FILE" {
		return nil, fmt.Errorf("ticket cache %s: only files can be read, not %s; set KRB5CCNAME=FILE:path", path, kind)
	} else if ok {
		path = rest
	}
	cache, err := credentials.LoadCCache(path)
	if err != nil {
		return nil, fmt.Errorf("reading ticket cache %s (run kinit, or give principal and keytab): %w", path, err)
	}
	tgt := types.PrincipalName{NameString: []string{"krbtgt", cache.DefaultPrincipal.Realm}}
	if entry, ok := cache.GetEntry(tgt); ok && time.Now().After(entry.EndTime) {
		return nil, fmt.Errorf("the ticket in %s expired at %s: run kinit", path, entry.EndTime.Format(time.RFC3339))
	}
	client, err := krb.NewFromCCache(cache, cfg, krb.DisablePAFXFAST(true))
	if err != nil {
		return nil, fmt.Errorf("ticket cache %s: %w", path, err)
	}
	return client, nil
}
