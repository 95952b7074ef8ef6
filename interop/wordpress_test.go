//go:build wordpress

package interop

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
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quillgate/quillgate/xmlrpc"
)

// TestWordPress runs what needs a real WordPress: that of Debian's packages, with PHP-FPM, MariaDB and nginx. All of it
// listens on loopback, lives in a folder of the test, and ends with it. "make test-wordpress" installs the packages.
//
// The original Secure XML-RPC plugin is under the GPL and is not part of this project: WORDPRESS_PLUGIN names a folder that
// holds it. Without it, the tests of the plugin say that they are left out.
func TestWordPress(t *testing.T) {
	w := openWordPress(t)
	w.open(t)
	w.keep(t)
	t.Run("SignAdd", w.testSignAdd)
	w.shield(t)
	t.Run("GatewayCheck", w.testCheck)
	t.Run("Wire", w.testWire)
	t.Run("AppImport", w.testImport)
	t.Run("Through", w.testThrough)
	t.Run("Copies", w.testCopies)
	t.Run("Hostile", w.testHostile)
	t.Run("OddForms", w.testForms)
	t.Run("Servers", w.testServers)
	t.Run("Bans", w.testBans)
	t.Run("Crash", w.testCrash)
}

// wordpress is a running WordPress behind nginx.
type wordpress struct {
	t      *testing.T // at whose end everything stops
	folder string
	owner  *syscall.Credential // whom the servers run as; nil for the user of the test

	public string // address for people and programs, https
	inside string // address that only a gateway calls
	files  string // address of the uploads, http
	roots  string // file with the certificate
	client *http.Client

	gateway   string // where the files under deploy send the endpoint
	database  *daemon
	php       *daemon
	web       *daemon
	passwords map[string]string // an application password for each person of the seed
	marks     int
}

// openWordPress installs and starts it.
func openWordPress(t *testing.T) *wordpress {
	t.Helper()
	folder, err := os.MkdirTemp("", "quillgate-wordpress-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	w := &wordpress{t: t, folder: folder}
	w.chooseOwner(t)
	front, inside := freeLoopback(t), freeLoopback(t)
	w.gateway = freeLoopback(t)
	w.public, w.inside = "https://localhost:"+w.port(front), "http://"+inside
	w.certify(t)
	w.copy(t)
	w.startDatabase(t)
	w.install(t)
	w.startPHP(t)
	// Some of the client programs fetch their pictures over plain http only.
	files := httptest.NewServer(http.StripPrefix("/uploads/", http.FileServer(http.Dir(w.path("site/wp-content/uploads")))))
	t.Cleanup(files.Close)
	w.files = files.URL + "/uploads"
	return w
}

// chooseOwner finds an unprivileged user when the tests run as root, since MariaDB and PHP rightly refuse to.
func (w *wordpress) chooseOwner(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	account, err := user.Lookup("www-data")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.ParseUint(account.Uid, 10, 32)
	gid, _ := strconv.ParseUint(account.Gid, 10, 32)
	w.owner = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	w.own(t, w.folder)
}

// own gives a file, or a folder with all that is in it, to whom the servers run as.
func (w *wordpress) own(t *testing.T, path string) {
	t.Helper()
	if w.owner == nil {
		return
	}
	err := filepath.WalkDir(path, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, int(w.owner.Uid), int(w.owner.Gid))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// path is that of a file of the tests' folder.
func (w *wordpress) path(name string) string { return filepath.Join(w.folder, name) }

// write writes a file into the tests' folder.
func (w *wordpress) write(t *testing.T, name, text string) string {
	t.Helper()
	path := w.path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	w.own(t, path)
	return path
}

// certify makes a certificate for localhost, and a client that believes it.
func (w *wordpress) certify(t *testing.T) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	w.roots = w.write(t, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	w.write(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	pool := x509.NewCertPool()
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(certificate)
	w.client = &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(w.client.CloseIdleConnections)
}

// copy puts a WordPress into the folder: the program of the package, with settings and a plugin of the tests.
func (w *wordpress) copy(t *testing.T) {
	t.Helper()
	out, err := exec.Command("cp", "-rL", "/usr/share/wordpress", w.path("site")).CombinedOutput()
	if err != nil && !bytes.Contains(out, []byte("cannot stat")) { // the package has links to what it only suggests
		t.Fatalf("copy WordPress (Debian: wordpress): %v\n%s", err, out)
	}
	for _, f := range []struct{ from, to string }{{"wp-config.php", "site/wp-config.php"}, {"bed.php", "site/wp-content/mu-plugins/bed.php"}} {
		text, err := os.ReadFile("testdata/wordpress/" + f.from)
		if err != nil {
			t.Fatal(err)
		}
		w.write(t, f.to, strings.NewReplacer("PUBLIC", w.public, "FOLDER", w.folder).Replace(string(text)))
	}
	w.own(t, w.path("site"))
}

// startDatabase makes an empty database and starts MariaDB on it.
func (w *wordpress) startDatabase(t *testing.T) {
	t.Helper()
	w.command(t, "mariadb-install-db", "--no-defaults", "--datadir="+w.path("mariadb"), "--auth-root-authentication-method=normal", "--skip-test-db")
	w.database = w.daemon(t, "mariadb", func(ctx context.Context) error {
		return exec.CommandContext(ctx, "mariadb-admin", "--no-defaults", "--socket="+w.path("mariadb.sock"), "--user=root", "ping").Run()
	}, "mariadbd", "--no-defaults", "--datadir="+w.path("mariadb"), "--socket="+w.path("mariadb.sock"), "--pid-file="+w.path("mariadb.pid"),
		"--skip-networking", "--innodb-buffer-pool-size=128M")
	w.sql(t, "CREATE DATABASE wordpress CHARACTER SET utf8mb4; CREATE USER wordpress@localhost IDENTIFIED BY 'wordpress'; GRANT ALL ON wordpress.* TO wordpress@localhost")
}

// sql runs statements and returns what they answer, a line for each row, its columns separated by tabs.
func (w *wordpress) sql(t testing.TB, statements string) string {
	t.Helper()
	cmd := exec.Command("mariadb", "--no-defaults", "--socket="+w.path("mariadb.sock"), "--user=root", "--batch", "--skip-column-names", "wordpress")
	if strings.HasPrefix(statements, "CREATE DATABASE") {
		cmd.Args = cmd.Args[:len(cmd.Args)-1]
	}
	cmd.Stdin = strings.NewReader(statements)
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		t.Fatalf("%.200s: %v\n%s", statements, err, &complaints)
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// install fills the WordPress with the seed of the recordings.
func (w *wordpress) install(t *testing.T) {
	t.Helper()
	seed, err := filepath.Abs("testdata/wire/seed.json")
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile("testdata/wordpress/install.php")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(seed)
	if err != nil {
		t.Fatal(err)
	}
	out := w.command(t, "php", w.write(t, "install.php", string(script)), w.path("site"), w.write(t, "seed.json", string(text)))
	if err := json.Unmarshal([]byte(out), &w.passwords); err != nil {
		t.Fatalf("install WordPress: %v\n%s", err, out)
	}
	for login, password := range w.passwords {
		traces.made("an application password of "+login, password)
	}
}

// keep makes a copy of the WordPress, for reset. What it writes for itself at its first answers is there by then.
func (w *wordpress) keep(t *testing.T) {
	t.Helper()
	for _, path := range []string{"/", "/?p=10"} {
		resp, err := w.client.Get(w.public + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	if _, err := w.call(t, http.DefaultTransport, "wp.getProfile", xmlrpc.Int(1), xmlrpc.String(seedUser), xmlrpc.String(seedPassword)); err != nil {
		t.Fatal(err)
	}
	w.write(t, "seed.sql", w.dump(t))
	w.command(t, "cp", "-a", w.path("site/wp-content/uploads"), w.path("uploads"))
}

// dump is all that the database holds.
func (w *wordpress) dump(t testing.TB, options ...string) string {
	t.Helper()
	arguments := append([]string{"--no-defaults", "--socket=" + w.path("mariadb.sock"), "--user=root", "--skip-comments", "--order-by-primary"}, options...)
	out, err := exec.Command("mariadb-dump", append(arguments, "wordpress")...).Output()
	if err != nil {
		t.Fatalf("mariadb-dump: %v", err)
	}
	return string(out)
}

// reset makes the WordPress what it was after its installation, with options of the tests' plugin.
func (w *wordpress) reset(t testing.TB, options ...string) {
	t.Helper()
	text, err := os.ReadFile(w.path("seed.sql"))
	if err != nil {
		t.Fatal(err)
	}
	statements := "SET autocommit=0;\n" + string(text) + "COMMIT;\n"
	for i := 0; i+1 < len(options); i += 2 {
		statements += fmt.Sprintf("REPLACE INTO wp_options (option_name, option_value, autoload) VALUES ('%s', '%s', 'yes');\n", options[i], options[i+1])
	}
	w.sql(t, statements+"COMMIT;\n")
	w.command(t, "sh", "-c", `rm -rf "$1/site/wp-content/uploads" && cp -a "$1/uploads" "$1/site/wp-content/uploads"`, "sh", w.folder)
}

// startPHP starts PHP-FPM.
func (w *wordpress) startPHP(t *testing.T) {
	t.Helper()
	fpm, err := filepath.Glob("/usr/sbin/php-fpm*")
	if err != nil || len(fpm) == 0 {
		t.Fatal("PHP-FPM is missing (Debian: php-fpm)")
	}
	settings := fmt.Sprintf(`[global]
error_log = %[1]s/php-fpm.log
daemonize = no
[www]
listen = %[1]s/php.sock
pm = static
pm.max_children = 4
clear_env = no
php_admin_value[memory_limit] = 512M
php_admin_value[error_log] = %[1]s/php.log
php_admin_flag[log_errors] = on
php_admin_flag[display_errors] = off
`, w.folder)
	w.php = w.daemon(t, "php", answering(w.path("php.sock")), fpm[len(fpm)-1], "--nodaemonize", "--fpm-config", w.write(t, "php-fpm.conf", settings))
}

// deployed is a file of deploy with the ports and the paths of the tests. Each
// of the texts that are replaced must be there, so that the tests run what
// people are told to use.
func (w *wordpress) deployed(t *testing.T, path string, pairs ...string) string {
	t.Helper()
	text, err := os.ReadFile("../deploy/" + path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if !bytes.Contains(text, []byte(pairs[i])) {
			t.Errorf("deploy/%s does not say %q", path, pairs[i])
		}
	}
	return strings.NewReplacer(pairs...).Replace(string(text))
}

// shield lets nginx serve the file that is under deploy: the endpoint leads to a gateway, which the test starts.
func (w *wordpress) shield(t *testing.T) {
	t.Helper()
	front := w.port(w.public)
	w.nginx(t, w.deployed(t, "nginx/blog.example.conf",
		"listen 80;", "listen 127.0.0.1:"+w.port(freeLoopback(t))+";", "listen [::]:80;", "",
		"listen 443 ssl http2;", "listen 127.0.0.1:"+front+" ssl http2;", "listen [::]:443 ssl http2;", "",
		"listen 127.0.0.1:8081;", "listen 127.0.0.1:"+w.port(w.inside)+";",
		"server_name blog.example;", "server_name localhost;", "https://blog.example", w.public,
		"/etc/ssl/blog.example/fullchain.pem", w.roots, "/etc/ssl/blog.example/privkey.pem", w.path("key.pem"),
		"/srv/blog.example", w.path("site"), "unix:/run/php/php-fpm.sock", "unix:"+w.path("php.sock"),
		"http://127.0.0.1:8080", "http://"+w.gateway, "proxy_set_header Host $host;", "proxy_set_header Host $host:"+front+";",
		"include fastcgi.conf;", "include /etc/nginx/fastcgi.conf;"))
}

// open lets nginx serve the WordPress as it is, without a gateway.
func (w *wordpress) open(t *testing.T) { w.plainly(t, w.port(w.public)) }

// openBehind lets nginx serve the whole WordPress inside, and nothing at the public address.
func (w *wordpress) openBehind(t *testing.T) { w.plainly(t, w.port(freeLoopback(t))) }

func (w *wordpress) plainly(t *testing.T, public string) {
	t.Helper()
	text, err := os.ReadFile("testdata/wordpress/nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	w.nginx(t, strings.NewReplacer("PUBLIC", public, "INSIDE", w.port(w.inside), "FOLDER", w.folder).Replace(string(text)))
}

// port is that of an address.
func (w *wordpress) port(address string) string {
	return address[strings.LastIndexByte(address, ':')+1:]
}

// nginx starts nginx with one site file, in place of the one that runs.
func (w *wordpress) nginx(t *testing.T, site string) {
	t.Helper()
	if w.web != nil {
		w.web.kill()
	}
	w.web = w.nginxAs(t, "nginx", site, strings.TrimPrefix(w.inside, "http://"))
}

// nginxAs starts an nginx with one site file and waits until it answers at an
// address. Its access log records which requests reached PHP. There is one
// worker, so that the lines come in the order of the answers.
func (w *wordpress) nginxAs(t *testing.T, name, site, address string) *daemon {
	t.Helper()
	var temporary strings.Builder
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&temporary, "  %s_temp_path %s/%s-%s;\n", kind, w.folder, name, kind)
	}
	settings := fmt.Sprintf(`daemon off;
pid %[1]s/%[2]s.pid;
error_log %[1]s/%[2]s-error.log;
worker_processes 1;
events { worker_connections 512; }
http {
  include /etc/nginx/mime.types;
  log_format reached '$upstream_addr $request_method $uri $status $request_uri';
  access_log %[1]s/%[2]s-access.log reached;
  keepalive_requests 1000000;
%[3]s
  include %[4]s;
}
`, w.folder, name, &temporary, w.write(t, name+"-site.conf", site))
	return w.daemon(t, name, answering(address), "nginx", "-e", w.path(name+"-error.log"), "-c", w.write(t, name+".conf", settings))
}

// answering reports whether something listens at an address.
func answering(address string) func(context.Context) error {
	network := "tcp"
	if filepath.IsAbs(address) {
		network = "unix"
	}
	return func(context.Context) error {
		c, err := net.Dial(network, address)
		if err == nil {
			c.Close()
		}
		return err
	}
}

// command runs a program to its end, as the owner of the servers.
func (w *wordpress) command(t testing.TB, program string, arguments ...string) string {
	t.Helper()
	cmd := exec.Command(program, arguments...)
	cmd.Dir = w.folder
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: w.owner}
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v (tools/install-wordpress installs what is missing)\n%s%s", program, err, &out, &complaints)
	}
	return out.String()
}

// A daemon is a server with all its processes. When the test's process is gone, however it ended, so are they: a shell waits
// for the end of its input and kills its own group, and the one that PHP-FPM makes for itself.
type daemon struct {
	name    string
	ready   func(context.Context) error
	command []string
	w       *wordpress
	input   io.Closer
	ended   chan error
}

func (w *wordpress) daemon(t *testing.T, name string, ready func(context.Context) error, command ...string) *daemon {
	t.Helper()
	if path, err := exec.LookPath(command[0]); err == nil {
		command[0] = path
	} else if command[0] = "/usr/sbin/" + command[0]; !filepath.IsAbs(command[0]) {
		t.Fatal(err)
	}
	d := &daemon{name: name, ready: ready, command: command, w: w}
	d.start(t)
	w.t.Cleanup(d.kill)
	return d
}

// start starts it and waits until it is ready.
func (d *daemon) start(t *testing.T) {
	t.Helper()
	cmd := exec.Command("sh", append([]string{"-c", `"$@" & child=$!; cat >/dev/null; kill -9 "-$child"; kill -9 0`, "sh"}, d.command...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: d.w.owner, Setpgid: true}
	cmd.Dir = d.w.folder
	log, err := os.OpenFile(d.w.path(d.name+"-output.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if d.input, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	d.ended = make(chan error, 1)
	go func() { d.ended <- cmd.Wait() }()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := d.ready(ctx)
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			d.kill()
			output, _ := os.ReadFile(d.w.path(d.name + "-output.log"))
			t.Fatalf("%s does not get ready: %v\n%s", d.name, err, tail(string(output), 3000))
		}
	}
}

// kill ends all of it at once with SIGKILL, as a crash does, and waits until nothing answers. Killing it again does nothing.
func (d *daemon) kill() {
	if d.input == nil {
		return
	}
	d.input.Close()
	<-d.ended
	d.input = nil
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for d.ready(ctx) == nil {
		<-tick.C
	}
}

// reached is the requests that nginx has handed to PHP since the last time, as "METHOD path status". The access log is read
// up to a request of the test's own, which comes after all that were answered before.
func (w *wordpress) reached(t testing.TB) []string {
	t.Helper()
	w.marks++
	mark := fmt.Sprintf("/mark-%d", w.marks)
	resp, err := w.client.Get(w.inside + mark)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for ; time.Now().Before(deadline); <-tick.C {
		text, err := os.ReadFile(w.path("nginx-access.log"))
		if err != nil {
			t.Fatal(err)
		}
		_, now, _ := strings.Cut(string(text), fmt.Sprintf("/mark-%d\n", w.marks-1))
		if w.marks == 1 {
			now = string(text)
		}
		now, _, found := strings.Cut(now, mark+"\n")
		if !found {
			continue
		}
		var out []string
		for line := range strings.Lines(now) {
			if fields := strings.Fields(line); strings.HasPrefix(fields[0], "unix:") {
				out = append(out, strings.Join(fields[1:4], " "))
			}
		}
		return out
	}
	t.Fatal("nginx writes no access log")
	return nil
}

// plugin activates the Secure XML-RPC plugin. It reports false, and says so, where the plugin is not there.
func (w *wordpress) plugin(t *testing.T) bool {
	t.Helper()
	from := os.Getenv("WORDPRESS_PLUGIN")
	if from == "" {
		t.Log("LEFT OUT: WORDPRESS_PLUGIN names no folder with the Secure XML-RPC plugin 1.0.0")
		return false
	}
	if err := os.CopyFS(w.path("site/wp-content/plugins/secure-xml-rpc"), os.DirFS(from)); err != nil && !errors.Is(err, os.ErrExist) {
		t.Fatal(err)
	}
	// It was written for PHP 5: braces around an offset are no longer read.
	profile := w.path("site/wp-content/plugins/secure-xml-rpc/includes/XMLRPCS_Profile.php")
	text, err := os.ReadFile(profile)
	if err != nil {
		t.Fatal(err)
	}
	w.write(t, strings.TrimPrefix(profile, w.folder), strings.NewReplacer("{$i}", "[$i]").Replace(string(text)))
	w.own(t, w.path("site/wp-content/plugins"))
	w.sql(t, `UPDATE wp_options SET option_value = 'a:1:{i:0;s:33:"secure-xml-rpc/secure_xml_rpc.php";}' WHERE option_name = 'active_plugins'`)
	return true
}
