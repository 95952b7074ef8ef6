package auth

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// inApprovedMode marks the process that TestH15 starts.
const inApprovedMode = "QUILLGATE_TEST_APPROVED"

// In the FIPS 140-3 mode only approved algorithms make or check a hash. The
// mode applies to a whole process.
func TestH15ApprovedHashes(t *testing.T) {
	if os.Getenv(inApprovedMode) == "" {
		child := exec.Command(os.Args[0], "-test.run=^TestH15ApprovedHashes$", "-test.v")
		child.Env = append(os.Environ(), "GODEBUG=fips140=on", inApprovedMode+"=1")
		out, err := child.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "--- PASS: TestH15ApprovedHashes") {
			t.Errorf("in the FIPS mode: %v\n%s", err, out)
		}
		return
	}
	if !approvedOnly() {
		t.Fatal("this process is not in the FIPS mode")
	}
	h := newHasher(HashCost{})
	hash, err := h.hash(t.Context(), "correct horse")
	if err != nil || !strings.HasPrefix(hash, "$pbkdf2-sha256$i=600000$") {
		t.Fatalf("a new hash is %q, %v", hash, err)
	}
	for _, test := range []struct {
		name, password, hash string
		want                 bool
	}{
		{"right", "correct horse", hash, true},
		{"wrong", "battery staple", hash, false},
		{"nobody's", "", DefaultHashCost.nobodys(), false},
		{"bcrypt", "password", "$2y$04$kiKIdDVYqXkDHjlrrSuzLOTuCuI2xVHSXVLcUcYHcRFqYrRrYCPLu", false},
		{"iterated MD5", "test1", portable("test1", "$P$9IQRaTwmf"), false},
	} {
		got, old, err := h.check(t.Context(), test.password, test.hash)
		if err != nil || got != test.want || old {
			t.Errorf("%s: %v, old %v, %v; want %v", test.name, got, old, err, test.want)
		}
	}
	fast := fastHash("abcd")
	if !strings.HasPrefix(fast, "$hmac-sha256$") || !fastMatches("abcd", fast) || fastMatches("abce", fast) {
		t.Errorf("the fast hash %q is not what it should be", fast)
	}
	if fastMatches("abcd", fastHashWith("abcd", make([]byte, 16))) {
		t.Error("a hash by BLAKE2b is taken in the FIPS mode")
	}
}

// A hash from FIPS mode works without it, and is replaced at the next sign-in.
func TestH15ApprovedHashElsewhere(t *testing.T) {
	if approvedOnly() {
		return // the other way round is what the test above is about
	}
	hash, err := newPBKDF2("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if !knownHash(hash) {
		t.Errorf("%q is not a known hash", hash)
	}
	for password, want := range map[string]bool{"correct horse": true, "battery staple": false} {
		ok, old, err := newHasher(HashCost{}).check(t.Context(), password, hash)
		if err != nil || ok != want || !old {
			t.Errorf("%q: %v, old %v, %v; want %v and old", password, ok, old, err, want)
		}
	}
	for _, bad := range []string{
		"$pbkdf2-sha256$i=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$pbkdf2-sha256$i=900000000$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$pbkdf2-sha256$i=600000$AA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "$pbkdf2-sha256$i=600000$$", "$pbkdf2-sha256$i=600000",
	} {
		if knownHash(bad) {
			t.Errorf("%q is taken", bad)
		}
	}
}
