package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	kolo "github.com/kolo/xmlrpc"

	"github.com/quillgate/quillgate/signature"
	"github.com/quillgate/quillgate/signer"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/xmlrpc"
)

// largestAnswer is the maximum size in bytes of an answer that call reads.
const largestAnswer = 256 << 20

type callCmd struct {
	URL         string        `name:"url" help:"Address of the endpoint, such as https://blog.example/xmlrpc.php. Default: the server with these settings." placeholder:"URL"`
	Public      string        `help:"Public key. Without one, the call is not signed." env:"QUILLGATE_PUBLIC" placeholder:"KEY"`
	SecretFile  string        `help:"File with the secret of the key, or with its private key in PEM; - is the standard input." env:"QUILLGATE_SECRET_FILE" placeholder:"FILE"`
	Strict      bool          `help:"Sign by RFC 9421, so that the request works only once and only at this address. Always on with a private key."`
	Alg         string        `help:"Algorithm of the private key, if not the usual one for its type." placeholder:"NAME"`
	CheckAnswer bool          `help:"Accept the answer only if the server has signed it."`
	Timeout     time.Duration `help:"How long to wait for the answer." default:"60s"`
	JSON        bool          `name:"json" help:"Print the answer as JSON."`
	Method      string        `arg:"" help:"Method, such as wp.getPosts."`
	Args        []argument    `arg:"" optional:"" help:"Arguments; their form sets their type."`
}

// Help is shown by quillgate call --help.
func (callCmd) Help() string {
	return `The form of an argument sets its type:

  42  -7            integer
  3.14  1.5e3       double
  true  false       boolean
  [1, "two"]        array, in JSON
  {"key": "value"}  struct, in JSON
  "42"              text, in JSON: anything in quotes is text
  @photo.jpg        the bytes of a file, as base64
  anything else     text; '' is the empty text

For example:

  quillgate call --url https://blog.example/xmlrpc.php --public KEY --secret-file FILE wp.getPosts 1 '' ''

A fault is printed with its code and its message, and the exit code is 1.`
}

func (c *callCmd) Run(ctx context.Context, s *settings, out streams) error {
	request, err := c.request(s)
	if err != nil {
		return err
	}
	client := &http.Client{Timeout: c.Timeout}
	if c.Public != "" || c.SecretFile != "" {
		if c.Public == "" || c.SecretFile == "" {
			return usageError{errors.New("a signature needs both --public and --secret-file")}
		}
		if client.Transport, err = c.transport(ctx, out, request.URL.String()); err != nil {
			return err
		}
	} else if c.Strict || c.CheckAnswer {
		return usageError{errors.New("--strict and --check-answer need --public and --secret-file")}
	}
	answer, err := exchange(client, request.WithContext(ctx))
	if fault := (*xmlrpc.Fault)(nil); errors.As(err, &fault) && c.JSON {
		return errors.Join(writeJSON(out.out, map[string]any{"fault": map[string]any{"code": fault.Code, "message": fault.Message}}), err)
	}
	if err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(out.out, jsonOf(answer))
	}
	return printValue(out.out, answer, "")
}

// transport signs with the secret or the private key of the file.
func (c *callCmd) transport(ctx context.Context, in streams, endpoint string) (http.RoundTripper, error) {
	secret, err := readSecret(in, c.SecretFile, "secret")
	if err != nil {
		return nil, err
	}
	t := signer.Transport{Public: c.Public, Secret: secret, Answers: c.CheckAnswer}
	if c.Strict {
		t.Scheme = signer.MessageSignatures
	}
	if !strings.Contains(secret, "-----BEGIN ") {
		if c.Alg != "" && c.Alg != string(signature.HMACSHA256) {
			return nil, usageError{errors.New("--alg is for private keys; a secret always signs with hmac-sha256")}
		}
		return t, nil
	}
	t.Secret = ""
	if t.Private, err = signature.ParsePrivateKey(signature.Algorithm(c.Alg), []byte(secret)); err != nil {
		return nil, fmt.Errorf("read the private key: %w", err)
	}
	if c.CheckAnswer {
		t.AnswerKey, err = signer.AnswerKey(ctx, &http.Client{Timeout: c.Timeout}, endpoint)
	}
	return t, err
}

var methodName = regexp.MustCompile(`^[A-Za-z0-9_.:/]{1,200}$`)

// request encodes the call. The encoder does not escape the names of methods
// and members, so both are made safe first.
func (c *callCmd) request(s *settings) (*http.Request, error) {
	if !methodName.MatchString(c.Method) {
		return nil, usageError{fmt.Errorf("%q is not a method name", c.Method)}
	}
	args := make([]any, 0, len(c.Args))
	for i, text := range c.Args {
		v, err := typed(text.text())
		if err != nil {
			err = fmt.Errorf("argument %d: %w", i+1, err)
			if _, file := errors.AsType[*fs.PathError](err); file {
				return nil, err // the file is missing or cannot be read
			}
			return nil, usageError{err}
		}
		args = append(args, v)
	}
	url := c.URL
	if url == "" {
		base, err := s.home(s.Listen, s.TLSListen)
		if err != nil {
			return nil, err
		}
		url = site.EndpointURL(base)
		if s.BaseURL != "" {
			url = site.EndpointURL(strings.TrimRight(s.BaseURL, "/"))
		}
	}
	if !strings.HasPrefix(url, "http://") && !strings.HasPrefix(url, "https://") {
		return nil, usageError{fmt.Errorf("--url: %q is not an address such as https://blog.example/xmlrpc.php", url)}
	}
	request, err := kolo.NewRequest(url, c.Method, args)
	if err != nil {
		return nil, fmt.Errorf("encode the call: %w", err)
	}
	request.Header.Set("User-Agent", userAgent())
	return request, nil
}

// exchange sends the call and reads the answer whatever its status, since some
// servers send faults with a status other than 200.
func exchange(client *http.Client, request *http.Request) (xmlrpc.Value, error) {
	response, err := client.Do(request)
	if err != nil {
		return xmlrpc.Value{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, largestAnswer+1))
	if err != nil {
		return xmlrpc.Value{}, fmt.Errorf("read the answer: %w", err)
	}
	if len(body) > largestAnswer {
		return xmlrpc.Value{}, errors.New("read the answer: it is too large")
	}
	v, err := xmlrpc.DecodeResponse(body, xmlrpc.Limits{})
	if fault := (*xmlrpc.Fault)(nil); err != nil && !errors.As(err, &fault) && response.StatusCode != http.StatusOK {
		return v, fmt.Errorf("the server answers %s: %s", response.Status, xmlrpc.Shown(string(bytes.TrimSpace(body))))
	}
	return v, err
}

var (
	integerForm = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)
	doubleForm  = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+([eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)$`)
)

// typed converts an argument to a value; the form of the argument decides its
// type.
func typed(text string) (any, error) {
	switch {
	case text == "true" || text == "false":
		return text == "true", nil
	case integerForm.MatchString(text), doubleForm.MatchString(text):
		return number(text)
	case strings.HasPrefix(text, "@") && len(text) > 1:
		content, err := os.ReadFile(text[1:])
		if err != nil {
			return nil, err
		}
		return kolo.Base64(base64.StdEncoding.EncodeToString(content)), nil
	case text != "" && strings.ContainsAny(text[:1], `["{`):
		return typedJSON(text)
	}
	return safeText(text)
}

func number(text string) (any, error) {
	if integerForm.MatchString(text) {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s does not fit in 64 bits; to send it as text, put it in quotes: %q", text, text)
		}
		return n, nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, fmt.Errorf("%s is too large for a double", text) // XML-RPC cannot express infinity
	}
	return f, nil
}

func typedJSON(text string) (any, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("it looks like JSON but is not valid (%w); put text that begins like this in quotes", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is text after the JSON value")
	}
	return fromJSON(v)
}

func fromJSON(v any) (any, error) {
	switch v := v.(type) {
	case string:
		return safeText(v)
	case json.Number:
		return number(v.String())
	case []any:
		for i := range v {
			var err error
			if v[i], err = fromJSON(v[i]); err != nil {
				return nil, err
			}
		}
		return v, nil
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, x := range v {
			safe, err := safeText(name)
			if err != nil {
				return nil, err
			}
			if out[escapeName(safe)], err = fromJSON(x); err != nil {
				return nil, err
			}
		}
		return out, nil
	case nil:
		return nil, errors.New("null: XML-RPC has no null value")
	}
	return v, nil // booleans
}

// safeText returns an error for characters that XML cannot carry. The encoder
// would replace them silently.
func safeText(s string) (string, error) {
	if !utf8.ValidString(s) {
		return "", errors.New("the text is not UTF-8; put bytes in a file and give it as @file")
	}
	for _, r := range s {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			return "", fmt.Errorf("the character U+%04X cannot be sent as text; put bytes in a file and give it as @file", r)
		}
	}
	return s, nil
}

// escapeName escapes the name of a member. The encoder escapes texts only.
func escapeName(name string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(name)
}
