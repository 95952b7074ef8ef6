package local

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/quillgate/quillgate/upstream"
	"github.com/quillgate/quillgate/xmlrpc"
)

// answered is an answer for the client: the blog's bytes, with a few replaced.
type answered struct {
	store *xmlrpc.Spool // nil if the answer is not a document of the blog
	parts []io.Reader
	bytes int64
	fault *xmlrpc.Fault
}

func (a *answered) size() int64       { return a.bytes }
func (a *answered) reader() io.Reader { return io.MultiReader(a.parts...) }

// Close releases the spool.
func (a *answered) Close() error {
	if a.store == nil {
		return nil
	}
	return a.store.Close()
}

// reader returns the function that reads the answers of a site. Those of a
// quillgate are signed, and must not be used before their end.
func (s *Site) reader() func(*http.Response, upstream.Store, int64, ...string) (*upstream.Answer, error) {
	if s.Kind == Quillgate {
		return upstream.ReadProven
	}
	return upstream.Read
}

// names returns the members of answers that lead a client to another address,
// and the codes of faults inside a batch.
func (c *call) names() []string {
	var names []string
	for i := range c.splice.Calls {
		if isBlogs(c.splice.Calls[i].Method) {
			names = append(names, "xmlrpc")
			break
		}
	}
	if c.batch() && c.served.site.Kind != Quillgate {
		names = append(names, "faultCode")
	}
	return names
}

func (c *call) batch() bool { return c.splice.Method == "system.multicall" }

// isBlogs reports whether a method lists the blogs of a user, each with the
// address of its endpoint.
func isBlogs(method string) bool {
	switch method {
	case "wp.getUsersBlogs", "blogger.getUsersBlogs", "metaWeblog.getUsersBlogs":
		return true
	}
	return false
}

// answer replaces only the parts of an answer that would lead the client away
// from the signer, or make it ask the person for a password.
func (c *call) answer(got *upstream.Answer, store *xmlrpc.Spool) (*answered, error) {
	doc := got.Document()
	if got.Fault != nil && got.Fault.Code == 403 && c.served.site.Kind != Quillgate {
		f := c.doubtful(got.Fault)
		text := xmlrpc.AppendFault(nil, f)
		return &answered{store: store, parts: []io.Reader{strings.NewReader(string(text))}, bytes: int64(len(text)), fault: f}, nil
	}
	a := &answered{store: store, fault: got.Fault}
	from := int64(0)
	add := func(r io.Reader, n int64) {
		a.parts = append(a.parts, r)
		a.bytes += n
	}
	for _, e := range c.edits(got) {
		add(io.NewSectionReader(doc, from, e.at.Start-from), e.at.Start-from)
		add(strings.NewReader(e.text), int64(len(e.text)))
		from = e.at.End
	}
	add(io.NewSectionReader(doc, from, got.Size-from), got.Size-from)
	return a, nil
}

// doubtful rewrites fault 403 of a WordPress. It may be a refused login, or a
// plugin that forbids something; the text tells which. With this code, clients
// would ask the person for the local password, which is correct.
func (c *call) doubtful(f *xmlrpc.Fault) *xmlrpc.Fault {
	return &xmlrpc.Fault{Code: upstream.CodeUnavailable, Message: fmt.Sprintf(
		"The blog refuses: %s If this is about the login, run “quillgate sign check %s”.", strings.TrimSpace(f.Message), c.served.site.Name)}
}

// An edit replaces bytes of an answer.
type edit struct {
	at   xmlrpc.Span
	text string
}

func (c *call) edits(got *upstream.Answer) []edit {
	if len(got.Texts) == 0 {
		return nil
	}
	var edits []edit
	listed := map[string]int{} // number of blogs in each list
	for _, m := range got.Texts {
		if m.Name == "xmlrpc" && c.lists(m) {
			listed[listOf(m)]++
		}
	}
	for _, m := range got.Texts {
		switch {
		case m.Name == "faultCode" && len(m.Path) == 1 && strings.TrimSpace(m.Text) == "403":
			edits = append(edits, edit{m.Scalar, fmt.Sprintf("<value><int>%d</int></value>", upstream.CodeUnavailable)})
		case m.Name == "xmlrpc" && c.lists(m):
			if to := c.localFor(m.Text, listed[listOf(m)] == 1); to != "" {
				edits = append(edits, edit{m.Scalar, "<value><string>" + to + "</string></value>"})
			} else {
				edits = append(edits, edit{m.Struct, ""})
			}
		}
	}
	slices.SortFunc(edits, func(a, b edit) int { return int(min(max(a.at.Start-b.at.Start, -1), 1)) })
	return edits
}

// lists reports whether a member is in a list of blogs: in an array that is the
// answer, or the answer to such a call in a batch.
func (c *call) lists(m xmlrpc.MemberText) bool {
	if !c.batch() {
		return len(m.Path) == 1
	}
	return len(m.Path) == 3 && m.Path[0] < len(c.splice.Calls) && isBlogs(c.splice.Calls[m.Path[0]].Method)
}

func listOf(m xmlrpc.MemberText) string { return fmt.Sprint(m.Path[:len(m.Path)-1]) }

// localFor returns the address on the signer for the endpoint of a blog, or ""
// for a blog that was not added: a client that is sent there would send the
// local password. only means that the list has no other blog; it then is the
// one that was called, under whatever name.
func (c *call) localFor(endpoint string, only bool) string {
	base := c.proxy.base(c.request)
	own := &c.served.site
	if only || sameAddress(endpoint, own.Endpoint) {
		return base + own.LocalPath()
	}
	c.proxy.mu.Lock()
	defer c.proxy.mu.Unlock()
	for _, s := range c.proxy.sites {
		if sameAddress(endpoint, s.site.Endpoint) {
			return base + s.site.LocalPath()
		}
	}
	return ""
}

// sameAddress compares two endpoints by host and path. WordPress often names
// itself with a different scheme than the one it is called by.
func sameAddress(a, b string) bool {
	ua, errA := url.Parse(strings.TrimSpace(a))
	ub, errB := url.Parse(b)
	return errA == nil && errB == nil && strings.EqualFold(ua.Host, ub.Host) && strings.TrimRight(ua.Path, "/") == strings.TrimRight(ub.Path, "/")
}
