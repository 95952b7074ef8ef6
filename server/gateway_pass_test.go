package server_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/gateway"
	"github.com/quillgate/quillgate/server"
)

const jetpackQuery = "for=jetpack&token=abc%3A1%3A1&timestamp=1700000000&nonce=n1&body-hash=x%3D&signature=y%2B%3D"

func methodCall(name string) string {
	return `<?xml version="1.0"?><methodCall><methodName>` + name + `</methodName><params></params></methodCall>`
}

func multicall(entries string) string {
	return `<methodCall><methodName>system.multicall</methodName><params><param><value><array><data>` + entries + `</data></array></value></param></params></methodCall>`
}

func nestedCall(name string) string {
	return `<value><struct><member><name>methodName</name><value><string>` + name + `</string></value></member><member><name>params</name><value><array><data></data></array></value></member></struct></value>`
}

// jetpack sends a request as Jetpack's servers do.
func jetpack(query, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "https://blog.example/xmlrpc.php?"+query, strings.NewReader(body))
	r.RequestURI = "/xmlrpc.php?" + query
	r.RemoteAddr = "127.0.0.1:1"
	r.Header.Set("X-Forwarded-Proto", "https")
	r.Header.Set("X-Forwarded-For", "192.0.80.7")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", `X_JETPACK token="abc:1:1"`)
	r.Header.Set("Cookie", "a=b")
	return r
}

func passing(from ...string) func(*server.Config, *gateway.Config) {
	return func(c *server.Config, b *gateway.Config) {
		trusting(c, b)
		b.Jetpack = &gateway.Pass{}
		for _, n := range from {
			b.Jetpack.From = append(b.Jetpack.From, netip.MustParsePrefix(n))
		}
	}
}

// Signed requests of Jetpack pass unchanged if the operator allows it.
func TestGatewayPassesJetpack(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*server.Config, *gateway.Config)
		want   bool
	}{"off": {trusting, false}, "on": {passing(), true}, "from": {passing("192.0.80.0/20"), true}, "from elsewhere": {passing("198.51.100.0/24"), false}} {
		g := openGate(t, databasetest.SQLite(t), tt.change)
		for _, body := range []string{methodCall("jetpack.testConnection"), multicall(nestedCall("jetpack.getUser") + nestedCall("jetpack.a.b"))} {
			before := len(g.wp.Calls())
			w := send(g.Server, jetpack(jetpackQuery, body))
			calls := g.wp.Calls()[before:]
			if !tt.want {
				if len(calls) != 0 {
					t.Errorf("%s: %v reached the WordPress", name, g.wp.Methods())
				}
				continue
			}
			if len(calls) != 1 || calls[0].Host != "blog.example" || calls[0].Query != jetpackQuery || calls[0].Size != int64(len(body)) || w.Code != http.StatusOK {
				t.Fatalf("%s: %d %s, %+v", name, w.Code, w.Body, calls)
			}
			h := calls[0].Header
			if h.Get("Authorization") != `X_JETPACK token="abc:1:1"` || h.Get("Cookie") != "" || h.Get("X-Forwarded-Port") != "443" || h.Get("X-Forwarded-Proto") != "https" ||
				h.Get("Content-Type") != "application/x-www-form-urlencoded" || h.Get("X-Forwarded-For") != "192.0.80.7" {
				t.Errorf("%s: %v", name, h)
			}
		}
	}
}

// Requests that not only Jetpack sends, or that could be read in another way,
// do not pass.
func TestGatewayPassKeepsTheRestOut(t *testing.T) {
	g := openGate(t, databasetest.SQLite(t), passing())
	good := methodCall("jetpack.getUser")
	login := `<params><param><value>1</value></param><param><value>admin</value></param><param><value>app-password</value></param></params>`
	for name, r := range map[string]*http.Request{
		"another method":         jetpack(jetpackQuery, `<methodCall><methodName>wp.getProfile</methodName>`+login+`</methodCall>`),
		"listMethods":            jetpack(jetpackQuery, methodCall("system.listMethods")),
		"a prefix":               jetpack(jetpackQuery, methodCall("jetpackwp.getProfile")),
		"upper case":             jetpack(jetpackQuery, methodCall("JETPACK.getUser")),
		"space before":           jetpack(jetpackQuery, methodCall(" jetpack.getUser")),
		"a line":                 jetpack(jetpackQuery, methodCall("jetpack.getUser\nwp.getProfile")),
		"two names":              jetpack(jetpackQuery, `<methodCall><methodName>jetpack.getUser</methodName><methodName>wp.getProfile</methodName>`+login+`</methodCall>`),
		"a name behind":          jetpack(jetpackQuery, `<methodCall><methodName>jetpack.getUser</methodName>`+login+`<methodName>wp.getProfile</methodName></methodCall>`),
		"two documents":          jetpack(jetpackQuery, good+`<methodCall><methodName>wp.getProfile</methodName></methodCall>`),
		"a name in a value":      jetpack(jetpackQuery, `<methodCall><methodName>jetpack.a</methodName><params><param><value><methodName>wp.getProfile</methodName></value></param></params></methodCall>`),
		"a comment":              jetpack(jetpackQuery, methodCall("jetpack.<!-- -->getUser")),
		"CDATA":                  jetpack(jetpackQuery, methodCall("<![CDATA[jetpack.getUser]]>")),
		"DOCTYPE":                jetpack(jetpackQuery, `<!DOCTYPE a [<!ENTITY b "wp.getProfile">]>`+good),
		"another encoding":       jetpack(jetpackQuery, strings.Replace(good, `"1.0"`, `"1.0" encoding="UTF-7"`, 1)),
		"Latin-1":                jetpack(jetpackQuery, strings.Replace(good, `"1.0"`, `"1.0" encoding="ISO-8859-1"`, 1)),
		"UTF-16":                 jetpack(jetpackQuery, "\xfe\xff\x00<"),
		"nested":                 jetpack(jetpackQuery, multicall(nestedCall("jetpack.getUser")+nestedCall("wp.getProfile"))),
		"nested batch":           jetpack(jetpackQuery, multicall(nestedCall("system.multicall"))),
		"nested without a name":  jetpack(jetpackQuery, multicall(`<value><struct></struct></value>`)),
		"nested with two names":  jetpack(jetpackQuery, multicall(strings.Replace(nestedCall("jetpack.a"), "</struct>", "<member><name>methodName</name><value><string>wp.getProfile</string></value></member></struct>", 1))),
		"nested, trimmed names":  jetpack(jetpackQuery, multicall(strings.Replace(nestedCall("jetpack.a"), "</struct>", "<member><name> methodName </name><value><string>wp.getProfile</string></value></member></struct>", 1))),
		"nested as base64":       jetpack(jetpackQuery, multicall(strings.Replace(nestedCall("x"), "<string>x</string>", "<base64>d3AuZ2V0UHJvZmlsZQ==</base64>", 1))),
		"a batch as a struct":    jetpack(jetpackQuery, `<methodCall><methodName>system.multicall</methodName><params><param><value><struct><member><name>0</name>`+nestedCall("jetpack.a")+`</member></struct></value></param></params></methodCall>`),
		"two batches":            jetpack(jetpackQuery, strings.Replace(multicall(nestedCall("jetpack.a")), "</params>", "<param><value><array><data>"+nestedCall("wp.getProfile")+"</data></array></value></param></params>", 1)),
		"no body":                jetpack(jetpackQuery, ""),
		"for twice":              jetpack(jetpackQuery+"&for=x", good),
		"for first":              jetpack("for=x&"+jetpackQuery, good),
		"for as a list":          jetpack(jetpackQuery+"&for[]=x", good),
		"for encoded":            jetpack(strings.Replace(jetpackQuery, "for=", "f%6Fr=", 1), good),
		"a field that PHP joins": jetpack(jetpackQuery+"&body.hash=x", good),
		"no signature":           jetpack("for=jetpack&token=a&timestamp=1&nonce=1&body-hash=x", good),
		"an empty signature":     jetpack("for=jetpack&token=a&timestamp=1&nonce=1&body-hash=x&signature=", good),
		"only for":               jetpack("for=jetpack", good),
	} {
		if w := send(g.Server, r); len(g.wp.Calls()) != 0 || w.Code == http.StatusOK && faultCode(w.Body.String()) == "" {
			t.Fatalf("%s: %d %s; the WordPress got %v", name, w.Code, w.Body, g.wp.Methods())
		}
	}
	for name, change := range map[string]func(*http.Request){
		"multipart":      func(r *http.Request) { r.Header.Set("Content-Type", "multipart/form-data; boundary=x") },
		"compressed":     func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") },
		"another host":   func(r *http.Request) { r.Host = "other.example" },
		"another path":   func(r *http.Request) { r.RequestURI = "/xmlrpc.php/x?" + jetpackQuery },
		"another method": func(r *http.Request) { r.Method = http.MethodPut },
	} {
		r := jetpack(jetpackQuery, good)
		change(r)
		if send(g.Server, r); len(g.wp.Calls()) != 0 {
			t.Fatalf("%s: the WordPress got %v", name, g.wp.Methods())
		}
	}
}

// Each site can allow these requests, refuse them, or use the gateway's
// setting.
func TestGatewayPassOfSites(t *testing.T) {
	for name, tt := range map[string]struct {
		gateway *gateway.Pass
		site    gateway.Site
		want    bool
	}{
		"nobody says anything":           {nil, gateway.Site{}, false},
		"the gateway":                    {&gateway.Pass{}, gateway.Site{}, true},
		"the gateway, the site none":     {&gateway.Pass{}, gateway.Site{Pass: gateway.PassNone}, false},
		"the site":                       {nil, gateway.Site{Pass: gateway.PassJetpack}, true},
		"networks alone open nothing":    {nil, gateway.Site{PassFrom: "192.0.80.0/20"}, false},
		"the site, from there":           {nil, gateway.Site{Pass: gateway.PassJetpack, PassFrom: "192.0.80.0/20, 192.0.96.0/20"}, true},
		"the site, from elsewhere":       {nil, gateway.Site{Pass: gateway.PassJetpack, PassFrom: "198.51.100.0/24"}, false},
		"the networks of the gateway":    {&gateway.Pass{From: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}}, gateway.Site{Pass: gateway.PassJetpack}, false},
		"other networks than those":      {&gateway.Pass{From: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}}, gateway.Site{PassFrom: "192.0.80.0/20"}, true},
		"the gateway, fewer at the site": {&gateway.Pass{}, gateway.Site{PassFrom: "198.51.100.0/24"}, false},
	} {
		h := openHosting(t, databasetest.SQLite(t), nil, "blog", "other")
		site := tt.site
		site.Host, site.Upstream = "blog.example", h.wp["blog"].URL+"/xmlrpc.php"
		if _, err := h.list.Set(t.Context(), audit.Operator, site); err != nil {
			t.Fatal(err)
		}
		cfg := server.Config{Keys: h.keys}
		trusting(&cfg, nil)
		s, err := server.NewGatewaySites(cfg, h.list, gateway.Config{Jetpack: tt.gateway})
		if err != nil {
			t.Fatal(err)
		}
		send(s, jetpack(jetpackQuery, methodCall("jetpack.testConnection")))
		if got := len(h.wp["blog"].Calls()) == 1; got != tt.want {
			t.Errorf("%s: passed %v, want %v", name, got, tt.want)
		}
		r := jetpack(jetpackQuery, methodCall("jetpack.testConnection"))
		r.Host = "other.example"
		send(s, r)
		if got := len(h.wp["other"].Calls()) == 1; got != (tt.gateway != nil && len(tt.gateway.From) == 0) {
			t.Errorf("%s: passed %v at the other site", name, got)
		}
	}
}
