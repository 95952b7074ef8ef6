package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestUnit lets systemd check the unit that packages install, and rate how
// tightly it sandboxes the service.
func TestUnit(t *testing.T) {
	t.Parallel()
	text := readTree(t, "deploy/systemd/quillgate.service")
	if !strings.Contains(text, "ExecStart=/usr/bin/quillgate serve --config /etc/quillgate.toml\n") {
		t.Error("the unit starts something else")
	}
	// systemd requires that the program exists.
	unit := filepath.Join(t.TempDir(), "quillgate.service")
	if err := os.WriteFile(unit, []byte(strings.ReplaceAll(text, "/usr/bin/quillgate", "/bin/true")), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := output(t, "systemd-analyze", "--man=no", "verify", unit); got != "" {
		t.Errorf("systemd-analyze verify: %s", got) // a key that it does not know is a warning
	}
	output(t, "systemd-analyze", "security", "--offline=yes", "--threshold=20", unit)
}

// TestShellScripts checks with shellcheck the scripts that run on machines of
// users.
func TestShellScripts(t *testing.T) {
	t.Parallel()
	scripts := []string{"deploy/install.sh", "docs/examples/newpost.sh", "tools/release", "tools/sign-release", "tools/test-packages"}
	packages, err := filepath.Glob("../../deploy/package/*.p*")
	if err != nil || len(packages) != 7 {
		t.Fatalf("%q, %v", packages, err)
	}
	for _, s := range scripts {
		packages = append(packages, "../../"+s)
	}
	if got := output(t, "shellcheck", append([]string{"--shell=sh"}, packages...)...); got != "" {
		t.Error(got)
	}
}

// TestPackageFiles checks that every file in the packages exists, or is made by
// tools/release.
func TestPackageFiles(t *testing.T) {
	t.Parallel()
	text, release := readTree(t, "deploy/package/nfpm.yaml"), readTree(t, "tools/release")
	sources := regexp.MustCompile(`(?:src|postinstall|preinstall|preremove|postremove): "?([^",}]+)`).FindAllStringSubmatch(text, -1)
	if len(sources) < 15 {
		t.Fatalf("only %d files in deploy/package/nfpm.yaml", len(sources))
	}
	for _, s := range sources {
		made, ok := strings.CutPrefix(s[1], "build/")
		if !ok {
			readTree(t, s[1])
			continue
		}
		name := regexp.MustCompile(`^man/.*|\.(bash|zsh|fish)$`).ReplaceAllString(made, "")
		if !strings.Contains(release, `"$source/build/`+name) {
			t.Errorf("tools/release does not make %s", s[1])
		}
	}
}

// readTree returns a file of the project.
func readTree(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile("../../" + path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestProxies lets nginx and Caddy check the configurations for a blog behind
// them.
func TestProxies(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	output(t, "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=blog.example",
		"-keyout", filepath.Join(folder, "privkey.pem"), "-out", filepath.Join(folder, "fullchain.pem"))
	for _, path := range []string{"deploy/nginx/blog.conf", "deploy/compose/cluster/web.conf"} {
		// The names of other containers resolve only inside the network of
		// Compose.
		text := strings.NewReplacer("/etc/ssl/blog.example", folder, "server one:", "server 127.0.0.1:", "server two:", "server 127.0.0.2:").Replace(readTree(t, path))
		conf := filepath.Join(folder, filepath.Base(path))
		text = "pid " + folder + "/pid;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n" + text + "}\n"
		if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := output(t, "nginx", "-t", "-q", "-e", "stderr", "-c", conf); got != "" {
			t.Errorf("nginx on %s: %s", path, got)
		}
	}
	for _, path := range []string{"deploy/caddy/blog.Caddyfile", "deploy/compose/blog/Caddyfile"} {
		cmd := exec.Command("caddy", "validate", "--adapter", "caddyfile", "--config", "../../"+path)
		cmd.Env = append(os.Environ(), "HOME="+folder)
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "Valid configuration") {
			t.Errorf("caddy on %s: %v\n%s", path, err, out)
		}
	}
}

// TestContainers checks the promises of the Containerfile, and lets Compose
// parse the files that use it.
func TestContainers(t *testing.T) {
	t.Parallel()
	text := readTree(t, "deploy/container/Containerfile")
	_, last, ok := strings.Cut(text, "\nFROM scratch\n")
	if !ok {
		t.Fatal("the last stage is not FROM scratch")
	}
	for _, line := range []string{
		`USER 65532:65532`, `VOLUME /data`, `HEALTHCHECK --interval=30s --timeout=6s --start-period=60s CMD ["/quillgate", "health"]`,
		`ENTRYPOINT ["/quillgate"]`, `CMD ["serve"]`,
	} {
		if !strings.Contains(last, "\n"+line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
	if m := regexp.MustCompile(`(?m)^(RUN|ADD|SHELL|COPY [^-]).*`).FindString(last); m != "" {
		t.Errorf("the last stage cannot do %q", m)
	}
	for _, path := range []string{"deploy/compose/blog/compose.yaml", "deploy/compose/cluster/compose.yaml", "deploy/compose/compose.yaml"} {
		cmd := exec.Command("docker-compose", "--file", "../../"+path, "config")
		cmd.Env = append(os.Environ(), "DATABASE_PASSWORD=x")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", path, err, out)
			continue
		}
		// Every service that runs quillgate has a read-only root.
		if runs, shut := strings.Count(string(out), "QUILLGATE_DATA:"), strings.Count(string(out), "read_only: true\n"); runs == 0 || shut < runs {
			t.Errorf("%s: %d services of quillgate, %d with a root that is read-only", path, runs, shut)
		}
	}
}
