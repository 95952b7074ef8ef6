package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/quillgate/quillgate/signer/local"
	"github.com/quillgate/quillgate/xmlrpc"
)

type signCheckCmd struct {
	Name    string        `arg:"" optional:"" help:"Name of the blog. Default: all blogs."`
	Largest byteSize      `help:"Largest body to send." default:"8MiB" placeholder:"SIZE"`
	Timeout time.Duration `help:"How long to wait for each answer." default:"30s"`
	JSON    bool          `name:"json" help:"Print the findings as JSON."`
}

// Help is shown by quillgate sign check --help.
func (signCheckCmd) Help() string {
	return `Tests everything that a call needs: the blog's name, TLS, the clock, the largest upload, the key, what the
key may do, and the addresses in its answers. Each finding is a line that begins with ok, warning or
problem. The exit code is 1 if there is a problem. Nothing is changed at the blog.`
}

func (c *signCheckCmd) Run(ctx context.Context, flags *signFlags, out streams) error {
	folder, transport, err := flags.withSigner(out)
	if err != nil {
		return err
	}
	sites, err := folder.Book.Sites()
	if err != nil {
		return err
	}
	if c.Name != "" {
		site, err := folder.Book.Site(c.Name)
		if err != nil {
			return err
		}
		sites = []local.Site{site}
	}
	reports, problems := []signReport{}, []error(nil)
	for _, site := range sites {
		d, err := c.examine(ctx, site, folder, transport)
		if err != nil {
			return err
		}
		reports = append(reports, signReport{site.Name, site.Home, site.Endpoint, d.findings})
		if !c.JSON && c.Name == "" {
			fmt.Fprintf(out.out, "%s\n", site.Name)
		}
		shown := out
		if c.JSON {
			shown.out = io.Discard
		}
		if err := d.report(shown, false); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", site.Name, err))
		}
	}
	switch {
	case c.JSON && c.Name != "":
		err = writeJSON(out.out, reports[0])
	case c.JSON:
		err = writeJSON(out.out, reports)
	}
	return errors.Join(append(problems, err)...)
}

// signReport is the result of the checks of one blog.
type signReport struct {
	Name     string    `json:"name"`
	URL      string    `json:"url"`
	Endpoint string    `json:"endpoint"`
	Findings []finding `json:"findings"`
}

// examine checks the connection to one blog.
func (c *signCheckCmd) examine(ctx context.Context, site local.Site, folder *local.Folder, transport *local.Wakeful) (*doctor, error) {
	endpoint, err := url.Parse(site.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("read the address of %s: %w", site.Name, err)
	}
	home, err := url.Parse(site.Home)
	if err != nil {
		return nil, fmt.Errorf("read the address of %s: %w", site.Name, err)
	}
	d := &doctor{cmd: &doctorCmd{Largest: c.Largest, Timeout: c.Timeout}, home: home, endpoint: endpoint, transport: transport.Base()}
	defer d.transport.CloseIdleConnections()
	if d.reach(ctx) {
		d.bodies(ctx)
		k := &keyCheck{doctor: d, site: site}
		k.examine(ctx, folder, transport)
	}
	return d, nil
}

// keyCheck adds the checks of the signer's key to those of a doctor.
type keyCheck struct {
	*doctor
	site   local.Site
	client *local.Client
}

func (k *keyCheck) examine(ctx context.Context, folder *local.Folder, transport http.RoundTripper) {
	secret, err := folder.Secret(ctx, k.site.Name)
	if err != nil {
		k.find("seal", problem, "The key cannot be opened: %v.", err)
		return
	}
	k.find("seal", fine, "The key is stored here and can be opened.")
	if n, err := folder.Vault.Unsealed(); err == nil && n > 0 {
		k.find("seal", warning, "%d keys are stored unsealed. Run \"quillgate sign seal\".", n)
	}
	if k.client, err = local.NewClient(k.site, secret, transport, version); err != nil {
		k.find("key", problem, "%v.", err)
		return
	}
	if k.key(ctx) {
		k.scope(ctx)
		k.links(ctx)
	}
}

// key checks that the credential works, and that it still belongs to the same
// user.
func (k *keyCheck) key(ctx context.Context) bool {
	login, err := k.client.Login(ctx)
	fault, _ := errors.AsType[*xmlrpc.Fault](err)
	switch {
	case fault != nil && fault.Code == http.StatusForbidden && k.site.Kind == local.Plugin:
		k.find("key", problem, "The blog refuses the key: %s. If the key is new, the web server may not pass the Authorization header to PHP: in Apache, set \"CGIPassAuth On\". Otherwise the key was deleted: run \"quillgate sign add %s --name %s --again --user LOGIN\".", fault.Message, k.site.Home, k.site.Name)
	case fault != nil && fault.Code == http.StatusForbidden:
		k.find("key", problem, "The blog refuses the key: %s. It may be revoked, expired or limited to other networks. Check your profile page there, or run \"quillgate sign add %s --name %s --again\".", fault.Message, k.site.Home, k.site.Name)
	case err != nil:
		k.find("key", problem, "The key could not be tested: %v.", err)
	case !strings.EqualFold(login, k.site.User):
		k.find("key", problem, "The key belongs to %s, not to %s. Remove the blog and add it again as the right user.", login, k.site.User)
	default:
		k.find("key", fine, "The blog accepts the key as %s.", login)
		return true
	}
	return false
}

// scope reports what the key may do, if the blog supports that.
func (k *keyCheck) scope(ctx context.Context) {
	if k.site.Kind != local.Quillgate {
		k.find("scope", fine, "The key may do everything %s may. This kind of blog has no limited keys.", k.site.User)
		return
	}
	v, err := k.client.Call(ctx, "xmlrpcs.introspect")
	if err != nil {
		k.find("scope", warning, "The blog does not report what the key may do: %v.", err)
		return
	}
	var rights []string
	may := map[string]bool{}
	for _, r := range v.Get("scope").Elements() {
		rights = append(rights, r.Text())
		may[r.Text()] = true
	}
	if !may["read"] && (may["draft"] || may["publish"]) {
		k.find("scope", warning, "The key may %s but not read, so most clients fail at their first refresh. Give it the right read.", strings.Join(rights, ", "))
	} else {
		k.find("scope", fine, "The key may: %s.", strings.Join(rights, ", "))
	}
	if until := v.Get("expires").Text(); until != "" {
		k.find("scope", warning, "The key expires at %s (UTC). Run \"quillgate sign rotate %s\" to replace it.", until, k.site.Name)
	}
}

// links compares the address that the blog gives for its endpoint with the one
// in use.
func (k *keyCheck) links(ctx context.Context) {
	v, err := k.client.Call(ctx, "wp.getUsersBlogs")
	if err != nil {
		k.find("links", warning, "The blog does not list its blogs: %v.", err)
		return
	}
	for _, b := range v.Elements() {
		if u, err := url.Parse(b.Get("xmlrpc").Text()); err == nil && strings.EqualFold(u.Hostname(), k.endpoint.Hostname()) {
			k.find("links", fine, "The blog is called %q and reports the address that is in use.", b.Get("blogName").Text())
			return
		}
	}
	k.find("links", warning, "The blog reports other addresses for itself. The signer replaces them with its own; links in posts lead where the blog says.")
}
