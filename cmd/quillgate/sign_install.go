package main

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"text/template"

	"github.com/alecthomas/kong"
)

var (
	//go:embed templates/sign.service
	signUnit string
	//go:embed templates/sign.plist
	signPlist string
	//go:embed templates/sign.task.xml
	signTask string
)

// startAtLogin is how one system starts a program when a user signs in.
type startAtLogin struct {
	text  string // of the file
	where func(home, config string) string
	begin [][]string // commands; FILE stands for the path; one that begins with - may fail
	end   [][]string
	after [][]string // after the file was removed
	note  string
}

// starters has a row for each system.
var starters = map[string]startAtLogin{
	"linux": {
		text: signUnit,
		where: func(_, config string) string {
			return filepath.Join(config, "systemd", "user", "quillgate-sign.service")
		},
		begin: [][]string{{"systemctl", "--user", "daemon-reload"}, {"systemctl", "--user", "enable", "quillgate-sign.service"}, {"systemctl", "--user", "restart", "quillgate-sign.service"}},
		end:   [][]string{{"systemctl", "--user", "disable", "--now", "quillgate-sign.service"}},
		after: [][]string{{"-systemctl", "--user", "daemon-reload"}},
		note:  "It runs while you are signed in. \"loginctl enable-linger\" starts it with the computer, but a keyring stays locked until you sign in.",
	},
	"darwin": {
		text: signPlist,
		where: func(home, _ string) string {
			return filepath.Join(home, "Library", "LaunchAgents", "com.github.quillgate.sign.plist")
		},
		begin: [][]string{{"-launchctl", "unload", "FILE"}, {"launchctl", "load", "-w", "FILE"}},
		end:   [][]string{{"launchctl", "unload", "-w", "FILE"}},
		note:  "When macOS asks about the keychain, choose \"Always Allow\".",
	},
	"windows": {
		text:  signTask,
		where: func(_, config string) string { return filepath.Join(config, "quillgate-sign", "logon-task.xml") },
		begin: [][]string{{"-schtasks", "/end", "/tn", "Quillgate signer"}, {"schtasks", "/create", "/f", "/tn", "Quillgate signer", "/xml", "FILE"}, {"schtasks", "/run", "/tn", "Quillgate signer"}},
		end:   [][]string{{"-schtasks", "/end", "/tn", "Quillgate signer"}, {"schtasks", "/delete", "/f", "/tn", "Quillgate signer"}},
		note:  "It is a task in your own session, not a service: a service could not read your credentials.",
	},
}

type signInstallCmd struct {
	Print  bool   `help:"Print the file and its location without changing anything."`
	System string `help:"System to install for, in place of this one." enum:",linux,darwin,windows" default:"" hidden:""`
}

type signUninstallCmd struct {
	System string `help:"System to uninstall for, in place of this one." enum:",linux,darwin,windows" default:"" hidden:""`
}

// unit holds the values for the templates.
type unit struct {
	Program string
	Args    []string
	Env     []string
}

// proxyVariables are copied into the file, because services do not inherit the
// environment of a terminal.
var proxyVariables = []string{"HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy"}

func (c *signInstallCmd) Run(ctx context.Context, flags *signFlags, s *settings, out streams, k *kong.Context) error {
	how, path, text, err := prepare(cmp.Or(c.System, runtime.GOOS), flags)
	if err != nil {
		return err
	}
	if c.Print {
		_, err := fmt.Fprintf(out.out, "# %s\n%s", path, text)
		return err
	}
	folder, err := flags.folder(out)
	if err != nil {
		return err
	}
	// The signer is started without --listen, because the folder stores the
	// address.
	if _, err := listenAddress(k, s, folder.Book); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("install the signer: %w", err)
	}
	before, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("install the signer: %w", err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return fmt.Errorf("install the signer: %w", err)
	}
	if err := runAll(ctx, how.begin, path); err != nil {
		err = fmt.Errorf("start the signer at login: %w: it is as it was before", err)
		if before == nil {
			return errors.Join(err, os.Remove(path))
		}
		return errors.Join(err, os.WriteFile(path, before, 0o600))
	}
	fmt.Fprintf(out.out, "The signer starts when you sign in (%s). %s\n", path, how.note)
	return nil
}

func (c *signUninstallCmd) Run(ctx context.Context, flags *signFlags, out streams) error {
	how, path, _, err := prepare(cmp.Or(c.System, runtime.GOOS), flags)
	if err != nil {
		return err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		_, err := fmt.Fprintf(out.out, "The signer does not start when you sign in: there is no %s.\n", path)
		return err
	}
	err = runAll(ctx, how.end, path)
	if err := errors.Join(err, os.Remove(path), runAll(ctx, how.after, path)); err != nil {
		return fmt.Errorf("uninstall the signer: %w", err)
	}
	_, err = fmt.Fprintln(out.out, "The signer no longer starts when you sign in. Its keys and settings were kept.")
	return err
}

// prepare fills in the file for one system.
func prepare(system string, flags *signFlags) (how startAtLogin, path string, text []byte, err error) {
	how, ok := starters[system]
	if !ok {
		return how, "", nil, fmt.Errorf("quillgate does not know how %s starts programs at login: start \"quillgate sign\" yourself", system)
	}
	program, err := os.Executable()
	if err != nil {
		return how, "", nil, fmt.Errorf("find this program: %w", err)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return how, "", nil, fmt.Errorf("find the home folder: %w", err)
	}
	config, err := os.UserConfigDir()
	if err != nil {
		return how, "", nil, fmt.Errorf("find the configuration folder: %w", err)
	}
	u := unit{Program: program, Args: []string{"sign"}}
	if flags.Dir != "" {
		u.Args = append(u.Args, "--dir", flags.Dir)
	}
	if flags.PassPhraseFile != "" {
		u.Args = append(u.Args, "--pass-phrase-file", flags.PassPhraseFile)
	}
	for _, r := range flags.Roots {
		u.Args = append(u.Args, "--roots", r)
	}
	if flags.Proxy != "" {
		u.Args = append(u.Args, "--proxy", flags.Proxy)
	}
	for _, name := range proxyVariables {
		if v := os.Getenv(name); v != "" {
			u.Env = append(u.Env, name+"="+v)
		}
	}
	for _, v := range append(append([]string{u.Program}, u.Args...), u.Env...) {
		if strings.ContainsAny(v, "\n\r\x00") {
			return how, "", nil, fmt.Errorf("%q contains a line break, which these files cannot", v)
		}
	}
	t, err := template.New(system).Funcs(template.FuncMap{"split": func(s string) []string { return strings.SplitN(s, "=", 2) }, "unit": quoteUnit, "xml": quoteXML, "windows": quoteWindows}).Parse(how.text)
	if err != nil {
		return how, "", nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, u)
	return how, how.where(home, config), b.Bytes(), err
}

func runAll(ctx context.Context, commands [][]string, path string) error {
	for _, args := range commands {
		args = append([]string(nil), args...)
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "FILE", path)
		}
		name, mayFail := strings.CutPrefix(args[0], "-")
		args[0] = name
		if text, err := exec.CommandContext(ctx, name, args[1:]...).CombinedOutput(); err != nil && !mayFail {
			return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(text))
		}
	}
	return nil
}

// quoteUnit quotes a word for a unit of systemd (systemd.service(5), "Command
// lines"): quotes, backslashes, and the special characters % and $.
func quoteUnit(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `%`, `%%`, `$`, `$$`).Replace(s) + `"`
}

func quoteXML(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(s)
}

// quoteWindows quotes a word for a command line of Windows.
func quoteWindows(s string) string {
	if s != "" && !strings.ContainsAny(s, " \t\"") {
		return s
	}
	var b strings.Builder
	b.WriteByte('"')
	slashes := 0
	for _, r := range s {
		switch r {
		case '\\':
			slashes++
			continue
		case '"':
			b.WriteString(strings.Repeat(`\`, 2*slashes+1))
		default:
			b.WriteString(strings.Repeat(`\`, slashes))
		}
		slashes = 0
		b.WriteRune(r)
	}
	b.WriteString(strings.Repeat(`\`, 2*slashes))
	b.WriteByte('"')
	return b.String()
}
