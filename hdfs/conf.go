package hdfs

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/colinmarc/hdfs/v2/hadoopconf"
)

// ErrProtection is returned by Open for a cluster whose protection of data transfer the client library cannot read.
var ErrProtection = errors.New("data transfer protection is not supported")

// defaultPort is that of a NameNode.
const defaultPort = "8020"

// conf is a Hadoop configuration with ${name} replaced. dir says where it came from, "" if there is none.
type conf struct {
	hadoopconf.HadoopConf
	dir string
}

// loadConf reads the configuration in dir, or where the environment says. None at all is an empty one, but a
// folder that was named must hold one.
func loadConf(dir string) (conf, error) {
	named := dir
	if named == "" {
		named = os.Getenv("HADOOP_CONF_DIR")
	}
	candidates := []string{named}
	if home := os.Getenv("HADOOP_HOME"); named == "" && home != "" {
		candidates = []string{filepath.Join(home, "etc", "hadoop"), filepath.Join(home, "conf")}
	}
	for _, dir := range candidates {
		if dir == "" {
			continue
		}
		c, err := hadoopconf.Load(dir)
		if err != nil {
			return conf{}, fmt.Errorf("reading the Hadoop configuration in %s: %w", dir, err)
		}
		if c != nil {
			return conf{HadoopConf: c, dir: dir}.expanded(), nil
		}
	}
	if named != "" {
		return conf{}, fmt.Errorf("no Hadoop configuration: %s holds no core-site.xml or hdfs-site.xml", named)
	}
	return conf{HadoopConf: hadoopconf.HadoopConf{}}, nil
}

var variable = regexp.MustCompile(`\$\{([^}$\s]+)\}`)

// expanded replaces ${name} and ${env.NAME} in all values, as Hadoop does: at most 20 deep, unknown ones stay.
func (c conf) expanded() conf {
	for name, value := range c.HadoopConf {
		for range 20 {
			next := variable.ReplaceAllStringFunc(value, c.lookUp)
			if next == value {
				break
			}
			value = next
		}
		c.HadoopConf[name] = strings.TrimSpace(value)
	}
	return c
}

// lookUp is the value of a ${name}, or the text itself.
func (c conf) lookUp(ref string) string {
	name := ref[2 : len(ref)-1]
	if env, ok := strings.CutPrefix(name, "env."); ok {
		if v, ok := os.LookupEnv(env); ok {
			return v
		}
	}
	if name == "user.name" {
		return os.Getenv("USER")
	}
	if v, ok := c.HadoopConf[name]; ok {
		return v
	}
	return ref
}

func (c conf) isTrue(name string) bool { return strings.EqualFold(c.HadoopConf[name], "true") }

func (c conf) isSecure() bool {
	return strings.EqualFold(c.HadoopConf["hadoop.security.authentication"], "kerberos")
}

// list is a value of comma-separated items.
func (c conf) list(name string) []string {
	return strings.FieldsFunc(c.HadoopConf[name], func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\t' })
}

// size is a number, perhaps with one of the suffixes k, m, g, t (binary).
func (c conf) size(name string) (int64, bool) {
	s := strings.ToLower(c.HadoopConf[name])
	if s == "" {
		return 0, false
	}
	shift := 0
	if i := strings.IndexByte("kmgt", s[len(s)-1]); i >= 0 {
		shift, s = 10*(i+1), s[:len(s)-1]
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > 1<<62>>shift {
		return 0, false
	}
	return n << shift, true
}

// permissions are those of new files or folders: all of them less the umask.
func (c conf) permissions(all os.FileMode) os.FileMode {
	umask := uint64(0o022)
	if n, err := strconv.ParseUint(c.HadoopConf["fs.permissions.umask-mode"], 8, 9); err == nil {
		umask = n
	}
	return all &^ os.FileMode(umask)
}

// nameNodes resolves a URL's authority to addresses; an empty one becomes that of fs.defaultFS.
func (c conf) nameNodes(authority string) (resolved string, addresses []string, err error) {
	if authority == "" {
		if authority, err = c.defaultAuthority(); err != nil {
			return "", nil, err
		}
	}
	if slices.Contains(c.list("dfs.nameservices"), authority) {
		addresses, err = c.service(authority)
		return authority, addresses, err
	}
	if _, _, err := net.SplitHostPort(authority); err == nil {
		return authority, []string{authority}, nil
	}
	return authority, []string{net.JoinHostPort(authority, defaultPort)}, nil
}

// defaultAuthority is the authority of fs.defaultFS.
func (c conf) defaultAuthority() (string, error) {
	value := c.HadoopConf["fs.defaultFS"]
	if value == "" {
		value = c.HadoopConf["fs.default.name"]
	}
	u, err := url.Parse(value)
	if err == nil && u.Scheme == "hdfs" && u.Host != "" {
		return u.Host, nil
	}
	if c.dir == "" {
		return "", errors.New("hdfs:/// has no host, and there is no Hadoop configuration: set HADOOP_CONF_DIR")
	}
	return "", fmt.Errorf("hdfs:/// has no host, and fs.defaultFS in %s is %q, not an hdfs:// URL", c.dir, value)
}

// service returns the NameNodes of a name service.
func (c conf) service(name string) (addresses []string, err error) {
	ids := c.list("dfs.ha.namenodes." + name)
	keys := []string{"dfs.namenode.rpc-address." + name}
	if len(ids) > 0 {
		keys = nil
		for _, id := range ids {
			keys = append(keys, "dfs.namenode.rpc-address."+name+"."+id)
		}
	}
	for _, key := range keys {
		if a := c.HadoopConf[key]; a != "" {
			addresses = append(addresses, a)
		}
	}
	if len(addresses) == 0 {
		return nil, fmt.Errorf("name service %s has no NameNode: %s is not set in %s", name, strings.Join(keys, " or "), c.dir)
	}
	return addresses, nil
}

// checkProtection refuses what the library would write but not read: integrity and privacy by SASL, which work
// only when the cluster encrypts with AES instead.
func (c conf) checkProtection() error {
	aes := slices.Contains(c.list("dfs.encrypt.data.transfer.cipher.suites"), "AES/CTR/NoPadding")
	if c.isTrue("dfs.encrypt.data.transfer") {
		if aes {
			return nil
		}
		return fmt.Errorf("%w: dfs.encrypt.data.transfer without AES; set dfs.encrypt.data.transfer.cipher.suites to AES/CTR/NoPadding (configuration in %s)",
			ErrProtection, c.dir)
	}
	if !c.isSecure() {
		return nil
	}
	for _, level := range c.list("dfs.data.transfer.protection") {
		if level = strings.ToLower(level); level == "integrity" || level == "privacy" {
			return fmt.Errorf("%w: dfs.data.transfer.protection is %s; use authentication, or dfs.encrypt.data.transfer with the cipher suite AES/CTR/NoPadding (configuration in %s)",
				ErrProtection, c.HadoopConf["dfs.data.transfer.protection"], c.dir)
		}
	}
	return nil
}
