package gateway_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/gateway"
)

func TestParseSites(t *testing.T) {
	got, err := gateway.ParseSites(`# two blogs
[blog.example]
upstream = http://127.0.0.1:8081/xmlrpc.php

["Two.Example"]
upstream = "https://10.0.0.2/two/xmlrpc.php"
base-url = https://two.example/two
upstream-host = two.example
password-mode = refuse
allow-method = ngg.getImages=1 wpStats.get_posts=none
pass = jetpack
pass-from = 192.0.80.0/20, 192.0.96.0/20
`)
	want := []gateway.Site{
		{Host: "blog.example", Upstream: "http://127.0.0.1:8081/xmlrpc.php"},
		{
			Host: "two.example", Upstream: "https://10.0.0.2/two/xmlrpc.php", BaseURL: "https://two.example/two", UpstreamHost: "two.example",
			PasswordMode: "refuse", AllowMethods: "ngg.getImages=1 wpStats.get_posts=none", Pass: "jetpack", PassFrom: "192.0.80.0/20, 192.0.96.0/20",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

// All that is wrong is said at once, each with its line.
func TestParseSitesSaysWhere(t *testing.T) {
	_, err := gateway.ParseSites(`upstream = http://127.0.0.1/xmlrpc.php
[blog.example]
upstreams = http://127.0.0.1/xmlrpc.php
[two.example
upstream = http://127.0.0.1/xmlrpc.php
[http://three.example]
upstream = http://127.0.0.1/xmlrpc.php
upstream = http://127.0.0.2/xmlrpc.php
nonsense
[BLOG.example]
upstream = http://127.0.0.1/xmlrpc.php
password-mode = never
`)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"line 1: the setting stands before", "line 2: blog.example: upstream", "line 3: there is no setting upstreams",
		"line 4: a site begins", "line 6: host:", "line 8: upstream is there already, in line 7", "line 9: a setting is", "line 10: the site blog.example is there already, in line 2",
		"line 10: blog.example: password-mode",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not said: %v", want, err)
		}
	}
}

func FuzzParseSites(f *testing.F) {
	f.Add("[blog.example]\nupstream = http://127.0.0.1/xmlrpc.php\n")
	f.Add("[a]\nb\n[a]\nallow-method = x=1 =\n\"")
	f.Fuzz(func(t *testing.T, text string) {
		sites, err := gateway.ParseSites(text)
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, s := range sites {
			if host, err := gateway.CleanHost(s.Host); err != nil || host != s.Host || seen[host] {
				t.Errorf("%q: host %q: %v", text, s.Host, err)
			}
			seen[s.Host] = true
			if _, err := s.Config(gateway.Config{}); err != nil {
				t.Errorf("%q: %v", text, err)
			}
		}
	})
}

// Twice the sites take twice the time.
func BenchmarkParseSites(b *testing.B) {
	for _, n := range []int{1000, 2000} {
		var text strings.Builder
		for i := range n {
			text.WriteString("[blog" + strings.Repeat("x", i%7) + "-" + string(rune('a'+i%26)) + strings.Repeat("y", i/26%40) + ".example]\nupstream = http://127.0.0.1:8081/xmlrpc.php\n")
		}
		b.Run(map[int]string{1000: "1000", 2000: "2000"}[n], func(b *testing.B) {
			b.SetBytes(int64(text.Len()))
			for b.Loop() {
				_, _ = gateway.ParseSites(text.String())
			}
		})
	}
}
