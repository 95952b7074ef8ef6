package transfer

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/quillgate/quillgate/media"
)

// names are imported files in a blog with a public address.
func followedNames() *mediaNames {
	return &mediaNames{base: "https://blog.example", files: map[string]mediaFile{
		"old.example/uploads/cat.jpg": {File: "2020/01/cat.jpg", Width: 400, Sizes: `{"medium":{"file":"cat-300x225.jpg","width":300}}`},
		"old.example/a b.jpg":         {File: "a b.jpg"},
	}}
}

// Addresses of imported files are replaced where they occur as addresses. No
// other byte changes.
func TestFollowedAddresses(t *testing.T) {
	const here, small = "https://blog.example/wp-content/uploads/2020/01/cat.jpg", "https://blog.example/wp-content/uploads/2020/01/cat-300x225.jpg"
	for text, want := range map[string]string{
		`"http://old.example/uploads/cat.jpg"`:                    `"` + here + `"`,
		`(https://WWW.OLD.example/uploads/cat.jpg)`:               `(` + here + `)`,
		`="//old.example/uploads/cat.jpg?w=5#x"`:                  `="` + here + `?w=5#x"`,
		`HTTP://old.example/uploads/cat-150x150.jpg,`:             small + `,`,
		`http://old.example/uploads/cat-9999x1.jpg`:               here,
		`http://old.example/a%20b.jpg http://old.example/uploads`: `https://blog.example/wp-content/uploads/a%20b.jpg http://old.example/uploads`,
		`x//old.example/uploads/cat.jpg`:                          `x//old.example/uploads/cat.jpg`,
		`http://http://old.example/uploads/cat.jpg`:               `http://http://old.example/uploads/cat.jpg`,
		`http://old.example/uploads/cat.jpgs // http:// https:`:   `http://old.example/uploads/cat.jpgs // http:// https:`,
	} {
		if got := followedNames().follow(text); got != want {
			t.Errorf("%s becomes %s, want %s", text, got, want)
		}
	}
}

// FuzzFollow replaces addresses in any text. A second run changes nothing.
func FuzzFollow(f *testing.F) {
	f.Add(`<img src="http://old.example/uploads/cat-300x225.jpg"> //old.example/uploads/cat.jpg`)
	f.Add("http://old.example/uploads/%zz//\xff.jpg")
	f.Fuzz(func(t *testing.T, text string) {
		names := followedNames()
		once := names.follow(text)
		if again := names.follow(once); again != once {
			t.Errorf("%q becomes %q, and then %q", text, once, again)
		}
		if !strings.Contains(text, "//") && once != text {
			t.Errorf("%q has no address and becomes %q", text, once)
		}
	})
}

// FuzzUploadName makes names from any field and address. A store accepts each
// name, and making a name from it gives the same name.
func FuzzUploadName(f *testing.F) {
	f.Add(`C:\inetpub\wp-content\uploads\2010\03\b.jpg`, "")
	f.Add("", "https://shed.files.wordpress.com/2020/01/cafe%CC%81.jpg?w=3")
	f.Add("", "http://old.example/uploads/2010%5C03%5Cb.jpg")
	f.Add("../../x", "a/"+strings.Repeat("\u00e4", 300)+".jpeg")
	f.Fuzz(func(t *testing.T, attached, address string) {
		name := fileName(attached, address)
		if name == "" {
			return
		}
		if err := media.CheckName(name); err != nil || !utf8.ValidString(name) {
			t.Errorf("%q, %q: the name %q cannot be stored: %v", attached, address, name, err)
		}
		_ = foldUploadName(name)
	})
}

// BenchmarkFollow doubles texts with every kind of hostile input, and compares
// the time with that for half the size.
func BenchmarkFollow(b *testing.B) {
	for name, part := range map[string]string{
		"addresses": `<img src="http://old.example/uploads/cat-300x225.jpg"> `, "slashes": "//", "schemes": "http://", "one address": "http://old.example/", "quotes": `"//`,
	} {
		b.Run(name, func(b *testing.B) {
			names := followedNames()
			took := func(size int) float64 {
				text := strings.Repeat(part, size/len(part))
				began := time.Now()
				for range 10 {
					names.follow(text)
				}
				return time.Since(began).Seconds()
			}
			for b.Loop() {
				b.ReportMetric(took(512<<10)/took(256<<10), "ratio")
			}
		})
	}
}
