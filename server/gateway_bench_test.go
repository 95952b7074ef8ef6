package server_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/gateway"
	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/server/servertest"
	"github.com/quillgate/quillgate/xmlrpc"
)

// BenchmarkGatewayThrough sends calls to an upstream that answers at once:
// directly, through a gateway, and through a proxy that reads the body and
// passes it on, in turns, over one connection and over 16. The proxy is
// httputil's with the gateway's transport: no gateway in Go can be faster.
// Client, gateway, proxy and upstream share the machine.
func BenchmarkGatewayThrough(b *testing.B) {
	answer := xmlrpc.AppendResponse(nil, xmlrpc.Struct(xmlrpc.M("post_id", xmlrpc.String("1")), xmlrpc.M("post_status", xmlrpc.String("publish"))))
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/xml; charset=UTF-8")
		w.Write(answer)
	}))
	defer upstream.Close()
	keys := servertest.OpenKeys(b, "", server.KeysConfig{})
	endpoint, err := url.Parse(upstream.URL + "/xmlrpc.php")
	if err != nil {
		b.Fatal(err)
	}
	base := &url.URL{Scheme: "http", Host: "blog.example"}
	s, err := server.NewGateway(server.Config{Keys: keys, BaseURL: base.String()},
		gateway.Config{Endpoint: endpoint, Host: "blog.example", BaseURL: base, Transport: gateway.NewTransport("")})
	if err != nil {
		b.Fatal(err)
	}
	user, err := gateway.UserOf(context.Background(), keys.Users, audit.Operator, gateway.Profile{Login: "admin", Role: auth.Administrator})
	if err == nil {
		err = keys.Apps.SetUpstream(context.Background(), audit.Operator, user.ID, apps.Upstream{Login: "admin", Secret: apps.NewSecret("app-password")})
	}
	if err != nil {
		b.Fatal(err)
	}
	app, secret := servertest.Key(b, keys, apps.New{UserID: user.ID, Name: "a client"})
	front := httptest.NewServer(s.Handler())
	defer front.Close()

	passes := &httputil.ReverseProxy{Transport: gateway.NewTransport(""), Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host = endpoint.Scheme, endpoint.Host
	}}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			b.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		passes.ServeHTTP(w, r)
	}))
	defer proxy.Close()

	call := func(client *http.Client, to string) (time.Duration, error) {
		body := xmlrpc.AppendCall(nil, "wp.getPost", args(xmlrpc.Int(1))...)
		r, err := http.NewRequest(http.MethodPost, to+"/xmlrpc.php", bytes.NewReader(body))
		if err != nil {
			return 0, err
		}
		r.Host = "blog.example"
		sign(r, app.Public, secret.Reveal())
		began := time.Now()
		resp, err := client.Do(r)
		if err != nil {
			return 0, err
		}
		defer resp.Body.Close()
		got, err := io.ReadAll(resp.Body)
		if err == nil && !bytes.Contains(got, []byte("publish")) {
			err = fmt.Errorf("%s: %s", resp.Status, got)
		}
		return time.Since(began), err
	}
	for _, conns := range []int{1, 16} {
		b.Run(fmt.Sprint(conns), func(b *testing.B) {
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: conns}}
			defer client.CloseIdleConnections()
			const each = 100 // calls of each connection in a turn
			round := func(to string) (took []time.Duration, whole time.Duration) {
				var mu sync.Mutex
				var group sync.WaitGroup
				began := time.Now()
				for range conns {
					group.Go(func() {
						mine := make([]time.Duration, 0, each)
						for range each {
							d, err := call(client, to)
							if err != nil {
								b.Error(err)
								return
							}
							mine = append(mine, d)
						}
						mu.Lock()
						took = append(took, mine...)
						mu.Unlock()
					})
				}
				group.Wait()
				return took, time.Since(began)
			}
			var direct, passed, through []time.Duration
			var directly, passing, gate time.Duration
			for b.Loop() {
				took, whole := round(upstream.URL)
				direct, directly = append(direct, took...), directly+whole
				took, whole = round(proxy.URL)
				passed, passing = append(passed, took...), passing+whole
				took, whole = round(front.URL)
				through, gate = append(through, took...), gate+whole
			}
			median := func(list []time.Duration) float64 {
				slices.Sort(list)
				return float64(list[len(list)/2].Microseconds())
			}
			b.ReportMetric(median(direct), "µs-direct")
			b.ReportMetric(median(passed), "µs-proxy")
			b.ReportMetric(median(through), "µs-gateway")
			b.ReportMetric(float64(len(through))/gate.Seconds(), "calls/s")
			b.ReportMetric(float64(directly)/float64(gate), "of-direct")
			b.ReportMetric(float64(passing)/float64(gate), "of-proxy")
		})
	}
}
