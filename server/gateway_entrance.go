package server

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/gateway"
	"github.com/quillgate/quillgate/methods"
	"github.com/quillgate/quillgate/profiles"
	"github.com/quillgate/quillgate/xmlrpc"
)

// NewGateway returns the server of a gateway in front of one blog. Config needs
// Keys and BaseURL; behind needs the fields about the WordPress, which judges
// passwords in calls.
func NewGateway(cfg Config, behind gateway.Config) (*Server, error) {
	return newGateway(cfg, behind, func(g *gateways) error {
		home, err := url.Parse(g.s.cfg.BaseURL)
		if err != nil {
			return err
		}
		g.one, err = g.newSite(0, home, behind, g.s.cfg.PasswordMode, g.trafficOf(0, home.Hostname()))
		return err
	})
}

// NewGatewaySites returns the server of a gateway in front of a list of blogs.
// The host of a request selects the site; behind holds the settings for all of
// them. Config needs Keys.
func NewGatewaySites(cfg Config, list *gateway.Sites, behind gateway.Config) (*Server, error) {
	return newGateway(cfg, behind, func(g *gateways) error {
		g.list = list
		return nil
	})
}

func newGateway(cfg Config, behind gateway.Config, begin func(*gateways) error) (*Server, error) {
	if behind.Logger == nil {
		behind.Logger = cfg.Logger
	}
	if behind.Clock == nil {
		behind.Clock = cfg.Clock
	}
	return NewShell(cfg, func(s *Server) (Entrance, error) {
		g := &gateways{s: s, behind: behind, open: make(map[int64]*gatewaySite), traffic: make(map[int64]*traffic), transports: make(map[string]http.RoundTripper), tables: make(map[string]*xmlrpc.Handler[*auth.Request])}
		s.gateways = g
		if err := begin(g); err != nil {
			return Entrance{}, err
		}
		if !cfg.NoSiteMetrics {
			s.metrics.registry.MustRegister(g)
		}
		var rows []Route
		for _, row := range gatewayRoutes {
			rows = append(rows, Route{row.name, row.path, g.at(row.serve)})
		}
		return Entrance{Routes: rows, Run: []func(context.Context){g.run}}, nil
	})
}

// gatewayRoutes are the routes of each site of a gateway.
var gatewayRoutes = []struct {
	name, path string
	serve      func(*gatewaySite, http.ResponseWriter, *http.Request)
}{
	{"xmlrpc", methods.EndpointPath, (*gatewaySite).endpoint},
	{"keys", "/.well-known/quillgate", func(v *gatewaySite, w http.ResponseWriter, r *http.Request) { v.gateway.WellKnown(w, r) }},
	{"manifest", "/wp-includes/wlwmanifest.xml", (*gatewaySite).manifest},
	{"manifest", "/wlwmanifest.xml", (*gatewaySite).manifest},
	{"profiles", gateway.PagesPath, page(gateway.PagesPath)},
	{"profiles", gateway.PagesPath + "/", page(gateway.PagesPath + "/")},
	{"ready", readyPath + "/upstream", (*gatewaySite).ready},
}

// gatewaySite serves one blog behind a gateway.
type gatewaySite struct {
	*served
	gateway *gateway.Gateway
	calls   *xmlrpc.Handler[*auth.Request]
	people  func() (map[string]http.Handler, error) // the pages, by the paths of their rows
	said    *gateway.Site                           // its entry in the list; nil for a gateway without one
	used    lastUse
}

// newSite returns the gatewaySite for a site.
func (g *gateways) newSite(id int64, home *url.URL, behind gateway.Config, mode auth.Mode, t *traffic) (*gatewaySite, error) {
	keys := g.s.site.keys.Of(id)
	behind.DB, behind.Apps, behind.Users, behind.Counts = keys.DB, keys.Apps, keys.Users, &t.upstream
	inner, err := gateway.New(behind)
	if err != nil {
		return nil, err
	}
	v := &gatewaySite{gateway: inner, served: g.s.site.of(g.s, id, home, inner.Judge, mode, t)}
	allowed := fmt.Sprint(behind.Allow) // maps are printed in a fixed order
	if table := g.tables[allowed]; table != nil {
		v.calls = table.For(v.authenticate, outages(inner.Fault))
	} else if v.calls, err = g.s.endpointOf(v.served, Calls{Methods: gateway.Methods(behind.Allow), Fault: inner.Fault}); err != nil {
		return nil, err
	}
	g.tables[allowed] = v.calls
	v.people = sync.OnceValues(func() (map[string]http.Handler, error) { return g.pages(v.served, inner) })
	return v, nil
}

// pages returns the pages of a site, by the paths of their rows. They need most
// of the memory of a site, and most sites only get calls.
func (g *gateways) pages(v *served, inner *gateway.Gateway) (map[string]http.Handler, error) {
	_, rows, err := g.s.profilesOf(v, Pages{
		Prefix: gateway.PagesPath,
		Surroundings: func(ctx context.Context) (profiles.Surroundings, error) {
			return profiles.Surroundings{Title: inner.Name(ctx), Zone: time.UTC}, nil
		},
		Upstream: &profiles.Upstream{Ask: inner.Ask, Own: inner.IsOwn, Keep: inner.Keep, Works: inner.Works},
	})
	pages := make(map[string]http.Handler, len(rows))
	for _, row := range rows {
		pages[row.Path] = row.Handler
	}
	return pages, err
}

// page serves the pages of a row.
func page(path string) func(*gatewaySite, http.ResponseWriter, *http.Request) {
	return func(v *gatewaySite, w http.ResponseWriter, r *http.Request) {
		pages, err := v.people()
		if err != nil {
			recordOf(r.Context()).cause = err.Error()
			http.Error(w, "The pages cannot be shown at the moment.", http.StatusInternalServerError)
			return
		}
		pages[path].ServeHTTP(w, r)
	}
}

func (v *gatewaySite) endpoint(w http.ResponseWriter, r *http.Request) {
	w.Header().Set(gateway.MarkField, gateway.Mark)
	if r.URL.Query().Has("rsd") {
		v.gateway.RSD(w, r)
		return
	}
	if from := ClientOf(r.Context()).Addr; v.gateway.Passes(r, from) {
		v.gateway.Pass(w, r, from)
		return
	}
	v.calls.ServeHTTP(w, r.WithContext(v.gateway.In(r.Context())))
}

func (v *gatewaySite) manifest(w http.ResponseWriter, r *http.Request) { v.gateway.Manifest(w, r) }

// ready reports whether the WordPress of this site answers. It says nothing
// about the process (/readyz): one blog that is down must not take the others
// out of service.
func (v *gatewaySite) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
	defer cancel()
	if err := v.gateway.Ping(ctx); err != nil {
		recordOf(r.Context()).cause = err.Error()
		sayStatus(w, http.StatusServiceUnavailable, "the blog does not answer\n")
		return
	}
	sayStatus(w, http.StatusOK, "ready\n")
}
