package permalink_test

import (
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/permalink"
)

func TestProblem(t *testing.T) {
	for structure, want := range map[string]string{
		"":                                     "",
		"/%year%/%monthnum%/%day%/%postname%/": "",
		"/%postname%.html":                     "",
		"/index.php/archives/%post_id%":        "",
		"/%category%/%author%/%postname%":      "",
		"foo":                                  "begin with a slash",
		"%postname%":                           "begin with a slash",
		"/%year%/":                             "needs %postname% or %post_id%",
		"/%poem%/%postname%":                   "holds %poem%, which is not one of %author% ",
		"/a b/%postname%":                      "an address cannot contain",
		"/%postname%?x":                        "an address cannot contain",
		"/%POSTNAME%/%post_id%":                "an address cannot contain",
		"/a\x01/%postname%":                    "an address cannot contain",
		"/caf\u00e9/%postname%/":               "an address cannot contain",
		"//%postname%":                         "a part that is empty",
		"/a//%postname%":                       "a part that is empty",
		"/../%postname%":                       "a part that is empty",
		"/%year%/./%postname%/":                "a part that is empty",
		"/admin/%postname%/":                   "which the server uses itself",
		"/Feed/%postname%/":                    "which the server uses itself",
		"/" + strings.Repeat("a", 200) + "/%postname%": "longer than 200",
	} {
		got := permalink.Problem(structure)
		if want == "" && got != "" || want != "" && !strings.Contains(got, want) {
			t.Errorf("Problem(%q) = %q, want it to contain %q", structure, got, want)
		}
	}
}

// Each shape in the list can be used, and matches its own example.
func TestShapesMatchTheirExamples(t *testing.T) {
	at := time.Date(2024, 3, 9, 8, 5, 2, 0, time.UTC)
	want := []string{"/?p=123", "/2024/03/09/sample-post/", "/2024/03/sample-post/", "/archives/123", "/sample-post/"}
	for i, shape := range permalink.Shapes {
		if problem := permalink.Problem(shape.Structure); problem != "" {
			t.Errorf("%s: %s", shape.Name, problem)
		}
		example := permalink.Example(shape.Structure, at)
		if example != want[i] {
			t.Errorf("the example of %s is %s, want %s", shape.Name, example, want[i])
		}
		if _, _, ok := permalink.Match(shape.Structure, example); ok != (shape.Structure != "") {
			t.Errorf("%s matches %s: %v", shape.Structure, example, ok)
		}
	}
	if got := permalink.Example("/%category%/%author%/%hour%-%minute%-%second%/%postname%.html", at); got != "/category/author/08-05-02/sample-post.html" {
		t.Errorf("an example with all other tags is %s", got)
	}
}

// A structure without a Problem makes addresses that it also matches.
func FuzzProblem(f *testing.F) {
	for _, s := range []string{"", "/%postname%/", "/a.b/%year%/%post_id%", "foo", "/%category%/%postname%.html", "/(%postname%", "/[%post_id%]+*"} {
		f.Add(s)
	}
	at := time.Date(2024, 3, 9, 8, 5, 2, 0, time.UTC)
	f.Fuzz(func(t *testing.T, structure string) {
		if permalink.Problem(structure) != "" || structure == "" {
			return
		}
		example := permalink.Example(structure, at)
		tags, values, ok := permalink.Match(structure, example)
		if !ok || len(tags) != len(values) || len(tags) != len(permalink.Tags(structure)) {
			t.Fatalf("%q makes %q and does not find it: %q %q", structure, example, tags, values)
		}
	})
}
