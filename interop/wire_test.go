package interop

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The recordings are exchanges with a WordPress, one file for each scenario. A
// scenario starts on a blog that has only the seed, and its exchanges follow
// one another on it.

// pending lists the scenarios whose methods this server does not have yet, with
// the reason.
var pending = map[string]string{}

// byChance lists exchanges that expect an id of one kind to equal one of
// another kind, as in the recording. Here an earlier exchange is not refused
// and takes that number.
var byChance = map[string]string{
	"xml-strings/019-utf8-declared-latin1": "018-latin1 makes a category here",
	"xml-strings/020-read-category-mixed":  "018-latin1 makes a category here",
}

type scenario struct {
	Scenario  string      `json:"scenario"`
	About     string      `json:"about"`
	Requires  []string    `json:"requires"`
	Sources   sources     `json:"sources"` // pages of another site, for pingbacks
	Exchanges []*exchange `json:"exchanges"`
}

type exchange struct {
	Name   string `json:"name"`
	Method string `json:"method"` // the called method
	HTTP   struct {
		Method  string             `json:"method"`
		Query   string             `json:"query"`
		Headers map[string]*string `json:"headers"` // null removes a header
	} `json:"http"`
	Request       string            `json:"request"`
	RequestBase64 []byte            `json:"request_base64"`
	Template      bool              `json:"template"` // the request contains ${names} of captured values
	Status        int               `json:"status"`
	ContentType   string            `json:"content_type"`
	Outcome       string            `json:"outcome"`
	FaultCode     *int              `json:"faultCode"`
	Expect        *node             `json:"expect"`
	Capture       map[string]string `json:"capture"`
	Tolerate      []int             `json:"tolerate"` // fault codes that pass too: limits that may be lower here
	APIs          [][3]string       `json:"apis"`
	Deviates      string            `json:"deviates"` // the reason why this server answers in another way
}

// options returns the options that the scenario needs: those that it names, and
// for pingbacks the permission to fetch pages at the address elsewhere.
func (s *scenario) options(elsewhere string) map[string]string {
	out := make(map[string]string)
	for _, name := range s.Requires {
		if name != "secure_xmlrpc" { // this server always has it
			out[name] = "1"
		}
	}
	if elsewhere != "" {
		out["pingback"], out["pingback_networks"] = "1", strings.TrimPrefix(elsewhere, "http://")
	}
	return out
}

func loadScenarios(t *testing.T) []scenario {
	t.Helper()
	files, err := filepath.Glob("testdata/wire/*.json")
	if err != nil {
		t.Fatal(err)
	}
	var out []scenario
	for _, name := range files {
		if filepath.Base(name) == "seed.json" {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var s scenario
		if err := json.Unmarshal(text, &s); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out = append(out, s)
	}
	if len(out) == 0 {
		t.Fatal("there are no recordings")
	}
	return out
}

func TestWire(t *testing.T) {
	t.Parallel()
	scenarios := loadScenarios(t)
	eachSeeded(t, func(t *testing.T, seed seeded) {
		seed.statements = &statements{}
		// A group, so that the seed exists until the parallel tests
		// have finished.
		t.Run("scenarios", func(t *testing.T) {
			for _, s := range scenarios {
				if pending[s.Scenario] == "" {
					t.Run(s.Scenario, func(t *testing.T) {
						t.Parallel()
						vars := make(map[string]string)
						elsewhere := s.Sources.serve(t, vars)
						vars["source_base"] = elsewhere
						s.replay(t, seed.copy(t).serve(t, s.options(elsewhere)), vars, nil)
					})
				}
			}
		})
		t.Run("plans", func(t *testing.T) {
			seed.statements.check(t, seed, 200, nil)
		})
	})
}

// A few scenarios run against a separate process, which gets no help from this
// one.
func TestWireProcess(t *testing.T) {
	t.Parallel()
	wanted := map[string]bool{"http-level": true, "secure-xmlrpc": true, "newpost-basic": true, "media-upload": true, "metaweblog-new": true}
	for _, s := range loadScenarios(t) {
		if wanted[s.Scenario] {
			t.Run(s.Scenario, func(t *testing.T) { s.replay(t, start(t, seed(t, "")).base, make(map[string]string), nil) })
		}
	}
}

// Every pending scenario exists, so that the table does not outlive its
// reasons.
func TestPendingScenariosExist(t *testing.T) {
	known := make(map[string]bool)
	for _, s := range loadScenarios(t) {
		known[s.Scenario] = true
	}
	for name := range pending {
		if !known[name] {
			t.Errorf("pending names %s, which is no scenario", name)
		}
	}
}

// label returns the name of the exchange with an index.
func (s *scenario) label(i int) string { return fmt.Sprintf("%03d-%s", i+1, s.Exchanges[i].Name) }

// replay sends the exchanges to the blog at base, one after the other, each as
// a subtest. by returns the endpoint for an index, or "" for the blog itself;
// nil means the blog itself for all.
func (s *scenario) replay(t *testing.T, base string, vars map[string]string, by func(i int) string) {
	vars["base"] = base
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	for i, x := range s.Exchanges {
		t.Run(s.label(i), func(t *testing.T) {
			vars["endpoint"] = base + "/xmlrpc.php"
			if by != nil {
				vars["endpoint"] = cmp.Or(by(i), vars["endpoint"])
			}
			got, err := x.send(client, vars)
			if err != nil {
				t.Fatal(err)
			}
			if got.outcome == "ok" {
				for name, path := range x.Capture {
					if v, ok := got.result.at(path); ok {
						vars[name] = v
					} else {
						delete(vars, name)
					}
				}
			}
			if s.excused(i) {
				return // sent for its effect, not for its answer
			}
			vars["endpoint"] = base + "/xmlrpc.php"
			for _, difference := range x.judge(got, vars) {
				t.Error(difference)
			}
		})
	}
}

// excused reports whether the answer to an exchange is not compared.
func (s *scenario) excused(i int) bool {
	x := s.Exchanges[i]
	return x.Deviates != "" || byChance[s.Scenario+"/"+s.label(i)] != ""
}

var placeholder = regexp.MustCompile(`\$\{([A-Za-z0-9_]+)\}`)

// body returns the request with the captured values.
func (x *exchange) body(vars map[string]string) ([]byte, error) {
	body := []byte(x.Request)
	if x.RequestBase64 != nil {
		body = x.RequestBase64
	}
	if !x.Template {
		return body, nil
	}
	var missing error
	body = placeholder.ReplaceAllFunc(body, func(m []byte) []byte {
		v, ok := vars[string(m[2:len(m)-1])]
		if !ok {
			missing = fmt.Errorf("%s was not captured by an earlier exchange", m)
		}
		return []byte(strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(v))
	})
	return body, missing
}

func (x *exchange) send(client *http.Client, vars map[string]string) (*reply, error) {
	body, err := x.body(vars)
	if err != nil {
		return nil, err
	}
	if x.HTTP.Method == http.MethodGet || x.HTTP.Method == http.MethodHead {
		body = nil
	}
	req, err := http.NewRequest(x.HTTP.Method, vars["endpoint"]+x.HTTP.Query, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "text/xml")
	for name, value := range x.HTTP.Headers {
		req.Header.Del(name)
		if value != nil {
			req.Header.Set(name, *value)
		}
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	r := &reply{status: resp.StatusCode, contentType: resp.Header.Get("Content-Type")}
	if r.body, err = io.ReadAll(resp.Body); err != nil {
		return nil, err
	}
	r.read()
	return r, nil
}
