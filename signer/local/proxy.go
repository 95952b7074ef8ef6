package local

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quillgate/quillgate/signature"
	"github.com/quillgate/quillgate/signer"
	"github.com/quillgate/quillgate/xmlrpc"
)

// Config describes a Proxy.
type Config struct {
	Book  *Book
	Vault *Vault
	// Transport sends calls to the blogs. It must not follow redirects or send
	// a request twice; see NewTransport.
	Transport http.RoundTripper
	// SpoolDir holds large bodies during a call. The default is the system's
	// folder for temporary files.
	SpoolDir  string
	MaxBody   int64         // size of a call in bytes, larger ones are refused; default 512 MiB
	MaxAnswer int64         // size of an answer in bytes; default 1 GiB
	Calls     int           // concurrent calls; default 32
	Timeout   time.Duration // from the end of the call until the answer begins; default 5 min
	Log       *slog.Logger
	LogPath   string // shown on the page
	Version   string // for the User-Agent
}

// A Proxy serves clients on loopback. It is an http.Handler and safe for
// concurrent use.
type Proxy struct {
	cfg     Config
	turns   chan struct{}
	guesses guesses
	started time.Time

	mu     sync.Mutex
	sites  map[string]*served
	loaded time.Time // when the settings were last read
	broken error     // why they could not be read
}

// served is a site in use.
type served struct {
	site   Site
	status status
	skew   atomic.Int64

	mu  sync.Mutex
	key *credential // nil until it is unsealed
}

// credential is the unsealed credential for the calls to a site.
type credential struct {
	public    string
	secret    string
	private   signature.Key
	answerKey signature.Key
	password  string // WordPress's application password
	local     [sha256.Size]byte
}

// inMemory is how many bytes of a body are held in memory; the rest goes to a
// file.
const inMemory = 1 << 20

// NewProxy returns a Proxy for the sites of the book. The error names every
// problem in the settings.
func NewProxy(cfg Config) (*Proxy, error) {
	if cfg.MaxBody == 0 {
		cfg.MaxBody = 512 << 20
	}
	if cfg.MaxAnswer == 0 {
		cfg.MaxAnswer = 1 << 30
	}
	if cfg.Calls == 0 {
		cfg.Calls = 32
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 5 * time.Minute
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	p := &Proxy{cfg: cfg, turns: make(chan struct{}, cfg.Calls), started: time.Now(), sites: map[string]*served{}}
	if p.reload(); p.broken != nil {
		return nil, p.broken
	}
	return p, nil
}

// reload reads the settings again if they are more than a second old. Sites
// whose settings did not change keep their state.
func (p *Proxy) reload() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.loaded) < time.Second && !p.loaded.IsZero() {
		return
	}
	p.loaded = time.Now()
	sites, err := p.cfg.Book.Sites()
	if err != nil {
		if p.broken == nil {
			p.cfg.Log.Error("the settings cannot be read; the blogs known before are still served", "error", err.Error())
		}
		p.broken = err
		return
	}
	p.broken = nil
	next := map[string]*served{}
	for _, s := range sites {
		if old := p.sites[s.Name]; old != nil && old.site == s {
			next[s.Name] = old
		} else {
			next[s.Name] = &served{site: s}
		}
	}
	p.sites = next
}

func (p *Proxy) lookup(name string) *served {
	p.reload()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sites[name]
}

// unseal returns the credential of a site. It unseals it at the first use, and
// tries again after a failure, so that the signer need not be restarted when a
// keyring was locked at start.
func (p *Proxy) unseal(ctx context.Context, s *served) (*credential, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.key != nil {
		return s.key, nil
	}
	raw, err := p.cfg.Vault.Get(ctx, s.site.Name)
	if err != nil {
		return nil, err
	}
	defer clear(raw)
	s.key, err = openCredential(&s.site, raw)
	return s.key, err
}

func openCredential(site *Site, raw []byte) (*credential, error) {
	var secret Secret
	if err := json.Unmarshal(raw, &secret); err != nil || secret.Local == "" {
		return nil, fmt.Errorf("the sealed key of %s is damaged: add the blog again", site.Name)
	}
	c := &credential{public: cmp.Or(secret.Public, site.Public), secret: secret.Secret, password: secret.Password, local: sha256.Sum256([]byte(secret.Local))}
	var err error
	if secret.Private != "" {
		if c.private, err = signature.ParsePrivateKey(signature.Algorithm(site.Algorithm), []byte(secret.Private)); err != nil {
			return nil, fmt.Errorf("the sealed key of %s is damaged: add the blog again", site.Name)
		}
	}
	if site.AnswerKey != "" {
		if c.answerKey, err = signature.ParsePublicKey("", []byte(site.AnswerKey)); err != nil {
			return nil, fmt.Errorf("the answer key of %s in the settings cannot be read: %w", site.Name, err)
		}
	}
	return c, nil
}

// transport returns the transport that signs for a site.
func (p *Proxy) transport(s *served, c *credential, base http.RoundTripper) http.RoundTripper {
	switch s.site.Kind {
	case Quillgate:
		return signer.Transport{Public: c.public, Secret: c.secret, Private: c.private, Scheme: signer.MessageSignatures, Skew: &s.skew, Answers: true, AnswerKey: c.answerKey, Base: base}
	case Plugin:
		return signer.Transport{Public: c.public, Secret: c.secret, Base: base}
	}
	return base
}

// ServeHTTP answers one request.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set(signerHeader, "1")
	if !isLoopbackHost(r.Host) {
		http.Error(w, "The signer answers only to names of this computer: use http://127.0.0.1 in the address.", http.StatusMisdirectedRequest)
		return
	}
	if fromWebPage(r) {
		http.Error(w, "The signer does not answer web pages.", http.StatusForbidden)
		return
	}
	if r.URL.Path == "/" {
		p.page(w, r)
		return
	}
	name, rest, _ := strings.Cut(strings.TrimLeft(r.URL.Path, "/"), "/")
	s := p.lookup(name)
	if s == nil {
		http.Error(w, "The signer has no blog of this name. The page at / lists its blogs.", http.StatusNotFound)
		return
	}
	switch rest = strings.Trim(rest, "/"); {
	case rest == "xmlrpc.php" && r.URL.Query().Has("rsd"):
		p.rsd(w, r, s)
	case rest == "xmlrpc.php" && r.Method == http.MethodPost:
		p.serveCall(w, r, s)
	case rest == "xmlrpc.php":
		h.Set("Allow", "POST")
		http.Error(w, "Send XML-RPC calls here with POST.", http.StatusMethodNotAllowed)
	default:
		p.discovery(w, r, s, rest)
	}
}

// serveCall reads the body and answers the call.
func (p *Proxy) serveCall(w http.ResponseWriter, r *http.Request, s *served) {
	select {
	case p.turns <- struct{}{}:
		defer func() { <-p.turns }()
	default:
		p.fault(w, &xmlrpc.Fault{Code: http.StatusServiceUnavailable, Message: "Too many calls are in progress. Wait until one is done."})
		return
	}
	begun := time.Now()
	body := xmlrpc.NewSpool(p.cfg.SpoolDir, inMemory)
	defer body.Close()
	if r.Header.Get("Content-Encoding") != "" {
		http.Error(w, "The signer does not accept compressed calls.", http.StatusUnsupportedMediaType)
		return
	}
	_, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, p.cfg.MaxBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		p.fault(w, &xmlrpc.Fault{Code: http.StatusRequestEntityTooLarge, Message: fmt.Sprintf("The call is larger than %d MiB, the limit of the signer.", p.cfg.MaxBody>>20)})
		return
	}
	if err != nil {
		p.cfg.Log.Warn("a call did not arrive completely", "blog", s.site.Name, "error", err.Error())
		http.Error(w, "The call did not arrive completely.", http.StatusBadRequest)
		return
	}
	c := &call{proxy: p, served: s, request: r, body: body, begun: begun}
	answer, err := c.run(r.Context())
	if answer != nil {
		defer answer.Close()
	}
	c.report(answer, err)
	if err != nil {
		p.fault(w, c.faultOf(err))
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/xml; charset=UTF-8")
	h.Set("Content-Length", strconv.FormatInt(answer.size(), 10))
	if _, err := xmlrpc.Copy(w, answer.reader()); err != nil {
		p.cfg.Log.Info("the client disconnected before it had the answer", "blog", s.site.Name)
	}
}

// fault answers with a fault. The status is 200: with any other, old clients do
// not read the fault.
func (p *Proxy) fault(w http.ResponseWriter, f *xmlrpc.Fault) {
	body := xmlrpc.AppendFault(nil, f)
	h := w.Header()
	h.Set("Content-Type", "text/xml; charset=UTF-8")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}

// matches compares a password in constant time.
func (c *credential) matches(password string) bool {
	sum := sha256.Sum256([]byte(password))
	return subtle.ConstantTimeCompare(sum[:], c.local[:]) == 1
}

// guesses delays wrong local passwords and nothing else: a correct password
// never waits, and nobody can be locked out.
type guesses struct{ waiting atomic.Int32 }

// The delay after a wrong password, and how many requests are delayed at the
// same time; others are refused at once.
const (
	guessWait = time.Second
	maxGuess  = 8
)

// slow waits after a wrong password. It returns false if too many others wait.
func (g *guesses) slow(ctx context.Context) bool {
	defer g.waiting.Add(-1)
	if g.waiting.Add(1) > maxGuess {
		return false
	}
	timer := time.NewTimer(guessWait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return true
}
