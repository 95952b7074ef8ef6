package interop

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// difference is a sequence of calls whose last answer once differed from
// WordPress's. Random calls to both servers found it, and everything that was
// not needed to show it was removed.
type difference struct {
	About     string `json:"about"`
	Path      string `json:"path"` // the part of the last answer that is compared: "$.terms"
	Reference string `json:"reference"`
	Here      string `json:"here"` // the reason, if this server differs on purpose
	Why       string `json:"why"`
	Steps     []struct {
		Method string `json:"m"`
		Params []any  `json:"p"`
	} `json:"steps"`
}

func TestAnswersAsWordPress(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/differential/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no sequences: %v", err)
	}
	eachSeeded(t, func(t *testing.T, seed seeded) {
		t.Run("sequences", func(t *testing.T) { // a group, so that the seed outlives its parallel tests
			for _, name := range files {
				t.Run(strings.TrimSuffix(filepath.Base(name), ".json"), func(t *testing.T) {
					t.Parallel()
					text, err := os.ReadFile(name)
					if err != nil {
						t.Fatal(err)
					}
					var d difference
					if err := json.Unmarshal(text, &d); err != nil {
						t.Fatal(err)
					}
					d.replay(t, openEdge(t, seed.copy(t)))
				})
			}
		})
	})
}

func (d *difference) replay(t *testing.T, e *edge) {
	want := d.Reference
	if d.Here != "" {
		want = d.Here
	}
	if (d.Here != "") != (d.Why != "") {
		t.Error("an answer of our own and its reason belong together")
	}
	var answers []*reply
	for _, step := range d.Steps {
		values := make([]string, len(step.Params))
		for i, p := range step.Params {
			values[i] = inValue(p, answers)
		}
		answers = append(answers, e.post(t, rpc(step.Method, values...)))
	}
	last := answers[len(answers)-1]
	if d.Path == "" {
		if got := outcomeLine(last); got != outcomeOf(want) {
			t.Errorf("%s: %s, want %s", d.About, got, outcomeOf(want))
		}
		return
	}
	if last.outcome != "ok" {
		t.Fatalf("%s: %s", d.About, last)
	}
	n := last.result
	for _, name := range strings.Split(d.Path, ".")[1:] {
		if n = n.M[name]; n == nil {
			t.Fatalf("%s: the answer has no %s", d.About, d.Path)
		}
	}
	if got := n.brief(); got != strings.TrimPrefix(want, strconv.Itoa(len(n.I))+": ") {
		t.Errorf("%s: %s is\n%s, want\n%s", d.About, d.Path, got, want)
	}
}

// outcomeLine and outcomeOf reduce an answer, or a recorded one, to "ok" or
// "fault" and its code.
func outcomeLine(r *reply) string {
	if r.outcome == "fault" {
		return "fault " + strconv.Itoa(r.code)
	}
	return r.outcome
}

func outcomeOf(written string) string {
	words := strings.Fields(written)
	if words[0] == "fault" {
		return strings.Join(words[:2], " ")
	}
	return words[0]
}

// brief returns a scalar unchanged, and the ids of the elements of a list.
func (n *node) brief() string {
	if n.T != "array" {
		return n.value()
	}
	var out []string
	for _, x := range n.I {
		for _, name := range []string{"post_id", "term_id", "comment_id"} {
			if id := x.M[name]; id != nil {
				out = append(out, name+"="+id.value())
				break
			}
		}
	}
	return strings.Join(out, " ")
}

// inValue writes the content of a value element for a JSON value. {"$res": n}
// is the answer of step n, {"$dt": text} a date.
func inValue(v any, answers []*reply) string {
	switch v := v.(type) {
	case nil:
		return "<nil/>"
	case bool:
		return boolean(strconv.Itoa(map[bool]int{true: 1}[v]))
	case float64:
		return num(strconv.FormatInt(int64(v), 10))
	case string:
		return str(escape(v))
	case []any:
		var b strings.Builder
		for _, x := range v {
			fmt.Fprintf(&b, "<value>%s</value>", inValue(x, answers))
		}
		return "<array><data>" + b.String() + "</data></array>"
	case map[string]any:
		if n, ok := v["$res"].(float64); ok {
			return num(answers[int(n)].result.value())
		}
		if date, ok := v["$dt"].(string); ok {
			return "<dateTime.iso8601>" + escape(date) + "</dateTime.iso8601>"
		}
		var b strings.Builder
		for _, name := range slices.Sorted(maps.Keys(v)) {
			fmt.Fprintf(&b, "<member><name>%s</name><value>%s</value></member>", escape(name), inValue(v[name], answers))
		}
		return "<struct>" + b.String() + "</struct>"
	}
	panic(fmt.Sprintf("a %T in a sequence", v))
}

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}
