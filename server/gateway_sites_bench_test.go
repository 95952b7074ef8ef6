package server_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/gateway"
	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/upstream/upstreamtest"
	"github.com/quillgate/quillgate/xmlrpc"
)

// Signed calls through a gateway with one site, and with a thousand that are
// called in turn: the benchmark reports the medians, and the memory of the
// thousand before the first request and after all had one.
func BenchmarkGatewaySites(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			ctx := context.Background()
			keys, err := server.OpenKeys(ctx, server.KeysConfig{Folder: filepath.Join(b.TempDir(), "data")})
			if err != nil {
				b.Fatal(err)
			}
			defer keys.Close()
			wp := upstreamtest.New()
			web := httptest.NewServer(wp)
			defer web.Close()
			list := gateway.NewSites(keys.DB, keys.Apps, keys.Users, nil)
			requests := make([]func() *http.Request, n)
			for i := range n {
				host := fmt.Sprintf("blog%d.example", i)
				site, err := list.Add(ctx, audit.Operator, gateway.Site{Host: host, Upstream: web.URL + "/xmlrpc.php"})
				if err != nil {
					b.Fatal(err)
				}
				of := keys.Of(site.ID)
				user, err := gateway.UserOf(ctx, of.Users, audit.Operator, gateway.Profile{Login: "admin", Role: auth.Administrator})
				if err == nil {
					err = of.Apps.SetUpstream(ctx, audit.Operator, user.ID, apps.Upstream{Login: "admin", Secret: apps.NewSecret("app-password")})
				}
				if err != nil {
					b.Fatal(err)
				}
				app, secret, err := of.Apps.Create(ctx, audit.Operator, apps.New{UserID: user.ID, Name: "a program"})
				if err != nil {
					b.Fatal(err)
				}
				requests[i] = func() *http.Request {
					r := post("wp.getPost", args(xmlrpc.Int(1))...)
					r.Host = host
					sign(r, app.Public, secret.Reveal())
					return r
				}
			}
			s, err := server.NewGatewaySites(server.Config{Keys: keys}, list, gateway.Config{})
			if err != nil {
				b.Fatal(err)
			}
			idle := heap()
			ask := func(i int) time.Duration {
				r := requests[i%n]()
				began := time.Now()
				w := send(s, r)
				if !strings.Contains(w.Body.String(), "publish") {
					b.Fatal(w.Code, w.Body)
				}
				return time.Since(began)
			}
			for i := range n {
				ask(i) // the first request of a site creates what serves it
			}
			b.ResetTimer()
			var took []time.Duration
			for i := 0; b.Loop(); i++ {
				took = append(took, ask(i))
			}
			b.StopTimer()
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "µs-median")
			b.ReportMetric(float64(idle)/(1<<20), "MiB-idle")
			b.ReportMetric(float64(heap())/(1<<20), "MiB-asked")
		})
	}
}

// heap returns the memory in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}
