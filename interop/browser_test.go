package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// chromium is the browser without its window (Debian: chromium-headless-shell), which takes half the time of the whole one. It
// comes with tools/install-test-tools.
const chromium = "/usr/bin/chromium-headless-shell"

// pageTime limits the time for one page, and for the start of the browser.
const pageTime = patience

// browser is a headless Chromium that reaches nothing but this machine.
type browser struct{ ctx context.Context }

// shared is the browser of this test process. It starts with the first test
// that needs one, and ends in TestMain, because starting one takes as long as
// checking several pages. Tests share nothing in it: each tab has a context of
// its own.
var shared struct {
	sync.Once
	browser
	folder string
	stop   func()
	err    error
}

// openBrowser returns the browser that all tests share.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	shared.Do(func() {
		if shared.folder, shared.err = os.MkdirTemp("", "quillgate-browser-"); shared.err == nil {
			shared.browser, shared.stop, shared.err = startBrowser(shared.folder)
		}
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return &shared.browser
}

// closeBrowser closes the shared browser.
func closeBrowser() {
	if shared.stop != nil {
		shared.stop()
	}
	if shared.folder != "" {
		os.RemoveAll(shared.folder)
	}
}

// openBrowserWith starts a browser for one test, with additional options.
func openBrowserWith(t *testing.T, more ...chromedp.ExecAllocatorOption) *browser {
	t.Helper()
	b, stop, err := startBrowser(t.TempDir(), more...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return &b
}

func startBrowser(folder string, more ...chromedp.ExecAllocatorOption) (browser, func(), error) {
	if _, err := os.Stat(chromium); err != nil {
		return browser{}, nil, fmt.Errorf("%w: install Chromium's headless shell (Debian: chromium-headless-shell), or run tools/install-test-tools", err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(folder),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost"),
		chromedp.WSURLReadTimeout(pageTime),
	)
	ctx, stop := chromedp.NewExecAllocator(context.Background(), append(options, more...)...)
	ctx, cancel := chromedp.NewContext(ctx)
	end := func() {
		chromedp.Cancel(ctx)
		cancel()
		stop()
	}
	if err := chromedp.Do(ctx); err != nil {
		end()
		return browser{}, nil, fmt.Errorf("start %s: %w", chromium, err)
	}
	return browser{ctx}, end, nil
}

// look is a way to look at a page.
type look struct {
	name          string
	width, height int64
	mobile, dark  bool
	noScript      bool
}

var (
	desktop  = look{name: "desktop-light", width: 1280, height: 900}
	night    = look{name: "desktop-dark", width: 1280, height: 900, dark: true}
	phone    = look{name: "phone-light", width: 390, height: 844, mobile: true}
	phoneDim = look{name: "phone-dark", width: 390, height: 844, mobile: true, dark: true}
	bare     = look{name: "without scripts", width: 1280, height: 900, noScript: true}
)

// looks are the looks in which pages are checked. The phone at night is only
// for pictures: it differs from the phone as the desktops do.
func looks() []look {
	if os.Getenv("QUILLGATE_SCREENSHOTS") != "" || nightly() {
		return []look{phone, phoneDim, desktop, night}
	}
	return []look{phone, desktop, night}
}

// violationsIn returns the violations in a look. Light and dark differ only in
// their colours, and a screen reader gets the same page on a phone.
func (v *tab) violationsIn(t *testing.T, l look) []string {
	t.Helper()
	switch {
	case l.mobile:
		return nil
	case l.dark:
		return v.violations(t, "color-contrast")
	}
	return v.violations(t, "")
}

// tab is a page of the browser with its own cookies, on one site. When the test
// ends, everything unexpected fails it: requests to other hosts, violations of
// the Content-Security-Policy, exceptions in scripts.
type tab struct {
	ctx  context.Context
	base string

	mu       sync.Mutex
	document network.RequestID
	status   int64
	trouble  []string
	allowed  string // another address that may be requested
}

// tab opens an empty tab.
func (b *browser) tab(t *testing.T, base string, l look) *tab {
	t.Helper()
	v := &tab{base: base}
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext(), chromedp.WithListener(v.listen))
	v.ctx = ctx
	t.Cleanup(func() {
		cancel()
		v.mu.Lock()
		defer v.mu.Unlock()
		for _, what := range v.trouble {
			t.Error(what)
		}
	})
	if err := chromedp.Do(ctx); err != nil { // without a time limit, which would apply to the tab
		t.Fatalf("open a tab: %v", err)
	}
	v.resize(t, l)
	return v
}

// resize changes the look of the page.
func (v *tab) resize(t *testing.T, l look) {
	t.Helper()
	scheme := "light"
	if l.dark {
		scheme = "dark"
	}
	order(t, v, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: l.width, Height: l.height, DeviceScaleFactor: 1, Mobile: l.mobile})
	order(t, v, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
	order(t, v, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: l.noScript})
}

func (v *tab) listen(event any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if e.Type == network.ResourceTypeDocument {
			v.document = e.RequestID
		}
		if u, err := url.Parse(e.Request.URL); err != nil || !v.local(u) {
			v.trouble = append(v.trouble, "a page asked for "+e.Request.URL)
		}
	case *network.EventResponseReceived:
		if e.Type == network.ResourceTypeDocument {
			v.status = e.Response.Status
		}
	case *log.EventEntryAdded:
		// A page with an error status is not unexpected: tests check
		// the status where it matters. Neither is a header that is for
		// TLS only.
		if text := e.Entry.Text; string(e.Entry.Level) == "error" && !strings.Contains(text, "the server responded with a status of") && !strings.Contains(text, "origin was untrustworthy") {
			v.trouble = append(v.trouble, "the browser complains: "+e.Entry.Text+" "+e.Entry.URL)
		}
	case *runtime.EventExceptionThrown:
		v.trouble = append(v.trouble, "a script failed: "+e.ExceptionDetails.Text)
	}
}

func (v *tab) local(u *url.URL) bool {
	return u.Scheme == "data" || u.Scheme == "about" || u.Scheme+"://"+u.Host == v.base || v.allowed != "" && strings.HasPrefix(u.String(), v.allowed)
}

// do performs an action, within the time for one page.
func do[T any](t *testing.T, v *tab, step chromedp.Action[T]) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, pageTime)
	defer cancel()
	out, err := chromedp.Run(ctx, step)
	if err != nil {
		t.Fatalf("%v\non the page %s", err, v.where())
	}
	return out
}

// order sends a command of the protocol.
func order[P, R any](t *testing.T, v *tab, command cdp.Command[P, R], params P) R {
	t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, pageTime)
	defer cancel()
	out, err := chromedp.Call(ctx, command, params)
	if err != nil {
		t.Fatalf("%v\non the page %s", err, v.where())
	}
	return out
}

// open opens a path of the site, waits until the page has loaded, and returns
// its HTTP status.
func (v *tab) open(t *testing.T, path string) int64 {
	t.Helper()
	return v.arrive(t, chromedp.Navigate(v.base+path))
}

// press clicks on the first match of a CSS selector, which leads to another
// page.
func (v *tab) press(t *testing.T, selector string) int64 {
	t.Helper()
	return v.arrive(t, chromedp.Click(chromedp.CSS(selector)))
}

func (v *tab) arrive(t *testing.T, how chromedp.Action[chromedp.Void]) int64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, pageTime)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, how); err != nil {
		t.Fatalf("%v\non the page %s", err, v.where())
	}
	traces.keep(answer, "page "+v.where(), []byte(v.source(t)))
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.status
}

// write replaces the text in the field that a CSS selector finds.
func (v *tab) write(t *testing.T, selector, text string) {
	t.Helper()
	do(t, v, chromedp.Clear(chromedp.CSS(selector)))
	do(t, v, chromedp.SendKeys(chromedp.CSS(selector), text))
}

// text returns the visible text of the first match of a CSS selector.
func (v *tab) text(t *testing.T, selector string) string {
	t.Helper()
	return do(t, v, chromedp.Text(chromedp.CSS(selector)))
}

// has reports whether a CSS selector finds anything.
func (v *tab) has(t *testing.T, selector string) bool {
	t.Helper()
	return do(t, v, chromedp.Evaluate[bool]("document.querySelector("+quoted(selector)+") !== null"))
}

// where returns the address of the page.
func (v *tab) where() string {
	ctx, cancel := context.WithTimeout(v.ctx, pageTime)
	defer cancel()
	address, err := chromedp.Run(ctx, chromedp.Location())
	if err != nil {
		return err.Error()
	}
	return address
}

// source returns the page as the server sent it.
func (v *tab) source(t *testing.T) string {
	t.Helper()
	v.mu.Lock()
	id := v.document
	v.mu.Unlock()
	return string(order(t, v, network.GetResponseBody, network.GetResponseBodyParams{RequestID: id}).Body)
}

// violations returns what axe-core finds wrong with the page, by all rules or
// by the named one.
func (v *tab) violations(t *testing.T, rule string) []string {
	t.Helper()
	axe, err := os.ReadFile("clients/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatalf("%v: run tools/install-test-tools", err)
	}
	type violation struct {
		ID    string `json:"id"`
		Help  string `json:"help"`
		Nodes []struct {
			HTML           string `json:"html"`
			FailureSummary string `json:"failureSummary"`
		} `json:"nodes"`
	}
	if !do(t, v, chromedp.Evaluate[bool](`typeof axe !== 'undefined'`)) {
		do(t, v, chromedp.Evaluate[chromedp.Void](string(axe)))
	}
	only := ""
	if rule != "" {
		only = fmt.Sprintf(", runOnly: {type: 'rule', values: [%q]}", rule)
	}
	var out []string
	for _, f := range do(t, v, chromedp.Evaluate[[]violation](`axe.run(document, {resultTypes: ['violations']`+only+`}).then((r) => r.violations)`, chromedp.EvalAwaitPromise)) {
		for _, n := range f.Nodes {
			out = append(out, fmt.Sprintf("%s: %s\n\t%s\n\t%s", f.ID, f.Help, n.HTML, strings.ReplaceAll(n.FailureSummary, "\n", "\n\t")))
		}
	}
	return out
}

// shift returns how much of the page has moved since it began to load: the
// browser's cumulative layout shift.
func (v *tab) shift(t *testing.T) float64 {
	t.Helper()
	return do(t, v, chromedp.Evaluate[float64](`new Promise((done) => {
		let sum = 0
		new PerformanceObserver((list) => { for (const e of list.getEntries()) sum += e.value }).observe({type: 'layout-shift', buffered: true})
		requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => done(sum), 0)))
	})`, chromedp.EvalAwaitPromise))
}

// wide returns the number of pixels by which the page is wider than the window.
func (v *tab) wide(t *testing.T) int {
	t.Helper()
	return do(t, v, chromedp.Evaluate[int](`Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth)`))
}

// sideways lists the elements that must be scrolled sideways to be read.
func (v *tab) sideways(t *testing.T) []string {
	t.Helper()
	return do(t, v, chromedp.Evaluate[[]string](`[...document.querySelectorAll('body *:not(input, select, textarea)')]
		.filter(e => e.scrollWidth > e.clientWidth && ['auto', 'scroll'].includes(getComputedStyle(e).overflowX))
		.map(e => e.tagName + '.' + e.className + ' by ' + (e.scrollWidth - e.clientWidth))`))
}

// ragged lists the labels of checkboxes and radio buttons whose lines begin at
// different places.
func (v *tab) ragged(t *testing.T) []string {
	t.Helper()
	return do(t, v, chromedp.Evaluate[[]string](`[...document.querySelectorAll('label.box')].filter(label => {
		const lines = []
		const texts = document.createTreeWalker(label, NodeFilter.SHOW_TEXT)
		while (texts.nextNode()) {
			const range = document.createRange()
			range.selectNodeContents(texts.currentNode)
			for (const r of range.getClientRects()) {
				if (r.width === 0) continue
				const line = lines.find(l => r.top < l.bottom && r.bottom > l.top)
				if (line) line.left = Math.min(line.left, r.left)
				else lines.push({top: r.top, bottom: r.bottom, left: r.left})
			}
		}
		return lines.some(l => Math.abs(l.left - lines[0].left) > 0.5)
	}).map(label => label.innerText)`))
}

// small lists what is too small to be touched, by WCAG 2.2, success criterion
// 2.5.8: links, buttons and fields below 24 by 24 pixels, except links within
// sentences. A checkbox and its label are one target.
func (v *tab) small(t *testing.T) []string {
	t.Helper()
	return do(t, v, chromedp.Evaluate[[]string](`(() => {
		const least = 24, found = []
		const inSentence = (link) => {
			if (link.tagName !== 'A' || getComputedStyle(link).display !== 'inline') return false
			let block = link
			while (getComputedStyle(block).display === 'inline' && block.parentElement) block = block.parentElement
			const rest = document.createTreeWalker(block, NodeFilter.SHOW_TEXT)
			for (let n = rest.nextNode(); n; n = rest.nextNode()) {
				if (/[\p{L}\p{N}]/u.test(n.data) && !n.parentElement.closest('a, button, .away, .unseen')) return true
			}
			return false
		}
		for (const e of document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary')) {
			if (!e.checkVisibility({visibilityProperty: true}) || e.closest('.nobody, .unseen, .skip, .away, [aria-hidden=true]') || inSentence(e)) continue
			const rects = [...e.getClientRects()]
			const label = e.labels && /checkbox|radio/.test(e.type) ? e.labels[0] : null
			if (label) rects.push(label.getBoundingClientRect())
			const side = (from, to) => Math.max(...rects.map(to)) - Math.min(...rects.map(from))
			const width = side((r) => r.left, (r) => r.right), height = side((r) => r.top, (r) => r.bottom)
			if (width < least - .01 || height < least - .01) found.push(width.toFixed(1) + 'x' + height.toFixed(1) + ' ' + e.outerHTML.slice(0, 200))
		}
		return found
	})()`))
}

// keepPicture writes a PNG of the whole page, named after the test and the
// look, to the folder in the variable QUILLGATE_SCREENSHOTS, if it is set.
func (v *tab) keepPicture(t *testing.T, l look) {
	t.Helper()
	folder := os.Getenv("QUILLGATE_SCREENSHOTS")
	if folder == "" {
		return
	}
	png := do(t, v, chromedp.FullScreenshot(100))
	name := strings.ReplaceAll(strings.TrimPrefix(t.Name(), "Test"), "/", "-") + "-" + l.name + ".png"
	if err := os.WriteFile(filepath.Join(folder, name), png, 0o644); err != nil {
		t.Fatal(err)
	}
}

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}
