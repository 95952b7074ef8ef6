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

var updateRequirements = flag.Bool("update-requirements", false, "rewrite docs/REQUIREMENTS.md")

// requirement is one row of docs/REQUIREMENTS.md.
type requirement struct {
	id, words string
	// elsewhere explains what proves the requirement in addition to the
	// tests with its id, or what is open.
	elsewhere string
}

// chapters are the requirements on safety that this server is built to, in the order of the document.
var chapters = []struct {
	title string
	rows  []requirement
}{
	{"Signatures", []requirement{
		{id: "S1", words: "A signature covers the bytes of the body as they are sent; nothing is trimmed, decoded or rewritten before hashing."},
		{id: "S2", words: "Only the double hash is accepted. Keys that were moved here from another system may also accept the older form, and show that."},
		{id: "S3", words: "Digests and secrets are compared in constant time; the code contains no other comparison of them."},
		{id: "S4", words: "An unknown, revoked, expired or damaged key is refused like a wrong digest: with the same fault, work and time."},
		{id: "S5", words: "Nothing verifies against a secret that is empty or missing, or that cannot be opened."},
		{id: "S6", words: "A request has one Authorization field in an exact form, or it is refused."},
		{id: "S7", words: "A credential that fails ends the request, whatever else it contains."},
		{id: "S8", words: "The caller is determined for each request from its own header fields, not from the connection, a trailer, a cookie or the query."},
		{id: "S9", words: "Nothing is parsed before the signature has been verified, and a large body uses no memory until then."},
		{id: "S10", words: "A content coding is refused, so that it is clear which bytes were signed."},
		{id: "S11", words: "One signature covers a whole system.multicall, with one caller and one scope."},
		{id: "S12", words: "A creating call that is sent again with the same key within ten minutes gets the first result and creates nothing."},
		{id: "S13", words: "Strict requests (RFC 9421) are bound to method, host, path, query, type and body, by a time, a nonce, a key and a fixed algorithm."},
		{id: "S14", words: "A strict signature is at most 300 seconds old and 60 seconds ahead; the refusal contains the server's time."},
		{id: "S15", words: "A nonce is accepted once across all replicas, and no key can fill the table for others."},
		{id: "S16", words: "If a proxy removes the Authorization field, another field can replace it, if the operator allows that."},
		{id: "S17", words: "A request uses one scheme, recognized by its form; anything but ours and Basic is refused."},
		{id: "T1", words: "Over many verifications, the time reveals neither where a digest differs nor whether a key exists."},
	}},
	{"Keys", []requirement{
		{id: "K1", words: "Public keys have 128 and secrets 256 bits of the system's randomness."},
		{id: "K2", words: "Secrets have a published form with a checksum, and a command finds leaked ones."},
		{id: "K3", words: "Secrets are sealed with AES-256-GCM, bound to their row; the key file is next to the database, and readable only by its owner."},
		{id: "K4", words: "One command seals secrets that were stored unencrypted, can be killed at any point, and leaves no unencrypted remains."},
		{id: "K5", words: "The master key is rotated while the server runs, without a failed request; afterwards no row needs the old one."},
		{id: "K6", words: "A secret is shown once. After that no list, log, fault, metric or file contains it."},
		{id: "K7", words: "A revocation is on disk before it is acknowledged, and effective in every process within a second."},
		{id: "K8", words: "Public keys are created by the server and unique; nobody can attach the key of another user to an account."},
		{id: "K9", words: "A key may do what both its user and its scope allow, and nothing else."},
		{id: "K10", words: "Keys can expire, with a warning in advance, and unused keys can be disabled."},
		{id: "K11", words: "A rotated key has a successor, and both sign until the overlap ends."},
		{id: "K12", words: "The last use of a key (time, address, client, method) is written in batches, outside of requests."},
		{id: "K13", words: "Over the wire, keys can only be created with an account's password, encrypted, not in a multicall, and at most fifty; a signature does not suffice."},
		{id: "K14", words: "A key can read about itself, and about no other."},
		{id: "K15", words: "Verification keys are strong, their algorithm is fixed at enrolment, and an empty key matches nobody."},
		{id: "K16", words: "Enrolment is closed unless a user has opened it; it closes after fifteen minutes or one success."},
		{id: "K17", words: "An attacker who controls only the database cannot rewrite the audit trail unnoticed: its lines have a MAC under a key of the keyset."},
	}},
	{"Passwords, sessions and second factors", []requirement{
		{id: "A1", words: "Passwords are hashed with argon2id, a few at a time, with a limited queue."},
		{id: "A2", words: "Guesses are slowed down by account and address, so that nobody can lock out another user."},
		{id: "A3", words: "After one wrong password, a request can use no other, however many calls it has."},
		{id: "A4", words: "The refusal of an unknown user is the same as that of a wrong password."},
		{id: "A5", words: "A password of more than 4096 bytes is refused before anything is computed from it."},
		{id: "A6", words: "Passwords, Basic and the creation of keys require TLS, or a client on this machine."},
		{id: "A7", words: "Every answer to a request with a password has a deprecation notice; a site or a user can refuse passwords."},
		{id: "A8", words: "The account's password cannot bypass a second factor over XML-RPC."},
		{id: "A9", words: "A one-time password works once; recovery codes are stored as hashes and work once."},
		{id: "A10", words: "Sessions are random, stored as hashes, limited in time, and renewed at sign-in; other sites cannot use them."},
		{id: "A11", words: "A client's address is that of its connection, or the one that a trusted proxy names; keys can be limited to networks."},
		{id: "A12", words: "A network is known only after a complete sign-in; an account gets five codes checked in 15 minutes, whatever the network."},
		{id: "A13", words: "A guess is counted before it is compared; login and e-mail address count as one account; the same wrong password again is not a new guess."},
		{id: "A14", words: "Strangers cause no stored state, and cannot displace people who have entered a right password."},
	}},
	{"XML and values", []requirement{
		{id: "X1", words: "A document type declaration is refused before it is read.", elsewhere: hostile},
		{id: "X2", words: "Nesting is limited.", elsewhere: hostile},
		{id: "X3", words: "The number of values, members, parameters and attributes is limited.", elsewhere: hostile},
		{id: "X4", words: "Nothing but white space, comments and processing instructions follows the root.", elsewhere: hostile},
		{id: "X5", words: "Character sets are decoded as declared or refused, never guessed or replaced.", elsewhere: hostile},
		{id: "X6", words: "A value has one meaning: all its text counts, scalars contain no elements, and duplicate members are refused.", elsewhere: hostile},
		{id: "X7", words: "Numbers, booleans, dates and base64 have strict grammars.", elsewhere: hostile},
		{id: "X8", words: "No input crashes or stalls the decoder.", elsewhere: "`make fuzz`, `make nightly`"},
		{id: "X9", words: "Text from a client is shortened and escaped before it appears in a fault or a log line.", elsewhere: hostile},
		{id: "X10", words: "Answers contain valid characters only, and the decoders of other software read them.", elsewhere: "`go test ./xmlrpc ./interop`"},
		{id: "X11", words: "Pingbacks reach public addresses only, which is checked when the connection is made; time and size are limited.", elsewhere: "`go test ./fetch ./pingback ./wordpress`"},
		{id: "X12", words: "A system.multicall is limited in calls, answer and time, and cannot contain another.", elsewhere: hostile},
	}},
	{"HTTP and operations", []requirement{
		{id: "H1", words: "Slow clients, connections, and what each address may do are limited.", elsewhere: "`make nightly`"},
		{id: "H2", words: "Header and body are limited; a body that announces too much is refused before its first byte.", elsewhere: hostile},
		{id: "H3", words: "Ambiguous framing is refused.", elsewhere: hostile},
		{id: "H4", words: "There is a fixed set of paths, without any for debugging."},
		{id: "H5", words: "Faults are sent with status 200, as clients expect; a setting gives refusals their own status."},
		{id: "H6", words: "TLS 1.2 and later, with certificates that are renewed automatically, or files that are read again; a warning if TLS is missing."},
		{id: "H7", words: "Every answer forbids content sniffing and scripts other than the server's own; none reveals a version."},
		{id: "H8", words: "Requests beyond the capacity are refused with Retry-After, and the server recovers."},
		{id: "H9", words: "Acknowledged writes survive a crash.", elsewhere: "`go test ./interop -run Crash`"},
		{id: "H10", words: "A copied database reveals no secret.", elsewhere: "docs/OPERATING.md says how to back up and restore"},
		{id: "H11", words: "Changes to keys, accounts and settings are recorded in a chained trail, in the same transaction."},
		{id: "H12", words: "Nothing grows without limit over time.", elsewhere: "`make soak`"},
		{id: "H13", words: "Builds are reproducible, dependencies few and checked.", elsewhere: "`make reproducible`; releases are not signed yet"},
		{id: "H14", words: "A panic ends one request, a damaged row one key."},
		{id: "H15", words: "The server builds for FIPS 140.", elsewhere: "open"},
		{id: "H16", words: "The operator can find out why a request was refused, and what prevents requests."},
		{id: "H17", words: "The field Forwarded is parsed as in RFC 7239, with quoted strings; an element with a duplicate parameter is refused."},
		{id: "H18", words: "All limits by address count IPv6 by /64."},
		{id: "H19", words: "A stalled body is given up soon; each network has a share of the spool, which is smaller without a credential."},
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

// The document lists the tests that prove each requirement, and shows which
// requirement has none.
func TestRequirements(t *testing.T) {
	found := proofs(t)
	var doc bytes.Buffer
	doc.WriteString(`# Security requirements and their tests

Generated from the tests by ` + "`go test ./cmd/quillgate -run Requirements -update-requirements`" + `. A test has the id of
the requirement that it proves in its name, or at the beginning of its comment.
`)
	known := make(map[string]bool)
	for _, c := range chapters {
		fmt.Fprintf(&doc, "\n## %s\n\n| id | requirement | proof |\n|---|---|---|\n", c.title)
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
