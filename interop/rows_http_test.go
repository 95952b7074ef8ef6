package interop

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

func testPicture(t *testing.T) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/picture.png")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// largePicture returns a picture that is large enough for two smaller versions.
func largePicture(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 400, 320))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// upload sends a file as the Android app does, with the member bits at the end.
func (e *edge) upload(t *testing.T, name, kind string, content []byte) *node {
	t.Helper()
	return e.ask(t, asAdmin("wp.uploadFile", object("name", str(name), "type", str(kind), "overwrite", boolean("1"), "bits", "<base64>"+lines(content, 76, "\n")+"</base64>")))
}

// lines encodes data as base64 in lines of n characters.
func lines(content []byte, n int, end string) string {
	text := base64.StdEncoding.EncodeToString(content)
	var b strings.Builder
	for len(text) > n {
		b.WriteString(text[:n] + end)
		text = text[n:]
	}
	return b.String() + text + end
}

// row24: Python and the Android app break base64 into lines; other clients send
// one line of many megabytes.
func row24(t *testing.T, e *edge) {
	noise := make([]byte, 8<<20)
	rand.NewChaCha8([32]byte{24}).Read(noise)
	for name, test := range map[string]struct {
		content []byte
		bits    string
	}{
		"one line":       {noise[:1000], base64.StdEncoding.EncodeToString(noise[:1000])},
		"lines of 76":    {noise[:1001], lines(noise[:1001], 76, "\n")},
		"lines of 60":    {noise[:1002], "\r\n" + lines(noise[:1002], 60, "\r\n")},
		"tabs":           {noise[:100], lines(noise[:100], 8, "\n\t\t")},
		"eight MB":       {noise, base64.StdEncoding.EncodeToString(noise)},
		"eight MB lines": {noise[1:], lines(noise[1:], 76, "\r\n")},
	} {
		// Text is what this blog takes without looking inside.
		file := e.ask(t, asAdmin("metaWeblog.newMediaObject", object("name", str("row24.zip"), "type", str("application/zip"), "bits", "<base64>"+test.bits+"</base64>")))
		got, _ := e.request(t, http.MethodGet, file.M["url"].value(), "")
		if got.status != 200 || !bytes.Equal(got.body, test.content) {
			t.Errorf("%s: HTTP %d, %d bytes, want the %d that were sent", name, got.status, len(got.body), len(test.content))
		}
	}
}

// row25: desktop clients read the member url; the apps read the attachment.
func row25(t *testing.T, e *edge) {
	picture := largePicture(t)
	for _, method := range []string{"wp.uploadFile", "metaWeblog.newMediaObject"} {
		v := e.ask(t, asAdmin(method, object("name", str("row25.png"), "type", str("image/png"), "bits", "<base64>"+lines(picture, 76, "\n")+"</base64>")))
		for name, kind := range map[string]string{
			"id": "string", "url": "string", "file": "string", "type": "string", "attachment_id": "string", "link": "string", "title": "string",
			"metadata": "struct", "date_created_gmt": "dateTime.iso8601", "parent": "int", "thumbnail": "string", "caption": "string", "description": "string",
		} {
			if m := v.M[name]; m == nil || m.T != kind {
				t.Errorf("%s: the member %s is %+v, want a %s", method, name, m, kind)
			}
		}
		check(t, method+" id", v.M["id"].value(), v.M["attachment_id"].value())
		check(t, method+" link", v.M["url"].value(), v.M["link"].value())
		check(t, method+" type", v.M["type"].value(), "image/png")
		check(t, method+" metadata", v.M["metadata"].show("width", "height"), "int 400, int 320")
		for size, want := range map[string]string{"thumbnail": "int 150, int 150", "medium": "int 300, int 240"} {
			s := v.M["metadata"].M["sizes"].M[size]
			if s == nil {
				t.Errorf("%s: no %s picture", method, size)
				continue
			}
			check(t, method+" "+size, s.show("width", "height"), want)
			got, _ := e.request(t, http.MethodGet, v.M["url"].value()[:strings.LastIndex(v.M["url"].value(), "/")+1]+s.M["file"].value(), "")
			check(t, method+" "+size+" as fetched", fmt.Sprint(got.status, http.DetectContentType(got.body)), "200image/png")
		}
		item := e.ask(t, asAdmin("wp.getMediaItem", num(v.M["id"].value())))
		check(t, method+", read again", item.show("attachment_id", "link"), v.show("attachment_id", "link"))
	}
}

// exchange writes bytes to a new connection, and returns what it reads until the
// server closes the connection.
func (e *edge) exchange(t *testing.T, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(e.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatalf("the connection does not end: %v\n%s", err, answer)
	}
	return string(answer)
}

// row32: phpxmlrpc uses HTTP/1.0, RPC::XML sends TE, and curl sends Expect before
// a large body.
func row32(t *testing.T, e *edge) {
	body := rpc("demo.sayHello")
	host := strings.TrimPrefix(e.base, "http://")
	head := func(first string, headers ...string) string {
		return first + "\r\nHost: " + host + "\r\nContent-Type: text/xml\r\n" + strings.Join(append(headers, fmt.Sprintf("Content-Length: %d", len(body))), "\r\n") + "\r\n\r\n"
	}
	for name, text := range map[string]string{
		"HTTP/1.0":          head("POST /xmlrpc.php HTTP/1.0", "User-Agent: XML-RPC for PHP 4.11.0", "Accept-Encoding: gzip, deflate") + body,
		"Connection: close": head("POST /xmlrpc.php HTTP/1.1", "Connection: close", "Accept-Encoding: identity") + body,
		"TE":                head("POST /xmlrpc.php HTTP/1.1", "TE: deflate,gzip;q=0.3", "Connection: TE, close") + body,
	} {
		answer := e.exchange(t, text)
		headers, content, _ := strings.Cut(answer, "\r\n\r\n")
		if !strings.HasPrefix(headers, "HTTP/1.") || !strings.Contains(headers, " 200 ") || !strings.Contains(headers, fmt.Sprintf("\r\nContent-Length: %d", len(content))) {
			t.Errorf("%s: %q", name, headers)
		}
		if strings.Contains(headers, "Content-Encoding") || strings.Contains(headers, "Transfer-Encoding") || !strings.Contains(content, "Hello!") {
			t.Errorf("%s: %q\n%s", name, headers, content)
		}
	}
	t.Run("expect", func(t *testing.T) {
		conn, err := net.Dial("tcp", host)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(patience))
		io.WriteString(conn, head("POST /xmlrpc.php HTTP/1.1", "Expect: 100-continue", "Connection: close"))
		in := bufio.NewReader(conn)
		line, err := in.ReadString('\n')
		if err != nil || !strings.Contains(line, " 100 ") {
			t.Fatalf("asked to go on: %q, %v", line, err)
		}
		io.WriteString(conn, body)
		if rest, err := io.ReadAll(in); err != nil || !strings.Contains(string(rest), "Hello!") {
			t.Errorf("%v\n%s", err, rest)
		}
	})
	r, h := e.request(t, http.MethodPost, e.endpoint, asAdmin("wp.getPosts"), "Accept-Encoding", "gzip")
	if h.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(bytes.NewReader(r.body))
		if err != nil {
			t.Fatal(err)
		}
		if r.body, err = io.ReadAll(z); err != nil {
			t.Fatal(err)
		}
		r.read()
	}
	check(t, "compressed when asked", r.String(), "ok")
}

// row33: html2wordpress1 sends no Connection header, and reads until the server
// closes the connection.
func row33(t *testing.T, e *edge) {
	t.Parallel()
	body := rpc("demo.sayHello")
	answer := e.exchange(t, fmt.Sprintf("POST /xmlrpc.php HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
	if !strings.Contains(answer, "Hello!") || strings.Count(answer, "HTTP/1.1 ") != 1 {
		t.Errorf("%s", answer)
	}
}

// row34: the Authorization header has no scheme, and some servers drop such a
// header. A client that uses a password gets X-Deprecated.
func row34(t *testing.T, e *edge) {
	unsigned := rpc("wp.getProfile", num(""), str(""), str(""))
	r, h := e.request(t, http.MethodPost, e.endpoint, unsigned, "Authorization", signedBy(unsigned))
	check(t, "signed", r.String()+" "+h.Get("X-Deprecated"), "ok ")
	check(t, "signed by", r.result.show("username"), "string admin")
	for name, header := range map[string]string{
		"a wrong hash":      signedBy(unsigned + " "),
		"an unknown key":    "00" + signedBy(unsigned)[2:],
		"half of a header":  seedPublic + "||",
		"no header":         "",
		"a header for PHP":  "Basic " + base64.StdEncoding.EncodeToString([]byte(seedPublic+":"+seedSecret)),
		"another separator": strings.Replace(signedBy(unsigned), "||", "|", 1),
	} {
		r, _ := e.request(t, http.MethodPost, e.endpoint, unsigned, "Authorization", header)
		if r.status != 200 || r.outcome != "fault" || r.code != 403 {
			t.Errorf("%s: HTTP %d, %s; want fault 403", name, r.status, r)
		}
	}
	_, h = e.request(t, http.MethodPost, e.endpoint, asAdmin("wp.getProfile"))
	if h.Get("X-Deprecated") == "" {
		t.Error("a password is not called deprecated")
	}
	_, h = e.request(t, http.MethodPost, e.endpoint, rpc("demo.sayHello"))
	check(t, "a call of nobody", h.Get("X-Deprecated"), "")
}

// row35: MarsEdit fetches all posts in one call, the iOS app page by page.
func row35(t *testing.T, e *edge) {
	const clients, calls = 8, 40
	bad := make(chan error, clients*calls)
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for range calls {
				resp, err := e.client.Post(e.endpoint, "text/xml", strings.NewReader(byID("metaWeblog.getPost", "1")))
				if err != nil {
					bad <- err
					continue
				}
				r := &reply{status: resp.StatusCode}
				body, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				r.body = body
				if r.read(); err != nil || r.outcome != "ok" {
					bad <- errors.Join(err, errors.New(r.String()))
				}
			}
		})
	}
	all.Wait()
	close(bad)
	for err := range bad {
		t.Error(err)
	}
}
