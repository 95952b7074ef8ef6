package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"github.com/pelletier/go-toml/v2"

	"github.com/quillgate/quillgate/media"
	"github.com/quillgate/quillgate/options"
	"github.com/quillgate/quillgate/server"
)

// settings holds every setting once: each field is a flag, an environment
// variable and a key of the settings file. The command line takes precedence
// over the environment, the environment over the file, and the file over the
// default. A variable whose field is marked secret has a second variable, with
// _FILE at the end of its name, that names a file with the value.
type settings struct {
	Config string `help:"Settings file (TOML); its keys are the names of these flags." type:"path" placeholder:"FILE" env:"QUILLGATE_CONFIG" group:"Settings"`

	Data          string `help:"Data folder: database, master key, uploads." default:"./quillgate-data" type:"path" placeholder:"FOLDER" env:"QUILLGATE_DATA" group:"Storage"`
	Database      string `help:"PostgreSQL database (postgres://user@host/name) to use instead of the SQLite file in the data folder. Put a password in the variable or in the file that its _FILE variant names." placeholder:"URL" env:"QUILLGATE_DATABASE" secret:"" group:"Storage"`
	Keyset        string `help:"File with the master key that encrypts all secrets. It must belong to the user that quillgate runs as, with mode 0600. Default: keyset in the data folder." placeholder:"FILE" env:"QUILLGATE_KEYSET" group:"Storage"`
	Sealing       string `help:"Whether secrets are encrypted in the database: ${enum}. When off, anyone who can read the database has all of them." enum:"on,off" default:"on" placeholder:"WORD" env:"QUILLGATE_SEALING" group:"Storage"`
	Media         string `help:"Where uploads are kept: a folder, or a bucket of an S3 server, s3://BUCKET/PREFIX?endpoint=https://HOST&region=REGION. Credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, the files of the AWS tools, or the role of the machine. Default: uploads in the data folder." placeholder:"PLACE" env:"QUILLGATE_MEDIA" group:"Storage"`
	MediaURL      string `name:"media-url" help:"Send visitors to this address for uploads, such as a CDN in front of the bucket; \"signed\" sends them to the bucket by addresses that are valid for an hour. Empty: the server answers." placeholder:"URL" env:"QUILLGATE_MEDIA_URL" group:"Storage"`
	BaseURL       string `name:"base-url" help:"Address of the home page as visitors see it, used in links. Required behind a proxy and with TLS. Default: the option blog_address, which set-up and the settings page store, otherwise http:// and the listen address." placeholder:"URL" env:"QUILLGATE_BASE_URL" group:"Site"`
	Theme         string `help:"Folder with templates and style of the blog's pages; files it lacks fall back to the built-in theme." type:"existingdir" placeholder:"FOLDER" env:"QUILLGATE_THEME" group:"Site"`
	UnusedKeys    int    `name:"disable-unused-keys" help:"Disable keys that have not been used for this many days, until their owners or \"quillgate app set\" renew them. 0 never disables keys." default:"0" placeholder:"DAYS" env:"QUILLGATE_DISABLE_UNUSED_KEYS" group:"Site"`
	Introspection bool   `help:"Answer system.methodSignature and system.methodHelp, which WordPress does not have." env:"QUILLGATE_INTROSPECTION" group:"Site"`

	Listen         string   `help:"Address to listen on." default:"127.0.0.1:8080" placeholder:"HOST:PORT" env:"QUILLGATE_LISTEN" group:"Server"`
	MetricsListen  string   `help:"Address to serve Prometheus metrics on. Empty: no metrics." placeholder:"HOST:PORT" env:"QUILLGATE_METRICS_LISTEN" group:"Server"`
	TrustedProxies []string `help:"Addresses or networks of proxies whose X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host and Forwarded headers are trusted." placeholder:"NETWORK" env:"QUILLGATE_TRUSTED_PROXIES" group:"Server"`
	ThrottleExempt []string `help:"Addresses or networks that are exempt from password throttling and connection limits." placeholder:"NETWORK" env:"QUILLGATE_THROTTLE_EXEMPT" group:"Server"`
	PasswordMode   string   `help:"How account passwords in XML-RPC calls are treated: ${enum}. Administrators can be stricter for the site or a user." enum:"allow,warn,refuse" default:"allow" placeholder:"MODE" env:"QUILLGATE_PASSWORD_MODE" group:"Server"`
	MaxBody        byteSize `help:"Largest request body, such as 64MiB." default:"64MiB" placeholder:"SIZE" env:"QUILLGATE_MAX_BODY" group:"Server"`
	LogLevel       string   `help:"Minimum log level: ${enum}." enum:"debug,info,warn,error" default:"info" placeholder:"LEVEL" env:"QUILLGATE_LOG_LEVEL" group:"Server"`
	LogFormat      string   `help:"Log format: ${enum}." enum:"text,json" default:"text" placeholder:"FORM" env:"QUILLGATE_LOG_FORMAT" group:"Server"`

	Calls                 int  `help:"Calls processed at the same time. Up to four times as many wait; further ones are asked to retry later." default:"256" placeholder:"NUMBER" env:"QUILLGATE_CALLS" group:"Server"`
	FaultStatus           bool `help:"Answer refusals with HTTP status 401, 403, 429 or 503 instead of 200, in addition to the fault. Some old clients then show no reason." env:"QUILLGATE_FAULT_STATUS" group:"Server"`
	AuthorizationFallback bool `help:"Accept X-Quillgate-Authorization in place of Authorization, for proxies that remove the latter." env:"QUILLGATE_AUTHORIZATION_FALLBACK" group:"Server"`

	TLSDomain     []string      `name:"tls-domain" help:"Serve this domain over TLS, with a certificate that is obtained and renewed automatically (ACME). Using this flag accepts the terms of the certificate authority." placeholder:"DOMAIN" env:"QUILLGATE_TLS_DOMAIN" group:"TLS"`
	TLSCert       string        `name:"tls-cert" help:"Serve over TLS with the certificate chain in this file (PEM). The file is reloaded when it changes." type:"path" placeholder:"FILE" env:"QUILLGATE_TLS_CERT" group:"TLS"`
	TLSKey        string        `name:"tls-key" help:"Private key of --tls-cert (PEM). Other users must not be able to read it." type:"path" placeholder:"FILE" env:"QUILLGATE_TLS_KEY" group:"TLS"`
	TLSListen     string        `name:"tls-listen" help:"Address to listen on for TLS. --listen then redirects pages to it." default:":443" placeholder:"HOST:PORT" env:"QUILLGATE_TLS_LISTEN" group:"TLS"`
	HSTS          time.Duration `name:"hsts" help:"How long browsers are told to use https only (HSTS). 0s turns this off." default:"4320h" placeholder:"DURATION" env:"QUILLGATE_HSTS" group:"TLS"`
	ACMEDirectory string        `name:"acme-directory" help:"Directory URL of the ACME server. Empty: Let's Encrypt." placeholder:"URL" env:"QUILLGATE_ACME_DIRECTORY" group:"TLS"`
	ACMEEmail     string        `name:"acme-email" help:"Contact address for the certificate authority." placeholder:"ADDRESS" env:"QUILLGATE_ACME_EMAIL" group:"TLS"`
	ACMERoot      string        `name:"acme-root" help:"CA certificates (PEM) for a private ACME server, instead of the system's." type:"path" placeholder:"FILE" env:"QUILLGATE_ACME_ROOT" group:"TLS"`

	SMTP     string `name:"smtp" help:"SMTP server that takes mail: smtp://USER:PASSWORD@HOST:587 (STARTTLS) or smtps://USER:PASSWORD@HOST:465 (TLS). Put the URL in the variable or in the file that its _FILE variant names, because of the password. Empty: no mail is sent." placeholder:"URL" env:"QUILLGATE_SMTP" secret:"" group:"Mail"`
	SMTPRoot string `name:"smtp-root" help:"CA certificates (PEM) for a private SMTP server, instead of the system's." type:"path" placeholder:"FILE" env:"QUILLGATE_SMTP_ROOT" group:"Mail"`
	MailFrom string `name:"mail-from" help:"Sender of mails, as blog@example.org or \"My blog <blog@example.org>\". Required with --smtp." placeholder:"ADDRESS" env:"QUILLGATE_MAIL_FROM" group:"Mail"`

	site string // from --site, which is not a setting; see siteFlag
}

// dataGiven reports whether the data folder differs from the default.
func (s *settings) dataGiven() bool {
	standard, err := filepath.Abs("quillgate-data")
	return err != nil || s.Data != standard
}

// databaseURL returns the database to open: the PostgreSQL URL, or the path of
// the SQLite file.
func (s *settings) databaseURL() string {
	if s.Database != "" {
		return s.Database
	}
	return filepath.Join(s.Data, "quillgate.db")
}

// keysetFile returns the path of the file with the master key.
func (s *settings) keysetFile() string {
	if s.Keyset != "" {
		return s.Keyset
	}
	return filepath.Join(s.Data, "keyset")
}

// check returns an error, which names the setting, if no command could work
// with the settings.
func (s *settings) check() error {
	var bad []error
	if _, err := networks(s.TrustedProxies); err != nil {
		bad = append(bad, fmt.Errorf("trusted-proxies: %w", err))
	}
	if _, err := networks(s.ThrottleExempt); err != nil {
		bad = append(bad, fmt.Errorf("throttle-exempt: %w", err))
	}
	if s.Data == "" {
		bad = append(bad, errors.New("data: must be a folder"))
	}
	if s.MaxBody < 64<<10 {
		bad = append(bad, errors.New("max-body: must be at least 64KiB"))
	}
	if s.UnusedKeys < 0 || s.UnusedKeys > 36500 {
		bad = append(bad, errors.New("disable-unused-keys: must be a number of days, or 0"))
	}
	if s.Calls < 1 {
		bad = append(bad, errors.New("calls: at least one is needed"))
	}
	for _, l := range []struct{ name, address string }{{"listen", s.Listen}, {"metrics-listen", s.MetricsListen}} {
		if l.address == "" && (l.name == "metrics-listen" || s.hasTLS()) {
			continue
		}
		if _, port, err := net.SplitHostPort(l.address); err != nil {
			bad = append(bad, fmt.Errorf("%s: %q is not HOST:PORT", l.name, l.address))
		} else if n, err := strconv.Atoi(port); err == nil && (n < 0 || n > 65535) {
			bad = append(bad, fmt.Errorf("%s: there is no port %s", l.name, port))
		}
	}
	bad = append(bad, s.checkTLS()...)
	bad = append(bad, s.checkMedia()...)
	bad = append(bad, s.checkMail()...)
	if s.BaseURL != "" {
		if why := options.AddressProblem(s.BaseURL); why != "" {
			bad = append(bad, errors.New("base-url: "+why))
		}
	}
	if s.Database != "" && !strings.HasPrefix(s.Database, "postgres://") && !strings.HasPrefix(s.Database, "postgresql://") {
		bad = append(bad, errors.New("database: must be a URL that begins with postgres://; leave it out to use the SQLite file in the data folder"))
	}
	return errors.Join(bad...)
}

// checkMedia returns an error for settings of uploads that cannot work.
func (s *settings) checkMedia() (bad []error) {
	bucket := strings.HasPrefix(s.Media, media.BucketScheme)
	if err := checkPlace(s.Media); err != nil {
		bad = append(bad, fmt.Errorf("media: %w", err))
	}
	if s.MediaURL == server.MediaSigned && !bucket {
		bad = append(bad, errors.New("media-url: signed addresses need a bucket, see --media"))
	} else if u, err := url.Parse(s.MediaURL); s.MediaURL != "" && s.MediaURL != server.MediaSigned &&
		(err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "") {
		bad = append(bad, errors.New("media-url: must be an address that begins with https:// or http://, or the word signed"))
	}
	return bad
}

// checkPlace returns an error for a place of uploads that is neither a folder
// nor a bucket.
func checkPlace(place string) error {
	if strings.HasPrefix(place, media.BucketScheme) {
		_, err := media.ParseBucket(place)
		return err
	}
	if strings.Contains(place, "://") {
		return errors.New("must be a folder or begin with s3://")
	}
	return nil
}

// networks parses addresses and networks. A single address becomes a network
// that holds only that address.
func networks(list []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, s := range list {
		if addr, err := netip.ParseAddr(s); err == nil {
			out = append(out, netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()))
			continue
		}
		prefix, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("%q is not an address or a network such as 10.0.0.0/8", s)
		}
		out = append(out, prefix.Masked())
	}
	return out, nil
}

// byteSize is a number of bytes, written with or without a unit.
type byteSize int64

// UnmarshalText reads 1048576, 1024KiB, 1MiB or 1GiB.
func (b *byteSize) UnmarshalText(text []byte) error {
	s, factor := string(text), int64(1)
	for _, unit := range []struct {
		name   string
		factor int64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"B", 1}} {
		if rest, ok := strings.CutSuffix(s, unit.name); ok {
			s, factor = rest, unit.factor
			break
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err != nil || n < 0 || n > (1<<50)/factor {
		return fmt.Errorf("%q is not a size such as 64MiB", text)
	}
	*b = byteSize(n * factor)
	return nil
}

func (b byteSize) String() string {
	if b >= 1<<20 && b%(1<<20) == 0 {
		return strconv.FormatInt(int64(b)>>20, 10) + "MiB"
	}
	return strconv.FormatInt(int64(b), 10)
}

// publicPages is the key in the settings file for the flag --public of serve.
// For other commands, --public is a key of an application.
const publicPages = "public-pages"

// fileResolver supplies the values of flags from the settings file. The
// environment takes precedence over it.
type fileResolver struct {
	path   string
	values map[string]any
}

func loadFile(path string) (*fileResolver, error) {
	r := &fileResolver{path: path, values: make(map[string]any)}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the settings file: %w", err)
	}
	if err := toml.Unmarshal(text, &r.values); err != nil {
		return nil, fmt.Errorf("read the settings file %s: %w", path, err)
	}
	return r, nil
}

// Validate returns an error for keys that match no flag, so that a misspelt
// setting is not ignored.
func (r *fileResolver) Validate(app *kong.Application) error {
	known := map[string]bool{publicPages: true}
	for _, name := range settingNames() {
		known[name] = true
	}
	var unknown []string
	for name := range r.values {
		if !known[name] || name == "config" {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		sort.Strings(unknown)
		return fmt.Errorf("%s: unknown setting %s", r.path, strings.Join(unknown, ", "))
	}
	return nil
}

func (r *fileResolver) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	key := flag.Name
	if other := flag.Tag.Get("file"); other != "" {
		key = other
	}
	v, ok := r.values[key]
	if !ok || inEnvironment(flag) {
		return nil, nil
	}
	if list, ok := v.([]any); ok {
		words := make([]string, len(list))
		for i, x := range list {
			words[i] = fmt.Sprint(x)
		}
		return strings.Join(words, ","), nil
	}
	if v == "" && !flag.HasDefault {
		return nil, nil // kong would resolve an empty path to the current folder
	}
	return fmt.Sprint(v), nil
}

func inEnvironment(flag *kong.Flag) bool {
	for _, name := range flag.Envs {
		if _, ok := os.LookupEnv(name); ok {
			return true
		}
		if _, ok := os.LookupEnv(name + "_FILE"); ok && flag.Tag.Has("secret") {
			return true
		}
	}
	return false
}

// secretFiles supplies the values of secret flags from the files that the _FILE
// variables name.
type secretFiles struct{}

func (secretFiles) Validate(*kong.Application) error { return nil }

func (secretFiles) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if !flag.Tag.Has("secret") {
		return nil, nil
	}
	for _, name := range flag.Envs {
		path, ok := os.LookupEnv(name + "_FILE")
		if !ok {
			continue
		}
		if _, both := os.LookupEnv(name); both {
			return nil, fmt.Errorf("both %s and %s_FILE are set: use only one", name, name)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("%s_FILE: %w", name, err)
		}
		return strings.TrimRight(string(text), "\r\n"), nil
	}
	return nil, nil
}

// settingNames lists the names of all settings as in the settings file.
func settingNames() []string {
	var names []string
	t := reflect.TypeFor[settings]()
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() {
			continue
		}
		name := f.Tag.Get("name")
		if name == "" {
			name = dashed(f.Name)
		}
		names = append(names, name)
	}
	return names
}

// dashed writes MaxBody as max-body, as kong names its flags.
func dashed(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte('-')
		}
		b.WriteRune(r)
	}
	return strings.ToLower(b.String())
}

// settingsFile finds the settings file before the command line is parsed,
// because parsing needs the values in the file.
func settingsFile(args []string) (string, error) {
	path := os.Getenv("QUILLGATE_CONFIG")
	for i, a := range args {
		if a == "--" {
			break
		}
		if v, ok := strings.CutPrefix(a, "--config="); ok {
			path = v
		} else if a == "--config" && i+1 < len(args) {
			path = args[i+1]
		}
	}
	if path == "" {
		return "", nil
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("the settings file %s does not exist", path)
	}
	return path, nil
}
