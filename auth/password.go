package auth

import (
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/alexedwards/argon2id"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/crypto/blake2b"
)

// MaxPassword is the length in bytes above which a password is refused before
// anything is computed from it.
const MaxPassword = 4096

// MinPassword is the least length of a new password, in characters.
const MinPassword = 8

// HashCost is the cost of a new password hash with argon2id. A hash of another
// cost is renewed at the next sign-in.
type HashCost struct {
	Memory uint32 // in KiB, from 8 to 65,536
	Passes uint32 // from 1 to 10
}

// DefaultHashCost is OWASP's first choice for argon2id: 19 MiB and 2 passes, in
// one lane.
var DefaultHashCost = HashCost{Memory: 19456, Passes: 2}

func (c HashCost) params() *argon2id.Params {
	return &argon2id.Params{Memory: c.Memory, Iterations: c.Passes, Parallelism: 1, SaltLength: 16, KeyLength: 32}
}

// nobodys returns the hash that stands in for an unknown user, so that the
// comparison takes as long. No password matches it.
func (c HashCost) nobodys() string {
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=1$%s$%s", c.Memory, c.Passes,
		base64.RawStdEncoding.EncodeToString(make([]byte, 16)), base64.RawStdEncoding.EncodeToString(make([]byte, 32)))
}

// hasher limits how many hashes are computed at once, and thus the memory: each
// takes that of a HashCost.
type hasher struct {
	params  *argon2id.Params
	nobodys string
	running chan struct{}
	waiting chan struct{}
	places  chan struct{} // of passwords that are counted, or about to be
}

// newHasher returns a hasher; the zero cost means DefaultHashCost.
func newHasher(cost HashCost) *hasher {
	if cost == (HashCost{}) {
		cost = DefaultHashCost
	}
	n := min(4, runtime.NumCPU())
	return &hasher{params: cost.params(), nobodys: cost.nobodys(), running: make(chan struct{}, n), waiting: make(chan struct{}, n+32), places: make(chan struct{}, n+32)}
}

// place reserves a slot for a password that will be counted and compared, so
// that no more are counted than can soon be compared. Error: ErrBusy.
func (h *hasher) place() (leave func(), err error) {
	select {
	case h.places <- struct{}{}:
		return func() { <-h.places }, nil
	default:
		return nil, ErrBusy
	}
}

// do waits for a turn and runs fn. Error: ErrBusy if the queue is full.
func (h *hasher) do(ctx context.Context, fn func()) error {
	select {
	case h.waiting <- struct{}{}:
	default:
		return ErrBusy
	}
	defer func() { <-h.waiting }()
	select {
	case h.running <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-h.running }()
	fn()
	return nil
}

// hash returns the hash of a new password.
func (h *hasher) hash(ctx context.Context, password string) (hash string, err error) {
	errTurn := h.do(ctx, func() {
		if approvedOnly() {
			hash, err = newPBKDF2(password)
			return
		}
		hash, err = argon2id.CreateHash(password, h.params)
	})
	if errTurn != nil {
		err = errTurn
	}
	if err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	return hash, nil
}

// check compares a password with a hash of any known form. Unless the password
// is right, it costs at least one hash of the current form, whatever form the
// hash has. old means that a right password should be hashed again.
func (h *hasher) check(ctx context.Context, password, hash string) (ok, old bool, err error) {
	err = h.do(ctx, func() {
		if p, is := parsePBKDF2(hash); is {
			ok, old = p.matches(password), p.rounds != pbkdf2Rounds || !approvedOnly()
			return
		}
		if approvedOnly() {
			nobodysPBKDF2().matches(password)
			return
		}
		if knownArgon(hash) {
			var params *argon2id.Params
			if ok, params, err = argon2id.CheckHash(password, hash); err == nil {
				old = *params != *h.params
				return
			}
			ok = false
		}
		if ok, old = checkWordPress(password, hash), true; !ok {
			argon2id.CheckHash(password, h.nobodys)
		}
	})
	return ok && err == nil, old, err
}

// checkWordPress compares a password with a hash of WordPress:
//
//	$wp$2y$…  bcrypt over base64(HMAC-SHA-384(password, key "wp-sha384")), since 6.8
//	$2y$…     bcrypt, made by plugins
//	$P$…      "portable": iterated MD5, before 6.8
func checkWordPress(password, hash string) bool {
	switch {
	case strings.HasPrefix(hash, "$wp$2"):
		mac := hmac.New(sha512.New384, []byte("wp-sha384"))
		mac.Write([]byte(password))
		text := base64.StdEncoding.EncodeToString(mac.Sum(nil))
		return bcrypt.CompareHashAndPassword([]byte(hash[len("$wp"):]), []byte(text)) == nil
	case strings.HasPrefix(hash, "$2"):
		text := []byte(password)
		// The software that made the hash truncated the password here.
		return bcrypt.CompareHashAndPassword([]byte(hash), text[:min(len(text), 72)]) == nil
	case strings.HasPrefix(hash, "$P$") && len(hash) == 34:
		want := portable(password, hash[:12])
		return want != "" && subtle.ConstantTimeCompare([]byte(want), []byte(hash)) == 1
	}
	return false
}

// knownArgon reports whether a hash is argon2id with valid parameters: the
// library panics on some others, such as an empty tag.
func knownArgon(hash string) bool {
	p, salt, tag, err := argon2id.DecodeHash(hash)
	return err == nil && len(salt) >= 8 && len(tag) >= 16 && len(tag) <= 64 &&
		p.Memory >= 8 && p.Memory <= 64<<10 && p.Iterations >= 1 && p.Iterations <= 10 && p.Parallelism >= 1
}

const portableDigits = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// portable computes the "portable" hash of the phpass framework. The setting is
// "$P$", a digit that is the logarithm of the number of rounds, and 8
// characters of salt.
func portable(password, setting string) string {
	rounds := strings.IndexByte(portableDigits, setting[3])
	if rounds < 7 || rounds > 20 {
		return ""
	}
	sum := md5.Sum([]byte(setting[4:12] + password))
	for range 1 << rounds {
		sum = md5.Sum(append(sum[:], password...))
	}
	out := []byte(setting)
	for i := 0; i < len(sum); i += 3 {
		// Three bytes, lowest first, become four digits, lowest first.
		group, n := 0, min(3, len(sum)-i)
		for j := range n {
			group |= int(sum[i+j]) << (8 * j)
		}
		for range n + 1 {
			out = append(out, portableDigits[group&63])
			group >>= 6
		}
	}
	return string(out)
}

// knownHash reports whether a hash from outside has a form that check knows,
// with costs that cannot stall the server.
func knownHash(hash string) bool {
	switch {
	case knownArgon(hash):
		return true
	case strings.HasPrefix(hash, pbkdf2Prefix):
		_, ok := parsePBKDF2(hash)
		return ok
	case strings.HasPrefix(hash, "$wp$2"), strings.HasPrefix(hash, "$2"):
		cost, err := bcrypt.Cost([]byte(strings.TrimPrefix(hash, "$wp")))
		return err == nil && cost <= 14
	case strings.HasPrefix(hash, "$P$"):
		return len(hash) == 34 && portable("", hash[:12]) != ""
	}
	return false
}

// cleanPassword trims white space, which is not significant in WordPress and
// does not survive an XML-RPC string.
func cleanPassword(password string) string { return strings.Trim(password, " \t\n\r\x00\x0b") }

// Application passwords are drawn at random, 24 letters and digits or about 142
// bits, so a fast hash is enough: BLAKE2b-256, keyed with a salt, in the form
//
//	$blake2b$SALT$HASH
//
// both in base64 without padding.
const fastPrefix = "$blake2b$"

func fastHash(password string) string {
	salt := make([]byte, 16)
	rand.Read(salt)
	if approvedOnly() {
		return approvedFastHash(password, salt)
	}
	return fastHashWith(password, salt)
}

func fastHashWith(password string, salt []byte) string {
	h, err := blake2b.New256(salt)
	if err != nil {
		return "" // a salt longer than 64 bytes, which nobody uses
	}
	h.Write([]byte(password))
	return fastPrefix + base64.RawStdEncoding.EncodeToString(salt) + "$" + base64.RawStdEncoding.EncodeToString(h.Sum(nil))
}

// fastMatches compares a plain application password with its hash. It also
// accepts WordPress's own forms ("$generic$", BLAKE2b of 30 bytes under a fixed
// key, and "$P$"), which an import may bring.
func fastMatches(password, hash string) bool {
	switch {
	case password == "":
		return false
	case strings.HasPrefix(hash, approvedFastPrefix):
		return approvedFastMatches(password, hash)
	case approvedOnly():
		return false
	}
	var again string
	if text, ok := strings.CutPrefix(hash, fastPrefix); ok {
		salt, err := base64.RawStdEncoding.DecodeString(text[:max(0, strings.IndexByte(text, '$'))])
		if err != nil {
			return false
		}
		again = fastHashWith(password, salt)
	} else if strings.HasPrefix(hash, "$generic$") {
		h, err := blake2b.New(30, []byte("wp_fast_hash_6.8+"))
		if err != nil {
			return false
		}
		h.Write([]byte(password))
		again = "$generic$" + base64.StdEncoding.EncodeToString(h.Sum(nil))
	}
	if strings.HasPrefix(hash, "$P$") { // before WordPress 6.8
		return checkWordPress(password, hash)
	}
	return again != "" && subtle.ConstantTimeCompare([]byte(again), []byte(hash)) == 1
}

const (
	proofLife = 5 * time.Minute
	proofSize = 10000
)

// proofs remembers for a short time which passwords were right, so that a
// client that sends its password with every call does not cost a hash each
// time. It stores keyed hashes, under a key that exists only in this process.
// They include the stored hash of the password, so a change of the password
// invalidates them.
type proofs struct {
	key   [32]byte
	mu    *sync.Mutex
	until map[[sha256.Size]byte]time.Time
}

func newProofs() proofs {
	p := proofs{mu: new(sync.Mutex), until: make(map[[sha256.Size]byte]time.Time)}
	rand.Read(p.key[:])
	return p
}

func (p *proofs) mark(user int64, hash, password string) (mark [sha256.Size]byte) {
	mac := hmac.New(sha256.New, p.key[:])
	fmt.Fprintf(mac, "%d:%d:%s:%s", user, len(hash), hash, password)
	mac.Sum(mark[:0])
	return mark
}

func (p *proofs) has(mark [sha256.Size]byte, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return now.Before(p.until[mark])
}

func (p *proofs) drop(mark [sha256.Size]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.until, mark)
}

func (p *proofs) add(mark [sha256.Size]byte, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.until) >= proofSize {
		clear(p.until)
	}
	p.until[mark] = now.Add(proofLife)
}
