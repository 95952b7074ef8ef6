//go:build readme

package interop

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/server"
)

// The picture in the README shows the list of a user's applications.
func TestReadmeScreenshot(t *testing.T) {
	blog := seed(t, "")
	furnish(t, blog)
	p := start(t, blog)
	v := openBrowser(t).tab(t, p.base, look{width: 1200, height: 900})
	signInSeed(t, v)
	v.open(t, "/profile")
	picture, err := png.Decode(bytes.NewReader(do(t, v, chromedp.FullScreenshot(100))))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, paletted(picture)); err != nil {
		t.Fatal(err)
	}
	if out.Len() > 120<<10 {
		t.Errorf("the picture has %d bytes", out.Len())
	}
	if err := os.WriteFile("../docs/screenshot.png", out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// furnish gives the blog a name, and its administrator other applications than
// those of the seed.
func furnish(t *testing.T, s seeded) {
	t.Helper()
	now := time.Now()
	clock := databasetest.NewClock(now)
	blog, err := server.OpenBlog(t.Context(), server.BlogConfig{Folder: s.folder, BaseURL: "http://localhost", Clock: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	user, err := blog.Users.ByLogin(t.Context(), seedUser)
	if err != nil {
		t.Fatal(err)
	}
	by := auth.Identity{User: user}.Actor()
	if _, err := blog.Apps.RevokeAll(t.Context(), by, user.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := blog.Apps.RevokeTokens(t.Context(), by, user.ID); err != nil {
		t.Fatal(err)
	}
	if err := blog.Site.Options().Set(t.Context(), "blog_title", "Notes from the hill"); err != nil {
		t.Fatal(err)
	}
	const day = 24 * time.Hour
	home := netip.MustParseAddr("192.0.2.17")
	for _, row := range []struct {
		name  string
		scope apps.Scope
		made  time.Duration // ago
		use   apps.Use
	}{
		{
			"Phone",
			apps.Scope{Rights: []apps.Right{apps.Read, apps.Draft, apps.Media}},
			61 * day,
			apps.Use{At: now.Add(-26 * time.Hour), Addr: netip.MustParseAddr("203.0.113.80"), Agent: "wp-iphone/25.6", Method: "wp.uploadFile"},
		},
		{"MarsEdit on the laptop", apps.Scope{}, 12 * day, apps.Use{At: now.Add(-40 * time.Minute), Addr: home, Agent: "MarsEdit/5.3", Method: "metaWeblog.newPost"}},
	} {
		clock.Set(now.Add(-row.made))
		_, _, err := blog.Apps.CreateToken(t.Context(), by, apps.NewToken{UserID: user.ID, Kind: apps.ApplicationPassword, Name: row.name, Scope: row.scope})
		if err != nil {
			t.Fatal(err)
		}
		err = blog.DB.Update(t.Context(), func(tx *database.Tx) error {
			_, err := tx.Exec(t.Context(), `UPDATE application_passwords SET last_used = $2, last_address = $3, last_agent = $4, last_method = $5 WHERE name = $1`,
				row.name, row.use.At.UTC(), row.use.Addr.String(), row.use.Agent, row.use.Method)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	key := func(made time.Duration, in apps.New, use apps.Use) string {
		clock.Set(now.Add(-made))
		in.UserID = user.ID
		app, _, err := blog.Apps.Create(t.Context(), by, in)
		if err != nil {
			t.Fatal(err)
		}
		for range 140 {
			blog.Apps.Used(app.Public, use)
		}
		return app.Public
	}
	rack := netip.MustParseAddr("198.51.100.4")
	key(140*day, apps.New{Name: "Backup script", Scope: apps.Scope{Rights: []apps.Right{apps.Read}}, Networks: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/28")}, Strict: true},
		apps.Use{At: now.Add(-5 * time.Hour), Addr: rack, Agent: "quillgate/1.0", Method: "wp.getPosts"})
	old := key(20*day, apps.New{Name: "Photo importer", Scope: apps.Scope{Rights: []apps.Right{apps.Draft, apps.Media}}, Strict: true},
		apps.Use{At: now.Add(-3 * day), Addr: home, Agent: "Python-urllib/3.13", Method: "wp.newPost"})
	clock.Set(now.Add(-2 * day))
	next, _, err := blog.Apps.Rotate(t.Context(), by, user.ID, old, 7*day)
	if err != nil {
		t.Fatal(err)
	}
	for range 9 {
		blog.Apps.Used(next.Public, apps.Use{At: now.Add(-3 * time.Hour), Addr: home, Agent: "Python-urllib/3.13", Method: "wp.newPost"})
	}
	clock.Set(now)
	if err := blog.Close(); err != nil {
		t.Fatal(err)
	}
}

// paletted returns a picture in its 256 most frequent colours.
func paletted(from image.Image) *image.Paletted {
	count := make(map[color.Color]int)
	for y := from.Bounds().Min.Y; y < from.Bounds().Max.Y; y++ {
		for x := from.Bounds().Min.X; x < from.Bounds().Max.X; x++ {
			count[from.At(x, y)]++
		}
	}
	colours := slices.SortedFunc(maps.Keys(count), func(a, b color.Color) int { return cmp.Compare(count[b], count[a]) })
	out := image.NewPaletted(from.Bounds(), colours[:min(256, len(colours))])
	draw.Draw(out, out.Bounds(), from, from.Bounds().Min, draw.Src)
	return out
}
