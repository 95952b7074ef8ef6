package local

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/quillgate/quillgate/signature"
)

// A Kind is the kind of server at the other end, which decides what the signer
// can do.
type Kind string

// The kinds of upstream.
const (
	// Quillgate accepts each signature once, and signs its answers.
	Quillgate Kind = "quillgate"
	// Plugin is a WordPress with the Secure XML-RPC plugin 1.0. Its signature
	// covers the body and does not prevent repeats.
	Plugin Kind = "plugin"
	// WordPress has no signatures. The signer inserts an application password
	// into the call.
	WordPress Kind = "wordpress"
)

// Words describes a kind for people.
func (k Kind) Words() string {
	switch k {
	case Quillgate:
		return "quillgate: each request is signed for one use, and answers are checked"
	case Plugin:
		return "WordPress with the Secure XML-RPC plugin: requests are signed, but replayed requests are not detected"
	case WordPress:
		return "WordPress: it cannot verify signatures, so each call carries an application password, over TLS"
	}
	return string(k)
}

// A Site is one blog that the signer serves. It holds no secret.
type Site struct {
	Name      string    `json:"name"`     // the first segment of its local path, such as blog.example
	Endpoint  string    `json:"endpoint"` // the address of xmlrpc.php
	Home      string    `json:"home"`     // the address of the blog
	Kind      Kind      `json:"kind"`
	User      string    `json:"user"`                 // the login at the blog, and the user name for the client
	Public    string    `json:"public,omitempty"`     // the public key; none for WordPress
	Algorithm string    `json:"algorithm,omitempty"`  // of the key pair; "" with a secret
	AnswerKey string    `json:"answer_key,omitempty"` // PEM; checks answers to a key pair
	UUID      string    `json:"uuid,omitempty"`       // of the application password, to revoke it
	SiteURL   string    `json:"site_url,omitempty"`   // the address that WordPress has for itself
	Networked bool      `json:"networked,omitempty"`  // part of a WordPress multisite network
	Added     time.Time `json:"added"`
	Revoking  bool      `json:"revoking,omitempty"` // sign remove could not reach the blog
}

// A Secret is what the vault stores for a site. One of the first three fields
// is set.
type Secret struct {
	Private  string `json:"private,omitempty"`  // the private key, in PEM
	Secret   string `json:"secret,omitempty"`   // the secret of an application
	Password string `json:"password,omitempty"` // WordPress's application password
	Local    string `json:"local"`              // the local password, which the client sends
	// Public is the public key that belongs to Private or Secret. It is stored
	// here as well, so that a rotation changes both in one step.
	Public string `json:"public,omitempty"`
	// Next is the private key of an unfinished rotation.
	Next string `json:"next,omitempty"`
}

// String and GoString omit the secret from logs and messages.
func (Secret) String() string   { return "[redacted]" }
func (Secret) GoString() string { return "[redacted]" }

// siteName matches names that need no escapes in a path: the form of host
// names.
var siteName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?$`)

// check returns every problem with the settings of a site.
func (s *Site) check() (problems []error) {
	add := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if !siteName.MatchString(s.Name) || strings.Contains(s.Name, "..") {
		add("the name %q may hold letters, digits, dots and dashes only", s.Name)
	}
	u, err := url.Parse(s.Endpoint)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		add("the endpoint %q is not an address that begins with https:// or http://", s.Endpoint)
	case u.User != nil:
		add("the endpoint of %s holds a user name or password", s.Name)
	}
	if s.AnswerKey != "" {
		if _, err := signature.ParsePublicKey("", []byte(s.AnswerKey)); err != nil {
			add("the answer key of %s cannot be read: %w", s.Name, err)
		}
	}
	switch s.Kind {
	case Quillgate, Plugin:
		if s.Public == "" {
			add("%s has no public key", s.Name)
		}
	case WordPress:
		if s.User == "" {
			add("%s has no user name for its application password", s.Name)
		}
	default:
		add("%q is not a kind of blog: quillgate, plugin and wordpress are", s.Kind)
	}
	return problems
}

// A Book stores the settings of all sites in one file without secrets.
type Book struct{ path string }

type bookFile struct {
	Version int    `json:"version"`
	Listen  string `json:"listen,omitempty"` // where the signer listens
	Sites   []Site `json:"sites"`
}

// ErrNoSite means that no site has that name.
var ErrNoSite = errors.New("no blog has this name")

// OpenBook returns the settings in a file, which need not exist yet.
func OpenBook(path string) *Book { return &Book{path} }

// Sites returns all sites sorted by name. The error names every problem, with
// its line.
func (b *Book) Sites() ([]Site, error) {
	f, err := b.read()
	return f.Sites, err
}

// Listen returns the address stored by [Book.SetListen], or "" if there is
// none.
func (b *Book) Listen() (string, error) {
	f, err := b.read()
	return f.Listen, err
}

// SetListen stores the address on which the signer listens, so that every
// command prints it.
func (b *Book) SetListen(address string) error {
	if _, err := loopbackAddress(address); err != nil {
		return err
	}
	return b.change(func(f *bookFile) { f.Listen = address })
}

func (b *Book) read() (bookFile, error) {
	content, err := os.ReadFile(b.path)
	if errors.Is(err, fs.ErrNotExist) {
		return bookFile{Version: 1}, nil
	}
	if err != nil {
		return bookFile{}, fmt.Errorf("read the settings: %w", err)
	}
	return b.parse(content)
}

// named matches the beginning of the settings of a site.
var named = regexp.MustCompile(`"name"\s*:`)

func (b *Book) parse(content []byte) (bookFile, error) {
	var f bookFile
	dec := json.NewDecoder(bytes.NewReader(content))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		return bookFile{}, fmt.Errorf("%s:%d: %w", b.path, line(content, offset(err, dec)), err)
	}
	if f.Version != 1 {
		return bookFile{}, fmt.Errorf("%s: version %d was written by a newer quillgate", b.path, f.Version)
	}
	var problems []error
	if _, err := loopbackAddress(cmp.Or(f.Listen, "127.0.0.1:1")); err != nil {
		at := bytes.Index(content, []byte(`"listen"`))
		problems = append(problems, fmt.Errorf("%s:%d: %w", b.path, line(content, int64(at)), err))
	}
	seen := map[string]bool{}
	names := named.FindAllIndex(content, -1)
	for i := range f.Sites {
		s := &f.Sites[i]
		at := int64(0)
		if i < len(names) {
			at = int64(names[i][0])
		}
		found := s.check()
		if seen[s.Name] {
			found = append(found, fmt.Errorf("%s is listed twice", s.Name))
		}
		seen[s.Name] = true
		for _, p := range found {
			problems = append(problems, fmt.Errorf("%s:%d: %w", b.path, line(content, at), p))
		}
	}
	slices.SortFunc(f.Sites, func(a, b Site) int { return strings.Compare(a.Name, b.Name) })
	return f, errors.Join(problems...)
}

// offset returns the position of a decoder's error.
func offset(err error, dec *json.Decoder) int64 {
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return e.Offset
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return e.Offset
	}
	return dec.InputOffset()
}

func line(content []byte, at int64) int {
	return 1 + bytes.Count(content[:min(max(at, 0), int64(len(content)))], []byte("\n"))
}

// Site returns one site. Error: [ErrNoSite].
func (b *Book) Site(name string) (Site, error) {
	all, err := b.Sites()
	if err != nil {
		return Site{}, err
	}
	for _, s := range all {
		if s.Name == name {
			return s, nil
		}
	}
	return Site{}, fmt.Errorf("%s: %w", name, ErrNoSite)
}

// Put adds a site, or replaces the one with the same name.
func (b *Book) Put(s Site) error {
	if problems := s.check(); len(problems) > 0 {
		return errors.Join(problems...)
	}
	return b.change(func(f *bookFile) {
		f.Sites = append(slices.DeleteFunc(f.Sites, func(o Site) bool { return o.Name == s.Name }), s)
	})
}

// Delete deletes a site, if it exists.
func (b *Book) Delete(name string) error {
	return b.change(func(f *bookFile) {
		f.Sites = slices.DeleteFunc(f.Sites, func(o Site) bool { return o.Name == name })
	})
}

func (b *Book) change(edit func(*bookFile)) error {
	if err := os.MkdirAll(filepath.Dir(b.path), 0o700); err != nil {
		return fmt.Errorf("make the folder of the settings: %w", err)
	}
	return locked(b.path, func() error {
		f, err := b.read()
		if err != nil {
			return err
		}
		if edit(&f); f.Sites == nil {
			f.Sites = []Site{}
		}
		slices.SortFunc(f.Sites, func(a, b Site) int { return strings.Compare(a.Name, b.Name) })
		content, err := json.MarshalIndent(f, "", " ")
		if err != nil {
			return fmt.Errorf("write the settings: %w", err)
		}
		return writeWhole(b.path, append(content, '\n'))
	})
}

// LocalPath returns the path of a site's endpoint on the signer.
func (s *Site) LocalPath() string { return "/" + s.Name + "/xmlrpc.php" }
