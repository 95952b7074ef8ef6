package auth

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/apps"
)

// Hashes made by other programs: Perl's crypt, phpass, and libsodium's BLAKE2b.
func TestWordPressHashes(t *testing.T) {
	const password = "correct horse battery"
	tests := []struct{ name, password, hash string }{
		{"portable", password, "$P$BabcdEFGHrlj.9hLmDaPv58OkJhegR/"},
		{"portable, of phpass's own test", "test12345", "$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0"},
		{"bcrypt", password, "$2y$05$abcdefghijklmnopqrstuuD3mHdCr44zlIZ.VZCaYRpfQhXMYnEo."},
		{"bcrypt over HMAC", password, "$wp$2y$05$abcdefghijklmnopqrstuuSWhiHJHydaBXVMWmjx2HNPUDSd0M7h2"},
	}
	h := newHasher(HashCost{})
	for _, test := range tests {
		if !knownHash(test.hash) {
			t.Errorf("%s: %s is not known", test.name, test.hash)
		}
		ok, old, err := h.check(t.Context(), test.password, test.hash)
		if !ok || !old || err != nil {
			t.Errorf("%s: check = %v, old %v, %v; want true, true", test.name, ok, old, err)
		}
		for _, wrong := range []string{"", test.password + "x", strings.ToUpper(test.password)} {
			if ok, _, err := h.check(t.Context(), wrong, test.hash); ok || err != nil {
				t.Errorf("%s: the password %q passes, %v", test.name, wrong, err)
			}
		}
	}
}

func TestHashesThatPassNothing(t *testing.T) {
	h := newHasher(HashCost{})
	for _, hash := range []string{
		"", "x", "plain text", "$argon2id$", "$argon2id$v=19$m=19456,t=2,p=1$$", DefaultHashCost.nobodys(),
		"$P$", "$P$.abcdefghijklmnopqrstuvwxyz01234", "$P$zabcdefghijklmnopqrstuvwxyz01234", "$2y$", "$wp$2y$", "$2y$05$", "d41d8cd98f00b204e9800998ecf8427e",
	} {
		for _, password := range []string{"", "x", "plain text", hash} {
			if ok, _, err := h.check(t.Context(), password, hash); ok || err != nil {
				t.Errorf("the password %q passes the hash %q, %v", password, hash, err)
			}
		}
	}
}

// A hash from a bundle must not be able to stall the server.
func TestKnownHashBoundsTheCost(t *testing.T) {
	for _, hash := range []string{
		"$argon2id$v=19$m=4194304,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=19456,t=1000,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$2y$31$abcdefghijklmnopqrstuuD3mHdCr44zlIZ.VZCaYRpfQhXMYnEo.",
		"$P$RabcdEFGHrlj.9hLmDaPv58OkJhegR/",
		"plain",
	} {
		if knownHash(hash) {
			t.Errorf("%s is taken", hash)
		}
	}
	if !knownHash(DefaultHashCost.nobodys()) {
		t.Error("our own form is not taken")
	}
}

// A1: the parameters of new hashes.
func TestA1NewHash(t *testing.T) {
	h := newHasher(HashCost{})
	hash, err := h.hash(t.Context(), "a password")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("a new hash is %s", hash)
	}
	parts := strings.Split(hash, "$")
	if len(parts[4]) != 22 || len(parts[5]) != 43 {
		t.Errorf("salt and tag have %d and %d characters, want 22 (16 bytes) and 43 (32 bytes)", len(parts[4]), len(parts[5]))
	}
	if ok, old, err := h.check(t.Context(), "a password", hash); !ok || old || err != nil {
		t.Errorf("check = %v, old %v, %v; want true, false", ok, old, err)
	}
	if again, _ := h.hash(t.Context(), "a password"); again == hash {
		t.Error("two hashes of one password are equal: there is no salt")
	}
}

// A1: a limited number at once, a limited number in the queue, and no more.
func TestA1HasherIsBounded(t *testing.T) {
	h := newHasher(HashCost{})
	release, started := make(chan struct{}), make(chan struct{}, cap(h.waiting))
	done := make(chan error, cap(h.waiting))
	for range cap(h.waiting) {
		go func() {
			done <- h.do(t.Context(), func() { started <- struct{}{}; <-release })
		}()
	}
	for range cap(h.running) {
		<-started
	}
	for len(h.waiting) < cap(h.waiting) {
		time.Sleep(time.Millisecond) // until the last goroutine has come
	}
	if err := h.do(t.Context(), func() { t.Error("ran although the queue is full") }); !errors.Is(err, ErrBusy) {
		t.Errorf("one too many: %v, want ErrBusy", err)
	}
	if len(started) != 0 {
		t.Error("more run at once than may")
	}
	close(release)
	for range cap(h.waiting) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if cap(h.running) > 4 {
		t.Errorf("%d at once, want at most 4", cap(h.running))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range cap(h.running) {
		h.running <- struct{}{}
	}
	if err := h.do(ctx, func() { t.Error("ran for a caller who is gone") }); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who is gone: %v", err)
	}
}

func TestFastHashes(t *testing.T) {
	const plain = "abcdEFGH1234ijklMNOP5678"
	for _, hash := range []string{fastHash(plain), "$generic$F6W18u0QEytvRVb59DemVWRxyTxU6vg/VK0s/f+h", portable(plain, "$P$BabcdEFGH")} {
		if !fastMatches(plain, hash) {
			t.Errorf("%s does not match", hash)
		}
		for _, wrong := range []string{"", plain[1:], plain + "x", strings.ToLower(plain)} {
			if fastMatches(wrong, hash) {
				t.Errorf("%q matches %s", wrong, hash)
			}
		}
	}
	for _, hash := range []string{"", "$", fastPrefix, fastPrefix + "$", fastPrefix + "x", "$generic$", plain} {
		if fastMatches(plain, hash) || fastMatches("", hash) {
			t.Errorf("something matches %q", hash)
		}
	}
	for in, want := range map[string]string{"ab cd-EF\t12": "abcdEF12", "": "", "é€": "", "a\u00a0b": "ab"} {
		if got := apps.PlainPassword(in); got != want {
			t.Errorf("PlainPassword(%q) = %q, want %q", in, got, want)
		}
	}
}

// The memory of right passwords is bounded and forgets.
func TestProofs(t *testing.T) {
	p, now := newProofs(), time.Now()
	mark := p.mark(1, "hash", "password")
	p.add(mark, now)
	if !p.has(mark, now.Add(proofLife-1)) || p.has(mark, now.Add(proofLife)) {
		t.Error("a proof lives too short or too long")
	}
	other := newProofs()
	if mark == other.mark(1, "hash", "password") {
		t.Error("two processes have the same marks")
	}
	for _, near := range [][3]string{{"2", "hash", "password"}, {"1", "hashp", "assword"}, {"1", "hash2", "password"}, {"1", "hash", "Password"}} {
		if mark == p.mark(int64(near[0][0]-'0'), near[1], near[2]) {
			t.Errorf("%v has the same mark", near)
		}
	}
	for i := range 3 * proofSize {
		p.add(p.mark(int64(i), "", ""), now)
		if len(p.until) > proofSize {
			t.Fatalf("%d proofs are kept", len(p.until))
		}
	}
}
