package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/quillgate/quillgate/site"
)

type doctorCmd struct {
	URL        string        `arg:"" name:"url" help:"Public address of the blog or of its endpoint."`
	Public     string        `help:"Public key, to test a signed call." env:"QUILLGATE_PUBLIC" placeholder:"KEY"`
	SecretFile string        `help:"File with the secret of the key; - is the standard input. The secret itself is never sent." env:"QUILLGATE_SECRET_FILE" placeholder:"FILE"`
	Largest    byteSize      `help:"Largest body to send." default:"8MiB" placeholder:"SIZE"`
	Roots      string        `help:"CA certificates (PEM) for a private server, instead of the system's." type:"path" placeholder:"FILE"`
	Timeout    time.Duration `help:"How long to wait for each answer." default:"30s"`
	JSON       bool          `name:"json" help:"Print the findings as JSON."`
}

// Help is shown by quillgate doctor --help.
func (doctorCmd) Help() string {
	return `Sends the requests that a publishing client would send, from where you are, and reports what gets in the
way: what proxies do to the Authorization header and to request bodies, redirects, TLS, the clock, limits,
and what the home page links to. Each finding is a line that begins with ok, warning or problem. The exit
code is 1 if there is a problem.

It changes nothing on the server. It sends one sign-in with a made-up name and password, and two signatures with a
made-up key. The server logs these as refused.`
}

// The states of a finding.
const (
	fine    = "ok"
	warning = "warning"
	problem = "problem"
)

// finding is the result of one check.
type finding struct {
	Check  string `json:"check"`
	State  string `json:"state"`
	Advice string `json:"advice"`
}

func (c *doctorCmd) Run(ctx context.Context, out streams) error {
	home, endpoint, err := c.addresses()
	if err != nil {
		return usageError{err}
	}
	d := &doctor{cmd: c, home: home, endpoint: endpoint}
	if d.roots, err = c.pool(); err != nil {
		return err
	}
	if c.Public != "" || c.SecretFile != "" {
		if c.Public == "" || c.SecretFile == "" {
			return usageError{errors.New("a signature needs both --public and --secret-file")}
		}
		if d.secret, err = readSecret(out, c.SecretFile, "secret"); err != nil {
			return err
		}
	}
	d.transport = &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: d.roots}, ForceAttemptHTTP2: true, DisableCompression: true,
		ExpectContinueTimeout: c.Timeout,
	}
	defer d.transport.CloseIdleConnections()
	d.examine(ctx)
	return d.report(out, c.JSON)
}

func (c *doctorCmd) pool() (*x509.CertPool, error) {
	if c.Roots == "" {
		return nil, nil
	}
	text, err := os.ReadFile(c.Roots)
	if err != nil {
		return nil, fmt.Errorf("roots: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("roots: %s contains no PEM certificate", c.Roots)
	}
	return pool, nil
}

// addresses are the addresses of the home page and of the endpoint.
func (c *doctorCmd) addresses() (home, endpoint *url.URL, err error) {
	text := c.URL
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return nil, nil, errors.New("give the address of a blog, such as https://blog.example, without a password")
	}
	u.RawQuery, u.Fragment = "", ""
	u.Path = strings.TrimSuffix(u.Path, site.EndpointPath)
	if !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
	}
	return u, u.JoinPath(site.EndpointPath), nil
}

// report prints the findings. It returns an error if there are problems.
func (d *doctor) report(out streams, asJSON bool) error {
	problems := 0
	for _, f := range d.findings {
		if f.State == problem {
			problems++
		}
		if asJSON {
			continue
		}
		if _, err := fmt.Fprintf(out.out, "%s %-14s %s\n", painted(out.out, f.State), f.Check, visibleText(f.Advice)); err != nil {
			return err
		}
	}
	if asJSON {
		if err := writeJSON(out.out, map[string]any{"url": d.home.String(), "endpoint": d.endpoint.String(), "findings": d.findings}); err != nil {
			return err
		}
	}
	switch problems {
	case 0:
		return nil
	case 1:
		return errors.New("there is a problem")
	}
	return fmt.Errorf("there are %d problems", problems)
}
