package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The keys and passwords of the seed.
const (
	seedPublic   = "b730db0864b0d4453ba6a26ad6613cd4"
	seedSecret   = "7647a19f5bf3e9fd001419900ad48a54"
	seedUser     = "admin"
	seedPassword = "admin-pass-1234"
)

type program struct {
	name    string
	command []string
	signs   bool
	install string // what to install if the program does not run
}

// clients are programs built on libraries of others. Each publishes, edits,
// lists and deletes posts with text in many scripts, dates, nested structs and
// a picture, and checks every answer itself.
var clients = []program{
	{"python", []string{"python3", "publish.py"}, true, "Python 3 (Debian: python3)"},
	{"node xmlrpc", []string{"node", "publish.js"}, true, "Node (Debian: nodejs npm) and, in interop/clients, npm ci"},
	{"node wordpress", []string{"node", "wordpress.js"}, false, "Node (Debian: nodejs npm) and, in interop/clients, npm ci"},
	{"perl RPC::XML", []string{"perl", "rpcxml.pl"}, true, "RPC::XML for Perl (Debian: librpc-xml-perl)"},
	{"perl XMLRPC::Lite", []string{"perl", "xmlrpclite.pl"}, true, "XMLRPC::Lite for Perl (Debian: libxmlrpc-lite-perl)"},
	{"ruby", []string{"ruby", "publish.rb"}, true, "Ruby and its xmlrpc library (Debian: ruby ruby-xmlrpc)"},
	{"go kolo", []string{"go", "run", "./kolo"}, true, "Go"},
	{"emacs xml-rpc.el", []string{"emacs", "--batch", "--load", "publish.el"}, true, "Emacs and its xml-rpc.el (Debian: emacs-nox elpa-xml-rpc)"},
	{"java aXMLRPC", []string{"java", "-cp", "/usr/share/java/axmlrpc.jar", "Publish.java"}, false, "a JDK and aXMLRPC (Debian: default-jdk-headless libaxmlrpc-java)"},
	{
		"c xmlrpc-c",
		[]string{"sh", "-c", `cc -Wall -o "$QG_FOLDER/publish" publish.c -lxmlrpc_client -lxmlrpc -lxmlrpc_util && exec "$QG_FOLDER/publish"`},
		false,
		"a C compiler and xmlrpc-c (Debian: gcc libc6-dev libxmlrpc-core-c3-dev)",
	},
}

func TestClients(t *testing.T) {
	eachSeeded(t, func(t *testing.T, seed seeded) {
		t.Parallel()
		p := start(t, seed)
		for _, c := range clients {
			if c.signs {
				t.Run(c.name+" signed", func(t *testing.T) {
					publish(t, p, c.command, c.install, "QG_PUBLIC="+seedPublic, "QG_SECRET="+seedSecret)
				})
			}
			t.Run(c.name+" with a password", func(t *testing.T) {
				publish(t, p, c.command, c.install, "QG_USER="+seedUser, "QG_PASSWORD="+seedPassword)
			})
		}
		for _, secret := range []string{seedSecret, seedPassword} {
			if strings.Contains(p.log.String(), secret) {
				t.Errorf("the log holds the secret %s", secret)
			}
		}
		if code := p.stop(t); code != 0 {
			t.Errorf("the server ended with exit code %d\n%s", code, p.log)
		}
	})
}

func publish(t *testing.T, p *process, command []string, install string, credentials ...string) {
	t.Helper()
	if _, err := publication(t, p, command, install, credentials...); err != nil {
		t.Errorf("%v\nlog of the server:\n%s", err, tail(p.log.String(), 2000))
	}
}

// publication runs a program and returns its output, which the error contains
// too.
func publication(t *testing.T, p *process, command []string, install string, credentials ...string) (string, error) {
	t.Helper()
	picture, err := filepath.Abs("testdata/picture.png")
	if err != nil {
		t.Fatal(err)
	}
	program, err := exec.LookPath(command[0])
	if err != nil {
		t.Fatalf("%s is missing: install %s, or run tools/install-test-tools", command[0], install)
	}
	cmd := exec.Command(program, command[1:]...)
	cmd.Dir = "clients"
	cmd.Env = append(os.Environ(), append(credentials, "QG_URL="+p.endpoint, "QG_IMAGE="+picture, "QG_FOLDER="+t.TempDir(), "TZ=UTC")...)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.HasSuffix(string(out), "ok\n") {
		return string(out), fmt.Errorf("%s: %v (it needs %s)\n%s", strings.Join(command, " "), err, install, out)
	}
	return string(out), nil
}

func tail(s string, n int) string {
	if len(s) > n {
		return "…" + s[len(s)-n:]
	}
	return s
}
