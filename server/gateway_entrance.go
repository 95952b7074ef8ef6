package server

import (
	"context"
	"net/http"
	"time"

	"github.com/quillgate/quillgate/gateway"
	"github.com/quillgate/quillgate/methods"
	"github.com/quillgate/quillgate/profiles"
)

// NewGateway assembles the server of a gateway. Of the Config, Keys and BaseURL are needed; of the gateway's, what is
// about the WordPress behind it. Passwords in calls are judged by that WordPress.
func NewGateway(cfg Config, behind gateway.Config) (*Server, error) {
	behind.DB, behind.Apps, behind.Users = cfg.Keys.DB, cfg.Keys.Apps, cfg.Keys.Users
	if behind.Logger == nil {
		behind.Logger = cfg.Logger
	}
	if behind.Clock == nil {
		behind.Clock = cfg.Clock
	}
	g, err := gateway.New(behind)
	if err != nil {
		return nil, err
	}
	cfg.Judge = g.Judge
	return NewShell(cfg, func(s *Server) (Entrance, error) { return openGatewayEntrance(s, g) })
}

func openGatewayEntrance(s *Server, g *gateway.Gateway) (Entrance, error) {
	calls, err := s.Endpoint(Calls{Methods: g.Methods(), Fault: g.Fault})
	if err != nil {
		return Entrance{}, err
	}
	endpoint := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(gateway.MarkField, gateway.Mark)
		if r.URL.Query().Has("rsd") {
			g.RSD(w, r)
			return
		}
		calls.ServeHTTP(w, r)
	}
	pages, err := s.Profiles(Pages{Prefix: gateway.PagesPath, Surroundings: func(ctx context.Context) (profiles.Surroundings, error) {
		return profiles.Surroundings{Title: g.Name(ctx), Zone: time.UTC}, nil
	}, Upstream: &profiles.Upstream{Ask: g.Ask, Own: g.IsOwn, Keep: g.Keep, Works: g.Works}})
	if err != nil {
		return Entrance{}, err
	}
	return Entrance{
		Routes: append(pages, []Route{
			{"xmlrpc", methods.EndpointPath, http.HandlerFunc(endpoint)},
			{"manifest", "/wp-includes/wlwmanifest.xml", http.HandlerFunc(g.Manifest)},
			{"manifest", "/wlwmanifest.xml", http.HandlerFunc(g.Manifest)},
		}...),
		Run: []func(context.Context){g.Run},
	}, nil
}
