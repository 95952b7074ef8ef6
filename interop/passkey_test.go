package interop

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// A browser creates a passkey on the page and signs in with it, without a
// password.
func TestPasskeyInBrowser(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	_, port, _ := net.SplitHostPort(address)
	// Passkeys belong to a host name, so the browser uses one.
	p := start(t, seed(t, ""), "--listen", address, "--base-url", "http://localhost:"+port)
	v := openBrowser(t).tab(t, p.base, desktop)
	order(t, v, webauthn.Enable, webauthn.EnableParams{})
	device := order(t, v, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	}})
	signInSeed(t, v)
	v.open(t, "/profile/security")
	v.write(t, "#passkey-name", "The walk's own")
	v.press(t, `form[data-passkey="create"] button`)
	if got := v.text(t, `section[aria-labelledby="h-passkeys"]`); !strings.Contains(got, "The walk's own") {
		t.Fatalf("the page does not show the passkey:\n%s", got)
	}
	sources := make(map[string]string)
	t.Run("security", func(t *testing.T) { sources["security"] = judgeHere(t, v, desktop) })
	v.press(t, "form.out button")
	v.open(t, "/profile")
	if !v.has(t, "#password") {
		t.Fatalf("signed in still, at %s", v.where())
	}
	t.Run("signin", func(t *testing.T) { sources["signin"] = judgeHere(t, v, desktop) })
	validate(t, sources)
	v.press(t, `form[data-passkey="get"] button`)
	if v.where() != p.base+"/profile" || !v.has(t, "form.out") {
		t.Fatalf("after the passkey: %s\n%s", v.where(), v.text(t, "main"))
	}

	// A person who has the device but is not its owner cannot sign in.
	v.press(t, "form.out button")
	v.open(t, "/signin")
	order(t, v, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: device.AuthenticatorID})
	do(t, v, chromedp.Click(chromedp.CSS(`form[data-passkey="get"] button`)))
	do(t, v, chromedp.Poll[chromedp.Void](`document.querySelector("[data-failed]").textContent !== ""`, chromedp.WithPollingTimeout(pageTime)))
	if v.open(t, "/profile"); !v.has(t, "#password") {
		t.Errorf("let in without the owner, at %s", v.where())
	}
}

// freeAddress returns a loopback address on which nothing listens. The system
// does not assign its port to others: Linux assigns ports from 32768 on.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000))
		if l, err := net.Listen("tcp", address); err == nil {
			l.Close()
			return address
		}
	}
	t.Fatal("there is no free port")
	return ""
}
