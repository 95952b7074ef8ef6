package permalink_test

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/permalink"
)

func TestOld(t *testing.T) {
	for address, want := range map[string]string{
		"http://old.example/2015/03/my-post.html":         "/2015/03/my-post.html",
		"https://WWW.old.example/Blog/2013/5/2/Title/":    "/blog/2013/5/2/title/",
		"/blog/2013/5/2/title":                            "/blog/2013/5/2/title",
		"//old.example/a//b/":                             "/a/b/",
		"http://old.example/?p=12":                        "/?p=12",
		"http://old.example/index.php?p=12":               "/?p=12",
		"http://old.example/index.php/archives/12":        "/archives/12",
		"http://old.example/a.asp?Id=7&cat=B#top":         "/a.asp?Id=7&cat=B",
		"http://old.example/a.asp?cat=B&Id=7":             "/a.asp?Id=7&cat=B",
		"http://old.example/%E3%81%82/":                   "/あ/",
		"http://old.example/a%CC%88":                      "/ä",
		"http://old.example/what%3Fnow":                   "/what%3fnow",
		"http://old.example/a%00b":                        "/ab",
		"http://old.example/a%2Fb":                        "/a/b",
		"http://old.example":                              "",
		"http://old.example/":                             "",
		"http://old.example/index.php":                    "",
		"":                                                "",
		"blog/a":                                          "",
		"ftp://old.example/a":                             "",
		"mailto:jo@example.org":                           "",
		"http://old.example/" + strings.Repeat("a", 1000): "",
		"http://[bad":                                     "",
	} {
		if got := permalink.Old(address); got != want {
			t.Errorf("Old(%q) = %q, want %q", address, got, want)
		}
	}
	if got, want := permalink.OldForms("/A/b.asp", "?id=7", ""), []string{"/a/b.asp?id=7", "/a/b.asp/?id=7", "/a/b.asp", "/a/b.asp/"}; !slices.Equal(got, want) {
		t.Errorf("forms %q, want %q", got, want)
	}
	if got, want := permalink.OldForms("/", "?p=7", ""), []string{"/?p=7"}; !slices.Equal(got, want) {
		t.Errorf("forms of a query %q, want %q", got, want)
	}
}

// A request for an old address, as it is written in the file, finds the stored
// form.
func FuzzOld(f *testing.F) {
	for _, s := range []string{"http://old.example/2015/03/My-Post.html?m=1", "/a%3Fb/", "/?p=1;q", "/index.php/%e3%81%82?b=2&a=1", "/%25", "//x/y", "/a?%zz", "/%2f"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, address string) {
		old := permalink.Old(address)
		if old == "" {
			return
		}
		if !permalink.ValidOld(old) {
			t.Fatalf("%q is remembered as %q", address, old)
		}
		u, err := url.Parse(strings.TrimSpace(address))
		if err != nil {
			t.Fatal(err)
		}
		if forms := permalink.OldForms(u.EscapedPath(), permalink.OldQuery(u.RawQuery), ""); !slices.Contains(forms, old) {
			t.Fatalf("%q is remembered as %q and looked for as %q", address, old, forms)
		}
	})
}

func BenchmarkOld(b *testing.B) {
	// The time grows linearly with the address, up to the length from which
	// addresses are rejected.
	for _, n := range []int{350, 700, 1400, 2800, 5600} {
		address := "http://old.example/" + strings.Repeat("%e3%81%82/", n/10)
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			b.SetBytes(int64(n))
			for b.Loop() {
				permalink.Old(address)
			}
		})
	}
}
