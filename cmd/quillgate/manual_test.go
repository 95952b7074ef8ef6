package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestManual writes all pages, and lets two formatters check them.
func TestManual(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	output(t, "quillgate", "man", "--to", folder)
	pages, err := filepath.Glob(filepath.Join(folder, "quillgate*.[15]"))
	if err != nil || len(pages) < 20 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	if got := output(t, "mandoc", append([]string{"-T", "lint", "-W", "warning"}, pages...)...); got != "" {
		t.Errorf("mandoc: %s", got)
	}
	for _, page := range pages {
		if got := output(t, "groff", "-man", "-ww", "-z", page); got != "" {
			t.Errorf("groff: %s", got)
		}
	}
	for page, want := range map[string][]string{
		"quillgate.1":      {"quillgate-app(1)", "EXIT STATUS", "130", "--config=FILE"},
		"quillgate-app.1":  {"quillgate app create --user=LOGIN", "--scope=RIGHTS,...", "Create a key for a user"},
		"quillgate-call.1": {`{"key": "value"}  struct`, "--check-answer"},
		"quillgate.toml.5": {"tls-domain", "public-pages", "($QUILLGATE_DATABASE)", "Default: 64MiB"},
	} {
		text := plainOverstrikes(output(t, "mandoc", "-T", "ascii", "-O", "width=500", filepath.Join(folder, page)))
		text = strings.Join(strings.Fields(text), " ")
		for _, words := range want {
			if !strings.Contains(text, strings.Join(strings.Fields(words), " ")) {
				t.Errorf("%s does not say %q", page, words)
			}
		}
	}
	if got := output(t, "quillgate", "man", "app"); !strings.Contains(got, `.TH "QUILLGATE\-APP" "1"`) {
		t.Errorf("man app prints %.200s", got)
	}
}

// plainOverstrikes removes the bold type of terminals, which prints each letter
// twice.
func plainOverstrikes(text string) string {
	var b strings.Builder
	runes := []rune(text)
	for i, r := range runes {
		if r != '\b' && (i+1 == len(runes) || runes[i+1] != '\b') {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// output runs a program, and returns its standard output and standard error.
func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Errorf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// TestCompletion completes words in the real shells.
func TestCompletion(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if err := os.WriteFile(filepath.Join(folder, shell), []byte(output(t, "quillgate", "completion", shell)), 0o644); err != nil {
			t.Fatal(err)
		}
		output(t, shell, "-n", filepath.Join(folder, shell))
	}
	if err := os.WriteFile(filepath.Join(folder, "site.xml"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	ask := map[string]func(line string) string{
		"bash": func(line string) string {
			return inFolder(t, folder, "bash", "--norc", "-c", `. ./bash; COMP_LINE=$1 COMP_POINT=${#1}; _quillgate; printf '%s\n' "${COMPREPLY[@]}"`, "bash", line)
		},
		"fish": func(line string) string {
			return inFolder(t, folder, "fish", "--no-config", "-c", `source fish; complete -C $argv[1]`, line)
		},
		// The completion system of zsh works only in its editor, so these two
		// replace the functions that it calls.
		"zsh": func(line string) string {
			return inFolder(t, folder, "zsh", "-f", "-c", `
				compdef() { :; }; compset() { :; }; _files() { print -l -- *; }; _describe() { print -l -- ${(P)3}; }
				. ./zsh; words=(${(z)1}); [[ $1 == *' ' ]] && words+=(''); CURRENT=$#words; _quillgate`, "zsh", line)
		},
	}
	for _, c := range []struct{ line, want, not string }{
		{"quillgate ap", "app", "serve"},
		{"quillgate app ", "rotate", "serve"},
		{"quillgate app create --sc", "--scope", "--user"},
		{"quillgate app create --user admin --ne", "--network", "--name"},
		{"quillgate serve --tls-d", "--tls-domain", "--data"},
		{"quillgate serve --sealing ", "off", "--"},
		{"quillgate serve --log-level=w", "warn", "debug"},
		{"quillgate user set-role ann ", "editor", "--"},
		{"quillgate import ", "site.xml", "--"},
	} {
		for shell, f := range ask {
			got := f(c.line)
			if !strings.Contains(got, c.want) || strings.Contains(got, c.not) {
				t.Errorf("%s: %q leads to %q, want %q without %q", shell, c.line, got, c.want, c.not)
			}
		}
	}
}

// inFolder runs a shell in a folder, and returns its output.
func inFolder(t *testing.T, folder, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "HOME="+folder, "TERM=dumb")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}
