package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/quillgate/quillgate/methods"
	"github.com/quillgate/quillgate/signature"
	"github.com/quillgate/quillgate/signer"
	"github.com/quillgate/quillgate/upstream"
	"github.com/quillgate/quillgate/xmlrpc"
)

// A Client calls a blog on behalf of the signer itself: to try a key, to ask
// for the profile, to rotate and to revoke.
type Client struct {
	site  Site
	agent string
	rt    http.RoundTripper
	user  string
	pass  string
}

// NewClient returns a client that signs according to the site's kind. base
// sends the requests. If the secret holds no credential, calls are unsigned.
func NewClient(site Site, secret Secret, base http.RoundTripper, version string) (*Client, error) {
	c := &Client{site: site, agent: "quillgate-sign/" + version, rt: base}
	if secret.Private == "" && secret.Secret == "" {
		c.user, c.pass = site.User, secret.Password
		return c, nil
	}
	t := signer.Transport{Public: cmp.Or(secret.Public, site.Public), Secret: secret.Secret, Base: base}
	if site.Kind == Quillgate {
		t.Scheme, t.Answers = signer.MessageSignatures, true
	}
	var err error
	if secret.Private != "" {
		if t.Private, err = signature.ParsePrivateKey(signature.Algorithm(site.Algorithm), []byte(secret.Private)); err != nil {
			return nil, fmt.Errorf("read the private key: %w", err)
		}
	}
	if site.AnswerKey != "" {
		if t.AnswerKey, err = signature.ParsePublicKey("", []byte(site.AnswerKey)); err != nil {
			return nil, fmt.Errorf("read the key of answers: %w", err)
		}
	}
	c.rt = t
	return c, nil
}

// mostAnswer is the largest answer to a call of the signer itself, in bytes.
const mostAnswer = 8 << 20

// Call calls a method. params omit the user name and the password; Call inserts
// them where the method has them. Errors: [*xmlrpc.Fault], [*upstream.Trouble].
func (c *Client) Call(ctx context.Context, method string, params ...xmlrpc.Value) (xmlrpc.Value, error) {
	if at, _ := methods.LoginPosition(method); at != methods.NoLogin {
		at = min(at, len(params))
		params = append(append(append([]xmlrpc.Value(nil), params[:at]...), xmlrpc.String(c.user), xmlrpc.String(c.pass)), params[at:]...)
	}
	body := xmlrpc.AppendCall(nil, method, params...)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.site.Endpoint, strings.NewReader(string(body)))
	if err != nil {
		return xmlrpc.Value{}, fmt.Errorf("call %s: %w", method, err)
	}
	req.Header.Set("Content-Type", "text/xml")
	req.Header.Set("User-Agent", c.agent)
	resp, err := upstream.Send(c.rt, req)
	if err != nil {
		return xmlrpc.Value{}, refusal(err)
	}
	defer resp.Body.Close()
	store := xmlrpc.NewSpool("", inMemory)
	defer store.Close()
	got, err := c.site.reader()(resp, store, mostAnswer)
	if err != nil {
		return xmlrpc.Value{}, refusal(err)
	}
	if got.Fault != nil {
		return xmlrpc.Value{}, got.Fault
	}
	text, err := io.ReadAll(got.Document())
	if err != nil {
		return xmlrpc.Value{}, fmt.Errorf("read the answer to %s: %w", method, err)
	}
	return xmlrpc.DecodeResponse(text, xmlrpc.Limits{})
}

// refusal returns the fault in an unsigned answer: a server that does not know
// the key cannot sign for it.
func refusal(err error) error {
	if u, ok := errors.AsType[*signer.UnsignedAnswer](err); ok && u.Fault != nil {
		return u.Fault
	}
	return err
}

// Kind detects what kind of server this is, by its methods.
func (c *Client) Kind(ctx context.Context) (Kind, error) {
	list, err := c.Call(ctx, "system.listMethods")
	if err != nil {
		return "", err
	}
	kind := WordPress
	for _, v := range list.Elements() {
		switch v.Text() {
		case "xmlrpcs.introspect":
			return Quillgate, nil
		case "xmlrpcs.createApplication":
			kind = Plugin
		}
	}
	if list.Len() == 0 {
		return "", errors.New("the answer to system.listMethods is not a list of methods")
	}
	return kind, nil
}

// Login returns the login that the credential belongs to.
func (c *Client) Login(ctx context.Context) (string, error) {
	profile, err := c.Call(ctx, "wp.getProfile", xmlrpc.Int(1), xmlrpc.Array(xmlrpc.String("username")))
	if err != nil {
		return "", err
	}
	if login := profile.Get("username").Text(); login != "" {
		return login, nil
	}
	return "", errors.New("the answer to wp.getProfile names no user")
}
