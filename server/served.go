package server

import (
	"net/http"
	"net/netip"
	"net/url"
	"sync/atomic"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/gateway"
)

// served is a site that gets requests, with its keys, users and address. A
// server has one; a gateway may have many, which share nothing that one could
// see of another.
type served struct {
	keys     *Keys
	home     *url.URL
	mode     auth.Mode // the operator's setting
	verifier *auth.Verifier
	refusals *auth.Refusals
	name     string   // in the log; empty for a single site
	traffic  *traffic // nil if sites are not counted separately
}

// traffic counts the requests of one site of a gateway.
type traffic struct {
	host     string
	requests atomic.Int64
	refused  atomic.Int64 // refused credentials
	upstream gateway.Counts
}

// newServed returns the only site of a server, which is also the first of a
// gateway.
func (s *Server) newServed(home *url.URL) *served {
	v := &served{keys: s.cfg.Keys, home: home, mode: s.cfg.PasswordMode, refusals: auth.NewRefusals(s.cfg.Keys.DB, s.cfg.Clock, s.cfg.Logger)}
	v.verifier = auth.New(auth.Config{
		Users: v.keys.Users, Apps: v.keys.Apps, Clock: s.cfg.Clock, Logger: s.cfg.Logger,
		PasswordMode:   s.cfg.PasswordMode,
		ThrottleExempt: s.cfg.ThrottleExempt,
		FallbackHeader: s.cfg.AuthorizationFallback,
		ClientAddr: func(r *http.Request) (netip.Addr, bool) {
			c := ClientOf(r.Context())
			return c.Addr, c.Secure || c.Local
		},
		Origin:  s.originAt(home),
		Observe: s.observeCredential,
	})
	return v
}

// originAt returns the function for the address that a client of a site used.
func (s *Server) originAt(home *url.URL) func(*http.Request) auth.Origin {
	return func(r *http.Request) auth.Origin { return s.proxies.origin(r, home) }
}

// of returns another site of the same database.
func (v *served) of(s *Server, id int64, home *url.URL, judge auth.Judge, mode auth.Mode, t *traffic) *served {
	keys := v.keys.Of(id)
	return &served{keys: keys, home: home, mode: mode, refusals: v.refusals.Of(id), traffic: t, verifier: v.verifier.Of(auth.Site{
		Users: keys.Users, Apps: keys.Apps, Judge: judge, PasswordMode: mode, Origin: s.originAt(home),
	})}
}

// Of returns the keys and users of another site of the same database. They need
// not be closed.
func (k *Keys) Of(site int64) *Keys {
	return &Keys{Folder: k.Folder, DB: k.DB.Of(site), Apps: k.Apps.Of(site), Users: k.Users.Of(site)}
}

// count counts a request that has been answered.
func (v *served) count(rec *record, r *http.Request) {
	if rec.refusal != "" {
		e := rec.refused
		e.Reason, e.Addr = auth.Reason(rec.refusal), rec.client.addr
		v.refusals.Count(e, auth.Agent(r))
	}
	if v.traffic == nil {
		return
	}
	v.traffic.requests.Add(1)
	if rec.refusal != "" {
		v.traffic.refused.Add(1)
	}
}
