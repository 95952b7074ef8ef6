package permalink_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/permalink"
)

// The structure that made an address is among the guesses.
func TestGuess(t *testing.T) {
	post := permalink.Post{ID: 4711, Name: "my-post", Date: time.Date(2015, 3, 9, 8, 5, 2, 0, time.UTC)}
	for address, want := range map[string]string{
		"/2015/03/09/my-post/":           "/%year%/%monthnum%/%day%/%postname%/",
		"/2015/03/my-post.html":          "/%year%/%monthnum%/%postname%.html",
		"/my-post/":                      "/%postname%/",
		"/my-post":                       "/%postname%",
		"/blog/my-post":                  "/blog/%postname%",
		"/archives/4711":                 "/archives/%post_id%",
		"/news/local/my-post/":           "/%category%/%postname%/",
		"/blog/news/local/my-post/":      "/blog/%category%/%postname%/",
		"/jo/my-post/":                   "/%author%/%postname%/",
		"/jo/2015/my-post/":              "/%author%/%year%/%postname%/",
		"/20150309-my-post.html":         "/%year%%monthnum%%day%-%postname%.html",
		"/4711-my-post":                  "/%post_id%-%postname%",
		"/2015/03/09/08-05-02/my-post/":  "/%year%/%monthnum%/%day%/%hour%-%minute%-%second%/%postname%/",
		"/2015/3/9/my-post":              "/%year%/3/9/%postname%", // no structure makes that; it is found out with a second post
		"/somewhere":                     "",
		"/?p=4711":                       "",
		"":                               "",
		"/":                              "",
		"/a/b/c/d/e/f/g/my-post":         "/a/b/c/d/e/f/g/%postname%",
		"/" + strings.Repeat("x/", 1000): "",
	} {
		got := permalink.Guess(address, post)
		if want == "" && len(got) > 0 || want != "" && !slices.Contains(got, want) {
			t.Errorf("Guess(%q) = %q, want %q among them", address, got, want)
		}
	}
	script := permalink.Post{ID: 1, Name: "%e3%81%82", Date: post.Date}
	if got := permalink.Guess(permalink.Old("http://old.example/2015/%E3%81%82/"), script); !slices.Contains(got, "/%year%/%postname%/") {
		t.Errorf("of a name in another script: %q", got)
	}
}

func FuzzGuess(f *testing.F) {
	f.Add("/2015/03/09/my-post/", int64(3), "my-post", int64(1425888302))
	f.Add("/03/03/03/03/03/03", int64(3), "", int64(1425365103))
	f.Add("/a/b/c.html", int64(0), "c", int64(0))
	f.Fuzz(func(t *testing.T, address string, id int64, name string, at int64) {
		list := permalink.Guess(address, permalink.Post{ID: id, Name: name, Date: time.Unix(at%(1<<36), 0).UTC()})
		if len(list) > 64 {
			t.Fatalf("%q: %d guesses", address, len(list))
		}
		for _, s := range list {
			if problem := permalink.Problem(s); problem != "" || s == "" {
				t.Fatalf("%q: the guess %q %s", address, s, problem)
			}
		}
	})
}

func BenchmarkGuess(b *testing.B) {
	post := permalink.Post{ID: 4711, Name: "my-post", Date: time.Date(2015, 3, 9, 8, 5, 2, 0, time.UTC)}
	for _, n := range []int{100, 200, 400, 800} {
		address := "/" + strings.Repeat("x0", n/2-10) + "/my-post/"
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			b.SetBytes(int64(n))
			for b.Loop() {
				permalink.Guess(address, post)
			}
		})
	}
}
