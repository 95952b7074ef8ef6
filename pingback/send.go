package pingback

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/quillgate/quillgate/fetch"
	"github.com/quillgate/quillgate/loose"
	"github.com/quillgate/quillgate/network"
	"github.com/quillgate/quillgate/xmlrpc"
)

const (
	pingsAtOnce = 4
	pingCheck   = 15 * time.Second
)

// Run sends the pingbacks of published posts while the option pingback_send is
// on. It logs errors and tries again. It returns when ctx is done; run one in
// each process.
func (b *Blog) Run(ctx context.Context) {
	for {
		n, err := b.Send(ctx)
		if err != nil && ctx.Err() == nil {
			b.logger.ErrorContext(ctx, "pingbacks not sent", "cause", err)
		}
		if n > 0 && err == nil {
			continue
		}
		timer := time.NewTimer(pingCheck)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// Send sends a few of the pingbacks that are due, and returns how many it
// tried.
func (b *Blog) Send(ctx context.Context) (int, error) {
	opts, err := b.site.Options().Current(ctx)
	if err != nil {
		return 0, err
	}
	pings, err := b.take(ctx, pingsAtOnce)
	if err != nil {
		return 0, err
	}
	networks := opts.PingbackNetworks()
	errs := make([]error, len(pings))
	var sending sync.WaitGroup
	for i, p := range pings {
		sending.Go(func() { errs[i] = b.sendOne(ctx, p, networks) })
	}
	sending.Wait()
	return len(pings), errors.Join(errs...)
}

// sendOne notifies one page, and stores the result in the database.
func (b *Blog) sendOne(ctx context.Context, p outgoing, networks []network.Destination) error {
	said, err := b.tell(ctx, p, networks)
	switch {
	case ctx.Err() != nil:
		return ctx.Err() // the lease will expire
	case errors.Is(err, fetch.ErrUnreachable):
		b.logger.DebugContext(ctx, "pingback postponed", "post", p.Source, "host", hostOf(p.Target), "cause", err)
		return b.failed(ctx, p)
	case err != nil:
		said = err.Error()
	}
	b.logger.InfoContext(ctx, "pingback", "post", p.Source, "host", hostOf(p.Target), "said", xmlrpc.Shown(said))
	return b.sent(ctx, p)
}

// tell finds out where the page accepts pingbacks and calls pingback.ping
// there. It returns the answer, or fetch.ErrUnreachable if a later attempt may
// succeed.
func (b *Blog) tell(ctx context.Context, p outgoing, networks []network.Destination) (string, error) {
	page, err := b.fetch.Do(ctx, fetch.Request{URL: p.Target, Redirects: fetch.MaxRedirects, Networks: networks})
	if err != nil {
		return "", fmt.Errorf("read the page: %w", err)
	}
	if err := busy(page); err != nil {
		return "", err
	}
	endpoint := pingbackServer(page)
	if endpoint == "" {
		return "does not accept pingbacks", nil
	}
	call := xmlrpc.AppendCall(nil, "pingback.ping", xmlrpc.String(p.Source), xmlrpc.String(p.Target))
	answer, err := b.fetch.Do(ctx, fetch.Request{URL: endpoint, Body: call, ContentType: "text/xml", Networks: networks})
	if err != nil {
		return "", fmt.Errorf("call pingback.ping: %w", err)
	}
	if err := busy(answer); err != nil {
		return "", err
	}
	v, err := xmlrpc.DecodeResponse(answer.Body, xmlrpc.Limits{})
	if err != nil {
		return "", err
	}
	return loose.Text(v), nil
}

// busy returns an error if a later attempt may succeed.
func busy(r *fetch.Response) error {
	if r.Status >= http.StatusInternalServerError || r.Status == http.StatusTooManyRequests {
		return fmt.Errorf("%w: status %d", fetch.ErrUnreachable, r.Status)
	}
	return nil
}

// pingbackServer returns the address at which a page accepts pingbacks, or ""
// if it accepts none: the header X-Pingback, or otherwise the first link
// element with the relation pingback (Pingback 1.0, Server Autodiscovery).
func pingbackServer(page *fetch.Response) string {
	endpoint := page.Header.Get("X-Pingback")
	if endpoint == "" {
		kind, _, err := mime.ParseMediaType(page.Header.Get("Content-Type"))
		if err != nil || kind != "text/html" && kind != "application/xhtml+xml" {
			return ""
		}
		endpoint = pingbackLink(page.Text())
	}
	if endpoint == "" {
		return ""
	}
	base, err := url.Parse(page.URL)
	if err != nil {
		return ""
	}
	at, err := base.Parse(strings.TrimSpace(endpoint))
	if err != nil {
		return ""
	}
	return at.String()
}

func pingbackLink(page string) string {
	for rel, href := range fetch.Links(page) {
		if slices.Contains(strings.Fields(strings.ToLower(rel)), "pingback") && href != "" {
			return href
		}
	}
	return ""
}
