package xmlrpc_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/xmlrpc"
)

// carrying is a check that only knows whether there is a credential.
type carrying bool

func (carrying) Write(p []byte) (int, error)           { return len(p), nil }
func (carrying) Identify(context.Context) (who, error) { return "an unknown issuer", nil }
func (c carrying) Presented() bool                     { return bool(c) }
func carries(r *http.Request) (xmlrpc.Check[who], error) {
	return carrying(r.Header.Get("Authorization") != ""), nil
}

// H19: sending fast at first does not allow a long pause later, whoever the
// sender is.
func TestH19SilenceEndsABody(t *testing.T) {
	for _, credential := range []string{"", "Authorization: x\r\n"} {
		s := serve(t, config{BodyGrace: 100 * time.Millisecond, BodyRate: 1 << 10, SpoolAbove: 1000, Authenticate: carries})
		began := time.Now()
		got := talk(t, s.Listener.Addr(), false, "POST / HTTP/1.1\r\nHost: x\r\n"+credential+"Content-Length: 2000000\r\n\r\n"+strings.Repeat(" ", 1_000_000))
		// At a KiB a second, a million bytes would have allowed a
		// quarter of an hour.
		if took := time.Since(began); !strings.HasPrefix(got, "HTTP/1.1 408 ") || took > time.Minute {
			t.Errorf("with %q: answered %q after %v, want 408 soon", credential, got, took)
		}
	}
}

// H19: a network can use its share of the spool and no more, and less without a
// credential. Others are not affected, and IPv6 addresses are counted by /64.
func TestH19SpoolShares(t *testing.T) {
	for _, test := range []struct {
		name, holder, other string
		credential          bool
		refused             bool
	}{
		{"the same address", "192.0.2.1", "192.0.2.1", false, true},
		{"the same address, with a credential", "192.0.2.1", "192.0.2.1", true, false},
		{"another address", "192.0.2.1", "192.0.2.2", false, false},
		{"the same /64", "2001:db8::1", "2001:db8::2", false, true},
		{"another /64", "2001:db8::1", "2001:db8:0:1::1", false, false},
		{"an exempt address", "10.0.0.1", "10.0.0.1", false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, config{
				SpoolAbove: 1000, MaxBody: 64 << 10, SpoolTotal: 1 << 20, Authenticate: carries,
				Client: func(r *http.Request) (netip.Addr, bool) {
					from := netip.MustParseAddr(r.Header.Get("From"))
					return from, from != netip.MustParseAddr("10.0.0.1")
				},
			})
			hold, err := net.Dial("tcp", s.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer hold.Close()
			fmt.Fprintf(hold, "POST / HTTP/1.1\r\nHost: x\r\nFrom: %s\r\nContent-Length: 65000\r\n\r\n%s", test.holder, strings.Repeat(" ", 60_000))
			// A request that came earlier would take the share
			// itself, and the holder would be refused.
			spool := s.Config.Handler.(interface{ Spooled() int64 })
			for end := time.Now().Add(time.Minute); spool.Spooled() < 32<<10; time.Sleep(time.Millisecond) {
				if time.Now().After(end) {
					t.Fatal("the holder was not read")
				}
			}
			status := func() int {
				call := string(xmlrpc.AppendCall(nil, "demo.sayHello"))
				req, err := http.NewRequest(http.MethodPost, s.URL, strings.NewReader(call+strings.Repeat(" ", 60_000)))
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("From", test.other)
				if test.credential {
					req.Header.Set("Authorization", "x")
				}
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				io.Copy(io.Discard, resp.Body)
				return resp.StatusCode
			}
			got := status()
			if (got == http.StatusServiceUnavailable) != test.refused {
				t.Errorf("while %s holds its share, %s gets %d; refused: want %v", test.holder, test.other, got, test.refused)
			}
			if !test.refused {
				return
			}
			hold.Close()
			for end := time.Now().Add(time.Minute); got != http.StatusOK && time.Now().Before(end); {
				got = status()
			}
			if got != http.StatusOK {
				t.Errorf("after the holder has gone: %d", got)
			}
		})
	}
}
