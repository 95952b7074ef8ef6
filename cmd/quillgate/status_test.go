package main

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestExitStatuses makes the same kinds of mistakes with many commands: a
// missing object gives 1 and an invalid value 2, as in exitStatuses.
func TestExitStatuses(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	environment := append(os.Environ(), "QUILLGATE_DATA="+folder+"/data", "QUILLGATE_SIGN_DIR="+folder+"/sign")
	status := func(words string) (int, string) {
		cmd := exec.Command("quillgate", strings.Fields(words)...)
		cmd.Dir, cmd.Env = folder, environment
		out, err := cmd.CombinedOutput()
		if left := (*exec.ExitError)(nil); err != nil && !errors.As(err, &left) {
			t.Fatal(err)
		}
		return cmd.ProcessState.ExitCode(), string(out)
	}
	if code, out := status("user add admin --role administrator"); code != 0 {
		t.Fatalf("user add: %d\n%s", code, out)
	}
	for want, commands := range map[int]string{
		0: `
			version
			user list
			check-config
			complete -- app`,
		1: `
			app show nothing
			app set nothing --scope read
			app revoke nothing
			token show nothing
			token rename nothing other
			user set-role nobody editor
			user delete nobody --posts-to admin
			app create --user nobody --name x
			token create --user nobody --name x
			audit list --user nobody
			option get nothing
			option set nothing 1
			user set-role admin editor
			import nowhere.xml
			scan nowhere
			export nowhere/blog.json
			backup nowhere/blog.db
			user set-password admin --password-file nowhere
			call --public x --secret-file nowhere demo.sayHello
			call demo.sayHello @nowhere
			call --url http://127.0.0.1:2/ demo.sayHello
			health http://127.0.0.1:2
			doctor http://127.0.0.1:2
			sign show nothing
			keys verify --keyset nowhere
			serve --database postgres://x@127.0.0.1:2/x`,
		2: `
			nothing
			app
			app create --user admin
			app show
			app create --user admin --name x --scope fly
			app create --user admin --name x --method no.such
			app create --user admin --name x --network 1.2.3.4/99
			app create --user admin --name x --expires soon
			app create --user admin --name x --expires 2001-01-01
			token create --user admin --name x --scope fly
			token create --user admin --name x --method no.such
			token create --user admin --name x --network 1.2.3.4/99
			token create --user admin --name x --expires soon
			token create --user admin --name x --expires 2001-01-01
			token create --user admin --name x --kind key
			app revoke
			token revoke
			user add {bad
			user add admin
			user add bob --email nope
			user set-role admin king
			option set timezone_string Mars
			option set pingback maybe
			option set permalink_structure foo
			option set who_may_comment me
			audit list --since yesterday
			audit verify --expect x
			migrate down
			migrate down --to 999
			migrate down --to x
			media move
			media move --to ftp://x
			call --url nonsense demo.sayHello
			call bad<name
			call demo.sayHello [1
			call --public 0123 demo.sayHello
			health ftp://x
			man nothing
			completion tcsh
			serve --listen 127.0.0.1:99999
			serve --listen nowhere
			check-config --config nowhere.toml
			export --format pdf
			relocate`,
	} {
		for line := range strings.SplitSeq(strings.TrimSpace(commands), "\n") {
			if got, out := status(line); got != want {
				t.Errorf("%s: exit status %d, want %d\n%s", strings.TrimSpace(line), got, want, out)
			}
		}
	}
}
