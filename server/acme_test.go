package server_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	weak "math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/server/servertest"
)

// acme is a running Pebble, the test server of Let's Encrypt. It resolves every
// name to 127.0.0.1.
type acme struct {
	directory string
	api       *x509.CertPool // roots for its own address
	issued    *x509.CertPool // roots for the certificates that it issues
	log       *servertest.Log
}

// pebble is the program that tools/go.mod names. It is built once.
var pebble struct {
	sync.Once
	folder, path string
	err          error
}

func buildPebble() (string, error) {
	pebble.Do(func() {
		if pebble.folder, pebble.err = os.MkdirTemp("", "quillgate-pebble-"); pebble.err != nil {
			return
		}
		pebble.path = filepath.Join(pebble.folder, "pebble")
		cmd := exec.Command("go", "build", "-modfile=../tools/go.mod", "-o", pebble.path, "github.com/letsencrypt/pebble/v2/cmd/pebble")
		// It is built like the rest, except for the race detector,
		// which this test may run under: half of its packages have been
		// compiled already.
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			pebble.err = fmt.Errorf("build pebble: %w\n%s", err, out)
		}
	})
	return pebble.path, pebble.err
}

func TestMain(m *testing.M) {
	code := m.Run()
	if pebble.folder != "" {
		os.RemoveAll(pebble.folder)
	}
	os.Exit(code)
}

// startACME starts Pebble. It sends challenges to the two ports, and its
// certificates are valid for the given time.
func startACME(t *testing.T, httpPort, tlsPort int, lifetime time.Duration) *acme {
	t.Helper()
	program, err := buildPebble()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	certFile, keyFile := writeCertificate(t, folder, "localhost")
	address, management := freeAddress(t), freeAddress(t)
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": address, "managementListenAddress": management, "certificate": certFile, "privateKey": keyFile,
		"httpPort": httpPort, "tlsPort": tlsPort, "retryAfter": map[string]int{"authz": 1, "order": 1}, "keyAlgorithm": "ecdsa",
		"profiles": map[string]any{"default": map[string]any{"description": "one for all", "validityPeriod": int(lifetime.Seconds())}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	configFile := filepath.Join(folder, "pebble.json")
	if err := os.WriteFile(configFile, config, 0o600); err != nil {
		t.Fatal(err)
	}
	a := &acme{directory: "https://" + address + "/dir", log: &servertest.Log{}, api: x509.NewCertPool(), issued: x509.NewCertPool()}
	cmd := exec.Command(program, "-strict", "-config", configFile, "-dnsserver", startDNS(t))
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1")
	cmd.Stdout, cmd.Stderr = a.log, a.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("pebble:\n%s", a.log)
		}
	})
	chain, err := os.ReadFile(certFile)
	if err != nil {
		t.Fatal(err)
	}
	a.api.AppendCertsFromPEM(chain)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: a.api}}}
	defer client.CloseIdleConnections()
	eventually(t, "pebble answers", func() bool {
		resp, err := client.Get("https://" + management + "/roots/0")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		root, err := io.ReadAll(resp.Body)
		return err == nil && a.issued.AppendCertsFromPEM(root)
	})
	return a
}

// orders returns the number of certificates that were issued.
func (a *acme) orders() int { return strings.Count(a.log.String(), "Issued certificate serial") }

// startDNS starts a name server that answers every name with 127.0.0.1, and
// returns its address.
func startDNS(t *testing.T) string {
	t.Helper()
	socket := listen(t) // Pebble asks over TCP
	srv := &dns.Server{Listener: socket, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		for _, question := range q.Question {
			if question.Qtype == dns.TypeA {
				m.Answer = append(m.Answer, &dns.A{Hdr: dns.RR_Header{Name: question.Name, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.IPv4(127, 0, 0, 1)})
			}
		}
		w.WriteMsg(m)
	})}
	ended := make(chan error, 1)
	go func() { ended <- srv.ActivateAndServe() }()
	t.Cleanup(func() {
		socket.Close()
		<-ended
	})
	return socket.Addr().String()
}

// freeAddress returns a loopback address on which nothing listens. The system
// does not assign its port to others: Linux assigns ports from 32768 on.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", 20000+weak.IntN(12000))
		if l, err := net.Listen("tcp", address); err == nil {
			l.Close()
			return address
		}
	}
	t.Fatal("there is no free port")
	return ""
}

func port(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }

// writeCertificate creates a self-signed certificate for a name and 127.0.0.1,
// and returns the files with the certificate and its key.
func writeCertificate(t *testing.T, folder, name string) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(folder, "chain.pem"), filepath.Join(folder, "key.pem")
	for _, f := range []struct {
		path, kind string
		der        []byte
	}{{certFile, "CERTIFICATE", der}, {keyFile, "PRIVATE KEY", private}} {
		// Replace the files at once, as programs that renew
		// certificates do.
		if err := os.WriteFile(f.path+".new", pem.EncodeToMemory(&pem.Block{Type: f.kind, Bytes: f.der}), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(f.path+".new", f.path); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}

// eventually waits until the condition holds, for at most a minute.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for range 600 {
		if is() {
			return
		}
		<-tick.C
	}
	t.Fatalf("after a minute it is not so that %s", what)
}

// run serves until the returned function is called.
func run(t *testing.T, s *server.Server, on server.Listeners) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, on) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// served returns the certificate at an address, or nil if the roots do not
// verify it.
func served(address, name string, roots *x509.CertPool) *x509.Certificate {
	c, err := tls.Dial("tcp", address, &tls.Config{RootCAs: roots, ServerName: name})
	if err != nil {
		return nil
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0]
}

var onLoopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// Two servers share a database and one certificate, which they got by a
// challenge over HTTP. A server that starts later takes it from the database,
// where its key is sealed.
func TestH6CertificateIsFetchedOnceHTTP(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, url string) {
		if !strings.HasPrefix(url, "postgres") {
			url = ""
		}
		blog := open(t, url, nil)
		plain := []net.Listener{listen(t), listen(t), listen(t)}
		ca := startACME(t, port(plain[0]), portNobodyHas(t), 90*24*time.Hour)
		var log servertest.Log
		start := func(plain net.Listener) (address string, stop func()) {
			secure := listen(t)
			s := newServer(t, server.Config{
				Blog: blog, Logger: servertest.Logger(&log), ThrottleExempt: onLoopback,
				TLS: &server.TLS{Domains: []string{"blog.example"}, Directory: ca.directory, Email: "op@blog.example", Roots: ca.api},
			})
			return secure.Addr().String(), run(t, s, server.Listeners{Plain: plain, Secure: secure})
		}
		defer func() {
			if t.Failed() {
				t.Logf("log:\n%s", &log)
			}
		}()
		got := func(address string) (c *x509.Certificate) {
			eventually(t, "it serves a certificate", func() bool { c = served(address, "blog.example", ca.issued); return c != nil })
			return c
		}
		first, stopFirst := start(plain[0])
		one := got(first)
		second, stopSecond := start(plain[1])
		if two := got(second); one.SerialNumber.Cmp(two.SerialNumber) != 0 || ca.orders() != 1 {
			t.Errorf("two servers have got %d certificates", ca.orders())
		}
		stopFirst()
		stopSecond()
		third, _ := start(plain[2])
		if again := got(third); again.SerialNumber.Cmp(one.SerialNumber) != 0 || ca.orders() != 1 {
			t.Errorf("a restart has fetched again: %d certificates", ca.orders())
		}
		if served(third, "other.example", ca.issued) != nil {
			t.Error("it serves a name that was not given")
		}
		checkVersions(t, third, ca.issued)
		var sealed [][]byte
		if err := blog.DB.Select(t.Context(), &sealed, `SELECT sealed FROM certificates`); err != nil || len(sealed) == 0 {
			t.Fatalf("the database holds %d values, %v", len(sealed), err)
		}
		for _, value := range sealed {
			if bytes.Contains(value, []byte("PRIVATE KEY")) || bytes.Contains(value, []byte("blog.example")) {
				t.Error("a value lies open in the database")
			}
		}
		if strings.Contains(log.String(), "PRIVATE") || !strings.Contains(log.String(), "certificate obtained") {
			t.Errorf("the log:\n%s", &log)
		}
	})
}

// portNobodyHas returns a port on which no challenge finds a server.
func portNobodyHas(t *testing.T) int {
	t.Helper()
	_, p, err := net.SplitHostPort(freeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(p)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// checkVersions checks that the server negotiates TLS 1.3 with clients that
// can, otherwise 1.2, and nothing below.
func checkVersions(t *testing.T, address string, roots *x509.CertPool) {
	t.Helper()
	for _, tt := range []struct{ most, want uint16 }{{0, tls.VersionTLS13}, {tls.VersionTLS12, tls.VersionTLS12}, {tls.VersionTLS11, 0}, {tls.VersionTLS10, 0}} {
		var got uint16
		c, err := tls.Dial("tcp", address, &tls.Config{RootCAs: roots, ServerName: "blog.example", MinVersion: tls.VersionTLS10, MaxVersion: tt.most})
		if err == nil {
			got = c.ConnectionState().Version
			c.Close()
		}
		if got != tt.want {
			t.Errorf("a client of version %x at most gets %x, want %x", tt.most, got, tt.want)
		}
	}
}

// A certificate that is valid for minutes is renewed long before it expires, by
// challenges over TLS only, without a failed handshake.
func TestH6CertificateIsRenewedTLSALPN(t *testing.T) {
	secure := listen(t)
	ca := startACME(t, portNobodyHas(t), port(secure), 4*time.Minute)
	config := &server.TLS{Domains: []string{"blog.example"}, Directory: ca.directory, Roots: ca.api}
	config.RenewEarly(0.96, 500*time.Millisecond)
	run(t, newServer(t, server.Config{Blog: open(t, "", nil), TLS: config, ThrottleExempt: onLoopback}), server.Listeners{Secure: secure})
	var first *x509.Certificate
	eventually(t, "it serves a certificate", func() bool {
		first = served(secure.Addr().String(), "blog.example", ca.issued)
		return first != nil
	})
	eventually(t, "it serves another", func() bool {
		now := served(secure.Addr().String(), "blog.example", ca.issued)
		if now == nil {
			t.Fatal("between the two no certificate was served")
		}
		return now.SerialNumber.Cmp(first.SerialNumber) != 0
	})
}
