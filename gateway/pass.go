package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/quillgate/quillgate/methods"
	"github.com/quillgate/quillgate/upstream"
	"github.com/quillgate/quillgate/xmlrpc"
)

// A Pass lets requests of Jetpack through unchanged. Jetpack itself checks
// their signatures, inside the WordPress. If it is not active, WordPress treats
// them like any other call, so the query alone opens nothing: every method must
// be one of Jetpack's.
type Pass struct {
	// From lists the networks that such requests may come from. If it is empty,
	// they may come from anywhere.
	From []netip.Prefix
}

// Limits of these requests, which are held in memory.
const (
	passCalls = 4 // concurrent requests
	passBody  = 4 << 20
	passTime  = 20 * time.Second // to receive a body
)

// jetpackFields are the query parameters of a signed Jetpack request.
var jetpackFields = []string{"for", "token", "timestamp", "nonce", "body-hash", "signature"}

var (
	plainField    = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
	jetpackMethod = regexp.MustCompile(`^jetpack\.[A-Za-z0-9_.]+$`)
	prolog        = regexp.MustCompile(`^\s*(<\?xml\s+version=["']1\.[01]["'](\s+encoding=["'](?i:utf-8)["'])?(\s+standalone=["'](yes|no)["'])?\s*\?>)?\s*<methodCall`)
)

// Passes reports whether a request is unambiguously in the form of a Jetpack
// request and comes from an allowed network.
func (g *Gateway) Passes(r *http.Request, from netip.Addr) bool {
	p := g.cfg.Jetpack
	if p == nil || r.Method != http.MethodPost || !strings.EqualFold(r.Host, g.cfg.BaseURL.Host) {
		return false
	}
	if path, _, _ := strings.Cut(r.RequestURI, "?"); path != methods.EndpointPath {
		return false
	}
	seen := map[string]string{}
	for pair := range strings.SplitSeq(r.URL.RawQuery, "&") {
		name, value, _ := strings.Cut(pair, "=")
		// PHP uses the last of two, and replaces other characters.
		if _, twice := seen[name]; twice || !plainField.MatchString(name) {
			return false
		}
		seen[name] = value
	}
	for _, name := range jetpackFields {
		if seen[name] == "" {
			return false
		}
	}
	if seen["for"] != "jetpack" {
		return false
	}
	inside := len(p.From) == 0
	for _, n := range p.From {
		inside = inside || n.Contains(from.Unmap())
	}
	return inside
}

// Pass sends a request for which Passes is true to the WordPress unchanged, and
// returns its response. It refuses bodies that call other methods than
// Jetpack's.
func (g *Gateway) Pass(w http.ResponseWriter, r *http.Request, from netip.Addr) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	select {
	case g.passing <- struct{}{}:
		defer func() { <-g.passing }()
	default:
		w.Header().Set("Retry-After", "10")
		http.Error(w, "Too many requests of this kind are under way.", http.StatusServiceUnavailable)
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(passTime))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, passBody))
	switch tooLarge := (*http.MaxBytesError)(nil); {
	case errors.As(err, &tooLarge):
		http.Error(w, "The request is too large.", http.StatusRequestEntityTooLarge)
		return
	case err != nil:
		return
	case !jetpackOnly(r.Header, body):
		g.cfg.Counts.unpassed.Add(1)
		w.Header().Set("Content-Type", "text/xml; charset=UTF-8")
		_, _ = w.Write(xmlrpc.AppendFault(nil, &xmlrpc.Fault{Code: codeForbidden, Message: "This is not a request of Jetpack's."}))
		return
	}
	g.cfg.Counts.passed.Add(1)
	if err := g.passOn(w, r, body, from); err != nil {
		g.cfg.Logger.WarnContext(r.Context(), "a request of Jetpack's was not answered", "error", err.Error())
		http.Error(w, "The blog does not answer.", http.StatusBadGateway)
	}
}

// passOn sends the request once. If it returns an error, no response was
// written.
func (g *Gateway) passOn(w http.ResponseWriter, r *http.Request, body []byte, from netip.Addr) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), g.cfg.Timeout)
	defer cancel()
	to := *g.cfg.Endpoint
	to.RawQuery = r.URL.RawQuery
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	who := account{}
	who.who.Addr = from
	g.fields(req, who)
	req.Host = r.Host
	req.Header.Set("User-Agent", r.UserAgent())
	req.Header.Set("X-Forwarded-Port", portOf(g.cfg.BaseURL))
	for _, name := range []string{"Content-Type", "Accept"} {
		if v := r.Header.Get(name); v != "" {
			req.Header.Set(name, v)
		}
	}
	if v := r.Header.Get("Authorization"); strings.HasPrefix(v, "X_JETPACK ") {
		req.Header.Set("Authorization", v)
	}
	resp, err := upstream.Send(g.cfg.Transport, req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	for _, name := range []string{"Content-Type", "Retry-After", "X-Jetpack-Signature-Error"} {
		if v := resp.Header.Get(name); v != "" {
			w.Header().Set(name, v)
		}
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(w, io.LimitReader(resp.Body, g.cfg.MaxAnswer))
	return nil
}

func portOf(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}

// jetpackOnly reports whether a body calls only methods of Jetpack, in a form
// that WordPress reads as this function does: UTF-8, no markup other than
// elements, and nested calls as an array of structs with two members.
func jetpackOnly(h http.Header, body []byte) bool {
	kind, _, _ := strings.Cut(strings.ToLower(h.Get("Content-Type")), ";")
	switch strings.TrimSpace(kind) {
	case "", "text/xml", "application/xml", "application/x-www-form-urlencoded":
	default:
		return false
	}
	if len(h.Values("Content-Type")) > 1 || h.Get("Content-Encoding") != "" || !utf8.Valid(body) || !prolog.Match(body) ||
		bytes.Contains(body, []byte("<!")) || bytes.Count(body, []byte("<?")) > 1 || bytes.ContainsRune(body, 0) ||
		bytes.Count(body, []byte("<")) > mostMarkup {
		return false
	}
	call, err := xmlrpc.DecodeCall(body, xmlrpc.Limits{})
	if err != nil || !bytes.Contains(body, []byte("<methodName>"+call.Name+"</methodName>")) {
		return false // or the name is written in a way that readers may read differently
	}
	if call.Name != "system.multicall" {
		return jetpackMethod.MatchString(call.Name)
	}
	if len(call.Params) != 1 || call.Params[0].Kind() != xmlrpc.KindArray || call.Params[0].Len() == 0 {
		return false
	}
	for _, c := range call.Params[0].Elements() {
		name := c.Get("methodName")
		if c.Kind() != xmlrpc.KindStruct || c.Len() != 2 || name.Kind() != xmlrpc.KindString || !jetpackMethod.MatchString(name.Text()) ||
			c.Get("params").Kind() != xmlrpc.KindArray {
			return false
		}
	}
	return true
}
