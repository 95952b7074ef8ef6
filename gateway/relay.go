package gateway

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/quillgate/quillgate/methods"
	"github.com/quillgate/quillgate/upstream"
	"github.com/quillgate/quillgate/xmlrpc"
)

// inMemory is how many bytes of a call or an answer are held in memory; the
// rest goes to a file.
const inMemory = 256 << 10

// troubled is a problem with the WordPress; changes reports whether the call
// changes something.
type troubled struct {
	*upstream.Trouble
	changes bool
}

func (t *troubled) Unwrap() error { return t.Trouble }

// relay sends a call to the WordPress and returns its answer. A creating call
// whose request could arrive again is sent at most once within RepeatWindow;
// see repeats.go.
func (g *Gateway) relay(ctx context.Context, who account, c *canonical, place int) (xmlrpc.Value, error) {
	if c.method.Effect != methods.Creates || who.who.Repeat.Public == "" {
		answer, err := g.send(ctx, who, c)
		if err != nil {
			return xmlrpc.Value{}, err
		}
		return answer.value(), nil
	}
	who.who.Repeat.Call = place
	return g.once(ctx, who, c)
}

// read is relay for the gateway's own small questions.
func (g *Gateway) read(ctx context.Context, who account, c *canonical) (xmlrpc.Value, error) {
	answer, err := g.send(ctx, who, c)
	if err != nil {
		return xmlrpc.Value{}, err
	}
	defer answer.close()
	text, err := io.ReadAll(io.LimitReader(answer.Document(), 4<<20))
	if err != nil {
		return xmlrpc.Value{}, fmt.Errorf("read an answer of the WordPress: %w", err)
	}
	return xmlrpc.DecodeResponse(text, xmlrpc.Limits{})
}

// An answer is the complete result of a call.
type answer struct {
	*upstream.Answer
	store *xmlrpc.Spool
	edits []edit
}

// An edit replaces bytes of an answer.
type edit struct {
	at   xmlrpc.Span
	text string
}

func (a *answer) close() { _ = a.store.Close() }

// write writes the result with the edits applied.
func (a *answer) write(w io.Writer) error {
	doc := a.Document()
	from, end := a.Value.Start, a.Value.End
	for _, e := range a.edits {
		if _, err := xmlrpc.Copy(w, io.NewSectionReader(doc, from, e.at.Start-from)); err != nil {
			return fmt.Errorf("pass on an answer: %w", err)
		}
		if _, err := io.WriteString(w, e.text); err != nil {
			return err
		}
		from = e.at.End
	}
	_, err := xmlrpc.Copy(w, io.NewSectionReader(doc, from, end-from))
	return err
}

// value returns the result as a value that streams it, and releases the answer
// after it was written.
func (a *answer) value() xmlrpc.Value {
	return xmlrpc.Verbatim(func(w io.Writer) error {
		defer a.close()
		return a.write(w)
	})
}

// send sends a call and judges the answer. The error is a *xmlrpc.Fault of the
// WordPress, or a *troubled.
func (g *Gateway) send(ctx context.Context, who account, c *canonical) (_ *answer, err error) {
	changes := c.method.Effect != methods.Reads
	defer func() {
		if t, ok := errors.AsType[*upstream.Trouble](err); ok {
			err = &troubled{t, changes}
		}
	}()
	leave, err := g.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	body, err := g.write(c.name, c.withLogin(who.login, who.password))
	if err != nil {
		return nil, err
	}
	defer body.Close()
	began := time.Now()
	got, store, err := g.exchange(ctx, who, body, namesOf(c.name)...)
	g.cfg.Counts.note(g.breaker.note(err), time.Since(began))
	if err != nil {
		if t, ok := errors.AsType[*upstream.Trouble](err); ok {
			g.cfg.Logger.WarnContext(ctx, "the WordPress did not answer properly", "method", c.name, "trouble", t.Error())
		}
		return nil, err
	}
	a := &answer{Answer: got, store: store}
	if got.Rubbish != "" {
		g.cfg.Logger.WarnContext(ctx, "the WordPress sends other output around its answers", "seen", got.Rubbish)
	}
	if got.Fault != nil {
		a.close()
		if got.Fault.Code >= http.StatusInternalServerError && changes {
			return nil, &xmlrpc.Fault{Code: got.Fault.Code, Message: got.Fault.Message + " It is not known whether the blog carried out the call. Check the blog before you send the call again."}
		}
		return nil, g.judged(ctx, who, c, got.Fault)
	}
	a.edits = g.edits(c.name, got)
	return a, nil
}

// turn waits for a slot among the concurrent calls.
func (g *Gateway) turn(ctx context.Context) (leave func(), err error) {
	if err := g.breaker.allow(); err != nil {
		return nil, err
	}
	busy := &upstream.Trouble{Code: upstream.CodeUnavailable, Outcome: upstream.NotDone, What: "The blog is busy.", RetryAfter: 10 * time.Second}
	leave = func() { <-g.turns }
	select {
	case g.turns <- struct{}{}:
		return leave, nil
	default:
	}
	select {
	case g.waiting <- struct{}{}:
		defer func() { <-g.waiting }()
	default:
		return nil, busy
	}
	timer := time.NewTimer(g.cfg.Wait)
	defer timer.Stop()
	select {
	case g.turns <- struct{}{}:
		return leave, nil
	case <-timer.C:
		return nil, busy
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// write encodes a call into a spool and checks that WordPress will read it:
// WordPress refuses a body with more than 60,000 "<".
func (g *Gateway) write(name string, args []xmlrpc.Value) (*xmlrpc.Spool, error) {
	body := xmlrpc.NewSpool(g.cfg.SpoolDir, inMemory)
	count := &markup{to: body}
	if err := xmlrpc.WriteCall(count, name, args...); err != nil {
		return nil, errors.Join(fmt.Errorf("write a call for the WordPress: %w", err), body.Close())
	}
	if count.n > mostMarkup {
		return nil, errors.Join(&xmlrpc.Fault{Code: xmlrpc.CodeInvalidParams, Message: "The call has more values than the blog accepts at once. Send fewer."}, body.Close())
	}
	return body, nil
}

// markup counts the "<" in the bytes written to it.
type markup struct {
	to io.Writer
	n  int
}

func (m *markup) Write(p []byte) (int, error) {
	m.n += bytes.Count(p, []byte("<"))
	return m.to.Write(p)
}

// exchange sends a body and reads the answer into a spool.
func (g *Gateway) exchange(ctx context.Context, who account, body *xmlrpc.Spool, names ...string) (*upstream.Answer, *xmlrpc.Spool, error) {
	// PHP continues when its client disconnects, so the call is not
	// canceled with the client's request: only the answer shows what was
	// done.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.cfg.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.cfg.Endpoint.String(), nil)
	if err != nil {
		return nil, nil, fmt.Errorf("make a request for the WordPress: %w", err)
	}
	if err := upstream.SetBody(req, body); err != nil {
		return nil, nil, err
	}
	req.Header.Set("Content-Type", "text/xml")
	g.fields(req, who)
	resp, err := upstream.Send(g.cfg.Transport, req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	store := xmlrpc.NewSpool(g.cfg.SpoolDir, inMemory)
	got, err := upstream.Read(resp, store, g.cfg.MaxAnswer, names...)
	if err != nil {
		return nil, nil, errors.Join(err, store.Close())
	}
	return got, store, nil
}

// fields sets the header fields that tell the WordPress where a request comes
// from.
func (g *Gateway) fields(req *http.Request, who account) {
	req.Host = g.cfg.Host
	req.Header.Set("User-Agent", "quillgate-gateway")
	req.Header.Set("X-Forwarded-Proto", g.cfg.BaseURL.Scheme)
	req.Header.Set("X-Forwarded-Host", g.cfg.BaseURL.Host)
	if who.who.Addr.IsValid() {
		req.Header.Set("X-Forwarded-For", who.who.Addr.String())
		req.Header.Set("X-Real-IP", who.who.Addr.String())
	}
}

// judged turns a fault of the WordPress into the one for the client. Fault 403
// reaches the client only when its own password was refused: the client knows
// nothing of the credential stored here, and plugins use the code for other
// things.
func (g *Gateway) judged(ctx context.Context, who account, c *canonical, f *xmlrpc.Fault) error {
	if f.Code != codeForbidden {
		return f
	}
	refused, err := g.refusedLogin(ctx, f)
	if err != nil {
		g.cfg.Logger.WarnContext(ctx, "cannot find out how the WordPress refuses a login", "error", err.Error())
	}
	if refused && who.stored && methods.Lookup(c.method.Name) != nil {
		// This proves that the credential was refused, because the position of
		// the login is known. For a plugin's method it may be wrong.
		if err := g.cfg.Apps.RefuseUpstream(ctx, who.who.User.ID, who.given); err != nil {
			return err
		}
		return errRefusedInside
	}
	if refused && !who.stored {
		if err := who.request.Refused(ctx, who.login, who.password); err != nil {
			return err
		}
		return f
	}
	return &xmlrpc.Fault{Code: http.StatusUnauthorized, Message: f.Message}
}

// refusedLogin reports whether a fault is the one with which this WordPress
// refuses a login. Its text is in the site's language, so the gateway learns it
// once, with a user name and password that nobody has.
func (g *Gateway) refusedLogin(ctx context.Context, f *xmlrpc.Fault) (bool, error) {
	if text, ok := g.text.Load("refusal"); ok {
		return f.Message == text.(string), nil
	}
	body, err := g.write("wp.getUsersBlogs", []xmlrpc.Value{xmlrpc.String(rand.Text()), xmlrpc.String(rand.Text())})
	if err != nil {
		return false, err
	}
	defer body.Close()
	got, store, err := g.exchange(ctx, account{}, body)
	if err != nil {
		return false, err
	}
	defer store.Close()
	if got.Fault == nil || got.Fault.Code != codeForbidden {
		return false, errors.New("the WordPress did not refuse a made-up login with fault 403")
	}
	g.text.Store("refusal", got.Fault.Message)
	return f.Message == got.Fault.Message, nil
}

// namesOf returns the members of an answer whose addresses could bypass the
// gateway.
func namesOf(method string) []string {
	switch method {
	case "wp.getUsersBlogs", "blogger.getUsersBlogs", "metaWeblog.getUsersBlogs":
		return []string{"xmlrpc"}
	}
	return nil
}

// edits replaces the addresses of this WordPress's own endpoint, which would
// bypass the gateway. Other sites of a network keep theirs.
func (g *Gateway) edits(method string, got *upstream.Answer) []edit {
	var edits []edit
	own := g.cfg.BaseURL.JoinPath("xmlrpc.php").String()
	for _, m := range got.Texts {
		u, err := url.Parse(strings.TrimSpace(m.Text))
		if err != nil || len(m.Path) != 1 || !g.isOwn(u) {
			continue
		}
		edits = append(edits, edit{m.Scalar, "<value><string>" + escape(own) + "</string></value>"})
	}
	return edits
}

func (g *Gateway) isOwn(u *url.URL) bool {
	host := g.cfg.Host
	if host == "" {
		host = g.cfg.Endpoint.Host
	}
	return strings.EqualFold(u.Host, host) || strings.EqualFold(u.Host, g.cfg.Endpoint.Host) || strings.EqualFold(u.Host, g.cfg.BaseURL.Host)
}

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}
