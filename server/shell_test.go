package server_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/profiles"
	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/server/servertest"
	"github.com/quillgate/quillgate/xmlrpc"
)

// A server without a blog is the shell over users and keys, with an endpoint,
// account pages and a background task of its own entrance. Credentials are
// verified, health checks answered, and there are no settings of a blog.
func TestShellWithoutABlog(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, url string) {
		keys := servertest.OpenKeys(t, url, server.KeysConfig{})
		first, err := keys.FirstAdministrator(t.Context())
		if err != nil || first == "" {
			t.Fatalf("the first administrator: %q, %v", first, err)
		}
		ran := make(chan struct{})
		s, err := server.NewShell(server.Config{Keys: keys, BaseURL: "http://gate.example"}, whoami(ran))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct{ path, want string }{
			{"/healthz", "200 ok"}, {"/readyz", "200 ready"}, {"/signin", "200 "}, {"/", "404 "}, {"/profile", "303 "},
		} {
			w := send(s, httptest.NewRequestWithContext(t.Context(), http.MethodGet, c.path, nil))
			if got := w.Result().Status[:4] + strings.TrimSpace(w.Body.String()); !strings.HasPrefix(got, c.want) {
				t.Errorf("%s: %.80s, want %s", c.path, got, c.want)
			}
		}
		for login, want := range map[string]string{"admin": "admin", "nobody": "403"} {
			w := send(s, post("gate.whoami", xmlrpc.String(login), xmlrpc.String(first)))
			if !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s: %s, want %s", login, w.Body, want)
			}
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- s.Run(ctx, server.Listeners{Plain: listen(t)}) }()
		<-ran
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// whoami is an entrance with one method, which returns the name of the caller.
func whoami(ran chan<- struct{}) server.Opener {
	return func(s *server.Server) (server.Entrance, error) {
		calls, err := s.Endpoint(server.Calls{Methods: []xmlrpc.Method[*auth.Request]{{
			Name: "gate.whoami",
			Func: func(ctx context.Context, c *xmlrpc.Call[*auth.Request]) (xmlrpc.Value, error) {
				who, err := c.Identity.Login(ctx, c.Param(0).Text(), c.Param(1).Text())
				if err != nil {
					return xmlrpc.Value{}, &xmlrpc.Fault{Code: 403, Message: "No."}
				}
				return xmlrpc.String(who.User.Login), nil
			},
		}}})
		if err != nil {
			return server.Entrance{}, err
		}
		_, account, err := s.Profiles(server.Pages{Surroundings: func(context.Context) (profiles.Surroundings, error) {
			return profiles.Surroundings{Title: "The gate", Zone: time.UTC}, nil
		}})
		return server.Entrance{
			Routes: append(account, server.Route{Name: "xmlrpc", Path: "/xmlrpc.php", Handler: calls}),
			Run:    []func(context.Context){func(ctx context.Context) { close(ran); <-ctx.Done() }},
		}, err
	}
}
