package local

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"slices"
	"strings"
	texttemplate "text/template"
	"time"

	"github.com/quillgate/quillgate/upstream"
)

var (
	//go:embed templates/wlwmanifest.xml
	manifestText string
	//go:embed templates/blog.html
	blogText string
	//go:embed templates/page.html
	pageText string
	//go:embed templates/page.css
	pageStyle string

	manifestTemplate = texttemplate.Must(texttemplate.New("manifest").Parse(manifestText))
	blogTemplate     = template.Must(template.New("blog").Parse(blogText))
	pageTemplate     = template.Must(template.New("page").Parse(pageText))
)

// base returns the signer's own address as the client wrote it.
func (p *Proxy) base(r *http.Request) string { return "http://" + r.Host }

// found holds the values for the discovery documents.
type found struct {
	Base, Endpoint, Home, Admin, Name string
}

func (p *Proxy) found(r *http.Request, s *served) found {
	base := p.base(r)
	home := strings.TrimRight(s.site.Home, "/") + "/"
	return found{Base: base + "/" + s.site.Name + "/", Endpoint: base + s.site.LocalPath(), Home: home, Admin: home + "wp-admin/", Name: s.site.Name}
}

// rsd serves Really Simple Discovery. It omits WP-API: newer clients would use
// it and bypass the signer.
func (p *Proxy) rsd(w http.ResponseWriter, r *http.Request, s *served) {
	f := p.found(r, s)
	text, err := upstream.RSD(f.Base, f.Endpoint)
	if err != nil {
		p.cfg.Log.Error("the discovery document cannot be created", "error", err.Error())
		http.Error(w, "The document cannot be created. The log has the details.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/xml; charset=UTF-8")
	_, _ = w.Write(text)
}

// discovery serves what a client requests to discover the endpoint when it is
// given the address of the blog on the signer.
func (p *Proxy) discovery(w http.ResponseWriter, r *http.Request, s *served, rest string) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "Send calls to xmlrpc.php.", http.StatusMethodNotAllowed)
		return
	}
	switch {
	case rest == "" && !strings.HasSuffix(r.URL.Path, "/"):
		http.Redirect(w, r, "/"+s.site.Name+"/", http.StatusMovedPermanently)
	case rest == "":
		w.Header().Set("X-Pingback", p.found(r, s).Endpoint)
		p.document(w, "text/html; charset=UTF-8", blogTemplate, p.found(r, s))
	case rest == "wlwmanifest.xml" || rest == "wp-includes/wlwmanifest.xml":
		p.document(w, "application/wlwmanifest+xml", manifestTemplate, p.found(r, s))
	case rest == "wp-admin" || strings.HasPrefix(rest, "wp-admin/"), rest == "wp-login.php":
		// The buttons of Live Writer lead here; the browser continues to the
		// blog.
		target := strings.TrimRight(s.site.Home, "/") + "/" + rest
		if r.URL.RawQuery != "" {
			target += "?" + r.URL.RawQuery
		}
		http.Redirect(w, r, target, http.StatusFound)
	default:
		http.Error(w, "The signer has no such page.", http.StatusNotFound)
	}
}

// document serves an executed template of either package.
func (p *Proxy) document(w http.ResponseWriter, kind string, t interface{ Execute(io.Writer, any) error }, data any) {
	var out bytes.Buffer
	if err := t.Execute(&out, data); err != nil {
		p.cfg.Log.Error("a page cannot be created", "error", err.Error())
		http.Error(w, "The page cannot be created. The log has the details.", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'sha256-"+styleSum()+"'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	_, _ = w.Write(out.Bytes())
}

// styleSum returns the hash of the page's only style, for the page's own
// policy.
func styleSum() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// row is the line for a blog on the page.
type row struct {
	Site
	shown
	Local, When string
}

// page shows each blog and the result of its last call. It contains no
// password: on most systems other users of the computer can open it too.
func (p *Proxy) page(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "This page can only be read.", http.StatusMethodNotAllowed)
		return
	}
	if !ownPeer(r) {
		http.Error(w, "The signer belongs to another user of this computer.", http.StatusForbidden)
		return
	}
	p.reload()
	p.mu.Lock()
	page := struct {
		Rows          []row
		Broken        error
		Started, Log  string
		Version, Host string
		Style         template.CSS
	}{Style: template.CSS(pageStyle), Broken: p.broken, Started: p.started.Format("2 January 15:04"), Log: p.cfg.LogPath, Version: p.cfg.Version, Host: r.Host}
	for _, s := range p.sites {
		page.Rows = append(page.Rows, row{Site: s.site, shown: s.status.shown(), Local: p.base(r) + s.site.LocalPath()})
	}
	p.mu.Unlock()
	for i := range page.Rows {
		page.Rows[i].When = ago(time.Since(page.Rows[i].At))
	}
	slices.SortFunc(page.Rows, func(a, b row) int { return strings.Compare(a.Name, b.Name) })
	p.document(w, "text/html; charset=UTF-8", pageTemplate, page)
}

// ago describes in words how long ago something was.
func ago(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "just now"
	case d < 2*time.Minute:
		return "a minute ago"
	case d < time.Hour:
		return fmt.Sprintf("%d minutes ago", int(d.Minutes()))
	case d < 2*time.Hour:
		return "an hour ago"
	case d < 48*time.Hour:
		return fmt.Sprintf("%d hours ago", int(d.Hours()))
	}
	return fmt.Sprintf("%d days ago", int(d.Hours()/24))
}
