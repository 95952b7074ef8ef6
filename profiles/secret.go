package profiles

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
	"image/png"
	"slices"
	"strings"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/methods"
)

// secretPage is the only answer that contains a secret.
type secretPage struct {
	credential
	Secret   string
	Endpoint string
	Login    string
	QR       picture
	Settings []programSettings
}

// programSettings describes what to enter in a client.
type programSettings struct {
	Program string
	Lines   []detail // values for fields of the client
	Script  string   // or a text to paste
	Note    string
	words   []string // parts of the names that people give the client, in lower case
}

// detail is a field of a client and its value.
type detail struct{ Name, Value string }

func (v *visit) revealed(c credential, secret apps.Secret) (secretPage, error) {
	page := secretPage{credential: c, Secret: secret.Reveal(), Endpoint: v.Base() + methods.EndpointPath, Login: v.who.User.Login}
	if !secret.IsEmpty() {
		name := page.Login
		if c.IsKey() {
			name = c.ID
		}
		var err error
		if page.QR, err = qrCode(page.Endpoint + "\n" + name + "\n" + page.Secret); err != nil {
			return page, err
		}
	}
	page.Settings = v.settingsFor(page)
	return page, nil
}

// picture is an image that is embedded in the page.
type picture struct {
	URL  template.URL
	Size int // width and height, in pixels
}

// qrCode draws a text as a QR code, with four pixels for each module.
func qrCode(text string) (picture, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return picture{}, fmt.Errorf("draw a QR code: %w", err)
	}
	size := code.Bounds().Dx() * 4
	if code, err = barcode.Scale(code, size, size); err != nil {
		return picture{}, fmt.Errorf("draw a QR code: %w", err)
	}
	var out bytes.Buffer
	if err := png.Encode(&out, code); err != nil {
		return picture{}, fmt.Errorf("draw a QR code: %w", err)
	}
	return picture{template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(out.Bytes())), size}, nil
}

// settingsFor returns the settings for common clients. The client that the name
// of the application mentions comes first.
func (v *visit) settingsFor(p secretPage) []programSettings {
	list := v.programs(p)
	slices.SortStableFunc(list, func(a, b programSettings) int {
		switch of := a.isOf(p.Name); {
		case of == b.isOf(p.Name):
			return 0
		case of:
			return -1
		}
		return 1
	})
	return list
}

// isOf reports whether the name of an application mentions this client.
func (s programSettings) isOf(name string) bool {
	return slices.ContainsFunc(s.words, func(word string) bool { return strings.Contains(strings.ToLower(name), word) })
}

func (v *visit) programs(p secretPage) []programSettings {
	switch p.Kind {
	case kindPassword:
		return v.passwordPrograms(p)
	case kindToken:
		return []programSettings{{
			Program: "curl", Script: "curl --netrc-file netrc --header 'Content-Type: text/xml' --data @call.xml " + shell(p.Endpoint),
			Note: v.T("Put this line in a file called netrc: %s", "machine "+host(p.Endpoint)+" login "+p.Login+" password "+v.T("THE TOKEN")),
		}}
	case kindVerification:
		return nil
	}
	return v.keyPrograms(p)
}

// passwordPrograms lists clients that can only send a password.
func (v *visit) passwordPrograms(p secretPage) []programSettings {
	login := []detail{{v.T("User name"), p.Login}, {v.T("Password"), p.Secret}}
	return []programSettings{
		{Program: "MarsEdit", words: []string{"mars"}, Lines: append([]detail{{v.T("Home Page URL"), v.Base() + "/"}, {v.T("System Name"), "WordPress"}, {v.T("API Endpoint URL"), p.Endpoint}, {v.T("Blog ID"), "1"}}, login...)},
		{Program: "Open Live Writer", words: []string{"live writer", "livewriter"}, Lines: append([]detail{{v.T("Type"), "Other services, then WordPress"}, {v.T("Web address of your blog"), v.Base() + "/"}, {v.T("Remote posting web address"), p.Endpoint}}, login...)},
		{
			Program: "WordPress for iOS and Android, Jetpack", words: []string{"wordpress", "jetpack", "phone", "android", "ios"}, Lines: append([]detail{{v.T("Site address"), v.Base() + "/"}}, login...),
			Note: v.T("Choose to enter your existing site address instead of signing in to WordPress.com."),
		},
		{
			Program: v.T("Another client"), Lines: append([]detail{{v.T("Type of blog, API or service"), "WordPress"}, {v.T("Address of the blog"), v.Base() + "/"}, {v.T("XML-RPC address, if it asks for one"), p.Endpoint}, {v.T("Blog ID, if it asks for one"), "1"}}, login...),
			Note: v.T("If the client does not offer WordPress, choose MetaWeblog or Movable Type."),
		},
	}
}

// keyPrograms lists clients that sign.
func (v *visit) keyPrograms(p secretPage) []programSettings {
	return []programSettings{
		{
			Program: "quillgate call", Script: "quillgate call --url " + shell(p.Endpoint) + " --public " + p.ID + " --secret-file secret wp.getPosts 1 '' ''",
			Note: v.T("Store the secret in a file called secret that only you can read."),
		},
		{
			Program: "Python", words: []string{"python"}, Script: fmt.Sprintf(pythonScript, p.ID, p.Endpoint),
			Note: v.T("It reads the secret from a file called secret in the same folder."),
		},
		{
			Program: "Ruby", words: []string{"ruby"}, Script: fmt.Sprintf(rubyScript, p.ID, p.Endpoint),
			Note: v.T("It reads the secret from a file called secret in the same folder."),
		},
	}
}

const pythonScript = `import hashlib, pathlib, urllib.request, xmlrpc.client

public, secret = "%s", pathlib.Path("secret").read_text().strip()
body = xmlrpc.client.dumps((1, "", "", {"post_title": "Hello", "post_content": "From Python"}), "wp.newPost").encode()
inner = hashlib.sha256(secret.encode() + body).hexdigest()
sign = hashlib.sha256((secret + inner).encode()).hexdigest()
request = urllib.request.Request("%s", body, {"Content-Type": "text/xml", "Authorization": public + "||" + sign})
print(xmlrpc.client.loads(urllib.request.urlopen(request).read())[0][0])
`

const rubyScript = `require "digest"
require "net/http"

public_key, secret, uri = "%s", File.read("secret").strip, URI("%s")
body = <<~XML
  <?xml version="1.0"?><methodCall><methodName>wp.getProfile</methodName><params>
  <param><value><int>1</int></value></param><param><value><string></string></value></param><param><value><string></string></value></param>
  </params></methodCall>
XML
sign = Digest::SHA256.hexdigest(secret + Digest::SHA256.hexdigest(secret + body))
puts Net::HTTP.post(uri, body, "Content-Type" => "text/xml", "Authorization" => "#{public_key}||#{sign}").body
`

// shell quotes a word for a shell.
func shell(word string) string {
	if word != "" && strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/:._-") == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

func host(address string) string {
	_, rest, _ := strings.Cut(address, "://")
	name, _, _ := strings.Cut(rest, "/")
	name, _, _ = strings.Cut(name, ":")
	return name
}
