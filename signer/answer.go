package signer

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/quillgate/quillgate/signature"
	"github.com/quillgate/quillgate/xmlrpc"
)

// proof returns the component of a request that binds the answer to it.
func (t Transport) proof() string {
	if t.strictly() {
		return `"signature";req;key="` + label + `"`
	}
	return `"authorization";req`
}

// answerComponents returns the components that the signature of an answer must
// cover.
func (t Transport) answerComponents() []string {
	return []string{`"@status"`, `"content-type"`, `"content-digest"`, t.proof()}
}

// ask adds a request for a signed answer, with a nonce.
func (t Transport) ask(out *http.Request) {
	out.Header.Set("Accept-Signature", fmt.Sprintf(`%s=(%s);created;nonce=%q;tag=%q`, label, strings.Join(t.answerComponents(), " "), rand.Text(), tag))
	// The digest covers the body as it is transferred.
	out.Header.Set("Accept-Encoding", "identity")
}

// checkAnswer checks the signature of an answer, and wraps its body in a reader
// that checks the digest.
func (t Transport) checkAnswer(sent *http.Request, answer *http.Response) error {
	wanted, _ := signature.Wanted(sent.Header, tag)
	key := t.AnswerKey
	if key.IsZero() {
		key = signature.HMACKey([]byte(t.Secret))
	}
	if key.IsZero() {
		return fmt.Errorf("%w: AnswerKey is needed to check it", ErrKey)
	}
	list, err := signature.Tagged(answer.Header, tag)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	for _, s := range list {
		if s.Params.Nonce != wanted.Nonce || s.Params.Alg != key.Algorithm() {
			continue
		}
		for _, c := range t.answerComponents() {
			if !s.Covers(c) {
				return fmt.Errorf("%w: its signature does not cover %s", ErrAnswer, c)
			}
		}
		m := &signature.Message{Status: answer.StatusCode, Header: answer.Header, Request: signature.RequestMessage(sent)}
		if err := s.Verify(key, m); err != nil {
			return fmt.Errorf("%w: %w", ErrAnswer, err)
		}
		digest, err := signature.NewContentDigest(answer.Header.Values("Content-Digest"))
		if err != nil {
			return fmt.Errorf("%w: %w", ErrAnswer, err)
		}
		answer.Body = &checked{answer.Body, digest}
		return nil
	}
	// Refusals of a credential are not signed, since the caller is unknown.
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxFault))
	unsigned := &UnsignedAnswer{Status: answer.StatusCode, Beginning: text}
	_, decoded := xmlrpc.DecodeResponse(text, xmlrpc.Limits{})
	unsigned.Fault, _ = errors.AsType[*xmlrpc.Fault](decoded)
	return errors.Join(unsigned, err)
}

// An UnsignedAnswer is an answer without the requested signature. It is an
// [ErrAnswer]. Servers refuse a credential in this way, since they do not know
// which key to sign for.
type UnsignedAnswer struct {
	Status    int
	Beginning []byte        // of the body, up to 2 KiB
	Fault     *xmlrpc.Fault // the fault in the body, if it is one; not proven
}

// Error returns the status and the beginning of the body.
func (u *UnsignedAnswer) Error() string {
	return fmt.Sprintf("%v: it is not signed: %d %.500q", ErrAnswer, u.Status, u.Beginning)
}

// Unwrap returns [ErrAnswer].
func (u *UnsignedAnswer) Unwrap() error { return ErrAnswer }

// checked returns an error in place of io.EOF if the body is not the signed
// one.
type checked struct {
	io.ReadCloser
	digest *signature.ContentDigest
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.digest.Write(p[:n])
	if errors.Is(err, io.EOF) && !c.digest.Matches() {
		err = fmt.Errorf("%w: its body is another", ErrAnswer)
	}
	return n, err
}

// Known is the description of a server at /.well-known/quillgate.
type Known struct {
	// AnswerKey signs the answers to keys that have no secret.
	AnswerKey signature.Key
	// Authorize is the address of the page where a person grants access to a
	// client. It is empty if the server does not name one on its own host.
	Authorize string
}

// Ask requests the description of a server. endpoint is any address of the
// server. The result is as trustworthy as the connection: ask over TLS, once,
// and store the key. A nil client means http.DefaultClient.
func Ask(ctx context.Context, client *http.Client, endpoint string) (Known, error) {
	address, err := url.Parse(endpoint)
	if err != nil {
		return Known{}, fmt.Errorf("ask the server about itself: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address.Scheme+"://"+address.Host+"/.well-known/quillgate", nil)
	if err != nil {
		return Known{}, fmt.Errorf("ask the server about itself: %w", err)
	}
	if client == nil {
		client = http.DefaultClient
	}
	answer, err := client.Do(r)
	if err != nil {
		return Known{}, fmt.Errorf("ask the server about itself: %w", err)
	}
	defer answer.Body.Close()
	var said struct {
		Authorize   string
		ResponseKey struct {
			Alg       signature.Algorithm
			PublicKey string `json:"public_key"`
		} `json:"response_key"`
	}
	if answer.StatusCode != http.StatusOK {
		return Known{}, fmt.Errorf("ask the server about itself: it answers %s", answer.Status)
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, 64<<10)).Decode(&said); err != nil {
		return Known{}, fmt.Errorf("read what the server says about itself: %w", err)
	}
	var known Known
	if page, err := url.Parse(said.Authorize); err == nil && page.Scheme == address.Scheme && page.Host == address.Host && page.User == nil {
		known.Authorize = page.String()
	}
	known.AnswerKey, err = signature.ParsePublicKey(said.ResponseKey.Alg, []byte(said.ResponseKey.PublicKey))
	return known, err
}

// AnswerKey returns the key from Ask, for Transport.AnswerKey.
func AnswerKey(ctx context.Context, client *http.Client, endpoint string) (signature.Key, error) {
	known, err := Ask(ctx, client, endpoint)
	return known.AnswerKey, err
}
