package interop

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/quillgate/quillgate/markup"
	"github.com/quillgate/quillgate/xmlrpc"
)

// attackTexts are texts that run a script on a page that shows them unchanged,
// or after a poor filter. The script always calls alert.
func attackTexts(t *testing.T) []string {
	t.Helper()
	f, err := os.Open("../markup/testdata/attacks.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []string
	for s := bufio.NewScanner(f); s.Scan(); {
		var text string
		if err := json.Unmarshal(s.Bytes(), &text); err != nil {
			t.Fatalf("%s: %v", s.Text(), err)
		}
		out = append(out, text)
	}
	return out
}

// tryAll writes the first form of each text into a document of its own, and
// gives all forms to a script that fills elements with them, twice, as editors
// do. Then it does with every element what a reader could do, and returns the
// numbers of the texts that ran a script.
const tryAll = `(async () => {
	const ran = new Set()
	const events = ['load', 'error', 'click', 'focus', 'mouseover', 'toggle', 'animationstart', 'pointerover', 'begin', 'finish']
	const frames = texts.map((forms, i) => {
		const frame = document.createElement('iframe')
		frame.sandbox = 'allow-scripts allow-same-origin' // a dialog of a document in the document would hold everything up
		document.body.append(frame)
		const d = frame.contentDocument
		frame.contentWindow.alert = () => ran.add(i)
		d.open()
		d.write('<!DOCTYPE html><body>' + forms[0])
		d.close()
		frame.contentWindow.alert = () => ran.add(i)
		for (const form of forms) {
			for (const name of ['div', 'table', 'select']) {
				const twice = d.createElement(name), again = d.createElement(name)
				twice.innerHTML = form
				again.innerHTML = twice.innerHTML
				d.documentElement.append(again)
			}
		}
		return frame
	})
	await new Promise((done) => setTimeout(done, 200))
	for (const frame of frames) {
		for (const e of frame.contentDocument?.querySelectorAll('*') || []) {
			for (const name of events) e.dispatchEvent(new Event(name))
			if (/^\s*j/i.test(e.getAttribute('href') || '')) e.click()
		}
	}
	await new Promise((done) => setTimeout(done, 100))
	return [...ran]
})()`

// Only the filter is between the texts and the browser: these pages have no
// Content-Security-Policy.
func TestNoScriptRunsInFilteredTexts(t *testing.T) {
	t.Parallel()
	texts := attackTexts(t)
	if len(texts) < 250 {
		t.Errorf("there are only %d texts", len(texts))
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<!DOCTYPE html><title>x</title><body>")
	}))
	defer s.Close()
	v := openBrowser(t).tab(t, s.URL, desktop)
	defer v.forgive(func(string) bool { return true }) // the texts request all kinds of addresses, most of which do not exist

	run := func(texts []string, forms func(string) []string) (ran []string) {
		const part = 30
		for from := 0; from < len(texts); from += part {
			var all [][]string
			for _, text := range texts[from:min(from+part, len(texts))] {
				all = append(all, forms(text))
			}
			data, err := json.Marshal(all)
			if err != nil {
				t.Fatal(err)
			}
			v.open(t, "/")
			for _, i := range do(t, v, chromedp.Evaluate[[]int](strings.Replace(tryAll, "texts.map", string(data)+".map", 1), chromedp.EvalAwaitPromise)) {
				ran = append(ran, texts[from+i])
			}
		}
		return ran
	}
	if ran := run(texts[:60], func(text string) []string { return []string{text} }); len(ran) < 30 {
		t.Errorf("without a filter only %d of 60 texts run a script: this test would see none", len(ran))
	}
	filtered := func(text string) []string {
		inline := markup.Inline().Filter(text)
		return []string{
			markup.Post().Filter(text), markup.Page().Filter(text), inline,
			markup.MoveRel(inline, func(markup.Link) []string { return []string{"nofollow", "ugc"} }),
		}
	}
	for _, text := range run(texts, filtered) {
		t.Errorf("a script runs in %q, which becomes %q", text, filtered(text))
	}
}

// Users without the right to write any HTML put the texts wherever they can.
// The browser reports every script and handler that the policy of the pages
// blocks, and such a report fails the tab.
func TestNoScriptRunsOnThePages(t *testing.T) {
	t.Parallel()
	p := start(t, seed(t, ""))
	as := func(user, method string, params ...xmlrpc.Value) xmlrpc.Value {
		t.Helper()
		login := []xmlrpc.Value{xmlrpc.Int(1), xmlrpc.String(user), xmlrpc.String(user + "-pass-1234")}
		v, err := call(t.Context(), p, nil, method, append(login, params...)...)
		if err != nil {
			t.Fatalf("%s: %v", method, err)
		}
		return v
	}
	member := func(name, text string) xmlrpc.Member { return xmlrpc.M(name, xmlrpc.String(text)) }
	var paths []string
	all := attackTexts(t)
	const part = 15
	for from := 0; from < len(all); from += part {
		var several []string
		for _, text := range all[from:min(from+part, len(all))] {
			several = append(several, strings.Map(inXML, text))
		}
		text := strings.Join(several, "\n\n")
		id := as("author1", "wp.newPost", xmlrpc.Struct(member("post_title", "t "+text), member("post_content", text), member("post_excerpt", text),
			member("post_status", "publish"), member("comment_status", "open")))
		paths = append(paths, "/?p="+id.Text())
	}
	whole := strings.Map(inXML, strings.Join(all, "\n"))
	as("sub1", "wp.newComment", xmlrpc.Int(1), xmlrpc.Struct(member("content", whole)))
	as("author1", "wp.newComment", xmlrpc.Int(1), xmlrpc.Struct(member("content", "2 "+whole)))
	as("author1", "wp.editProfile", xmlrpc.Struct(member("display_name", "author "+strings.Map(inXML, all[0]+all[20])), member("bio", whole), member("nickname", "n"+all[0])))
	as("editor1", "wp.editTerm", xmlrpc.Int(1),
		xmlrpc.Struct(member("name", "c"+all[0]+all[20]), member("description", whole), member("taxonomy", "category")))

	v := openBrowser(t).tab(t, strings.TrimSuffix(p.endpoint, "/xmlrpc.php"), desktop)
	defer v.forgive(func(what string) bool { return !strings.Contains(what, "script") }) // pictures that do not exist
	for _, path := range append(paths, "/", "/?paged=2", "/?p=1", "/?cat=1", "/?author=3", "/?s=alert") {
		v.open(t, path)
		if n := do(t, v, chromedp.Evaluate[int](`[...document.querySelectorAll('*')].filter((e) => [...e.attributes].some((a) => a.name.startsWith('on') ||
			['href', 'src', 'cite', 'poster', 'action'].includes(a.name) && /^(javascript|vbscript|data):/.test(URL.parse(a.value, location)?.href))).length`)); n > 0 {
			t.Errorf("%s: %d elements with handlers or scripts as addresses", path, n)
		}
	}
}

// forgive drops the reports about a tab that a test expects.
func (v *tab) forgive(expected func(string) bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.trouble = slices.DeleteFunc(v.trouble, expected)
}

// inXML removes characters that XML cannot contain.
func inXML(c rune) rune {
	if c < ' ' && c != '\t' && c != '\n' && c != '\r' {
		return -1
	}
	return c
}
