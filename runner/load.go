package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cast"
	"github.com/spf13/viper"
)

// Sources are what settings are made of besides defaults: the later field wins.
type Sources struct {
	Code  Options           // of the program that calls Main; zero fields are not set
	Flags map[string]string // by name
	From  map[string]string // where a value of Flags came from, if not from the flag of its name: "flag --conf"
}

const (
	confDirVariable = variablePrefix + "CONF_DIR" // folder of the configuration file
	showVariable    = variablePrefix + "SHOW"     // what a program that calls Main prints about itself instead of running: see Main
	configFile      = "millrace.yaml"
)

// Origins of values that nobody gave on the command line, in the environment or in a file.
const (
	originDefault = "default"
	originCode    = "code"
)

// Load makes settings. The file is the first of $MILLRACE_CONF_DIR/millrace.yaml, ./millrace.yaml, ~/.config/millrace/millrace.yaml and
// /etc/millrace/millrace.yaml. All errors are UsageErrors; an unknown key is one that names the nearest known key.
func Load(from Sources) (*Settings, error) {
	l := &loader{viper: viper.New(), settings: AllSettings(), from: from}
	s, err := l.load()
	if err != nil {
		return nil, &UsageError{err}
	}
	return s, nil
}

type loader struct {
	viper    *viper.Viper
	settings []Setting
	from     Sources
	code     map[string]string
	file     string
}

func (l *loader) load() (*Settings, error) {
	l.code = codeValues(l.from.Code)
	if err := l.readFile(); err != nil {
		return nil, err
	}
	if err := l.checkNames(); err != nil {
		return nil, err
	}
	for name, value := range l.from.Flags {
		l.viper.Set(name, value)
	}
	s := &Settings{Options: l.from.Code}
	for _, setting := range l.settings {
		v, err := l.value(setting)
		if err != nil {
			return nil, err
		}
		if err := setting.set(s, v.Value); err != nil {
			return nil, fmt.Errorf("%s, from %s: %w", v.Name, v.Origin, err)
		}
		s.values = append(s.values, v)
	}
	return s, s.derive()
}

// value finds a setting's value and where it comes from.
func (l *loader) value(setting Setting) (Value, error) {
	v := Value{Name: setting.Name, Origin: originDefault}
	if code, ok := l.code[setting.Name]; ok {
		v.Value, v.Origin = code, originCode
	}
	if l.viper.InConfig(setting.Name) {
		v.Origin = "file " + l.file
	}
	if _, ok := os.LookupEnv(setting.Variable()); ok {
		if err := l.viper.BindEnv(setting.Name, setting.Variable()); err != nil {
			return v, err
		}
		v.Origin = "environment " + setting.Variable()
	}
	if _, ok := l.from.Flags[setting.Name]; ok {
		v.Origin = "flag"
		if origin := l.from.From[setting.Name]; origin != "" {
			v.Origin = origin
		}
	}
	switch v.Origin {
	case originDefault:
		v.Value = setting.Default()
	case originCode:
	default:
		var err error
		if v.Value, err = asText(l.viper.Get(setting.Name)); err != nil {
			return v, fmt.Errorf("%s, from %s: %w", v.Name, v.Origin, err)
		}
	}
	return v, nil
}

// asText is a value as it would be written in a flag.
func asText(value any) (string, error) {
	if items, ok := value.([]any); ok {
		texts, err := cast.ToStringSliceE(items)
		return strings.Join(texts, ","), err
	}
	if value == nil {
		return "", nil
	}
	return cast.ToStringE(value)
}

// codeValues returns the options set in code that are settings.
func codeValues(o Options) map[string]string {
	values := map[string]string{}
	set := func(name, value string, isSet bool) {
		if isSet {
			values[name] = value
		}
	}
	set("name", o.Name, o.Name != "")
	set("parallelism", strconv.Itoa(o.Parallelism), o.Parallelism != 0)
	set("memory", strconv.FormatInt(o.Memory, 10), o.Memory != 0)
	set("scratch", o.Scratch, o.Scratch != "")
	set("pipelined", "true", o.Pipelined)
	set("attempts", strconv.Itoa(o.Attempts), o.Attempts != 0)
	set("broadcast", strconv.FormatInt(o.Broadcast, 10), o.Broadcast != 0)
	o.Streaming.values(set)
	return values
}

// readFile reads the configuration file, if there is one.
func (l *loader) readFile() error {
	path, err := findConfig()
	if path == "" || err != nil {
		return err
	}
	l.file = path
	l.viper.SetConfigFile(path)
	if err := l.viper.ReadInConfig(); err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	return nil
}

// findConfig returns the configuration file's path, "" without one.
func findConfig() (string, error) {
	if dir := os.Getenv(confDirVariable); dir != "" {
		path := filepath.Join(dir, configFile)
		if _, err := os.Stat(path); err != nil {
			return "", fmt.Errorf("%s names a folder without %s: %w", confDirVariable, configFile, err)
		}
		return path, nil
	}
	candidates := []string{configFile}
	if dir := os.Getenv("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		candidates = append(candidates, filepath.Join(dir, "millrace", configFile))
	} else if home, err := os.UserHomeDir(); err == nil {
		candidates = append(candidates, filepath.Join(home, ".config", "millrace", configFile))
	}
	candidates = append(candidates, filepath.Join("/etc/millrace", configFile))
	for _, path := range candidates {
		_, err := os.Stat(path)
		if err == nil {
			return path, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return "", nil
}

// checkNames refuses names in file, environment and flags that are no setting's.
func (l *loader) checkNames() error {
	for _, key := range l.viper.AllKeys() {
		if !l.isKnown(key) {
			return unknownSetting(key, "in "+l.file, l.names())
		}
	}
	var variables []string
	for _, s := range l.settings {
		variables = append(variables, s.Variable())
	}
	known := append(slices.Clone(variables), confDirVariable, showVariable, StarterVariable)
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, variablePrefix) && !slices.Contains(known, name) {
			return unknownSetting(name, "in the environment", known)
		}
	}
	for name := range l.from.Flags {
		if !l.isKnown(name) {
			return unknownSetting(name, "from "+l.from.From[name], l.names())
		}
	}
	return nil
}

func (l *loader) isKnown(name string) bool {
	return slices.ContainsFunc(l.settings, func(s Setting) bool { return s.Name == name })
}

func (l *loader) names() []string {
	names := make([]string, len(l.settings))
	for i, s := range l.settings {
		names[i] = s.Name
	}
	return names
}

func unknownSetting(name, where string, known []string) error {
	return fmt.Errorf("unknown setting %q %s; the nearest known one is %q (millrace config lists all)", name, where, Nearest(name, known))
}

// Nearest returns the known name with the least edit distance to name, "" of none.
func Nearest(name string, known []string) string {
	best, least := "", -1
	for _, k := range known {
		if d := editDistance(name, k); least < 0 || d < least {
			best, least = k, d
		}
	}
	return best
}

// editDistance is the least number of bytes to insert, remove or replace that makes b of a. Wagner and Fischer 1974, a row at a time.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// VariableOf returns the environment variable of the setting of that name.
func VariableOf(name string) (string, error) {
	var names []string
	for _, s := range AllSettings() {
		if s.Name == name {
			return s.Variable(), nil
		}
		names = append(names, s.Name)
	}
	return "", &UsageError{unknownSetting(name, "from flags", names)}
}
