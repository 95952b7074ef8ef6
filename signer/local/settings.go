package local

import (
	"bytes"
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
)

// A Kind is what stands at the other end, and so what the signer can do.
type Kind string

// The kinds of upstream.
const (
	// Quillgate takes signatures that pass once, and signs its answers.
	Quillgate Kind = "quillgate"
	// Plugin is a WordPress with the Secure XML-RPC plugin 1.0: a signature
	// over the body, and nothing against repeats.
	Plugin Kind = "plugin"
	// WordPress has nothing to sign with. The signer puts an application
	// password into the call.
	WordPress Kind = "wordpress"
)

// Words describes a kind for people.
func (k Kind) Words() string {
	switch k {
	case Quillgate:
		return "quillgate: each request is signed for one use, and answers are checked"
	case Plugin:
		return "WordPress with the Secure XML-RPC plugin: requests are signed, repeats are not recognised"
	case WordPress:
		return "WordPress: nothing to sign with, so an application password goes into each call, over TLS"
	}
	return string(k)
}

// A Site is one blog that the signer serves. It holds no secret.
type Site struct {
	Name      string    `json:"name"`     // the first part of its local path, such as blog.example
	Endpoint  string    `json:"endpoint"` // the address of xmlrpc.php
	Home      string    `json:"home"`     // the address of the blog
	Kind      Kind      `json:"kind"`
	User      string    `json:"user"`                 // the login at the blog, and the user name for the old program
	Public    string    `json:"public,omitempty"`     // the public key; none for WordPress
	Algorithm string    `json:"algorithm,omitempty"`  // of the key pair; "" for a secret
	AnswerKey string    `json:"answer_key,omitempty"` // PEM; checks answers to a key pair
	UUID      string    `json:"uuid,omitempty"`       // of the application password, to revoke it
	SiteURL   string    `json:"site_url,omitempty"`   // what WordPress calls its own address
	Networked bool      `json:"networked,omitempty"`  // one of a network of WordPress sites
	Added     time.Time `json:"added"`
	Revoking  bool      `json:"revoking,omitempty"` // sign remove could not reach the blog
}

// A Secret is what the vault keeps for a site. One of the first three is set.
type Secret struct {
	Private  string `json:"private,omitempty"`  // the private key, in PEM
	Secret   string `json:"secret,omitempty"`   // of a pair with a secret
	Password string `json:"password,omitempty"` // WordPress's application password
	Local    string `json:"local"`              // what the old program sends
}

// String and GoString keep a secret out of logs and messages.
func (Secret) String() string   { return "[redacted]" }
func (Secret) GoString() string { return "[redacted]" }

// siteName is what can stand in a path without escapes: the form of host names.
var siteName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?$`)

// check finds all that cannot be right with a site.
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

// A Book is the settings of all sites, in one file that holds no secret.
type Book struct{ path string }

type bookFile struct {
	Version int    `json:"version"`
	Sites   []Site `json:"sites"`
}

// ErrNoSite says that no site has that name.
var ErrNoSite = errors.New("no blog of that name was added")

// OpenBook opens the settings in a file, which need not exist yet.
func OpenBook(path string) *Book { return &Book{path} }

// Sites returns all sites by name. The error names everything that cannot be
// right, with its line.
func (b *Book) Sites() ([]Site, error) {
	content, err := os.ReadFile(b.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the settings: %w", err)
	}
	return b.parse(content)
}

func (b *Book) parse(content []byte) ([]Site, error) {
	var f bookFile
	dec := json.NewDecoder(bytes.NewReader(content))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		return nil, fmt.Errorf("%s:%d: %w", b.path, line(content, dec.InputOffset()), err)
	}
	if f.Version != 1 {
		return nil, fmt.Errorf("%s: version %d was written by a newer quillgate", b.path, f.Version)
	}
	var problems []error
	seen := map[string]bool{}
	for i := range f.Sites {
		s := &f.Sites[i]
		at := bytes.Index(content, []byte(`"name": "`+s.Name+`"`))
		for _, p := range s.check() {
			problems = append(problems, fmt.Errorf("%s:%d: %w", b.path, line(content, int64(max(at, 0))), p))
		}
		if seen[s.Name] {
			problems = append(problems, fmt.Errorf("%s: %s stands there twice", b.path, s.Name))
		}
		seen[s.Name] = true
	}
	slices.SortFunc(f.Sites, func(a, b Site) int { return strings.Compare(a.Name, b.Name) })
	return f.Sites, errors.Join(problems...)
}

func line(content []byte, at int64) int {
	return 1 + bytes.Count(content[:min(max(at, 0), int64(len(content)))], []byte("\n"))
}

// Site returns one site. The error is [ErrNoSite] where there is none.
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

// Put adds a site, or replaces the one of that name.
func (b *Book) Put(s Site) error {
	if problems := s.check(); len(problems) > 0 {
		return errors.Join(problems...)
	}
	return b.change(func(all []Site) []Site {
		all = slices.DeleteFunc(all, func(o Site) bool { return o.Name == s.Name })
		return append(all, s)
	})
}

// Delete forgets a site. One that is not there is no error.
func (b *Book) Delete(name string) error {
	return b.change(func(all []Site) []Site {
		return slices.DeleteFunc(all, func(o Site) bool { return o.Name == name })
	})
}

func (b *Book) change(edit func([]Site) []Site) error {
	if err := os.MkdirAll(filepath.Dir(b.path), 0o700); err != nil {
		return fmt.Errorf("make the folder of the settings: %w", err)
	}
	return locked(b.path, func() error {
		all, err := b.Sites()
		if err != nil {
			return err
		}
		all = edit(all)
		slices.SortFunc(all, func(a, b Site) int { return strings.Compare(a.Name, b.Name) })
		content, err := json.MarshalIndent(bookFile{Version: 1, Sites: all}, "", " ")
		if err != nil {
			return fmt.Errorf("write the settings: %w", err)
		}
		return writeWhole(b.path, append(content, '\n'))
	})
}

// LocalPath is where a site's endpoint is on the signer.
func (s *Site) LocalPath() string { return "/" + s.Name + "/xmlrpc.php" }
