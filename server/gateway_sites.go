package server

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/gateway"
	"github.com/quillgate/quillgate/xmlrpc"
)

// gateways are the sites behind a gateway. A gatewaySite is created at the
// first request for its site, and released when there was none for a while: a
// thousand sites cost nothing while nobody asks for them.
type gateways struct {
	s      *Server
	behind gateway.Config // the settings for all sites
	one    *gatewaySite   // the only site, without a list
	list   *gateway.Sites

	mu      sync.RWMutex
	open    map[int64]*gatewaySite
	traffic map[int64]*traffic // of sites that had a request
	// Connections to WordPresses are shared by all sites, by the name of their
	// certificate: each needs more memory than a gatewaySite.
	transports map[string]http.RoundTripper
	// A handler with the method table for each set of plugin methods.
	tables map[string]*xmlrpc.Handler[*auth.Request]
}

// lastUse is when something was last used, in Unix seconds.
type lastUse struct{ at atomic.Int64 }

func (u *lastUse) note(now time.Time) {
	if n := now.Unix(); u.at.Load() != n {
		u.at.Store(n)
	}
}

func (u *lastUse) before(t time.Time) bool { return u.at.Load() < t.Unix() }

// How often a gateway cleans up, and how long a site is kept without requests.
const (
	gatewayHouse = time.Minute
	siteIdle     = 10 * time.Minute
)

// at serves a request with the site that it names.
func (g *gateways) at(serve func(*gatewaySite, http.ResponseWriter, *http.Request)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		site, err := g.site(r)
		switch {
		case errors.Is(err, gateway.ErrNoSite):
			// RFC 9110 section 15.5.20. The answer does not reveal which sites
			// exist.
			http.Error(w, "There is no such site here.", http.StatusMisdirectedRequest)
			return
		case err != nil:
			rec := recordOf(r.Context())
			rec.outcome, rec.cause = "no site", err.Error()
			w.Header().Set("Retry-After", "10")
			http.Error(w, "The server cannot look for the site at the moment. Try again later.", http.StatusServiceUnavailable)
			return
		}
		recordOf(r.Context()).site = site.served
		serve(site, w, r)
	})
}

// site returns the site for a request. Error: gateway.ErrNoSite.
func (g *gateways) site(r *http.Request) (*gatewaySite, error) {
	if g.one != nil {
		return g.one, nil
	}
	authority := g.s.proxies.authority(r)
	said, err := g.list.Find(r.Context(), authority)
	if err != nil {
		return nil, err
	}
	if authority != r.Host {
		// If a web server passes on the host together with the client's own
		// X-Forwarded-Host, the client could choose the site.
		if other, err := g.list.Find(r.Context(), r.Host); err == nil && other != said {
			return nil, gateway.ErrNoSite
		}
	}
	g.mu.RLock()
	site := g.open[said.ID]
	g.mu.RUnlock()
	if site == nil || site.said != said {
		if site, err = g.make(said); err != nil {
			return nil, err
		}
	}
	site.used.note(g.now())
	return site, nil
}

func (g *gateways) now() time.Time { return g.s.cfg.Clock() }

// make creates a site, or creates it again after its settings have changed.
func (g *gateways) make(said *gateway.Site) (*gatewaySite, error) {
	behind, err := said.Config(g.behind)
	if err != nil {
		return nil, err
	}
	behind.Waiting = siteWaiting
	g.mu.Lock()
	defer g.mu.Unlock()
	behind.Transport = g.transportFor(said, behind)
	if site := g.open[said.ID]; site != nil && site.said == said {
		return site, nil // another request was faster
	}
	mode := auth.Stricter(g.s.cfg.PasswordMode, said.PasswordMode)
	site, err := g.newSite(said.ID, behind.BaseURL, behind, mode, g.trafficOf(said.ID, behind.BaseURL.Hostname()))
	if err != nil {
		return nil, err
	}
	site.said, site.name = said, behind.BaseURL.Hostname()
	g.open[said.ID] = site
	return site, nil
}

// transportFor returns the transport for the calls of a site. The caller holds
// the lock.
func (g *gateways) transportFor(said *gateway.Site, behind gateway.Config) http.RoundTripper {
	name := ""
	if behind.Endpoint.Scheme == "https" {
		name = said.UpstreamHost
	}
	t := g.transports[name]
	if t == nil {
		t = gateway.NewTransport(name)
		g.transports[name] = t
	}
	return t
}

// siteWaiting is the number of calls that may wait for one of many WordPresses:
// a slow one must not use up the slots of all.
const siteWaiting = 32

// trafficOf returns the counts of a site. The caller holds the lock, or is the
// only user.
func (g *gateways) trafficOf(id int64, host string) *traffic {
	t := g.traffic[id]
	if t == nil || t.host != host {
		t = &traffic{host: host}
		g.traffic[id] = t
	}
	return t
}

// run cleans up until the context ends.
func (g *gateways) run(ctx context.Context) {
	tick := time.NewTicker(gatewayHouse)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := g.keepHouse(ctx); err != nil && ctx.Err() == nil {
				g.s.logger.WarnContext(ctx, "the gateway does not keep house", "cause", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// keepHouse deletes old requests, and releases sites that are unused or were
// removed.
func (g *gateways) keepHouse(ctx context.Context) error {
	err := gateway.Forget(ctx, g.s.cfg.Keys.DB, g.now())
	if g.list == nil {
		return err
	}
	list, listErr := g.list.List(ctx)
	if listErr != nil {
		return errors.Join(err, listErr)
	}
	there := make(map[int64]bool, len(list))
	for _, site := range list {
		there[site.ID] = !site.Off
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for id, site := range g.open {
		if !there[id] || site.used.before(g.now().Add(-siteIdle)) {
			delete(g.open, id)
		}
	}
	for id := range g.traffic {
		if !there[id] {
			delete(g.traffic, id)
		}
	}
	if len(g.open) == 0 { // otherwise a site may still use any of them
		clear(g.transports)
		clear(g.tables)
	}
	return err
}

// The metrics of each site. There are few, and only for sites that had a
// request, so that a thousand sites stay cheap to scrape; methods and statuses
// are counted only in total.
var (
	siteRequests  = siteNumber("site_requests_total", "Requests for a site.")
	siteRefused   = siteNumber("site_refused_credentials_total", "Signatures and passwords that were presented to a site and refused.")
	siteAvailable = siteNumber("upstream_available", "1 while calls are let through to the WordPress of a site, 0 after it has not answered several in a row.")
	siteCalls     = siteNumber("upstream_calls_total", "Calls that were sent to the WordPress of a site.")
	siteFailures  = siteNumber("upstream_failures_total", "Calls that the WordPress of a site did not answer.")
	siteSeconds   = siteNumber("upstream_seconds_total", "Time that calls to the WordPress of a site have taken together.")
	sitePassed    = siteNumber("jetpack_passed_total", "Requests of Jetpack that were passed to the WordPress of a site unchanged (--pass).")
	siteUnpassed  = siteNumber("jetpack_refused_total", "Requests that said to be of Jetpack and were refused.")
)

func siteNumber(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("quillgate_"+name, help, []string{"site"}, nil)
}

// Describe implements prometheus.Collector.
func (g *gateways) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{siteRequests, siteRefused, siteAvailable, siteCalls, siteFailures, siteSeconds, sitePassed, siteUnpassed} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (g *gateways) Collect(to chan<- prometheus.Metric) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	for id, t := range g.traffic {
		n := t.requests.Load()
		if n == 0 {
			continue
		}
		count := func(d *prometheus.Desc, v float64) {
			to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, t.host)
		}
		count(siteRequests, float64(n))
		count(siteRefused, float64(t.refused.Load()))
		count(siteCalls, float64(t.upstream.Calls()))
		count(siteFailures, float64(t.upstream.Failures()))
		count(siteSeconds, t.upstream.Took().Seconds())
		count(sitePassed, float64(t.upstream.Passed()))
		count(siteUnpassed, float64(t.upstream.Unpassed()))
		available := 1.0
		site := g.open[id]
		if site == nil {
			site = g.one
		}
		if site != nil && !site.gateway.Available() {
			available = 0
		}
		to <- prometheus.MustNewConstMetric(siteAvailable, prometheus.GaugeValue, available, t.host)
	}
}
