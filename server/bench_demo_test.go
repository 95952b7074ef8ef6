package server_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/xmlrpc"
)

// BenchmarkSignedDemo calls demo.addTwoNumbers with and without a signature
// through the whole handler, but without a network, whose cost would hide that
// of the signature. The ratio is the throughput of signed calls to that of
// unsigned ones: the median over pairs of short turns, so that the load of the
// machine matters little.
func BenchmarkSignedDemo(b *testing.B) {
	blog := open(b, "", nil)
	user, err := blog.Users.ByLogin(context.Background(), "ada")
	if err != nil {
		b.Fatal(err)
	}
	app, secret, err := blog.Apps.Create(context.Background(), audit.Operator, apps.New{UserID: user.ID, Name: "benchmark"})
	if err != nil {
		b.Fatal(err)
	}
	handler := newServer(b, server.Config{Blog: blog}).Handler()
	body := xmlrpc.AppendCall(nil, "demo.addTwoNumbers", xmlrpc.Int(2), xmlrpc.Int(3))
	signed := authorization(app, secret, body)
	for _, header := range []string{"", signed} {
		demo(b, handler, body, header)
	}
	var ofUnsigned, ofSigned time.Duration
	b.ResetTimer()
	ratios := make([]float64, b.N*demoTurns)
	for i := range ratios {
		unsigned, signed := demo(b, handler, body, ""), demo(b, handler, body, signed)
		ofUnsigned, ofSigned = ofUnsigned+unsigned, ofSigned+signed
		ratios[i] = unsigned.Seconds() / signed.Seconds()
	}
	slices.Sort(ratios)
	calls := float64(len(ratios) * demoCalls)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(calls/ofUnsigned.Seconds(), "unsigned-req/s")
	b.ReportMetric(calls/ofSigned.Seconds(), "signed-req/s")
	b.ReportMetric(ratios[len(ratios)/2], "signed/unsigned")
}

const (
	demoTurns = 8   // of each kind for each b.N
	demoCalls = 200 // in one turn
)

// demo sends the calls of one turn, and returns the time that they took.
func demo(b *testing.B, handler http.Handler, body []byte, header string) time.Duration {
	start := time.Now()
	var all sync.WaitGroup
	for range askers {
		all.Go(func() {
			w := &answer{header: make(http.Header)}
			for range demoCalls / askers {
				r, err := http.NewRequest(http.MethodPost, "http://blog.example/xmlrpc.php", io.NopCloser(bytes.NewReader(body)))
				if err != nil {
					b.Error(err)
					return
				}
				r.RemoteAddr, r.ContentLength = "192.0.2.1:1234", int64(len(body))
				r.Header.Set("Content-Type", "text/xml")
				if header != "" {
					r.Header.Set("Authorization", header)
				}
				w.body.Reset()
				clear(w.header)
				handler.ServeHTTP(w, r)
				if !bytes.Contains(w.body.Bytes(), []byte("<int>5</int>")) {
					b.Errorf("got %.200s", w.body.Bytes())
					return
				}
			}
		})
	}
	all.Wait()
	return time.Since(start)
}

// answer keeps the body of an answer.
type answer struct {
	header http.Header
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(int)             {}
func (a *answer) Write(p []byte) (int, error) { return a.body.Write(p) }
