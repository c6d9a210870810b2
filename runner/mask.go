package runner

import (
	"net/url"
	"strings"
)

// secretNames are parts of names whose values are nobody's business.
var secretNames = []string{"password", "passwd", "secret", "token", "credential", "apikey", "api-key", "access-key", "private-key"}

const masked = "******"

// mask returns a value as it may be shown: hidden where its name says that it is a secret, without the password of a URL.
func mask(name, value string) string {
	lower := strings.ToLower(strings.ReplaceAll(name, "_", "-"))
	for _, s := range secretNames {
		if value != "" && strings.Contains(lower, s) {
			return masked
		}
	}
	if !strings.Contains(value, "://") || !strings.Contains(value, "@") {
		return value
	}
	u, err := url.Parse(value)
	if err != nil || u.User == nil {
		return value
	}
	if _, has := u.User.Password(); has {
		return strings.Replace(value, u.User.String()+"@", u.User.Username()+":"+masked+"@", 1)
	}
	return value
}
