package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"
)

type healthCmd struct {
	URL     string        `arg:"" optional:"" name:"url" help:"Address of the server. Default: the server with these settings, on this machine."`
	Live    bool          `help:"Check only whether the process answers (/healthz), not whether it is ready for requests (/readyz)."`
	Timeout time.Duration `help:"How long to wait." default:"5s" placeholder:"DURATION"`
}

// Help is shown by quillgate health --help.
func (healthCmd) Help() string {
	return `For health checks of containers, and for scripts that wait for a server. The exit code is 0 if the server is
ready and 1 if not.`
}

func (c *healthCmd) Run(ctx context.Context, s *settings, io streams) error {
	address := c.URL
	if address == "" {
		var err error
		if address, err = s.onThisMachine(); err != nil {
			return usageError{err}
		}
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return usageError{fmt.Errorf("%q is not an address such as http://127.0.0.1:8080", address)}
	}
	path := "/readyz"
	if c.Live {
		path = "/healthz"
	}
	return c.ask(ctx, u.Scheme+"://"+u.Host+path, io.out)
}

// onThisMachine returns the address at which a server with these settings
// answers health checks. --listen answers them without TLS too.
func (s *settings) onThisMachine() (string, error) {
	scheme, listen := "http", s.Listen
	if listen == "" {
		scheme, listen = "https", s.TLSListen
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", err
	}
	// A container may have no /etc/hosts with localhost.
	switch ip := net.ParseIP(host); {
	case host == "", ip.Equal(net.IPv4zero):
		host = "127.0.0.1"
	case ip.Equal(net.IPv6unspecified):
		host = "::1"
	}
	return scheme + "://" + net.JoinHostPort(host, port), nil
}

func (c *healthCmd) ask(ctx context.Context, address string, out io.Writer) error {
	client := &http.Client{Timeout: c.Timeout}
	if c.URL == "" {
		// The certificate is for the name of the blog, not for this machine.
		// The request holds no secret, and the answer is not trusted.
		client.Transport = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	request.Header.Set("User-Agent", userAgent())
	response, err := client.Do(request)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("no server listens at %s", request.URL.Host)
	}
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 1000))
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", address, err)
	}
	words := visibleText(string(bytes.TrimSpace(text)))
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s: %s", address, response.Status, cmp.Or(words, "nothing else"))
	}
	_, err = fmt.Fprintln(out, words)
	return err
}

// userAgent is the User-Agent of the commands that call a server.
func userAgent() string { return "quillgate/" + version }
