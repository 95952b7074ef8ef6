//go:build wordpress

package interop

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/quillgate/quillgate/signer"
)

// oddForms is how many calls in odd forms each key sends; the variable WORDPRESS_FORMS changes it.
const oddForms = 2000

// testForms sends thousands of calls that the gateway and WordPress could read differently, by keys that may only read or
// only write drafts. What readers of the blog see stays as it was, to the last row of the database. The same calls with the
// password of the administrator, directly at the WordPress, do change it.
func (w *wordpress) testForms(t *testing.T) {
	w.reset(t)
	g := w.gate(t, "")
	n := number(t, "WORDPRESS_FORMS", oddForms)
	direct := func(body string) (string, error) { return w.post(http.DefaultClient, w.inside, body) }
	const seed = 12
	for _, k := range []struct{ name, scope string }{{"read", "read"}, {"draft", "read,draft"}} {
		t.Run(k.name, func(t *testing.T) {
			w.reset(t)
			key := g.key(t, "admin", "--scope", k.scope)
			client := &http.Client{Transport: signer.Transport{Public: key.public, Secret: key.secret, Scheme: signer.MessageSignatures, Base: &http.Transport{MaxIdleConnsPerHost: 8}}}
			visible := w.sql(t, visibleIDs)
			before := w.seen(t, visible)
			wholly := w.sql(t, everything)
			w.reached(t)
			carried, sent := w.sendForms(t, rand.New(rand.NewPCG(seed, 1)), n, "", func(body string) (string, error) { return w.post(client, g.base, body) })
			reached := len(w.reached(t))
			if after := w.seen(t, visible); after != before {
				t.Errorf("the key changed what readers see:\n%s", changedRows(before, after, sent))
			}
			if after := w.sql(t, everything); k.name == "read" && after != wholly {
				t.Errorf("a key that may only read changed something:\n%s", changedRows(wholly, after, sent))
			}
			if reached < n/50 {
				t.Errorf("%d of %d calls reached PHP: too few to show anything", reached, n)
			}
			t.Logf("%d calls in odd forms, %d answered without a fault, %d requests at PHP: nothing that readers see has changed", n, carried, reached)
		})
	}
	t.Run("directly", func(t *testing.T) {
		w.reset(t)
		visible := w.sql(t, visibleIDs)
		before := w.seen(t, visible)
		w.sendForms(t, rand.New(rand.NewPCG(seed, 1)), min(n, 300), seedUser, direct)
		if w.seen(t, visible) == before {
			t.Error("the same calls directly at the WordPress change nothing: they show nothing")
		}
	})
	w.reset(t)
}

// number is a count that a variable may change.
func number(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	if text := os.Getenv(variable); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("%s: %v", variable, err)
		}
		return n
	}
	return otherwise
}

// visibleIDs are the posts of all types that are not drafts, and what belongs
// to them.
const visibleIDs = `SELECT GROUP_CONCAT(ID ORDER BY ID) FROM wp_posts p WHERE post_status NOT IN ('draft', 'pending', 'auto-draft') AND NOT (post_type = 'revision' AND post_parent IN
	(SELECT ID FROM wp_posts WHERE post_status IN ('draft', 'pending', 'auto-draft')))`

// quietOptions leaves out what WordPress writes for itself.
const quietOptions = `SELECT option_name, option_value FROM wp_options WHERE option_name NOT LIKE '%\_transient\_%' AND option_name NOT IN ('cron', 'rewrite_rules', 'using_application_passwords') ORDER BY option_name;
	SELECT user_id, meta_key, meta_value FROM wp_usermeta WHERE meta_key NOT IN ('_application_passwords', 'session_tokens') ORDER BY umeta_id;
	SELECT * FROM wp_users ORDER BY ID; SELECT * FROM wp_comments ORDER BY comment_ID; SELECT * FROM wp_commentmeta ORDER BY meta_id;
	SELECT * FROM wp_terms ORDER BY term_id; SELECT * FROM wp_term_taxonomy ORDER BY term_taxonomy_id; SELECT * FROM wp_termmeta ORDER BY meta_id;`

// everything is all that the blog holds.
const everything = `SELECT * FROM wp_posts ORDER BY ID; SELECT * FROM wp_postmeta ORDER BY meta_id; SELECT * FROM wp_term_relationships ORDER BY object_id, term_taxonomy_id;` + quietOptions

// seen is what readers of the blog may see: the posts that were visible at the
// beginning, new ones that are not drafts, and all that is not a post.
func (w *wordpress) seen(t *testing.T, visible string) string {
	t.Helper()
	return w.sql(t, fmt.Sprintf(`SELECT * FROM wp_posts WHERE ID IN (%[1]s) ORDER BY ID;
		SELECT 'new', ID, post_type, post_status, post_title FROM wp_posts WHERE ID NOT IN (%[1]s) AND post_status NOT IN ('draft', 'pending', 'auto-draft', 'trash')
			AND NOT (post_type = 'revision' AND post_parent NOT IN (%[1]s)) ORDER BY ID;
		SELECT * FROM wp_postmeta WHERE post_id IN (%[1]s) ORDER BY meta_id;
		SELECT * FROM wp_term_relationships WHERE object_id IN (%[1]s) ORDER BY object_id, term_taxonomy_id;`, visible)+quietOptions)
}

// changedRows shows rows that were not there before, and the calls whose titles they hold.
func changedRows(before, after string, sent []string) string {
	was := map[string]bool{}
	for line := range strings.Lines(before) {
		was[line] = true
	}
	var out []string
	for line := range strings.Lines(after) {
		if was[line] || len(out) > 10 {
			continue
		}
		out = append(out, clip(strings.TrimSpace(line)))
		if m := numberedTitle.FindStringSubmatch(line); m != nil {
			i, _ := strconv.Atoi(m[1])
			out = append(out, "by "+sent[i])
		}
	}
	if len(out) == 0 {
		return "rows are missing"
	}
	return strings.Join(out, "\n")
}

var numberedTitle = regexp.MustCompile(`title-(\d+)-`)

// post sends a body as it is and returns the answer.
func (w *wordpress) post(client *http.Client, base, body string) (string, error) {
	x := &exchange{Request: body}
	x.HTTP.Method = http.MethodPost
	got, err := x.send(client, map[string]string{"endpoint": base + "/xmlrpc.php"})
	if err != nil {
		return "", err
	}
	return got.outcome, nil
}

// sendForms sends n calls by four clients at once, and returns how many were carried out. Each has a title of its own.
func (w *wordpress) sendForms(t *testing.T, source *rand.Rand, n int, login string, send func(string) (string, error)) (carried int, sent []string) {
	t.Helper()
	bodies := make(chan string)
	var mu sync.Mutex
	var senders sync.WaitGroup
	for range 4 {
		senders.Go(func() {
			for body := range bodies {
				outcome, err := send(body)
				if err != nil {
					t.Errorf("%v for %s", err, clip(body))
				}
				mu.Lock()
				if outcome == "ok" {
					carried++
				}
				mu.Unlock()
			}
		})
	}
	for i := range n {
		body := strings.ReplaceAll(oddCall(source, login), "TITLE", fmt.Sprintf("title-%d-", i))
		sent = append(sent, body)
		bodies <- body
	}
	close(bodies)
	senders.Wait()
	return carried, sent
}

// pick chooses one of a list.
func pick(r *rand.Rand, list ...string) string { return list[r.IntN(len(list))] }

// oddCall is a call that writes, in a form that two readers may take differently: UPSTREAM 2.4 to 2.9 lists what WordPress
// makes of each.
func oddCall(r *rand.Rand, login string) string {
	name, params := oddParams(r, login)
	switch r.IntN(8) {
	case 0: // nested, which WordPress signs in again
		list := "<array><data>" + strings.Join(params, "") + "</data></array>"
		if r.IntN(4) == 0 {
			list = oddList(params)
		}
		call := object("methodName", pick(r, str(name), str(" "+name+"\n"), name), "params", list)
		return rpc("system.multicall", "<array><data><value>"+call+"</value></data></array>")
	case 1: // all arguments in one
		return rpc(name, "<array><data>"+strings.Join(params, "")+"</data></array>")
	case 2: // a struct of places is a list to PHP
		return rpc(name, oddList(params))
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<?xml version="1.0"?><methodCall><methodName>%s</methodName><params>`, pick(r, name, name, " "+name+" "))
	for _, p := range params {
		b.WriteString("<param>" + p + "</param>")
	}
	return b.String() + "</params></methodCall>"
}

// oddList writes values as a struct of their places.
func oddList(values []string) string {
	var b strings.Builder
	for i, v := range values {
		fmt.Fprintf(&b, "<member><name>%d</name>%s</member>", i, v)
	}
	return "<struct>" + b.String() + "</struct>"
}

// oddParams chooses a method and its arguments, each a whole value element. Some are dropped by one reader and not by the
// other, so that the arguments behind them move up.
func oddParams(r *rand.Rand, login string) (name string, values []string) {
	password := ""
	if login != "" {
		password = login + "-pass-1234"
	}
	who := []string{value(str(login)), value(str(password))}
	blog := value(pick(r, num("1"), str("1"), "1"))
	in := func(arguments ...string) []string { return append(append([]string{blog}, who...), arguments...) }
	id, content, yes := value(oddID(r)), value(oddContent(r)), value(oddTrue(r))
	switch r.IntN(19) {
	case 0, 1:
		name, values = "wp.newPost", in(content)
	case 2, 3:
		name, values = "wp.editPost", in(id, content)
	case 4, 5:
		name, values = "metaWeblog.newPost", in(content, yes)
	case 6, 7:
		name, values = "metaWeblog.editPost", append(append([]string{id}, who...), content, yes)
	case 8:
		name, values = "blogger.newPost", append([]string{value(str("key")), blog}, append(who, value(str(escape("<title>TITLE</title>text"))), yes)...)
	case 9:
		name, values = "blogger.editPost", append([]string{value(str("key")), id}, append(who, value(str("text")), yes)...)
	case 10:
		name, values = pick(r, "wp.deletePost", "wp.deletePage", "wp.deleteFile"), in(id)
	case 11:
		name, values = pick(r, "metaWeblog.deletePost", "blogger.deletePost"), append([]string{value(str("key")), id}, append(who, yes)...)
	case 12:
		name, values = pick(r, "mt.publishPost", "mt.setPostCategories"), append(append([]string{id}, who...), value("<array><data></data></array>"))
	case 13:
		name, values = pick(r, "wp.newPage", "wp.newPost"), in(content, yes)
	case 14:
		name, values = "wp.editPage", append([]string{blog, id}, append(who, content, yes)...)
	case 15:
		name, values = pick(r, "wp.restoreRevision", "wp.deleteComment", "wp.deleteCategory", "wp.setOptions", "wp.editProfile", "wp.newTerm", "wp.newCategory", "wp.newComment"),
			in(pick(r, id, content), content)
	case 16:
		name, values = pick(r, "wp.getPost", "wp.getPage", "wp.getComment", "wp.getMediaItem", "wp.getRevisions", "wp.getPostType"), in(id)
	case 17:
		name, values = pick(r, "metaWeblog.getPost", "mt.getPostCategories"), append([]string{id}, who...)
	case 18:
		name, values = pick(r, "wp.getPosts", "wp.getComments", "wp.getMediaLibrary", "wp.getPages", "wp.getUsers", "wp.getOptions"), in(content)
	}
	for range r.IntN(3) { // something that WordPress drops, before the other arguments or among them
		at := r.IntN(len(values) + 1)
		values = append(values[:at], append([]string{pick(r, "<value/>", "<value></value>", "<value> </value>", "<value><nil/></value>")}, values[at:]...)...)
	}
	return name, values
}

func value(inner string) string { return "<value>" + inner + "</value>" }

// oddID is the id of one of the seed's posts: published ones, drafts, pages, files, revisions.
func oddID(r *rand.Rand) string {
	id := strconv.Itoa(10 + r.IntN(20))
	encoded := base64.StdEncoding.EncodeToString([]byte(id))
	return pick(r, num(id), str(id), id, str(id+"abc"), num(id+" "), str(" "+id), str("+"+id), str("0"+id), "<double>"+id+".7</double>", "<double>"+id+".0</double>",
		"<i8>"+id+"</i8>", "<base64>"+encoded+"</base64>", list(num(id)), object("0", num(id)), "<boolean>1</boolean>", str(id+".0"), str("1e1"), "<ex:i8>"+id+"</ex:i8>")
}

// oddTrue is true to one reader or the other.
func oddTrue(r *rand.Rand) string {
	return pick(r, boolean("1"), boolean("0"), boolean("true"), boolean("false"), boolean("2"), boolean("-1"), boolean(" 1 "), num("1"), num("0"), num("2"), str("1"), str("0"), str("false"), str("true"), str("no"),
		"<double>0.1</double>", "<nil/>", "", str(""), list(num("1")), "<array><data></data></array>", object("a", num("1")), "1", "<base64>MQ==</base64>", when("20240101T00:00:00"))
}

// oddContent is a post, page or other content with surprises.
func oddContent(r *rand.Rand) string {
	status := func() string {
		word := pick(r, "publish", "publish", "draft", "private", "future", "pending", "trash", "inherit", "PUBLISH", "auto-draft", "any")
		return pick(r, str(word), str(" "+word+" "), word, "<string><![CDATA["+word+"]]></string>", "<base64>"+base64.StdEncoding.EncodeToString([]byte(word))+"</base64>",
			list(str(word)), str("&#x"+strconv.FormatInt(int64(word[0]), 16)+";"+word[1:]), object("0", str(word)))
	}
	id := func() string { return oddID(r) }
	members := []string{"title", str("TITLE"), "description", str("d"), "post_title", str("TITLE"), "post_content", str("c")}
	for range 1 + r.IntN(4) {
		switch r.IntN(14) {
		case 0, 1, 2:
			members = append(members, pick(r, "post_status", " post_status ", "post_status\n", "Post_Status"), status())
		case 3:
			members = append(members, "page_status", status())
		case 4, 5:
			members = append(members, pick(r, "ID", "ID", "id", "Id", " ID ", "post_ID", "post_id"), id())
		case 6:
			members = append(members, "post_type", pick(r, str("page"), str("attachment"), str("nav_menu_item"), str("wp_template"), str("revision"), str("post"), list(str("post")), str("custom_css")))
		case 7:
			members = append(members, pick(r, "sticky", "wp_sticky"), oddTrue(r))
		case 8:
			members = append(members, pick(r, "post_date", "post_date_gmt", "dateCreated", "date_created_gmt"), pick(r, when("20200101T00:00:00"), when("20990101T00:00:00"), when("2020-01-01T00:00:00Z"), str("now"), str("20200101T00:00:00")))
		case 9:
			members = append(members, "terms_names", object("post_tag", list(str("new tag"))), "mt_keywords", str("new one"))
		case 10:
			members = append(members, "post_parent", id(), "wp_page_parent_id", id())
		case 11:
			members = append(members, "post_author", num("2"), "wp_author_id", num("3"))
		case 12:
			members = append(members, "custom_fields", list(object("id", id(), "key", str("k"), "value", str("v"))), "post_thumbnail", id())
		case 13:
			members = append(members, "post_name", str("hello"), "post_password", str("p"), "import_id", id(), "guid", str("http://x/"), "meta_input", object("a", str("b")), "tax_input", object("category", list(num("1"))))
		}
	}
	return object(members...)
}
