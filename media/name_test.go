package media_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/quillgate/quillgate/media"
)

func TestClean(t *testing.T) {
	long := strings.Repeat("a", 300)
	for _, test := range []struct{ in, want string }{
		{"A\u0300\u0300 o\u0302\u0302\u0302.png", "A-o.png"},
		{"red.png", "red.png"},
		{"x.php.png", "x.php_.png"},
		{"x.php.html.png", "x.php_.html_.png"},
		{"x.tar.gz", "x.tar.gz"},
		{"a.b.png", "a.b.png"},
		{"v.1.2.png", "v.1.2.png"},
		{"x.php5.png", "x.php5_.png"},
		{"x.phtml.png", "x.phtml_.png"},
		{"My Photo (1)!.PNG", "My-Photo-1.PNG"},
		{"../../up/dir.png", "updir.png"},
		{`C:\fotos\ich.jpg`, "Cfotosich.jpg"},
		{"/etc/passwd", "etcpasswd"},
		{"übergröße.png", "ubergrose.png"},
		{"u\u0308ber.png", "uber.png"},
		{"u?\u0308ber.png", "uber.png"},
		{"Ærøskøbing Łódź đ.jpg", "AEroskobing-Lodz-d.jpg"},
		{"йод.png", "йод.png"},
		{"写真.png", "写真.png"},
		{"a - b.png", "a-b.png"},
		{"a\u00a0b\tc\r\nd.png", "a-b-c-d.png"},
		{"a\x00b\x1f.png", "ab.png"},
		{"gnp\u202eexe.txt", "gnpexe.txt"},
		{".htaccess", "htaccess"},
		{"...", ""},
		{"", ""},
		{"?*", ""},
		{"png", "unnamed-file.png"},
		{".png", "unnamed-file.png"},
		{"noext", "noext"},
		{"a..png", "a..png"},
		{"a/../b.png", "a..b.png"},
		{"-a_.png", "a_.png"},
		{"100%25.png", "10025.png"},
		{"bad\xffutf8.png", "badutf8.png"},
		{long + ".png", long[:196] + ".png"},
		{long, long[:200]},
	} {
		if got := (media.Rules{}).Clean(test.in); got != test.want {
			t.Errorf("Clean(%q) = %q, want %q", test.in, got, test.want)
		}
	}
	if got := (media.Rules{Active: true}).Clean("x.html.png"); got != "x.html.png" {
		t.Errorf("Clean with active types = %q", got)
	}
}

func TestCleanNamesAreUsable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.String().Draw(t, "name")
		got := media.Rules{}.Clean(in)
		if got != "" && media.CheckName(got) != nil {
			t.Errorf("Clean(%q) = %q, which no store takes", in, got)
		}
		if strings.ContainsAny(got, "/\\") {
			t.Errorf("Clean(%q) = %q has a folder in it", in, got)
		}
		if again := (media.Rules{}).Clean(got); again != got {
			t.Errorf("Clean(%q) = %q, and again %q", in, got, again)
		}
	})
}

func TestType(t *testing.T) {
	for _, test := range []struct {
		name, want string
		ok         bool
		active     bool
	}{
		{"a.png", "image/png", true, false},
		{"a.JPE", "image/jpeg", true, false},
		{"a.txt", "text/plain", true, false},
		{"a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", true, false},
		{"a.html", "text/html", false, false},
		{"a.html", "text/html", true, true},
		{"a.js", "application/javascript", false, false},
		{"a.svg", "", false, true},
		{"a.php", "", false, true},
		{"a.exe", "", false, true},
		{"a.swf", "", false, true},
		{"a.xhtml", "", false, true},
		{"noext", "", false, true},
		{"a.", "", false, true},
		{"png", "", false, true},
	} {
		got, ok := media.Rules{Active: test.active}.Type(test.name)
		if ok != test.ok || ok && got != test.want {
			t.Errorf("Type(%q), active %v = %q, %v, want %q, %v", test.name, test.active, got, ok, test.want, test.ok)
		}
	}
}

func TestLowerExtension(t *testing.T) {
	for in, want := range map[string]string{"My-Photo-1.PNG": "My-Photo-1.png", "A.B.Jpg": "A.B.jpg", "NOEXT": "NOEXT", "": ""} {
		if got := media.LowerExtension(in); got != want {
			t.Errorf("LowerExtension(%q) = %q, want %q", in, got, want)
		}
	}
}
