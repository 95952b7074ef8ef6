package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/quillgate/quillgate/methods"
	"github.com/quillgate/quillgate/signer"
	"github.com/quillgate/quillgate/upstream"
	"github.com/quillgate/quillgate/xmlrpc"
)

// A call is one call of a client on its way to the blog.
type call struct {
	proxy   *Proxy
	served  *served
	request *http.Request // of the client
	body    *xmlrpc.Spool
	begun   time.Time

	splice  *xmlrpc.Splice
	changes bool // at least one of the calls changes something
}

// Faults for what the signer itself refuses. The codes are those of the server.
var (
	errPassword = &xmlrpc.Fault{Code: http.StatusForbidden, Message: "The password is not the one that the signer created for this blog. The signer's page explains where to find it."}
	errGuesses  = &xmlrpc.Fault{Code: http.StatusForbidden, Message: "Too many wrong passwords at the same time."}
	errTooFew   = &xmlrpc.Fault{Code: http.StatusBadRequest, Message: "The call has too few arguments."}
)

// unknownMethod refuses a method that the signer does not know: it does not
// know the position of the password.
func unknownMethod(name string) *xmlrpc.Fault {
	return &xmlrpc.Fault{Code: xmlrpc.CodeMethodNotFound, Message: "The method " + xmlrpc.Shown(name) + " does not exist, or cannot be sent through the signer."}
}

// run sends the call and returns the blog's answer. Errors: a *xmlrpc.Fault of
// the signer, a *upstream.Trouble, and those of reading and sealing.
func (c *call) run(ctx context.Context) (*answered, error) {
	splice, err := xmlrpc.NewSplice(c.body, xmlrpc.Limits{})
	if syntax := (*xmlrpc.SyntaxError)(nil); errors.As(err, &syntax) {
		return nil, syntax.Fault()
	}
	if err != nil {
		return nil, err
	}
	c.splice = splice
	key, err := c.proxy.unseal(ctx, c.served)
	if err != nil {
		return nil, err
	}
	if err := c.admit(ctx, key); err != nil {
		return nil, err
	}
	body, err := c.rewrite(key)
	if err != nil {
		return nil, err
	}
	answer, err := c.send(ctx, key, body)
	// A call that changes nothing may be repeated. One that changes something
	// is not: neither the plugin nor WordPress recognizes a repeat.
	if c.changes || !wasLost(err) || ctx.Err() != nil {
		return answer, err
	}
	return c.send(ctx, key, body)
}

// wasLost reports whether a connection broke before there was an answer.
func wasLost(err error) bool {
	t, ok := errors.AsType[*upstream.Trouble](err)
	return ok && t.Status == 0 && t.Outcome == upstream.Unknown && t.Code == upstream.CodeUnavailable
}

// admit checks every method, and the local password in every call that carries
// one. Methods without a password are those that anyone can call at the blog:
// questions about methods, and pingbacks.
func (c *call) admit(ctx context.Context, key *credential) error {
	for i := range c.splice.Calls {
		one := &c.splice.Calls[i]
		m := methods.Lookup(one.Method)
		if m == nil || m.SignIn == methods.PasswordOnly || m.SignIn == methods.KeyOnly || m.SignIn == methods.CodeOnly {
			return unknownMethod(one.Method)
		}
		c.changes = c.changes || m.Effect != methods.Reads
		if m.Login == methods.NoLogin {
			continue
		}
		if len(one.Args) < m.Min {
			return errTooFew
		}
		if len(one.Args) < m.Login+2 || one.Arg(m.Login+1).Long || !key.matches(one.Arg(m.Login+1).Value.Text()) {
			if !c.proxy.guesses.slow(ctx) {
				return errGuesses
			}
			return errPassword
		}
	}
	return nil
}

// rewrite replaces the local password by the blog's credential, or by nothing.
// All other bytes stay.
func (c *call) rewrite(key *credential) (xmlrpc.Source, error) {
	user, password := "", ""
	if c.served.site.Kind == WordPress {
		user, password = c.served.site.User, key.password
	}
	if body := c.blogs(user, password); body != nil {
		return body, nil
	}
	var with []xmlrpc.Replacement
	for i := range c.splice.Calls {
		if at, _ := methods.LoginPosition(c.splice.Calls[i].Method); at != methods.NoLogin {
			with = append(with, xmlrpc.Replacement{Call: i, Arg: at, Text: user}, xmlrpc.Replacement{Call: i, Arg: at + 1, Text: password})
		}
	}
	return c.splice.Replace(with...)
}

// blogs returns wp.getUsersBlogs for the methods with the same meaning, and nil
// for every other call. Since WordPress 6.1 the others fail for everyone on a
// multisite network, and Open Live Writer calls one of them first.
func (c *call) blogs(user, password string) xmlrpc.Source {
	if c.served.site.Kind == Quillgate || c.splice.Method != "blogger.getUsersBlogs" && c.splice.Method != "metaWeblog.getUsersBlogs" {
		return nil
	}
	body := xmlrpc.AppendCall(nil, "wp.getUsersBlogs", xmlrpc.String(user), xmlrpc.String(password))
	return strings.NewReader(string(body))
}

// send sends the body once and judges the answer.
func (c *call) send(ctx context.Context, key *credential, body xmlrpc.Source) (*answered, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	site := &c.served.site
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, site.Endpoint, nil)
	if err != nil {
		return nil, fmt.Errorf("make a request for %s: %w", site.Name, err)
	}
	size := body.Size()
	if err := upstream.SetBody(req, body); err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "text/xml")
	req.Header.Set("User-Agent", c.proxy.agent())
	progress := c.watch(size)
	defer progress.stop()
	patience := time.AfterFunc(c.proxy.cfg.Timeout, cancel)
	defer patience.Stop()
	progress.moved = func() { patience.Reset(c.proxy.cfg.Timeout) }

	resp, err := upstream.Send(c.proxy.transport(c.served, key, metered{c.proxy.cfg.Transport, progress}), req)
	if err != nil {
		return nil, c.unproven(err)
	}
	defer resp.Body.Close()
	store := xmlrpc.NewSpool(c.proxy.cfg.SpoolDir, inMemory)
	got, err := site.reader()(resp, store, c.proxy.cfg.MaxAnswer, c.names()...)
	if err != nil {
		return nil, errors.Join(c.unproven(err), store.Close())
	}
	if got.Rubbish != "" {
		c.proxy.cfg.Log.Warn("the blog sends other output around its answers", "blog", site.Name, "seen", got.Rubbish)
	}
	return c.answer(got, store)
}

// unproven turns the errors of a signer into troubles with a text for people.
func (c *call) unproven(err error) error {
	t, ok := errors.AsType[*upstream.Trouble](err)
	if !ok || !errors.Is(err, signer.ErrAnswer) {
		return err
	}
	name := c.served.site.Name
	if refusal, ok := errors.AsType[*signer.UnsignedAnswer](err); ok {
		t.Seen = ""
		if refusal.Fault != nil && refusal.Fault.Code == http.StatusForbidden {
			return &upstream.Trouble{
				Code: upstream.CodeUnavailable, Outcome: upstream.NotDone, Err: err,
				What: "The blog refused the signer's key. Run “quillgate sign check " + name + "” to see why.",
			}
		}
	}
	return &upstream.Trouble{
		Code: upstream.CodeBadAnswer, Outcome: upstream.Unknown, Err: err,
		What: "The answer could not be verified as the blog's own. Run “quillgate sign check " + name + "”.",
	}
}

// faultOf returns the fault for the client. Only a wrong local password has
// code 403: with any other 403, clients would ask the person for another
// password.
func (c *call) faultOf(err error) *xmlrpc.Fault {
	name := c.served.site.Name
	if f, ok := errors.AsType[*xmlrpc.Fault](err); ok {
		return f
	}
	if t, ok := errors.AsType[*upstream.Trouble](err); ok {
		return t.Fault(c.changes)
	}
	switch {
	case errors.Is(err, ErrLocked), errors.Is(err, ErrPassPhrase):
		return &xmlrpc.Fault{Code: upstream.CodeUnavailable, Message: "The signer's keys are locked. Unlock the keyring, or start the signer with its pass-phrase, and try again. Nothing was changed."}
	case errors.Is(err, ErrKeyLost), errors.Is(err, ErrNoSecret):
		return &xmlrpc.Fault{Code: upstream.CodeUnavailable, Message: "The signer has no key for this blog. Run “quillgate sign add” again. Nothing was changed."}
	}
	c.proxy.cfg.Log.Error("a call failed inside the signer", "blog", name, "error", err.Error())
	return &xmlrpc.Fault{Code: xmlrpc.CodeInternal, Message: "The signer itself has a problem. Its log has the details. Nothing was changed."}
}

func (p *Proxy) agent() string { return "quillgate-sign/" + p.cfg.Version }

// report writes the line of the log and updates the page.
func (c *call) report(a *answered, err error) {
	method := ""
	if c.splice != nil {
		method = xmlrpc.Shown(c.splice.Method)
	}
	if errors.Is(err, errPassword) || errors.Is(err, errGuesses) {
		c.proxy.cfg.Log.Warn("refusing a call with a wrong local password", "blog", c.served.site.Name, "method", method)
		c.served.status.refused()
		return
	}
	about := make([]slog.Attr, 0, 6)
	about = append(about, slog.String("blog", c.served.site.Name), slog.String("method", method), slog.Duration("took", time.Since(c.begun)))
	level, text := slog.LevelInfo, "call"
	switch {
	case err != nil:
		level, text = slog.LevelWarn, "a call failed"
		about = append(about, slog.String("error", err.Error()))
		c.served.status.failed(c.faultOf(err).Message)
	case a.fault != nil:
		text = "the blog answered with a fault"
		about = append(about, slog.Int("code", a.fault.Code))
		c.served.status.answered()
	default:
		about = append(about, slog.Int64("sent", c.body.Size()), slog.Int64("received", a.size()))
		c.served.status.answered()
	}
	c.proxy.cfg.Log.LogAttrs(c.request.Context(), level, text, about...)
}
