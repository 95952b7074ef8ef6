package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/quillgate/quillgate/signature"
	"github.com/quillgate/quillgate/signer"
	"github.com/quillgate/quillgate/upstream"
	"github.com/quillgate/quillgate/xmlrpc"
)

// An Enrolment obtains a credential from a blog and finds out whom it belongs
// to.
type Enrolment struct {
	Site    Site   // Name, Endpoint, Home and Kind are set
	Owner   string // the login that the credential must belong to; empty: any
	Base    http.RoundTripper
	Version string
}

// ErrOwner means that the new credential belongs to another user than the one
// that it replaces.
var ErrOwner = errors.New("the new credential is another user's")

// NewEnrolment finds the endpoint of a blog and the kind of server that it is.
func NewEnrolment(ctx context.Context, address, name string, base http.RoundTripper, version string) (*Enrolment, error) {
	place, err := upstream.Discover(ctx, base, address)
	if err != nil {
		return nil, err
	}
	site := Site{Name: name, Endpoint: place.Endpoint, Home: place.Home, Added: time.Now().UTC().Truncate(time.Second)}
	if site.Name == "" {
		u, err := url.Parse(place.Home)
		if err != nil {
			return nil, fmt.Errorf("read the address %q: %w", place.Home, err)
		}
		site.Name = strings.Trim(strings.ReplaceAll(u.Hostname()+strings.TrimRight(u.Path, "/"), "/", "-"), "-")
	}
	client, err := NewClient(site, Secret{}, base, version)
	if err != nil {
		return nil, err
	}
	if site.Kind, err = client.Kind(ctx); err != nil {
		return nil, fmt.Errorf("ask %s what it is: %w", site.Endpoint, err)
	}
	return &Enrolment{Site: site, Base: base, Version: version}, nil
}

// Existing uses an existing key: a public key, and the secret or the private
// key in PEM. It tries the key.
func (e *Enrolment) Existing(ctx context.Context, public, text string) (Secret, error) {
	e.Site.Public = public
	secret := Secret{Public: public}
	if strings.Contains(text, "-----BEGIN ") {
		key, err := signature.ParsePrivateKey("", []byte(text))
		if err != nil {
			return Secret{}, fmt.Errorf("read the private key: %w", err)
		}
		secret.Private, e.Site.Algorithm = text, string(key.Algorithm())
	} else {
		secret.Secret = text
	}
	return secret, e.prove(ctx, secret)
}

// ByCode enrols a new key pair with a code from a page of the blog.
func (e *Enrolment) ByCode(ctx context.Context, code string) (Secret, error) {
	if e.Site.Kind != Quillgate {
		return Secret{}, errors.New("only a Quillgate server accepts enrolment codes")
	}
	private, public, err := NewPair()
	if err != nil {
		return Secret{}, err
	}
	client, err := NewClient(e.Site, Secret{}, e.Base, e.Version)
	if err != nil {
		return Secret{}, err
	}
	v, err := client.Call(ctx, "xmlrpcs.enrol", xmlrpc.String(code), xmlrpc.String(ApplicationName()), xmlrpc.String(string(signature.Ed25519)), xmlrpc.String(public))
	if err != nil {
		return Secret{}, err
	}
	return e.pair(ctx, v.Get("key").Text(), private)
}

// pair stores the public key that a blog assigned to a new key pair.
func (e *Enrolment) pair(ctx context.Context, public, private string) (Secret, error) {
	if !signature.ValidPublic(public) {
		return Secret{}, errors.New("the blog did not answer with a public key")
	}
	e.Site.Public, e.Site.Algorithm = public, string(signature.Ed25519)
	secret := Secret{Public: public, Private: private}
	return secret, e.prove(ctx, secret)
}

// ByPassword creates a key with the user's own password, once. The password is
// not stored. A WordPress without the plugin has no such method: there the
// password must be an application password, which is stored sealed.
func (e *Enrolment) ByPassword(ctx context.Context, user, password string) (Secret, error) {
	if e.Site.Kind == WordPress {
		return e.applicationPassword(ctx, user, password)
	}
	site := e.Site
	site.User, site.Kind = user, WordPress // the password is then sent in the call
	client, err := NewClient(site, Secret{Password: password}, e.Base, e.Version)
	if err != nil {
		return Secret{}, err
	}
	v, err := client.Call(ctx, "xmlrpcs.createApplication", xmlrpc.Int(1), xmlrpc.String(ApplicationName()))
	if err != nil {
		return Secret{}, err
	}
	public, text := v.Get("key").Text(), v.Get("secret").Text()
	if public == "" || text == "" {
		return Secret{}, errors.New("the blog did not answer with a key")
	}
	e.Site.Public = public
	secret := Secret{Public: public, Secret: text}
	return secret, e.prove(ctx, secret)
}

func (e *Enrolment) applicationPassword(ctx context.Context, user, password string) (Secret, error) {
	e.Site.User = user
	secret := Secret{Password: strings.Join(strings.Fields(password), "")}
	if err := e.prove(ctx, secret); err != nil {
		if fault, ok := errors.AsType[*xmlrpc.Fault](err); ok && fault.Code == http.StatusForbidden {
			if _, err := restOf(e.Site, e.Base, e.Version).AuthorizePage(ctx); errors.Is(err, upstream.ErrNoPasswords) {
				return Secret{}, fmt.Errorf("%w: this WordPress does not accept application passwords: they are disabled, or it does not know that it is reached over https", fault)
			}
		}
		return Secret{}, err
	}
	// Without the UUID the password can only be revoked by hand.
	if about, err := restOf(e.Site, e.Base, e.Version).Introspect(ctx, e.Site.User, secret.Password); err == nil {
		e.Site.UUID = about.UUID
	}
	return secret, nil
}

// prove tries a credential with a call, and finds out its login.
func (e *Enrolment) prove(ctx context.Context, secret Secret) error {
	if secret.Private != "" && e.Site.Kind == Quillgate {
		key, err := signer.AnswerKey(ctx, &http.Client{Transport: e.Base}, e.Site.Endpoint)
		if err != nil {
			return err
		}
		text, err := key.MarshalPublic()
		if err != nil {
			return err
		}
		e.Site.AnswerKey = string(text)
	}
	client, err := NewClient(e.Site, secret, e.Base, e.Version)
	if err != nil {
		return err
	}
	login, err := client.Login(ctx)
	if err != nil {
		return fmt.Errorf("try the new credential: %w", err)
	}
	if e.Site.User != "" && !strings.EqualFold(e.Site.User, login) && !strings.Contains(e.Site.User, "@") {
		return fmt.Errorf("the credential belongs to %s, not to %s", login, e.Site.User)
	}
	if e.Owner != "" && !strings.EqualFold(e.Owner, login) {
		return fmt.Errorf("%w: it belongs to %s, but the signer has this blog for %s; delete it on the profile page of %s, and sign in to the blog as %s", ErrOwner, login, e.Owner, login, e.Owner)
	}
	e.Site.User = login
	return nil
}

// A Consent asks a person in the browser for a credential, and receives the
// answer on a loopback port.
type Consent struct {
	Page string // the address to open

	enrolment *Enrolment
	private   string
	state     string
	listener  net.Listener
	server    *http.Server
	answers   chan url.Values
	shown     chan struct{} // closed when the browser has fetched the last page
	once      sync.Once
}

// Ask prepares the question. A quillgate enrols a new key pair. WordPress gives
// out an application password. It sends the password to a loopback address only
// since version 7.0, so callers should also let people paste it; see
// [Consent.Sends].
func (e *Enrolment) Ask(ctx context.Context) (*Consent, error) {
	c := &Consent{enrolment: e, state: rand.Text(), answers: make(chan url.Values, 1), shown: make(chan struct{})}
	query := url.Values{"app_name": {ApplicationName()}}
	var page string
	switch e.Site.Kind {
	case Quillgate:
		private, public, err := NewPair()
		if err != nil {
			return nil, err
		}
		c.private = private
		page = strings.TrimRight(e.Site.Home, "/") + "/authorize"
		// A gateway has its pages below another path than a blog.
		if known, err := signer.Ask(ctx, &http.Client{Transport: e.Base}, e.Site.Endpoint); err == nil && known.Authorize != "" {
			page = known.Authorize
		}
		query.Set("kind", "verification")
		query.Set("algorithm", string(signature.Ed25519))
		query.Set("pem", public)
	case WordPress:
		var err error
		if page, err = restOf(e.Site, e.Base, e.Version).AuthorizePage(ctx); errors.Is(err, upstream.ErrNoREST) {
			page = strings.TrimRight(e.Site.Home, "/") + "/wp-admin/authorize-application.php"
		} else if err != nil {
			return nil, err
		}
		c.Page = page + "?" + query.Encode()
		return c, nil
	default:
		return nil, errors.New("the Secure XML-RPC plugin has no page for this: use --user, which asks for the password once")
	}
	var lc net.ListenConfig
	var err error
	if c.listener, err = lc.Listen(ctx, "tcp", "127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("listen for the answer of the browser: %w", err)
	}
	query.Set("success_url", "http://"+c.listener.Addr().String()+"/answer?state="+c.state)
	c.server = &http.Server{Handler: c, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = c.server.Serve(c.listener) }()
	c.Page = page + "?" + query.Encode()
	return c, nil
}

// Sends reports whether the page sends the answer here automatically.
func (c *Consent) Sends() bool { return c.listener != nil }

// ServeHTTP receives the answer. It redirects at once, to remove the address
// with the answer from the browser's history.
func (c *Consent) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; img-src data:")
	q := r.URL.Query()
	switch {
	case !isLoopbackHost(r.Host):
		http.Error(w, "wrong host", http.StatusMisdirectedRequest)
	case r.URL.Path == "/done":
		fmt.Fprint(w, "<!DOCTYPE html><html lang=\"en\"><title>Quillgate signer</title><link rel=\"icon\" href=\"data:,\"><p>The signer has its answer. You can close this page.</p></html>")
		c.once.Do(func() { close(c.shown) })
	case r.URL.Path == "/answer" && q.Get("state") == c.state:
		select {
		case c.answers <- q:
		default: // the answer is already there
		}
		http.Redirect(w, r, "/done", http.StatusSeeOther)
	default:
		http.NotFound(w, r)
	}
}

// lastPage is the time within which the browser must fetch the last page.
const lastPage = 5 * time.Second

// Wait waits for the answer and turns it into a credential.
func (c *Consent) Wait(ctx context.Context) (Secret, error) {
	defer c.Close()
	select {
	case q := <-c.answers:
		// The browser is about to fetch the page with the result.
		timer := time.NewTimer(lastPage)
		defer timer.Stop()
		select {
		case <-c.shown:
		case <-timer.C:
		}
		if q.Get("success") == "false" {
			return Secret{}, errors.New("the request was rejected in the browser")
		}
		// The credential of another blog must not be stored under this name.
		if site := q.Get("site_url"); !sameHost(site, c.enrolment.Site.Home) {
			return Secret{}, fmt.Errorf("the answer comes from another blog, %q", site)
		}
		return c.enrolment.pair(ctx, q.Get("public"), c.private)
	case <-ctx.Done():
		return Secret{}, fmt.Errorf("wait for the answer in the browser: %w", context.Cause(ctx))
	}
}

// Close closes the listener.
func (c *Consent) Close() error {
	if c.server == nil {
		return nil
	}
	stop, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	return c.server.Shutdown(stop)
}

func sameHost(a, b string) bool {
	ua, errA := url.Parse(a)
	ub, errB := url.Parse(b)
	return errA == nil && errB == nil && ua.Host != "" && strings.EqualFold(ua.Hostname(), ub.Hostname())
}
