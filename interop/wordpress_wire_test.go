//go:build wordpress

package interop

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/signer"
)

// gatewayDeviates are recorded exchanges, and scenarios, whose answer through the gateway is another one than that of the
// WordPress when it is asked directly, and why.
var gatewayDeviates = map[string]string{
	"create-application": "the method is the gateway's own; this WordPress has no plugin",
	"own-key":            "the methods are a quillgate's own; the recorded keys are not known here",
	"pingback":           "pingbacks are off at the gateway",
	"pingback-codes":     "pingbacks are off at the gateway",
	"pingback-ok-page":   "pingbacks are off at the gateway",
	"pingback-ok-post2":  "pingbacks are off at the gateway",
	"pingback-ok-second": "pingbacks are off at the gateway",

	"newpost-basic/028-content-not-a-struct": "the WordPress dies of it; the gateway refuses it",
	"editpost-if-modified/007-as-string":     "the WordPress dies of a date in a string; the gateway writes it as a date",
	"pages-read/008-too-few":                 "too few arguments are found before the login is tried",

	"movabletype/018-trackbacks":             "of the methods without a login, mt.supportedMethods and mt.supportedTextFilters are let through",
	"movabletype/019-trackbacks-unknown":     "of the methods without a login, mt.supportedMethods and mt.supportedTextFilters are let through",
	"system-introspection/001-list":          "the list has what the gateway lets through",
	"system-introspection/002-list-with-arg": "the list has what the gateway lets through",

	"metaweblog-read/017-too-few":           "too few arguments are found before the login is tried",
	"getpost-fields/027-id-text":            "an id that is no number is refused: WordPress reads the digits in front of other text",
	"system-multicall/009-no-params-member": "the WordPress dies of it, with the whole batch; the gateway refuses the one call",

	"xml-strings/006-read-untyped":         "white space around a text is dropped",
	"xml-strings/015-bom":                  "a byte order mark is taken for what it is; WordPress does not read on",
	"xml-strings/016-bom-no-declaration":   "a byte order mark is taken for what it is; WordPress does not read on",
	"xml-strings/018-latin1":               "the declared encoding is read; WordPress does not read on",
	"xml-strings/019-utf8-declared-latin1": "018-latin1 makes a category here",
	"xml-strings/020-read-category-mixed":  "018-latin1 makes a category here",
	"xml-types/002-i8-is-dropped":          "WordPress drops the value, and the arguments behind it move up",
	"xml-types/003-nil-is-dropped":         "WordPress drops the value, and the arguments behind it move up",
	"xml-types/004-empty-value-is-dropped": "WordPress drops the value, and the arguments behind it move up",
	"xml-types/007-int-garbage":            "what is no number is no int; WordPress reads the digits in front",
	"xml-types/009-id-as-double":           "WordPress cuts off the fraction: another post than the one that was named",
	"xml-types/010-id-as-boolean":          "true is no id; WordPress takes it for 1",
	"xml-types/015-read-boolean-word":      "false is false; WordPress takes the word for true",
	"xml-types/017-nesting-5000":           "values may be nested 32 deep",
	"xml-types/020-doctype-plain":          "a document type declaration never reaches PHP",
}

// mayDeviate is the reason for which the answers to an exchange differ, "" when there is none.
func (s *scenario) mayDeviate(name string, direct, through *reply) string {
	for _, key := range []string{name, s.Scenario} {
		if why := gatewayDeviates[key]; why != "" {
			return why
		}
	}
	if direct.outcome == "fault" && through.outcome == "fault" && direct.code == 403 && through.code == 401 && direct.faultWords == through.faultWords {
		return "fault 403 makes programs ask for the password, so it is kept for the login; what the WordPress forbids is 401 in its words"
	}
	return ""
}

// testWire sends the recorded exchanges to the WordPress directly, and through the gateway to the same WordPress, from the
// same beginning. Every call that holds a right user name and password goes through the gateway with a signature instead.
func (w *wordpress) testWire(t *testing.T) {
	w.reset(t)
	g := w.gate(t, "")
	keys := map[string]signingKey{}
	for _, u := range seedUsers(t) {
		keys[u.Login] = g.key(t, u.Login)
	}
	var count struct{ exchanges, signed, alike, right int }
	deviated, reasons := map[string]bool{}, map[string]int{}
	for _, s := range loadScenarios(t) {
		t.Run(s.Scenario, func(t *testing.T) {
			vars := make(map[string]string)
			options := []string{}
			elsewhere := s.Sources.serve(t, vars)
			vars["source_base"] = elsewhere
			if elsewhere != "" {
				options = append(options, "bed_source_port", w.port(elsewhere))
			}
			for _, name := range s.Requires {
				options = append(options, "bed_"+name, "1")
			}
			if strings.Contains(strings.Join(s.Requires, " "), "secure_xmlrpc") {
				t.Log("the header scheme is that of the plugin, which is not active here")
				return
			}
			w.reset(t, options...)
			direct := w.run(t, &s, vars, func(*exchange, map[string]string) (*http.Client, string) { return http.DefaultClient, w.inside })
			w.reset(t, options...)
			through := w.run(t, &s, vars, func(x *exchange, vars map[string]string) (*http.Client, string) {
				body, err := x.body(vars)
				if who := whose(body); err == nil && x.HTTP.Method == http.MethodPost && keys[who].public != "" && x.HTTP.Headers["Authorization"] == nil {
					count.signed++
					return &http.Client{Transport: signer.Transport{Public: keys[who].public, Secret: keys[who].secret, Scheme: signer.MessageSignatures, Base: w.client.Transport}}, w.public
				}
				return w.client, w.public
			})
			for i, x := range s.Exchanges {
				name := fmt.Sprintf("%s/%03d-%s", s.Scenario, i+1, x.Name)
				count.exchanges++
				a, b := direct[i], through[i]
				if len(b.wrong) == 0 {
					count.right++
				}
				same := outcomeLine(a.reply) == outcomeLine(b.reply) && strings.Join(a.wrong, "\n") == strings.Join(b.wrong, "\n")
				switch {
				case same && gatewayDeviates[name] != "":
					t.Errorf("%s: answers as the WordPress does: %s", name, gatewayDeviates[name])
				case same:
					count.alike++
				case s.mayDeviate(name, a.reply, b.reply) != "":
					reasons[s.mayDeviate(name, a.reply, b.reply)]++
				default:
					t.Errorf("%s: the WordPress: %s %q, the gateway: %s %q", name, a.reply, a.wrong, b.reply, b.wrong)
				}
				deviated[name] = true
			}
			deviated[s.Scenario] = true
		})
	}
	for name := range gatewayDeviates {
		if !deviated[name] {
			t.Errorf("there is no exchange %s", name)
		}
	}
	for why, n := range reasons {
		t.Logf("%3d otherwise: %s", n, why)
	}
	t.Logf("%d exchanges, %d of them signed: %d answered as by the WordPress itself, %d as recorded, %d otherwise for a reason",
		count.exchanges, count.signed, count.alike, count.right, count.exchanges-count.alike)
}

// judged is an answer, and in what it differs from the recording.
type judged struct {
	reply *reply
	wrong []string
}

// run sends the exchanges of a scenario one after the other, each where it is told to.
func (w *wordpress) run(t *testing.T, s *scenario, vars map[string]string, route func(*exchange, map[string]string) (*http.Client, string)) []judged {
	t.Helper()
	elsewhere := vars["source_base"]
	clear(vars) // the pages of the other site read them
	vars["base"], vars["source_base"] = w.public, elsewhere
	var out []judged
	for _, x := range s.Exchanges {
		client, base := route(x, vars)
		vars["endpoint"] = base + "/xmlrpc.php"
		got, err := x.send(client, vars)
		if err != nil {
			got = &reply{outcome: "error", kind: err.Error()}
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
		vars["endpoint"] = w.public + "/xmlrpc.php"
		out = append(out, judged{got, x.judge(got, vars)})
	}
	return out
}
