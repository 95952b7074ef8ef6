package markup_test

import (
	"strings"
	"testing"

	"github.com/quillgate/quillgate/markup"
)

func TestSlug(t *testing.T) {
	tests := []struct{ in, want string }{
		{"Hello World, again!", "hello-world-again"},
		{"My Slug!", "my-slug"},
		{"under_score - and -- dashes", "under_score-and-dashes"},
		{"  trimmed  ", "trimmed"},
		{"a.b.c", "a-b-c"},
		{"3.5% more", "3-5-more"},
		{"AT&T", "att"},
		{"this & that", "this-that"},
		{"this &amp; that", "this-that"},
		{"a &nbsp; b", "a-b"},
		{"one/two", "one-two"},
		{"a — b – c", "a-b-c"},
		{"it’s “quoted” … ©", "its-quoted"},
		{"3 × 4", "3-x-4"},
		{"soft\u00adhyphen", "softhyphen"},
		{"no\u00a0break", "no-break"},
		{"zero\u200bwidth", "zerowidth"},
		{"<b>bold</b> text", "bold-text"},
		{"a < b", "a-b"},
		{"<!-- note --> text", "text"},
		{`<a title=">">x</a>`, "x"},
		{"Übergröße 日本語", "ubergrose-%e6%97%a5%e6%9c%ac%e8%aa%9e"},
		{"Ünïcödé", "unicode"},
		{"U\u0308ber", "uber"},
		{"Łódź Æther Øre þing Straße œuvre", "lodz-aether-ore-thing-strase-oeuvre"},
		{"Ἀθῆναι", "%e1%bc%80%ce%b8%e1%bf%86%ce%bd%ce%b1%ce%b9"},
		{"ЖУРНАЛ", "%d0%b6%d1%83%d1%80%d0%bd%d0%b0%d0%bb"},
		{"й", "%d0%b9"},
		{"Tiếng Việt", "tieng-viet"},
		{"50€", "50e"},
		{"£5", "5"},
		{"%E6%97%A5", "%e6%97%a5"},
		{"%e2%80%93", ""},
		{"a%E2%80%94b%C2%A0c%c2%ad%C3%97", "a-b-cx"},
		{"%e2%80 %c3%a9 %ff %c2", "%e2%80-%c3%a9-%ff-%c2"},
		{"100%", "100"},
		{"!?", ""},
		{"", ""},
		{"😀", "%f0%9f%98%80"},
		{strings.Repeat("a", 300), strings.Repeat("a", 200)},
		{strings.Repeat("日", 30), strings.Repeat("%e6%97%a5", 22)},
		{"\xff\xfebad", "bad"},
	}
	for _, test := range tests {
		if got := markup.Slug(test.in); got != test.want {
			t.Errorf("Slug(%q) = %q, want %q", test.in, got, test.want)
		}
	}
}

func FuzzSlug(f *testing.F) {
	for _, s := range []string{"Hello", "<b", "&;", "%e6%97", "日本", "--", "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		slug := markup.Slug(s)
		if len(slug) > 200 {
			t.Errorf("Slug(%q) has %d bytes", s, len(slug))
		}
		for i := range len(slug) {
			if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789-_%", rune(slug[i])) {
				t.Fatalf("Slug(%q) = %q holds %q", s, slug, slug[i])
			}
		}
		if again := markup.Slug(slug); again != slug {
			t.Errorf("Slug(%q) = %q, and the slug of that is %q", s, slug, again)
		}
	})
}
