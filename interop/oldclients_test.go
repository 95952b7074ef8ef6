package interop

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/xmlrpc"
)

// A bench is a blog on which requests of old clients are tried.
type bench struct {
	base          string
	post, comment string // the ids of the objects that the requests change
}

// raw sends a request unchanged, and returns the answer.
func (b *bench) raw(t *testing.T, request string) (status int, body string) {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(b.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// send posts a call, and returns the result, or the fault as text.
func (b *bench) send(t *testing.T, body []byte) (xmlrpc.Value, string) {
	t.Helper()
	resp, err := http.Post(b.base+"/xmlrpc.php", "text/xml", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	v, err := xmlrpc.DecodeResponse(text, xmlrpc.Limits{})
	if err != nil {
		return v, err.Error()
	}
	return v, ""
}

// ask calls a method with the blog, the user name and the password, and returns
// the result.
func (b *bench) ask(t *testing.T, method string, params ...xmlrpc.Value) xmlrpc.Value {
	t.Helper()
	v, fault := b.send(t, xmlrpc.AppendCall(nil, method, append([]xmlrpc.Value{xmlrpc.Int(1), xmlrpc.String(seedUser), xmlrpc.String(seedPassword)}, params...)...))
	if fault != "" {
		t.Fatalf("%s: %s", method, fault)
	}
	return v
}

// file returns a recorded request with the names of this blog.
func (b *bench) file(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata/clients", name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer("USER", seedUser, "PASSWORD", seedPassword, "COMMENT_ID", b.comment, "POST_ID", b.post).Replace(string(text))
}

// is expects a member of the post that was created or changed.
func is(member, want string) func(*testing.T, *bench, xmlrpc.Value) {
	return func(t *testing.T, b *bench, id xmlrpc.Value) {
		t.Helper()
		if id.Kind() == xmlrpc.KindBool {
			id = xmlrpc.String(b.post)
		}
		if got := b.ask(t, "wp.getPost", id).Get(member).Text(); got != want {
			t.Errorf("%s is %q, want %q", member, got, want)
		}
	}
}

// answers expects a result.
func answers(want string) func(*testing.T, *bench, xmlrpc.Value) {
	return func(t *testing.T, _ *bench, got xmlrpc.Value) {
		t.Helper()
		if got.Text() != want {
			t.Errorf("%s %q, want %q", got.Kind(), got.Text(), want)
		}
	}
}

// now expects a new post with the current time.
func now(t *testing.T, b *bench, id xmlrpc.Value) {
	t.Helper()
	text := b.ask(t, "wp.getPost", id).Get("post_date_gmt").Text()
	at, err := time.Parse("20060102T15:04:05", text)
	if err != nil || time.Since(at).Abs() > 10*time.Minute {
		t.Errorf("the post is of %s, want now", text)
	}
}

// A short call has no file, and is written here.
type oldCall struct {
	file string
	text string
	want func(*testing.T, *bench, xmlrpc.Value)
	code int // the fault code, or 0 for none
}

// oldCalls are calls that clients of many years send, with the right answers:
// what users would expect, which mostly is what WordPress does.
var oldCalls = []oldCall{
	{file: "02-date-as-text-comment.xml", want: func(t *testing.T, b *bench, _ xmlrpc.Value) {
		id, _ := strconv.ParseInt(b.comment, 10, 64)
		if got := b.ask(t, "wp.getComment", xmlrpc.Int(id)).Get("date_created_gmt").Text(); got != "20210304T05:06:07" {
			t.Errorf("the comment is of %s", got)
		}
	}},
	{file: "02-date-as-text-editpost.xml", want: is("post_date", "20210304T05:06:07")},
	{file: "02-date-as-text-metaweblog.xml", want: is("post_date", "20210304T05:06:07")},
	{file: "02-date-as-text-page.xml", want: is("post_date_gmt", "20210304T05:06:07")},
	{file: "03-odd-date-blank.xml", want: is("post_date", "20210304T05:06:07")},
	{file: "03-odd-date-day-only.xml", want: is("post_date", "20210304T00:00:00")},
	{file: "03-odd-date-hour-offset.xml", want: is("post_date_gmt", "20210304T03:06:07")},
	{file: "03-odd-date-leap-second.xml", want: is("post_date_gmt", "20170101T00:00:00")},
	{file: "03-odd-date-midnight-24.xml", want: is("post_date", "20210305T00:00:00")},
	{file: "03-odd-date-no-seconds.xml", want: is("post_date", "20210304T05:06:00")},
	{file: "03-odd-date-no-such-day.xml", want: is("post_date", "20210501T05:06:07")},
	{file: "03-odd-date-small-t.xml", want: is("post_date_gmt", "20210304T05:06:07")},
	{file: "03-odd-date-word.xml", want: now},
	// 05: clients take fault 403 for a wrong password.
	{text: "wp.editPost POST_ID <value>text</value>", code: 400},
	{text: "wp.getPost POST_ID <value>text</value>", code: 400},
	{text: "wp.editPost POST_ID <value><struct><member><name>if_not_modified_since</name><value><string></string></value></member></struct></value>", want: answers("1")},
	{file: "06-long-keyword.xml", want: func(t *testing.T, b *bench, id xmlrpc.Value) {
		is("post_status", "publish")(t, b, id)
		if tags := b.ask(t, "wp.getPost", id).Get("terms").Len(); tags != 1 { // the default category
			t.Errorf("the post has %d terms, want its category alone", tags)
		}
	}},
	{file: "07-charset-empty.xml", want: answers("Hello!")},
	{file: "07-charset-gb2312-ascii.xml", want: answers("Hello!")},
	{file: "07-charset-utf16-in-utf8.xml", want: answers("Hello!")},
	{file: "08-boolean-True.xml", want: is("post_status", "publish")},
	{file: "08-boolean-empty.xml", want: is("post_status", "draft")},
	{file: "08-double-empty.xml", want: answers("7")},
	{file: "10-private-with-password.xml", want: is("post_password", "")},
	// 14: a value that is not base64 is refused: a data: address would
	// become a broken file. Surplus padding is harmless.
	{file: "14-base64-junk.xml", code: xmlrpc.CodeInvalidRequest},
	{
		text: "wp.uploadFile <value><struct><member><name>name</name><value>dot.txt</value></member><member><name>bits</name><value><base64>aGVsbG8===</base64></value></member></struct></value>",
		want: func(t *testing.T, b *bench, v xmlrpc.Value) {
			resp, err := http.Get(v.Get("url").Text())
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if text, err := io.ReadAll(resp.Body); err != nil || string(text) != "hello" {
				t.Errorf("the file is %q, %v", text, err)
			}
		},
	},
	{file: "15-empty-param.xml", want: func(t *testing.T, _ *bench, v xmlrpc.Value) {
		if v.Index(0).Get("blogid").Text() != "1" {
			t.Error("there is no list of blogs")
		}
	}},
	{file: "15-member-without-value.xml", want: is("post_title", "T")},
	{file: "15-values-without-param.xml", want: answers("7")},
}

func TestOldClients(t *testing.T) {
	t.Parallel()
	eachSeeded(t, func(t *testing.T, seed seeded) {
		b := &bench{base: seed.copy(t).serve(t, nil), comment: "1"}
		tried := make(map[string]bool)
		for _, c := range oldCalls {
			t.Run(c.file+strings.SplitN(c.text, " ", 2)[0], func(t *testing.T) {
				b.post = b.ask(t, "wp.newPost", xmlrpc.Struct(xmlrpc.M("post_title", xmlrpc.String("Old")), xmlrpc.M("post_status", xmlrpc.String("publish")))).Text()
				body := ""
				if c.file != "" {
					tried[c.file] = true
					body = b.file(t, c.file)
				} else {
					method, rest, _ := strings.Cut(c.text, " ")
					rest = strings.Replace(rest, "POST_ID", "<value>"+b.post+"</value>", 1)
					body = "<methodCall><methodName>" + method + "</methodName><params><value>1</value><value>" + seedUser + "</value><value>" + seedPassword + "</value>" + rest + "</params></methodCall>"
				}
				got, fault := b.send(t, []byte(body))
				switch {
				case c.code != 0 && !strings.HasPrefix(fault, fmt.Sprintf("fault %d:", c.code)):
					t.Errorf("answered %s %q, want fault %d", got.Text(), fault, c.code)
				case c.code == 0 && fault != "":
					t.Error(fault)
				case c.code == 0:
					c.want(t, b, got)
				}
			})
		}
		files, err := filepath.Glob("testdata/clients/*.xml")
		if err != nil || len(files) != len(tried) {
			t.Errorf("%d of %d files were tried, %v", len(tried), len(files), err)
		}
		t.Run("addresses", func(t *testing.T) { oldAddresses(t, b) })
	})
}

var contentLength = regexp.MustCompile(`Content-Length: \d+`)

// oldAddresses are requests with an error in their first line or header.
func oldAddresses(t *testing.T, b *bench) {
	double := b.file(t, "01-double-slash.http")
	for _, path := range []string{"//xmlrpc.php", "///xmlrpc.php", "/./xmlrpc.php", "/xmlrpc.php/", "/xmlrpc.php/x"} {
		request := strings.ReplaceAll(strings.Replace(double, "POST //xmlrpc.php ", "POST "+path+" ", 1), "\n", "\r\n")
		request = strings.Replace(request, "</methodCall>\r\n", "</methodCall>", 1)
		if status, body := b.raw(t, request); status != 200 || !strings.Contains(body, "Hello!") {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	file := b.ask(t, "wp.uploadFile", xmlrpc.Struct(xmlrpc.M("name", xmlrpc.String("note.txt")), xmlrpc.M("bits", xmlrpc.Bytes([]byte("a note"))))).Get("url").Text()
	for address, want := range map[string]string{
		"//xmlrpc.php?rsd": "<engineName>WordPress", "//wp-includes/wlwmanifest.xml": "<clientType>WordPress",
		strings.Replace(strings.TrimPrefix(file, b.base), "/wp-content", "//wp-content", 1): "a note",
	} {
		if status, body := b.raw(t, "GET "+address+" HTTP/1.1\r\nHost: blog.example\r\nConnection: close\r\n\r\n"); status != 200 || !strings.Contains(body, want) {
			t.Errorf("GET %s: %d %s", address, status, body)
		}
	}
	wall := b.file(t, "11-basic-wall.http")
	head, body, _ := strings.Cut(strings.TrimSpace(strings.ReplaceAll(wall, "\r\n", "\n")), "\n\n")
	head = contentLength.ReplaceAllString(head, "Content-Length: "+strconv.Itoa(len(body)))
	if status, answer := b.raw(t, strings.ReplaceAll(head, "\n", "\r\n")+"\r\n\r\n"+body); status != 200 || !strings.Contains(answer, "<int>403</int>") {
		t.Errorf("a proxy's own password: %d %s", status, answer)
	}
	rest := strings.ReplaceAll(strings.TrimSpace(b.file(t, "12-rest-root.http")), "\n", "\r\n") + "\r\n\r\n"
	if status, answer := b.raw(t, rest); status != 404 || !strings.HasPrefix(answer, "{") {
		t.Errorf("the REST interface: %d %s", status, answer)
	}
}

// 09: an hour that clocks skip.
func TestOldClientInSpring(t *testing.T) {
	b := &bench{base: seed(t, "").serve(t, map[string]string{"timezone_string": "America/Chicago"})}
	id := b.ask(t, "metaWeblog.newPost", xmlrpc.Struct(xmlrpc.M("title", xmlrpc.String("Spring")), xmlrpc.M("dateCreated", xmlrpc.DateTime("20270314T02:30:00"))), xmlrpc.Bool(true))
	is("post_date", "20270314T03:30:00")(t, b, id)
	is("post_date_gmt", "20270314T08:30:00")(t, b, id)
}
