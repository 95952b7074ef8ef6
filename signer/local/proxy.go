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
	// twice; see NewTransport.
	Transport http.RoundTripper
	// SpoolDir is where large bodies are kept while a call lasts; "" is the
	// folder of the system for temporary files.
	SpoolDir  string
	MaxBody   int64         // bytes of a call, more is refused; default 512 MiB
	MaxAnswer int64         // bytes of an answer; default 1 GiB
	Calls     int           // calls under way at the same time; default 32
	Timeout   time.Duration // for an answer to begin, once the call was sent; default 5 min
	Log       *slog.Logger
	LogPath   string // shown on the page
	Version   string // of the program, for the User-Agent
}

// A Proxy serves old programs on loopback. It is an http.Handler and safe for
// concurrent use.
type Proxy struct {
	cfg     Config
	turns   chan struct{}
	guesses guesses
	started time.Time

	mu     sync.Mutex
	sites  map[string]*served
	loaded time.Time // when the settings were read last
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

// credential is what a site's calls need, unsealed.
type credential struct {
	public    string
	secret    string
	private   signature.Key
	answerKey signature.Key
	password  string // WordPress's application password
	local     [sha256.Size]byte
}

// inMemory is how much of a body is held in memory; more goes to a file.
const inMemory = 1 << 20

// NewProxy returns a Proxy for the sites of the book. The error names all that
// is wrong with the settings.
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

// reload reads the settings again when a second has passed. Sites whose
// settings did not change keep their state.
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

// unseal returns the credential of a site. It is unsealed at the first use and
// again after a failure, so that a keyring that was locked at start is no
// reason to start the signer again.
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

// transport signs for a site.
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

// serveCall takes the body in and answers the call.
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

// fault answers with a fault. The status is 200: old programs look no further
// when it is another.
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

// guesses slows down wrong local passwords, and nothing else: a right password
// is never kept waiting, and no one can be locked out.
type guesses struct{ waiting atomic.Int32 }

// The wait after a wrong password, and how many wait at the same time; more are
// told at once.
const (
	guessWait = time.Second
	maxGuess  = 8
)

// slow waits after a wrong password. It reports false when too many others wait.
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
