package upstream

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/quillgate/quillgate/xmlrpc"
)

// lead is how many bytes of other output may precede an answer: notices of PHP,
// a byte order mark, blank lines.
const lead = 64 << 10

// A Store keeps the body of an answer, which can then be read at any offset.
type Store interface {
	io.Writer
	io.ReaderAt
}

// An Answer is a complete XML-RPC answer of an upstream.
type Answer struct {
	// Outline has the fault, if the answer is one, and the requested members.
	// Its offsets count from the start of the document.
	*xmlrpc.Outline
	Status  int
	Header  http.Header
	Rubbish string // the beginning of other output around the document, for the log; mostly ""

	store Store
	start int64
}

// Document returns the bytes of the answer without the output around it.
func (a *Answer) Document() *io.SectionReader {
	return io.NewSectionReader(a.store, a.start, a.Size)
}

// Read reads the answer to a call into store, at most limit bytes of it, and
// judges it. names are members whose offsets the caller needs, as in
// [xmlrpc.OutlineResponse]. Read does not close the body.
//
// A truncated body is not an error: the document decides whether it is
// complete, since plugins send a Content-Length that is too long or too short.
//
// A fault of the upstream is an Answer. If the upstream did not send a complete
// answer, the error is a [*Trouble]. All other errors come from store.
func Read(resp *http.Response, store Store, limit int64, names ...string) (*Answer, error) {
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		return nil, redirected(resp)
	}
	body, err := decoded(resp)
	if err != nil {
		return nil, trouble(resp, nil, err)
	}
	size, broken, err := take(resp, store, body, limit)
	if err != nil {
		return nil, err
	}
	head, err := start(store, min(size, lead))
	if err != nil {
		return nil, err
	}
	a := &Answer{Status: resp.StatusCode, Header: resp.Header, store: store}
	if a.Outline, a.start, err = find(store, head, size, names); err != nil {
		return nil, trouble(resp, head, errors.Join(broken, err))
	}
	if a.start > 0 {
		a.Rubbish = beginning(head[:a.start])
	} else if rest := size - a.Size; rest > 0 {
		tail := make([]byte, min(rest, 1024))
		n, _ := store.ReadAt(tail, a.Size)
		a.Rubbish = beginning(tail[:n])
	}
	return a, nil
}

// ReadProven is Read for a body that fails at its end unless the upstream has
// signed it. Every error of the body is a [*Trouble]: the bytes before it prove
// nothing, however complete they look. A result of which no members are
// requested is not parsed: its Outline has only the Size.
func ReadProven(resp *http.Response, store Store, limit int64, names ...string) (*Answer, error) {
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		return nil, redirected(resp)
	}
	size, broken, err := take(resp, store, resp.Body, limit)
	if err != nil {
		return nil, err
	}
	head, err := start(store, min(size, 256))
	if err != nil {
		return nil, err
	}
	if broken != nil {
		return nil, trouble(resp, head, broken)
	}
	a := &Answer{Status: resp.StatusCode, Header: resp.Header, store: store}
	if len(names) == 0 && result.Match(head) {
		a.Outline = &xmlrpc.Outline{Size: size}
		return a, nil
	}
	if head, err = start(store, min(size, lead)); err != nil {
		return nil, err
	}
	if a.Outline, a.start, err = find(store, head, size, names); err != nil {
		return nil, trouble(resp, head, err)
	}
	return a, nil
}

// result matches the beginning of an answer that is not a fault.
var result = regexp.MustCompile(`^(<\?xml [^<>]*\?>)?\s*<methodResponse>\s*<params>`)

// take copies a body into the store. It returns the size, and as broken the
// error that ended the body early.
func take(resp *http.Response, store Store, body io.Reader, limit int64) (size int64, broken, err error) {
	to := &storing{store: store}
	size, broken = xmlrpc.Copy(to, io.LimitReader(body, limit+1))
	if to.err != nil {
		return 0, nil, fmt.Errorf("store an answer: %w", to.err)
	}
	if size > limit {
		return 0, nil, &Trouble{
			Code: CodeBadAnswer, Outcome: Unknown, Status: resp.StatusCode,
			What: fmt.Sprintf("The blog's answer is larger than %d MiB. Ask for less at a time.", limit>>20),
		}
	}
	return size, broken, nil
}

// start returns the first n stored bytes.
func start(store Store, n int64) ([]byte, error) {
	head := make([]byte, n)
	if _, err := store.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read an answer that was stored: %w", err)
	}
	return head, nil
}

// storing distinguishes an error of the store from one of the body.
type storing struct {
	store Store
	err   error
}

func (s *storing) Write(p []byte) (n int, err error) {
	n, s.err = s.store.Write(p)
	return n, s.err
}

// decoded undoes a compression that was not asked for.
func decoded(resp *http.Response) (io.Reader, error) {
	switch strings.ToLower(resp.Header.Get("Content-Encoding")) {
	case "", "identity":
		return resp.Body, nil
	case "gzip", "x-gzip":
		return gzip.NewReader(resp.Body)
	}
	return nil, errors.New("the answer is compressed in a way that was not asked for")
}

// find locates the document. Only the first root element of an answer counts: a
// later one may be quoted in a text.
func find(store Store, head []byte, size int64, names []string) (*xmlrpc.Outline, int64, error) {
	first := error(&xmlrpc.SyntaxError{Code: xmlrpc.CodeParse, Reason: "there is no answer in it"})
	for at, tries := 0, 0; at < len(head) && tries < 8; tries++ {
		at = next(head, at)
		if at < 0 {
			break
		}
		out, err := xmlrpc.OutlineResponse(io.NewSectionReader(store, int64(at), size-int64(at)), size-int64(at), names...)
		if err == nil {
			return out, int64(at), nil
		}
		if bytes.HasPrefix(head[at:], root) || bytes.Contains(head[at:min(at+256, len(head))], root) {
			return nil, 0, err
		}
		first = err
		at++
	}
	return nil, 0, first
}

var (
	declaration = []byte("<?xml")
	root        = []byte("<methodResponse")
)

// next returns the offset, at or after from, where the next document may begin.
func next(head []byte, from int) int {
	a, b := bytes.Index(head[from:], declaration), bytes.Index(head[from:], root)
	if a < 0 || b >= 0 && b < a {
		a = b
	}
	if a < 0 {
		return -1
	}
	return from + a
}

// redirected returns the trouble for a redirect. A call never follows one: it
// carries a credential, and most clients would turn it into a GET.
func redirected(resp *http.Response) *Trouble {
	t := &Trouble{Code: CodeBadAnswer, Outcome: NotDone, Status: resp.StatusCode}
	to, err := resp.Location()
	switch {
	case err != nil:
		t.What = "The address of the blog redirects, but does not say where to."
	case strings.HasSuffix(to.Path, "/wp-login.php"):
		t.What = "The blog asks everyone to sign in with a browser first, so a plugin is blocking its XML-RPC address. Exempt xmlrpc.php from that plugin."
	default:
		t.What = "The blog has moved to " + place(to) + ". Use that address."
	}
	return t
}

// place formats an address without its query, which may hold secrets.
func place(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// refusals are the statuses with which web servers and firewalls refuse a
// request before PHP runs, so that nothing was done.
var refusals = map[int]struct {
	code int
	what string
}{
	http.StatusUnauthorized:          {CodeUnavailable, "The blog's web server asks for its own password before it forwards the call to the blog (HTTP status 401)."},
	http.StatusForbidden:             {CodeUnavailable, "The blog's web server, or a firewall in front of it, refuses the call (HTTP status 403). Ask the host to allow xmlrpc.php."},
	http.StatusNotFound:              {CodeUnavailable, "There is no XML-RPC at the address of the blog (HTTP status 404)."},
	http.StatusMethodNotAllowed:      {CodeUnavailable, "The address of the blog does not accept XML-RPC calls (HTTP status 405). The host may have disabled XML-RPC."},
	http.StatusNotAcceptable:         {CodeUnavailable, "A firewall in front of the blog mistakes the call for an attack (HTTP status 406)."},
	http.StatusGone:                  {CodeUnavailable, "The host has disabled XML-RPC at the address of the blog (HTTP status 410)."},
	http.StatusRequestEntityTooLarge: {CodeTooLarge, "The call is larger than the blog's web server allows (HTTP status 413). Send a smaller file."},
	http.StatusTeapot:                {CodeUnavailable, "A firewall in front of the blog mistakes the call for an attack (HTTP status 418)."},
	http.StatusTooManyRequests:       {CodeTooMany, "The blog's web server has received too many calls (HTTP status 429). Wait a while."},
}

// trouble judges an answer that is not complete XML-RPC. cause is the error in
// the document.
func trouble(resp *http.Response, head []byte, cause error) *Trouble {
	t := &Trouble{Code: CodeBadAnswer, Outcome: Unknown, Status: resp.StatusCode, RetryAfter: retryAfter(resp.Header), Seen: beginning(head), Err: cause}
	if r, ok := refusals[resp.StatusCode]; ok && !begun(head) {
		t.Code, t.What, t.Outcome = r.code, r.what, NotDone
		if resp.Header.Get("Cf-Mitigated") != "" {
			t.What = "Cloudflare asks the caller to prove that it is a person. Exempt xmlrpc.php from that rule."
		}
		return t
	}
	switch {
	case len(head) == 0 && resp.StatusCode == http.StatusOK:
		// WordPress answers like this during maintenance, without its database,
		// and before it is installed. It then sends its headers against
		// caching, and the call has not run. An empty answer without those
		// headers proves nothing.
		t.Code, t.What = CodeUnavailable, "The blog sent an empty answer. It may be under maintenance, or its database may be down."
		if resp.Header.Get("Retry-After") != "" || resp.Header.Get("Expires") != "" {
			t.Outcome = NotDone
		}
	case resp.StatusCode == http.StatusServiceUnavailable:
		// The server is busy or under maintenance, or this is a firewall. PHP
		// may have started, so the outcome is unknown.
		t.Code, t.What = CodeUnavailable, "The blog is not available at the moment (HTTP status 503)."
		if resp.Header.Get("Cf-Mitigated") != "" {
			t.What, t.Outcome = "Cloudflare asks the caller to prove that it is a person. Exempt xmlrpc.php from that rule.", NotDone
		}
	case resp.StatusCode == http.StatusGatewayTimeout, resp.StatusCode == 524, resp.StatusCode == http.StatusRequestTimeout:
		t.Code, t.What = CodeTimeout, fmt.Sprintf("The blog's web server gave up waiting for the blog (HTTP status %d).", resp.StatusCode)
	case begun(head):
		t.What = "The blog's answer was cut off."
	case resp.StatusCode >= 400:
		t.What = fmt.Sprintf("The blog's server answered with an error (HTTP status %d).", resp.StatusCode)
	case isHTML(resp.Header, head):
		t.What = "The blog answered with a web page instead of an answer to the call."
	default:
		t.What = "The blog's answer is not XML-RPC."
	}
	return t
}

// begun reports whether an answer to a call starts in head.
func begun(head []byte) bool { return bytes.Contains(head, root) }

func isHTML(h http.Header, head []byte) bool {
	return strings.HasPrefix(h.Get("Content-Type"), "text/html") || bytes.Contains(bytes.ToLower(head[:min(len(head), 1024)]), []byte("<html"))
}

// retryAfter reads the form of Retry-After in seconds (RFC 9110 section
// 10.2.3), up to a day.
func retryAfter(h http.Header) time.Duration {
	n, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || n < 0 {
		return 0
	}
	return min(time.Duration(n)*time.Second, 24*time.Hour)
}
