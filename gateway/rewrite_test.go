package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/gateway"
	"github.com/quillgate/quillgate/methods"
	"github.com/quillgate/quillgate/xmlrpc"
)

// published says that every post is a published one, drafts that it is a draft.
func published(context.Context, int64) (gateway.State, error) {
	return gateway.State{Status: "publish", Type: "post"}, nil
}

func drafts(context.Context, int64) (gateway.State, error) {
	return gateway.State{Status: "draft", Type: "post"}, nil
}

func scope(rights ...apps.Right) apps.Scope { return apps.Scope{Rights: rights} }

// sent is the part of a rewritten call behind its method name.
func sent(t *testing.T, body []byte) string {
	t.Helper()
	_, rest, ok := strings.Cut(string(body), "</methodName>")
	if !ok {
		t.Fatalf("not a call: %s", body)
	}
	return strings.NewReplacer("<params>", "", "</params></methodCall>\n", "", "<param><value>", "(", "</value></param>", ")").Replace(rest)
}

func call(t *testing.T, text string) *xmlrpc.MethodCall {
	t.Helper()
	c, err := xmlrpc.DecodeCall([]byte("<methodCall>"+text+"</methodCall>"), xmlrpc.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The same bytes mean different things to a strict reader and to WordPress.
// What goes inside means one thing to both.
func TestOddFormsAreWrittenInOneForm(t *testing.T) {
	const login = "<param><value><string>u</string></value></param><param><value><string>p</string></value></param>"
	for _, c := range []struct{ name, in, want string }{
		{
			"an untyped empty keeps its place", `<methodName>metaWeblog.newPost</methodName><params><param><value>1</value></param>` + login + `<param><value><struct><member><name>title</name><value>T</value></member></struct></value></param><param><value/></param></params>`,
			`(<string>1</string>)(<string>login</string>)(<string>app-password</string>)(<struct><member><name>title</name><value><string>T</string></value></member></struct>)`,
		},
		{
			"nil as user and password", `<methodName>wp.getPost</methodName><params><param><value><i4>1</i4></value></param><param><value/></param><param><value><nil/></value></param><param><value><string> 12 </string></value></param></params>`,
			`(<string>1</string>)(<string>login</string>)(<string>app-password</string>)(<int>12</int>)`,
		},
		{
			"an id as text, with a plugin's extra argument", `<methodName>wp.deletePost</methodName><params><param><value><i4>1</i4></value></param>` + login + `<param><value>7</value></param><param><value>more</value></param></params>`,
			`(<string>1</string>)(<string>login</string>)(<string>app-password</string>)(<int>7</int>)`,
		},
		{
			"text is trimmed, typed and without CDATA", `<methodName>wp.newPost</methodName><params><param><value><i4>1</i4></value></param>` + login + `<param><value><struct><member><name> post_status </name><value><![CDATA[ draft ]]></value></member><member><name>post_title</name><value><base64>PGI+</base64></value></member><member><name>gone</name><value><nil/></value></member></struct></value></param></params>`,
			`(<string>1</string>)(<string>login</string>)(<string>app-password</string>)(<struct><member><name>post_status</name><value><string>draft</string></value></member><member><name>post_title</name><value><string>&lt;b&gt;</string></value></member></struct>)`,
		},
		{
			"a date in another form", `<methodName>wp.editPost</methodName><params><param><value><i4>1</i4></value></param>` + login + `<param><value><int>3</int></value></param><param><value><struct><member><name>post_date_gmt</name><value><dateTime.iso8601>2026-11-30T10:00:00Z</dateTime.iso8601></value></member></struct></value></param></params>`,
			`(<string>1</string>)(<string>login</string>)(<string>app-password</string>)(<int>3</int>)(<struct><member><name>post_date_gmt</name><value><dateTime.iso8601>20261130T10:00:00Z</dateTime.iso8601></value></member></struct>)`,
		},
		{
			"a date with a zero offset", `<methodName>wp.editPost</methodName><params><param><value><i4>1</i4></value></param>` + login + `<param><value><int>3</int></value></param><param><value><struct><member><name>post_date_gmt</name><value><dateTime.iso8601>20261130T10:00:00+0000</dateTime.iso8601></value></member></struct></value></param></params>`,
			`(<string>1</string>)(<string>login</string>)(<string>app-password</string>)(<int>3</int>)(<struct><member><name>post_date_gmt</name><value><dateTime.iso8601>20261130T10:00:00Z</dateTime.iso8601></value></member></struct>)`,
		},
		{
			"a date with an offset", `<methodName>wp.editPost</methodName><params><param><value><i4>1</i4></value></param>` + login + `<param><value><int>3</int></value></param><param><value><struct><member><name>post_date_gmt</name><value><dateTime.iso8601>2026-12-01T01:30:00+02:00</dateTime.iso8601></value></member></struct></value></param></params>`,
			`(<string>1</string>)(<string>login</string>)(<string>app-password</string>)(<int>3</int>)(<struct><member><name>post_date_gmt</name><value><dateTime.iso8601>20261130T23:30:00Z</dateTime.iso8601></value></member></struct>)`,
		},
		{
			"a date with a short offset", `<methodName>wp.editPost</methodName><params><param><value><i4>1</i4></value></param>` + login + `<param><value><int>3</int></value></param><param><value><struct><member><name>post_date_gmt</name><value><dateTime.iso8601>20261130T08:00:00-05</dateTime.iso8601></value></member></struct></value></param></params>`,
			`(<string>1</string>)(<string>login</string>)(<string>app-password</string>)(<int>3</int>)(<struct><member><name>post_date_gmt</name><value><dateTime.iso8601>20261130T13:00:00Z</dateTime.iso8601></value></member></struct>)`,
		},
		{
			"a date as text", `<methodName>metaWeblog.newPost</methodName><params><param><value>1</value></param>` + login + `<param><value><struct><member><name>dateCreated</name><value>2021-03-04 05:06:07</value></member></struct></value></param></params>`,
			`(<string>1</string>)(<string>login</string>)(<string>app-password</string>)(<struct><member><name>dateCreated</name><value><dateTime.iso8601>20210304T05:06:07</dateTime.iso8601></value></member></struct>)`,
		},
		{
			"a date as text where WordPress takes one", `<methodName>wp.newPost</methodName><params><param><value>1</value></param>` + login + `<param><value><struct><member><name>post_date</name><value>2021-03-04 05:06:07</value></member></struct></value></param></params>`,
			`(<string>1</string>)(<string>login</string>)(<string>app-password</string>)(<struct><member><name>post_date</name><value><string>2021-03-04 05:06:07</string></value></member></struct>)`,
		},
		{
			"a day without a time", `<methodName>wp.newPost</methodName><params><param><value>1</value></param>` + login + `<param><value><struct><member><name>post_date</name><value><dateTime.iso8601>20210304</dateTime.iso8601></value></member></struct></value></param></params>`,
			`(<string>1</string>)(<string>login</string>)(<string>app-password</string>)(<struct><member><name>post_date</name><value><dateTime.iso8601>20210304T00:00:00</dateTime.iso8601></value></member></struct>)`,
		},
		{
			"an empty date is not given", `<methodName>wp.newPost</methodName><params><param><value>1</value></param>` + login + `<param><value><struct><member><name>post_date</name><value><dateTime.iso8601></dateTime.iso8601></value></member></struct></value></param></params>`,
			`(<string>1</string>)(<string>login</string>)(<string>app-password</string>)(<struct><member><name>post_date</name><value><string></string></value></member></struct>)`,
		},
		{
			"one name of an option", `<methodName>wp.getOptions</methodName><params><param><value>1</value></param>` + login + `<param><value><string> blog_title </string></value></param></params>`,
			`(<string>1</string>)(<string>login</string>)(<string>app-password</string>)(<array><data><value><string>blog_title</string></value></data></array>)`,
		},
		{
			"a comment on an address", `<methodName>wp.newComment</methodName><params><param><value>1</value></param>` + login + `<param><value>https://blog.example/?p=10</value></param><param><value><struct><member><name>content</name><value>hi</value></member></struct></value></param></params>`,
			`(<string>1</string>)(<string>login</string>)(<string>app-password</string>)(<string>https://blog.example/?p=10</string>)(<struct><member><name>content</name><value><string>hi</string></value></member></struct>)`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := call(t, c.in)
			out, err := gateway.Rewrite(in.Name, in.Params, apps.Scope{}, published)
			if err != nil {
				t.Fatal(err)
			}
			if got := sent(t, out); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestAmbiguousCallsAreRefused(t *testing.T) {
	u, p := xmlrpc.String("u"), xmlrpc.String("p")
	one := xmlrpc.Int(1)
	for _, c := range []struct {
		name, method string
		args         []xmlrpc.Value
	}{
		{"false in words publishes", "metaWeblog.newPost", []xmlrpc.Value{one, u, p, xmlrpc.Struct(), xmlrpc.String("false")}},
		{"digits with letters", "wp.deletePost", []xmlrpc.Value{one, u, p, xmlrpc.String("12abc")}},
		{"a fraction as an id", "wp.deletePost", []xmlrpc.Value{one, u, p, xmlrpc.Double(12.7)}},
		{"an array as an id is 1", "wp.deletePost", []xmlrpc.Value{one, u, p, xmlrpc.Array(xmlrpc.Int(5))}},
		{"a truth value as an id", "wp.deletePost", []xmlrpc.Value{one, u, p, xmlrpc.Bool(true)}},
		{"an id beyond 32 bits", "wp.deletePost", []xmlrpc.Value{one, u, p, xmlrpc.Int(1 << 40)}},
		{"the content names another post", "wp.editPost", []xmlrpc.Value{one, u, p, xmlrpc.Int(5), xmlrpc.Struct(xmlrpc.M("ID", xmlrpc.Int(6)))}},
		{"a new post that is an old one", "wp.newPost", []xmlrpc.Value{one, u, p, xmlrpc.Struct(xmlrpc.M("ID", xmlrpc.String("6")))}},
		{"a list as a content", "wp.newPost", []xmlrpc.Value{one, u, p, xmlrpc.Array(xmlrpc.String("x"))}},
		{"two members that are one after trimming", "wp.newPost", []xmlrpc.Value{one, u, p, xmlrpc.Struct(xmlrpc.M("post_status", xmlrpc.String("draft")), xmlrpc.M(" post_status", xmlrpc.String("publish")))}},
		{"a day that WordPress reads as another", "wp.newPost", []xmlrpc.Value{one, u, p, xmlrpc.Struct(xmlrpc.M("post_date", xmlrpc.DateTime("30.11.2026")))}},
		{"a text of which WordPress dies as a date", "metaWeblog.newPost", []xmlrpc.Value{one, u, p, xmlrpc.Struct(xmlrpc.M("post_date", xmlrpc.String("tomorrow")))}},
		{"a number of which WordPress dies as a date", "metaWeblog.newPost", []xmlrpc.Value{one, u, p, xmlrpc.Struct(xmlrpc.M("dateCreated", xmlrpc.Int(5)))}},
		{"nothing of which WordPress dies as a date", "wp.editPost", []xmlrpc.Value{one, u, p, one, xmlrpc.Struct(xmlrpc.M("if_not_modified_since", xmlrpc.String(" ")))}},
		{"an address where an id belongs", "wp.deletePost", []xmlrpc.Value{one, u, p, xmlrpc.String("https://blog.example/?p=10")}},
		{"a path as the post of a comment", "wp.newComment", []xmlrpc.Value{one, u, p, xmlrpc.String("/?p=10"), xmlrpc.Struct()}},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := gateway.Rewrite(c.method, c.args, apps.Scope{}, published)
			if fault := (*xmlrpc.Fault)(nil); !errors.As(err, &fault) {
				t.Errorf("it was let through: %s", out)
			}
		})
	}
}

// A key that may only write drafts never does anything that readers see.
func TestDraftKeysNeverReachReaders(t *testing.T) {
	u, p, one := xmlrpc.String(""), xmlrpc.String(""), xmlrpc.Int(1)
	content := func(members ...string) xmlrpc.Value {
		var out []xmlrpc.Member
		for i := 0; i < len(members); i += 2 {
			out = append(out, xmlrpc.M(members[i], xmlrpc.String(members[i+1])))
		}
		return xmlrpc.Struct(out...)
	}
	yes := xmlrpc.Bool(true)
	for i, c := range []struct {
		method string
		args   []xmlrpc.Value
		ask    func(context.Context, int64) (gateway.State, error)
		want   bool
	}{
		{"wp.newPost", []xmlrpc.Value{one, u, p, content("post_title", "x")}, drafts, true},
		{"wp.newPost", []xmlrpc.Value{one, u, p, content("post_status", "draft")}, drafts, true},
		{"wp.newPost", []xmlrpc.Value{one, u, p, content("post_status", "publish")}, drafts, false},
		{"wp.newPost", []xmlrpc.Value{one, u, p, content("post_status", "future")}, drafts, false},
		{"wp.newPost", []xmlrpc.Value{one, u, p, content("post_status", "private")}, drafts, false},
		{"wp.newPost", []xmlrpc.Value{one, u, p, content("post_type", "nav_menu_item")}, drafts, false},
		{"wp.newPost", []xmlrpc.Value{one, u, p, content("mt_keywords", "new")}, drafts, false},
		{"wp.newPost", []xmlrpc.Value{one, u, p, xmlrpc.Struct(xmlrpc.M("post_status", xmlrpc.Array(xmlrpc.String("publish"))))}, drafts, false},
		{"wp.newPost", []xmlrpc.Value{one, u, p, content("sticky", "1")}, drafts, false},
		{"wp.newPost", []xmlrpc.Value{one, u, p, xmlrpc.Struct(xmlrpc.M("meta_input", xmlrpc.Struct(xmlrpc.M("_wp_trash_meta_status", xmlrpc.String("publish")))))}, drafts, false},
		{"wp.newPost", []xmlrpc.Value{one, u, p, content("sticky", "0")}, drafts, true},
		{"wp.newPost", []xmlrpc.Value{one, u, p, xmlrpc.Struct(xmlrpc.M("sticky", xmlrpc.Bool(false)))}, drafts, true},
		{"wp.newPost", []xmlrpc.Value{one, u, p, xmlrpc.Struct(xmlrpc.M("sticky", xmlrpc.Array(yes)))}, drafts, false},
		{"wp.editPost", []xmlrpc.Value{one, u, p, one, xmlrpc.Struct(xmlrpc.M("sticky", yes))}, drafts, false},
		{"metaWeblog.editPost", []xmlrpc.Value{one, u, p, xmlrpc.Struct(xmlrpc.M("sticky", xmlrpc.Int(2)))}, drafts, false},
		{"wp.editPost", []xmlrpc.Value{one, u, p, one, content("post_title", "x")}, drafts, true},
		{"wp.editPost", []xmlrpc.Value{one, u, p, one, content("post_title", "x")}, published, false},
		{"wp.editPost", []xmlrpc.Value{one, u, p, one, content("post_status", "publish")}, drafts, false},
		{"wp.editPost", []xmlrpc.Value{one, u, p, one, content("post_status", "trash")}, drafts, false},
		{"metaWeblog.newPost", []xmlrpc.Value{one, u, p, content("title", "x")}, drafts, true},
		{"metaWeblog.newPost", []xmlrpc.Value{one, u, p, content("title", "x"), yes}, drafts, false},
		{"metaWeblog.newPost", []xmlrpc.Value{one, u, p, content("post_status", "draft"), yes}, drafts, true},
		{"metaWeblog.newPost", []xmlrpc.Value{one, u, p, content("post_status", "publish")}, drafts, false},
		{"metaWeblog.newPost", []xmlrpc.Value{one, u, p, content("page_status", "publish")}, drafts, false},
		{"metaWeblog.newPost", []xmlrpc.Value{one, u, p, content("post_status", "auto-draft")}, drafts, true},
		{"metaWeblog.newPost", []xmlrpc.Value{one, u, p, content("post_status", "auto-draft"), yes}, drafts, false},
		{"wp.newPage", []xmlrpc.Value{one, u, p, content("page_status", "auto-draft"), yes}, drafts, false},
		{"metaWeblog.newPost", []xmlrpc.Value{one, u, p, content("post_type", "page", "page_status", "draft", "post_status", "draft"), yes}, drafts, true},
		{"metaWeblog.editPost", []xmlrpc.Value{one, u, p, content("title", "x")}, published, false},
		{"wp.newPage", []xmlrpc.Value{one, u, p, content("title", "x"), yes}, drafts, false},
		{"wp.editPage", []xmlrpc.Value{one, one, u, p, content("title", "x")}, published, false},
		{"blogger.newPost", []xmlrpc.Value{one, one, u, p, xmlrpc.String("x"), yes}, drafts, false},
		{"blogger.editPost", []xmlrpc.Value{one, one, u, p, xmlrpc.String("x"), xmlrpc.Bool(false)}, published, false},
		{"wp.deletePost", []xmlrpc.Value{one, u, p, one}, published, false},
		{"wp.deletePost", []xmlrpc.Value{one, u, p, one}, drafts, true},
		{"mt.publishPost", []xmlrpc.Value{one, u, p}, drafts, false},
		{"mt.setPostCategories", []xmlrpc.Value{one, u, p, xmlrpc.Array()}, published, false},
		{"wp.restoreRevision", []xmlrpc.Value{one, u, p, one}, drafts, false},
		{"wp.newTerm", []xmlrpc.Value{one, u, p, content()}, drafts, false},
		{"wp.deleteFile", []xmlrpc.Value{one, u, p, one}, drafts, false},
		{"wp.setOptions", []xmlrpc.Value{one, u, p, content()}, drafts, false},
	} {
		t.Run(fmt.Sprintf("%d %s", i, c.method), func(t *testing.T) {
			_, err := gateway.Rewrite(c.method, c.args, scope(apps.Read, apps.Draft), c.ask)
			if (err == nil) != c.want {
				t.Errorf("let through: %v, want %v (%v)", err == nil, c.want, err)
			}
		})
	}
}

// wp.deleteFile is WordPress's wp.deletePost by another name.
func TestMediaKeysDeleteFilesOnly(t *testing.T) {
	args := []xmlrpc.Value{xmlrpc.Int(1), xmlrpc.String(""), xmlrpc.String(""), xmlrpc.Int(5)}
	if _, err := gateway.Rewrite("wp.deleteFile", args, scope(apps.Media), published); err == nil {
		t.Error("a key for files deletes a post")
	}
	file := func(context.Context, int64) (gateway.State, error) {
		return gateway.State{Status: "inherit", Type: "attachment"}, nil
	}
	if _, err := gateway.Rewrite("wp.deleteFile", args, scope(apps.Media), file); err != nil {
		t.Error(err)
	}
}

// FuzzRewrite holds the promise that what is decided on is what is sent: the
// call that goes inside decodes to itself, and rewriting it changes nothing.
func FuzzRewrite(f *testing.F) {
	for _, text := range []string{
		`<methodName>metaWeblog.newPost</methodName><params><param><value>1</value></param><param><value/></param><param><value/></param><param><value><struct><member><name>title</name><value> T </value></member></struct></value></param><param><value><boolean>1</boolean></value></param></params>`,
		`<methodName>wp.editPost</methodName><params><param><value>1</value></param><param><value/></param><param><value/></param><param><value>12</value></param><param><value><struct><member><name>ID</name><value>12</value></member><member><name>post_date</name><value><dateTime.iso8601>20260101T00:00:00</dateTime.iso8601></value></member></struct></value></param></params>`,
		`<methodName>wp.newPost</methodName><params><param><value>1</value></param><param><value/></param><param><value/></param><param><value><struct><member><name>terms</name><value><struct><member><name>category</name><value><array><data><value>1</value><value><nil/></value></data></array></value></member></struct></value></member></struct></value></param></params>`,
	} {
		f.Add([]byte("<methodCall>" + text + "</methodCall>"))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		in, err := xmlrpc.DecodeCall(body, xmlrpc.Limits{})
		if err != nil || methods.Lookup(in.Name) == nil {
			return
		}
		once, err := gateway.Rewrite(in.Name, in.Params, scope(apps.Read, apps.Draft), drafts)
		if err != nil {
			return
		}
		inside, err := xmlrpc.DecodeCall(once, xmlrpc.Limits{})
		if err != nil {
			t.Fatalf("what goes inside does not decode: %v\n%s", err, once)
		}
		twice, err := gateway.Rewrite(inside.Name, inside.Params, scope(apps.Read, apps.Draft), drafts)
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("rewriting changes what was rewritten: %v\n%s\n%s", err, once, twice)
		}
		for _, bad := range []string{"<nil", "<i8>", "CDATA", "<value/>", "<value></value>"} {
			if bytes.Contains(once, []byte(bad)) {
				t.Fatalf("%s goes inside: %s", bad, once)
			}
		}
	})
}
