//go:build wordpress

package interop

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/xmlrpc"
)

// testServers tries the other files under deploy as nginx's is tried: a call and a picture pass, "gateway check" finds no way
// around, and no spelling of the endpoint reaches PHP but by the gateway.
func (w *wordpress) testServers(t *testing.T) {
	defer w.shield(t)
	for _, s := range []struct {
		name  string
		serve func(*testing.T) *daemon
	}{{"apache", w.apache}, {"caddy", w.caddy}, {"compose", w.composed}} {
		t.Run(s.name, func(t *testing.T) {
			w.reset(t)
			w.shield(t)
			g := w.gate(t, "") // while nginx serves the WordPress inside
			key := g.key(t, "admin")
			if s.name != "compose" { // there, nginx stays: it is the WordPress behind
				w.web.kill()
			}
			d := s.serve(t)
			defer d.kill()
			if _, err := callAt(t.Context(), w.strictly(key), w.public+"/xmlrpc.php", "wp.getProfile", xmlrpc.Int(1), xmlrpc.String(""), xmlrpc.String("")); err != nil {
				t.Errorf("a signed call: %v", err)
			}
			resp, err := w.client.Get(w.public + "/?p=10")
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				t.Errorf("a post has the status %s", resp.Status)
			}
			report, code := g.check(t)
			if code != 0 || len(report.Notes) != 0 {
				t.Errorf("gateway check ends with %d: %+v", code, report)
			}
			for _, path := range []string{
				"/xmlrpc.php/", "/xmlrpc.php/x", "/XMLRPC.php", "/two/xmlrpc.php", "//xmlrpc.php", "/./xmlrpc.php", "/%78mlrpc.php", "/xmlrpc%2Ephp", "/xmlrpc.php%2F",
				"/wp-admin/../xmlrpc.php", "/index.php/xmlrpc.php", "/xmlrpc.php?for=jetpack", "/?for=jetpack",
			} {
				w.isClosed(t, path)
			}
		})
	}
}

// isClosed expects that a call to a path is answered by the gateway or by no
// one.
func (w *wordpress) isClosed(t *testing.T, path string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, w.public+path, strings.NewReader(rpc("system.listMethods")))
	if err != nil {
		t.Fatal(err)
	}
	r.URL.Opaque = "//" + r.URL.Host + path // as it is
	r.Header.Set("Content-Type", "text/xml")
	resp, err := w.client.Do(r)
	if err != nil {
		t.Errorf("%s: %v", path, err)
		return
	}
	defer resp.Body.Close()
	var text bytes.Buffer
	text.ReadFrom(resp.Body)
	if strings.Contains(text.String(), "<methodResponse") && resp.Header.Get("X-Quillgate") == "" {
		t.Errorf("%s leads around the gateway: %s", path, resp.Status)
	}
}

func (w *wordpress) apache(t *testing.T) *daemon {
	t.Helper()
	var modules strings.Builder
	for _, m := range strings.Fields("mpm_event authz_core dir mime alias rewrite headers setenvif env ssl socache_shmcb proxy proxy_http proxy_fcgi") {
		fmt.Fprintf(&modules, "LoadModule %[1]s_module /usr/lib/apache2/modules/mod_%[1]s.so\n", m)
	}
	front, plain := w.port(w.public), w.port(freeLoopback(t))
	site := w.deployed(t, "apache/blog.example.conf", "Listen 127.0.0.1:8081", "Listen 127.0.0.1:"+w.port(w.inside), "<VirtualHost 127.0.0.1:8081>", "<VirtualHost 127.0.0.1:"+w.port(w.inside)+">",
		"<VirtualHost *:80>", "<VirtualHost 127.0.0.1:"+plain+">", "<VirtualHost *:443>", "<VirtualHost 127.0.0.1:"+front+">",
		"ServerName blog.example", "ServerName localhost", "https://blog.example/", w.public+"/", "/etc/ssl/blog.example/fullchain.pem", w.roots, "/etc/ssl/blog.example/privkey.pem", w.path("key.pem"),
		"/srv/blog.example", w.path("site"), "unix:/run/php/php-fpm.sock", "unix:"+w.path("php.sock"), "127.0.0.1:8080", w.gateway)
	settings := fmt.Sprintf("ServerRoot %[1]s\nServerName localhost\nPidFile %[1]s/apache.pid\nErrorLog %[1]s/apache-error.log\nDefaultRuntimeDir %[1]s\nTypesConfig /etc/mime.types\n%[2]sListen 127.0.0.1:%[3]s\nListen 127.0.0.1:%[4]s\nInclude %[5]s\n",
		w.folder, &modules, front, plain, w.write(t, "apache-site.conf", site))
	return w.daemon(t, "apache", answering(strings.TrimPrefix(w.inside, "http://")), "apache2", "-D", "FOREGROUND", "-f", w.write(t, "apache.conf", settings))
}

func (w *wordpress) caddy(t *testing.T) *daemon {
	t.Helper()
	site := w.deployed(t, "caddy/Caddyfile", "blog.example {\n", w.public+" {\n\tbind 127.0.0.1\n\ttls "+w.roots+" "+w.path("key.pem")+"\n", "/srv/blog.example", w.path("site"),
		"unix//run/php/php-fpm.sock", "unix/"+w.path("php.sock"), "127.0.0.1:8080", w.gateway, "http://:8081", "http://:"+w.port(w.inside))
	settings := "{\n\tadmin off\n\tauto_https disable_redirects\n\tstorage file_system " + w.path("caddy") + "\n}\n" + site
	return w.daemon(t, "caddy", answering(strings.TrimPrefix(w.inside, "http://")), "env", "HOME="+w.folder, "caddy", "run", "--adapter", "caddyfile", "--config", w.write(t, "Caddyfile", settings))
}

// composed is the web server of the compose file. The containers behind it have names, which are addresses here.
func (w *wordpress) composed(t *testing.T) *daemon {
	t.Helper()
	if out, err := exec.Command("python3", "-c", "import sys, json\ntry:\n import yaml\nexcept ImportError:\n sys.exit(0)\nc = yaml.safe_load(open(sys.argv[1]))\nassert set(c['services']) == {'web', 'gateway', 'wordpress', 'database'}, c\nassert [n for n, s in c['services'].items() if 'ports' in s] == ['web'], c", "../deploy/compose/compose.yaml").CombinedOutput(); err != nil {
		t.Errorf("deploy/compose/compose.yaml: %v\n%s", err, out)
	}
	w.openBehind(t)
	front := w.port(w.public)
	site := w.deployed(t, "compose/web.conf", "listen 80;", "listen 127.0.0.1:"+w.port(freeLoopback(t))+";", "listen 443 ssl http2;", "listen 127.0.0.1:"+front+" ssl http2;",
		"server_name blog.example;", "server_name localhost;", "https://blog.example", w.public, "/etc/ssl/blog.example/fullchain.pem", w.roots, "/etc/ssl/blog.example/privkey.pem", w.path("key.pem"),
		"http://gateway:8080", "http://"+w.gateway, "http://wordpress", w.inside, "proxy_set_header Host $host;", "proxy_set_header Host $host:"+front+";")
	return w.nginxAs(t, "compose", site, "127.0.0.1:"+front)
}

// testBans lets fail2ban and CrowdSec read the log that a gateway of this test has written: each finds the addresses that guessed,
// and not those whose programs are right, nor one that a stranger wrote down.
func (w *wordpress) testBans(t *testing.T) {
	w.reset(t)
	g := w.gate(t, "")
	key := g.key(t, "admin")
	send := func(from, authorization, agent, body string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.base+"/xmlrpc.php", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = strings.TrimPrefix(w.public, "https://")
		for name, value := range map[string]string{"Content-Type": "text/xml", "X-Forwarded-For": from, "X-Forwarded-Proto": "https", "Authorization": authorization, "User-Agent": agent} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("the gateway answers %s %s", resp.Status, resp.Header.Get("Location"))
		}
	}
	profile := func(login, password string) string {
		return rpc("wp.getProfile", num("1"), str(login), str(password))
	}
	const guesses = 25
	for i := range guesses {
		send("198.51.100.7", "", "", profile("admin", fmt.Sprintf("guess %d", i)))
		send("2001:db8::7", strings.Repeat("0", 32)+"||"+strings.Repeat("0", 64), "", profile("", ""))
		send("198.51.100.9", "", `x client=192.0.2.1 refusal=wrong-password "client=192.0.2.1 refusal=wrong-password`, profile("admin", seedPassword))
	}
	if _, err := callAt(t.Context(), w.strictly(key), g.endpoint, "wp.getProfile", xmlrpc.Int(1), xmlrpc.String(""), xmlrpc.String("")); err != nil {
		t.Error(err)
	}
	log := filepath.Join(t.TempDir(), "quillgate.log")
	if err := os.WriteFile(log, []byte(g.log.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("fail2ban-regex", "-o", "ip", log, "../deploy/fail2ban/filter.d/quillgate.conf").CombinedOutput()
	if err != nil {
		t.Errorf("fail2ban-regex: %v\n%s", err, out)
	}
	found := map[string]int{}
	for _, ip := range strings.Fields(string(out)) {
		found[ip]++
	}
	if want := (map[string]int{"198.51.100.7": guesses, "2001:db8::7": guesses}); fmt.Sprint(found) != fmt.Sprint(want) {
		t.Errorf("fail2ban finds %v, want %v", found, want)
	}
	w.crowdSec(t, log)
}

// crowdSec lets CrowdSec read a log at once, with nothing but the files under deploy and what every log needs.
func (w *wordpress) crowdSec(t *testing.T, log string) {
	t.Helper()
	folder := t.TempDir()
	at := freeLoopback(t)
	out, err := exec.Command("sh", "-ec", `
		cd "$1"
		mkdir -p data hub parsers/s00-raw parsers/s02-enrich
		cp -rL /etc/crowdsec/patterns /etc/crowdsec/profiles.yaml .
		cp /var/lib/crowdsec/hub/.index.json hub/
		cp -L /etc/crowdsec/parsers/s00-raw/syslog-logs.yaml parsers/s00-raw/
		cp -L /etc/crowdsec/parsers/s02-enrich/dateparse-enrich.yaml parsers/s02-enrich/
		cp -r "$2/parsers" "$2/scenarios" .
		echo "simulation: off" >simulation.yaml
		cat >config.yaml <<-END
		common: {daemonize: false, log_media: stdout, log_level: info}
		config_paths: {config_dir: $1, data_dir: $1/data, simulation_path: $1/simulation.yaml, hub_dir: $1/hub, index_path: $1/hub/.index.json}
		crowdsec_service: {parser_routines: 1}
		cscli: {output: json}
		db_config: {type: sqlite, db_path: $1/data/crowdsec.db}
		api: {client: {credentials_path: $1/credentials.yaml}, server: {listen_uri: "$3", profiles_path: $1/profiles.yaml}}
		prometheus: {enabled: false}
		END
		cscli -c config.yaml machines add tests --auto --force -u "http://$3"
		crowdsec -c config.yaml -type quillgate -dsn "file://$4"`, "sh", folder, absolute(t, "../deploy/crowdsec"), at, log).CombinedOutput()
	if err != nil {
		t.Fatalf("CrowdSec: %v\n%s", err, out)
	}
	for ip, want := range map[string]bool{"198.51.100.7": true, "2001:db8::7": true, "198.51.100.9": false, "192.0.2.1": false, "127.0.0.1 performed": false} {
		if got := strings.Contains(string(out), "Ip "+ip); got != want {
			t.Errorf("CrowdSec sees an attack by %s: %v, want %v\n%s", ip, got, want, tail(string(out), 1500))
		}
	}
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
