package main_test

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var updateRequirements = flag.Bool("update-requirements", false, "write docs/REQUIREMENTS.md anew")

// requirement is one row of docs/REQUIREMENTS.md.
type requirement struct {
	id, words string
	// elsewhere says what proves it next to the tests that bear its id, or
	// what is open.
	elsewhere string
}

// chapters are the requirements on safety that this server is built to, in the order of the document.
var chapters = []struct {
	title string
	rows  []requirement
}{
	{"Signatures", []requirement{
		{id: "S1", words: "A signature covers the bytes of the body as they travel; nothing is trimmed, decoded or written anew before it is hashed."},
		{id: "S2", words: "Only the double hash is taken. Keys that were moved here from another system may take the older form too, and say so."},
		{id: "S3", words: "Digests and secrets are compared in constant time; no plain comparison of one is in the code."},
		{id: "S4", words: "An unknown, revoked, expired or damaged key is refused like a wrong digest: same fault, same work, same time."},
		{id: "S5", words: "Nothing verifies against a secret that is empty, missing or cannot be opened."},
		{id: "S6", words: "There is one Authorization field of one exact form, or the request ends."},
		{id: "S7", words: "A credential that is presented and fails ends the request, whatever else is in it."},
		{id: "S8", words: "Who calls is decided for each request, from its own header fields; not by the connection, a trailer, a cookie or the query."},
		{id: "S9", words: "Nothing is parsed before the signature holds, and a large body costs no memory until then."},
		{id: "S10", words: "A content coding is refused, so that there is one answer to what was signed."},
		{id: "S11", words: "One signature covers a whole system.multicall, with one caller and one scope."},
		{id: "S12", words: "A creating call that comes again under the same key within ten minutes answers the first result and creates nothing."},
		{id: "S13", words: "Strict requests (RFC 9421) are bound to method, host, path, query, type and body, by a time, a nonce, a key and a fixed algorithm."},
		{id: "S14", words: "A strict signature is at most 300 seconds old and 60 seconds ahead; the refusal tells the server's time."},
		{id: "S15", words: "A nonce is taken once, over all replicas, and no key can fill the table for others."},
		{id: "S16", words: "Where a proxy takes the Authorization field away, another field may stand in for it, when the operator says so."},
		{id: "S17", words: "One scheme for each request, told by its form; what is neither ours nor Basic is refused."},
		{id: "T1", words: "Measured over many verifications, the time tells neither where a digest differs nor whether a key exists."},
	}},
	{"Keys", []requirement{
		{id: "K1", words: "Public keys have 128 and secrets 256 bits of the system's randomness."},
		{id: "K2", words: "Secrets have a published form with a checksum, and a command finds leaked ones."},
		{id: "K3", words: "Secrets are sealed with AES-256-GCM, bound to their row; the key file is beside the database, and nobody else's to read."},
		{id: "K4", words: "One command seals what was stored in the clear before, survives being killed at any point, and leaves nothing behind."},
		{id: "K5", words: "The master key is rotated while the server runs, without a failed request; afterwards no row needs the old one."},
		{id: "K6", words: "A secret is shown once. After that no list, log, fault, metric or file has it."},
		{id: "K7", words: "A revocation is on disk before it is acknowledged, and holds in every process within a second."},
		{id: "K8", words: "Public keys are made by the server and unique; nobody can attach another's to an account."},
		{id: "K9", words: "A key may do what its user may and its scope lets through, and nothing else."},
		{id: "K10", words: "Keys may expire, warn before they do, and may be ended when nobody uses them."},
		{id: "K11", words: "A rotated key has a successor, and both sign until the overlap ends."},
		{id: "K12", words: "When, from where, with which program and for what a key was last used is written in batches, off the path of requests."},
		{id: "K13", words: "Only an account's password makes keys over the wire: no signature, no multicall, no clear text, no more than fifty."},
		{id: "K14", words: "A key can ask about itself, and about nobody else."},
		{id: "K15", words: "Verification keys are strong, their algorithm is fixed at enrolment, and no key is nobody's key."},
		{id: "K16", words: "Enrolment is closed unless somebody opened it; a window ends after fifteen minutes or one success."},
		{id: "K17", words: "Whoever owns the database alone cannot rewrite the audit trail unseen: its lines carry a MAC under a key of the keyset."},
	}},
	{"Passwords, sessions and second factors", []requirement{
		{id: "A1", words: "Passwords are hashed with argon2id, a few at once, with a bounded queue."},
		{id: "A2", words: "Guesses are slowed down by account and address, so that nobody locks out somebody else."},
		{id: "A3", words: "One wrong password ends the passwords of a request, however many calls it holds."},
		{id: "A4", words: "A user who does not exist cannot be told from a wrong password."},
		{id: "A5", words: "A password of more than 4096 bytes is refused before anything is computed from it."},
		{id: "A6", words: "Passwords, Basic and the making of keys need TLS, or this machine."},
		{id: "A7", words: "Every answer to a request with a password says that this is deprecated; a site or a user can refuse passwords."},
		{id: "A8", words: "Who has a second factor cannot go around it with the account's password over XML-RPC."},
		{id: "A9", words: "A one-time password counts once; recovery codes are stored as hashes and count once."},
		{id: "A10", words: "Sessions are random, stored as hashes, bounded in time, renewed at sign-in; other sites cannot act in them."},
		{id: "A11", words: "A client's address is the socket's, or what a listed proxy says; keys can be limited to networks."},
		{id: "A12", words: "A network is known only after the whole sign-in; five codes in 15 minutes are looked at for an account, whatever the network."},
		{id: "A13", words: "A guess is counted before it is compared; login and e-mail address are one account; the same wrong password again is not a new guess."},
		{id: "A14", words: "What strangers begin takes no room, and cannot push out people who have shown a right password."},
	}},
	{"XML and values", []requirement{
		{id: "X1", words: "A document type declaration is refused before it is read.", elsewhere: hostile},
		{id: "X2", words: "Nesting is bounded.", elsewhere: hostile},
		{id: "X3", words: "The number of values, members, parameters and attributes is bounded.", elsewhere: hostile},
		{id: "X4", words: "Nothing but white space, comments and processing instructions follows the root.", elsewhere: hostile},
		{id: "X5", words: "Character sets are decoded as declared or refused, never guessed or replaced.", elsewhere: hostile},
		{id: "X6", words: "A value has one reading: its whole text, no element inside a scalar, no member twice.", elsewhere: hostile},
		{id: "X7", words: "Numbers, booleans, dates and base64 have strict grammars.", elsewhere: hostile},
		{id: "X8", words: "No input crashes or stalls the decoder.", elsewhere: "`make fuzz`, `make nightly`"},
		{id: "X9", words: "What a client wrote is cut and escaped before it stands in a fault or a log line.", elsewhere: hostile},
		{id: "X10", words: "Answers hold legal characters only, and other people's decoders read them.", elsewhere: "`go test ./xmlrpc ./interop`"},
		{id: "X11", words: "Pingbacks go to public addresses only, checked when the connection is made, bounded in time and size.", elsewhere: "`go test ./fetch ./pingback ./wordpress`"},
		{id: "X12", words: "A system.multicall is bounded in calls, answer and time, and holds no other.", elsewhere: hostile},
	}},
	{"HTTP and operations", []requirement{
		{id: "H1", words: "Slow clients, connections and addresses are bounded.", elsewhere: "`make nightly`"},
		{id: "H2", words: "Header and body are bounded, by the announced length before a byte of the body.", elsewhere: hostile},
		{id: "H3", words: "Ambiguous framing is refused.", elsewhere: hostile},
		{id: "H4", words: "There is a fixed set of paths, and nothing for debugging among them."},
		{id: "H5", words: "Faults travel with status 200, as clients expect; a setting gives refusals their own status."},
		{id: "H6", words: "TLS 1.2 and later, with certificates that renew themselves or files that are read again; a warning where it is missing."},
		{id: "H7", words: "Every answer forbids guessing its type, and scripts that are not the server's own; none names a version."},
		{id: "H8", words: "More than the server can do is turned away with Retry-After, and it recovers."},
		{id: "H9", words: "What was acknowledged is there after a crash.", elsewhere: "`go test ./interop -run Crash`"},
		{id: "H10", words: "A copied database reveals no secret.", elsewhere: "docs/OPERATING.md says how to back up and restore"},
		{id: "H11", words: "What is done to keys, accounts and settings leaves a line in a chained trail, in the same transaction."},
		{id: "H12", words: "Nothing grows slowly.", elsewhere: "`make soak`"},
		{id: "H13", words: "Builds are reproducible, dependencies few and checked.", elsewhere: "`make reproducible`; releases are not signed yet"},
		{id: "H14", words: "A panic ends one request, a damaged row one key."},
		{id: "H15", words: "The server builds for FIPS 140.", elsewhere: "open"},
		{id: "H16", words: "The operator learns why a request was refused, and what stands in the way of one."},
		{id: "H17", words: "The field Forwarded is read by RFC 7239 with quoted strings; an element with a parameter twice is refused."},
		{id: "H18", words: "Every limit by address counts IPv6 by /64."},
		{id: "H19", words: "A body that stops ends soon; the spool has a share for each network, and less without a credential."},
	}},
}

const hostile = "`go test ./interop -run Hostile`"

var (
	idInName = regexp.MustCompile(`^(?:Test|Fuzz)([SKAXHT][0-9]+)`)
	idAtEnd  = regexp.MustCompile(`([SKAXHT][0-9]{1,2})$`)
	idsOfDoc = regexp.MustCompile(`^((?:[SKAXHT][0-9]+(?:, | and )?)+): `)
	eachID   = regexp.MustCompile(`[SKAXHT][0-9]+`)
)

// proofs finds the tests that bear ids: in their names, as in TestK7Revoked, or at the beginning of their comments.
func proofs(t *testing.T) map[string][]string {
	t.Helper()
	found := make(map[string][]string)
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && path != "../..") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		tree, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		folder := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), "../../")
		for _, d := range tree.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				for _, id := range idsOf(f) {
					found[id] = append(found[id], fmt.Sprintf("`%s` %s", folder, f.Name.Name))
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// idsOf returns the ids that a test bears; none for other functions.
func idsOf(f *ast.FuncDecl) []string {
	if f.Recv != nil || !strings.HasPrefix(f.Name.Name, "Test") && !strings.HasPrefix(f.Name.Name, "Fuzz") {
		return nil
	}
	var ids []string
	if m := idInName.FindStringSubmatch(f.Name.Name); m != nil {
		ids = append(ids, m[1])
	} else if m := idAtEnd.FindStringSubmatch(f.Name.Name); m != nil {
		ids = append(ids, m[1])
	}
	if m := idsOfDoc.FindStringSubmatch(f.Doc.Text()); m != nil {
		ids = append(ids, eachID.FindAllString(m[1], -1)...)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// The document leads from every requirement to the tests that prove it, and says what has none.
func TestRequirements(t *testing.T) {
	found := proofs(t)
	var doc bytes.Buffer
	doc.WriteString(`# What safety requires, and what proves it

Made from the tests by ` + "`go test ./cmd/quillgate -run Requirements -update-requirements`" + `: a test bears the id of what it proves in its
name or at the beginning of its comment.
`)
	known := make(map[string]bool)
	for _, c := range chapters {
		fmt.Fprintf(&doc, "\n## %s\n\n| id | what holds | proof |\n|---|---|---|\n", c.title)
		for _, r := range c.rows {
			known[r.id] = true
			list := found[r.id]
			slices.Sort(list)
			if r.elsewhere != "" {
				list = append(list, r.elsewhere)
			}
			if len(list) == 0 {
				t.Errorf("no test bears the id %s: %s", r.id, r.words)
			}
			fmt.Fprintf(&doc, "| %s | %s | %s |\n", r.id, r.words, strings.Join(list, "; "))
		}
	}
	for id, tests := range found {
		if !known[id] {
			t.Errorf("these tests name requirement %s, which does not exist: %v", id, tests)
		}
	}
	const path = "../../docs/REQUIREMENTS.md"
	if *updateRequirements {
		if err := os.WriteFile(path, doc.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, doc.Bytes()) {
		t.Errorf("%s is not what the tests say: run go test ./cmd/quillgate -run Requirements -update-requirements", path)
	}
}
