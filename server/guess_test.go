package server_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/server/servertest"
	"github.com/quillgate/quillgate/xmlrpc"
)

// secureBlog opens a blog that is served over https, with the users ada and
// bob. An empty database means SQLite.
func secureBlog(t testing.TB, database string) *server.Blog {
	t.Helper()
	blog := servertest.OpenBlog(t, database, server.BlogConfig{BaseURL: "https://blog.example"})
	for _, login := range []string{"ada", "bob"} {
		servertest.User(t, blog.Keys, login, auth.Editor)
	}
	return blog
}

// eachServer runs a test on a server of its own for each database.
func eachServer(t *testing.T, fn func(t *testing.T, blog *server.Blog, s *server.Server)) {
	t.Helper()
	databasetest.EachURL(t, func(t *testing.T, url string) {
		blog := secureBlog(t, url)
		fn(t, blog, newServer(t, server.Config{Blog: blog}))
	})
}

// visitor is a browser with an address.
type visitor struct {
	s       *server.Server
	addr    string
	cookies map[string]string
}

func from(s *server.Server, addr string) *visitor {
	return &visitor{s: s, addr: addr, cookies: map[string]string{}}
}

func (v *visitor) post(path string, form ...string) *httptest.ResponseRecorder {
	values := url.Values{}
	for i := 0; i < len(form); i += 2 {
		values.Set(form[i], form[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, "https://blog.example"+path, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("User-Agent", strings.Repeat("U", 5000))
	r.RemoteAddr = v.addr
	if !strings.Contains(v.addr, "]:") && strings.Count(v.addr, ":") != 1 {
		r.RemoteAddr = v.addr + ":4711"
	}
	for name, value := range v.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := send(v.s, r)
	for _, c := range w.Result().Cookies() {
		v.cookies[c.Name] = c.Value
	}
	return w
}

func (v *visitor) signIn(login, password string) *httptest.ResponseRecorder {
	return v.post("/signin", "login", login, "password", password)
}

// call sends wp.getUsersBlogs with a password, from an address over TLS. It
// returns the fault code, or "in".
func callAs(s *server.Server, addr, login, password string) string {
	r := post("wp.getUsersBlogs", xmlrpc.String(login), xmlrpc.String(password))
	tls := httptest.NewRequest(http.MethodPost, "https://blog.example/xmlrpc.php", r.Body)
	tls.RemoteAddr = addr + ":4711"
	text := send(s, tls).Body.String()
	if fault := regexp.MustCompile(`faultCode</name>\s*<value><int>(-?\d+)</int>[\s\S]*?<string>([^<]*)`).FindStringSubmatch(text); fault != nil {
		return fault[1] + " " + fault[2]
	}
	return "in"
}

// factor gives a user a second factor on the pages, from an address, and
// returns its secret.
func factor(t *testing.T, s *server.Server, addr, login string) string {
	t.Helper()
	v := from(s, addr)
	if w := v.signIn(login, password); w.Code != http.StatusSeeOther {
		t.Fatalf("the owner's sign-in: %d\n%s", w.Code, w.Body)
	}
	found := regexp.MustCompile(`(?:[A-Z2-7]{4} ){7}[A-Z2-7]{4}`).FindString(v.post("/profile/security/code").Body.String())
	secret := strings.ReplaceAll(found, " ", "")
	code, err := totp.GenerateCode(secret, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if w := v.post("/profile/security/code/confirm", "code", code); w.Code != http.StatusOK {
		t.Fatalf("the second factor: %d\n%s", w.Code, w.Body)
	}
	return secret
}

// A12: an attacker who knows the password can try five codes for the account in
// 15 minutes, from however many networks.
func TestA12CodesFromManyNetworks(t *testing.T) {
	eachServer(t, func(t *testing.T, _ *server.Blog, s *server.Server) {
		factor(t, s, "192.0.2.1", "ada")
		looked := 0
		for i := range 20 {
			v := from(s, fmt.Sprintf("198.51.100.%d", i+1))
			if w := v.signIn([]string{"ada", "ada@example.org"}[i%2], password); w.Header().Get("Location") != "/signin/code" {
				t.Fatalf("network %d: the password leads to %q, %d", i, w.Header().Get("Location"), w.Code)
			}
			for range 6 {
				w := v.post("/signin/code", "code", "00000x")
				if w.Code == http.StatusTooManyRequests {
					break
				}
				looked++
			}
		}
		if looked != 5 {
			t.Errorf("%d codes were looked at, want 5", looked)
		}
	})
}

// A14: attackers from many networks request as many passkey challenges as they
// can. Second factors and passkeys still work afterwards.
func TestA14StrangersLockOutNobody(t *testing.T) {
	eachServer(t, func(t *testing.T, blog *server.Blog, s *server.Server) {
		factor(t, s, "192.0.2.1", "ada")
		for i := range 80 {
			stranger := fmt.Sprintf("198.51.%d.1", i)
			for range 30 {
				if w := from(s, stranger).post("/signin/passkey/begin"); w.Code != http.StatusOK {
					t.Fatalf("a question of %s: %d", stranger, w.Code)
				}
			}
		}
		if w := from(s, "192.0.2.9").signIn("ada", password); w.Header().Get("Location") != "/signin/code" {
			t.Errorf("afterwards somebody with a second factor gets %d\n%s", w.Code, w.Body)
		}
		if w := from(s, "192.0.2.10").post("/signin/passkey/begin"); w.Code != http.StatusOK {
			t.Errorf("afterwards a passkey gets %d", w.Code)
		}
		var rows int
		if err := blog.DB.Get(t.Context(), &rows, `SELECT COUNT(*) FROM sessions`); err != nil || rows > 3 {
			t.Errorf("strangers have left %d sessions, %v", rows, err)
		}
	})
}

// A13: of many guesses at the same time, no more are checked than of as many in
// sequence.
func TestA13GuessesAtOnce(t *testing.T) {
	eachServer(t, func(t *testing.T, _ *server.Blog, s *server.Server) {
		compared := 0
		var mu sync.Mutex
		var group sync.WaitGroup
		for i := range 60 {
			group.Go(func() {
				login := []string{"ada", "ADA", "ada@example.org"}[i%3]
				got := callAs(s, "192.0.2.7", login, fmt.Sprint("wrong ", i))
				mu.Lock()
				defer mu.Unlock()
				if !strings.Contains(got, "Too many") && !strings.HasPrefix(got, "503") {
					compared++
				}
			})
		}
		group.Wait()
		if compared < 1 || compared > 5 {
			t.Errorf("%d of 60 wrong passwords were compared, want at most 5", compared)
		}
	})
}

// Right passwords at the same time are all accepted.
func TestRightPasswordsAtOnce(t *testing.T) {
	eachServer(t, func(t *testing.T, _ *server.Blog, s *server.Server) {
		var group sync.WaitGroup
		for i := range 30 {
			group.Go(func() {
				if got := callAs(s, "192.0.2.7", []string{"ada", "bob"}[i%2], password); got != "in" {
					t.Errorf("right password %d: %s", i, got)
				}
			})
		}
		group.Wait()
	})
}

// A13: a login and its e-mail address count as one account.
func TestA13LoginAndEmailAreOneAccount(t *testing.T) {
	eachServer(t, func(t *testing.T, _ *server.Blog, s *server.Server) {
		for _, guess := range []string{"the same", "another %d"} {
			addr := fmt.Sprintf("192.0.2.%d", len(guess))
			status := func(login string, i int) int {
				return from(s, addr).signIn(login, strings.ReplaceAll(guess, "%d", fmt.Sprint(i))).Code
			}
			for i := range 6 {
				want := http.StatusForbidden
				if i == 5 {
					want = http.StatusTooManyRequests
				}
				if got := status("bob", i); got != want {
					t.Errorf("%s: guess %d at the login: %d, want %d", guess, i+1, got, want)
				}
			}
			if got := status("bob@example.org", 7); got != http.StatusTooManyRequests {
				t.Errorf("%s: then a guess at the e-mail address: %d, want 429", guess, got)
			}
		}
	})
}

// A13: the same wrong password again does not count as a new guess. A second
// device with the old password is slowed down, and the one with the right
// password is not.
func TestA13SecondDeviceWithTheOldPassword(t *testing.T) {
	eachServer(t, func(t *testing.T, _ *server.Blog, s *server.Server) {
		heldUp := false
		for i := range 10 {
			for _, old := range []string{"ada", "ada@example.org"} {
				got := callAs(s, "192.0.2.8", old, "the old password")
				if !strings.HasPrefix(got, "403") {
					t.Errorf("round %d: the old password: %s", i, got)
				}
				heldUp = heldUp || strings.Contains(got, "Too many")
			}
			if got := callAs(s, "192.0.2.8", "ada", password); got != "in" {
				t.Errorf("round %d: the right password: %s", i, got)
			}
		}
		if !heldUp {
			t.Error("the device with the old password is never held up")
		}
		for i := range 5 {
			callAs(s, "192.0.2.8", "bob", fmt.Sprint("guess ", i))
		}
		if got := callAs(s, "192.0.2.8", "bob", password); !strings.Contains(got, "Too many") {
			t.Errorf("after five other passwords: %s, want to wait", got)
		}
	})
}

// H18: addresses of one IPv6 network are counted together.
func TestH18GuessesOfOneNetwork(t *testing.T) {
	s := newServer(t, server.Config{Blog: secureBlog(t, "")})
	for i := range 5 {
		from(s, fmt.Sprintf("[2001:db8::%x]:1", i+1)).signIn("ada", fmt.Sprint("guess ", i))
	}
	if w := from(s, "[2001:db8::ffff]:1").signIn("ada", "guess"); w.Code != http.StatusTooManyRequests {
		t.Errorf("a guess from another address of the /64: %d, want 429", w.Code)
	}
	if w := from(s, "[2001:db8:0:1::1]:1").signIn("ada", password); w.Code != http.StatusSeeOther {
		t.Errorf("the owner in another /64: %d", w.Code)
	}
}

// The number of trail lines that strangers can cause is limited, and so is the
// size of each.
func TestTrailOfStrangersIsBounded(t *testing.T) {
	eachServer(t, func(t *testing.T, blog *server.Blog, s *server.Server) {
		lines := func() (n int) {
			t.Helper()
			if err := blog.DB.Get(t.Context(), &n, `SELECT COUNT(*) FROM audit`); err != nil {
				t.Fatal(err)
			}
			return n
		}
		for _, name := range []string{"nobody%d", "ada%.0d"} { // unknown names, and an account
			before := lines()
			for i := range 60 {
				from(s, fmt.Sprintf("10.3.%d.%d", len(name), i+1)).signIn(fmt.Sprintf(name, i), fmt.Sprint("x", i))
			}
			if n := lines() - before; n < 1 || n > 25 {
				t.Errorf("60 strangers who try %s have left %d lines, want at most 25", name, n)
			}
		}
		var longest int
		if err := blog.DB.Get(t.Context(), &longest, `SELECT MAX(LENGTH(agent)) FROM audit`); err != nil || longest > 200 {
			t.Errorf("a line holds %d bytes of a User-Agent, %v", longest, err)
		}
	})
}
