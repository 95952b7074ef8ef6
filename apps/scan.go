package apps

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Leak is a secret found by Scan.
type Leak struct {
	Line   int // from 1
	Kind   LeakKind
	Secret Secret
	Hint   string // its last four characters, which are not secret
}

// LeakKind is the kind of a secret, by its prefix.
type LeakKind string

// Kinds of secrets with a recognizable form. Application passwords have none:
// they look like any word.
const (
	LeakedSecret LeakKind = "secret of an application"
	LeakedToken  LeakKind = "token"
)

// leakForms are the forms that Scan recognizes: a prefix, followed by digits of
// base 62. The last digits are a checksum of the others.
var leakForms = []struct {
	kind   LeakKind
	prefix string
	digits int
}{
	{LeakedSecret, secretPrefix, randomDigits + crcDigits},
	{LeakedToken, tokenPrefix, selectorDigits + randomDigits + crcDigits},
}

const (
	scanChunk = 64 << 10
	longLeak  = len(tokenPrefix) + selectorDigits + randomDigits + crcDigits // bytes of the longest form
)

// Scan reads r to its end and calls found for every text that has the form and
// the checksum of a secret created here, as soon as it sees it. It buffers at
// most about 64 KiB, however long the lines are. It skips zero bytes, so that
// it can read UTF-16. It does not unpack archives or the objects of version
// control. An error of found ends it.
func Scan(r io.Reader, found func(Leak) error) error {
	buffer := make([]byte, 0, scanChunk+longLeak)
	line := 1
	for {
		n, err := io.ReadFull(r, buffer[len(buffer):cap(buffer)])
		ended := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !ended {
			return fmt.Errorf("scan: %w", err)
		}
		have := len(buffer)
		buffer = append(buffer, without0(buffer[have:have+n])...)
		// A secret that begins in the last bytes may continue in the next
		// chunk.
		end := len(buffer) - (longLeak - 1)
		if ended {
			end = len(buffer)
		}
		end = max(end, 0)
		if err := scanChunkOf(buffer, end, &line, found); err != nil || ended {
			return err
		}
		buffer = append(buffer[:0], buffer[end:]...)
	}
}

// without0 removes zero bytes, in place.
func without0(p []byte) []byte {
	kept := p[:0]
	for _, b := range p {
		if b != 0 {
			kept = append(kept, b)
		}
	}
	return kept
}

// scanChunkOf reports secrets that begin before end, and counts the lines up to
// there.
func scanChunkOf(p []byte, end int, line *int, found func(Leak) error) error {
	at := 0
	for at < end {
		i := bytes.Index(p[at:], []byte("qg"))
		if i < 0 || at+i >= end {
			break
		}
		*line += bytes.Count(p[at:at+i], []byte("\n"))
		at += i
		if leak, ok := leakAt(p[at:]); ok {
			leak.Line = *line
			if err := found(leak); err != nil {
				return err
			}
		}
		at += len("qg")
	}
	*line += bytes.Count(p[at:max(at, end)], []byte("\n"))
	return nil
}

// leakAt returns the secret that p begins with, if it does.
func leakAt(p []byte) (Leak, bool) {
	for _, form := range leakForms {
		size := len(form.prefix) + form.digits
		if len(p) < size || string(p[:len(form.prefix)]) != form.prefix {
			continue
		}
		digits := string(p[len(form.prefix):size])
		if strings.Trim(digits, base62) != "" || checksum(digits[:form.digits-crcDigits]) != digits[form.digits-crcDigits:] {
			continue
		}
		secret := NewSecret(string(p[:size]))
		return Leak{Kind: form.kind, Secret: secret, Hint: digits[form.digits-4:]}, true
	}
	return Leak{}, false
}
