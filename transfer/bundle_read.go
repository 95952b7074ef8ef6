package transfer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
)

// maxNotes bounds Report.Notes: in a bundle made for another program, every
// object may have a member that the format does not know.
const maxNotes = 200

// bundleReader reads a bundle member by member and object by object, so that an
// error can name its object.
type bundleReader struct {
	dec    *json.Decoder
	bundle *Bundle
	notes  *[]string
	spool  *spool
}

// readBundle reads one bundle. It notes members that the format does not know,
// and ignores them. It writes the bytes of uploads to the spool, so that one
// upload is in memory at a time. The spool exists until it is discarded.
func readBundle(r io.Reader, notes *[]string) (*Bundle, *spool, error) {
	br := &bundleReader{dec: json.NewDecoder(r), bundle: &Bundle{}, notes: notes, spool: &spool{}}
	if err := br.read(); err != nil {
		var bad *BundleError
		if !errors.As(err, &bad) {
			bad = &BundleError{Object: "file", Why: err.Error()}
		}
		return nil, br.spool, bad
	}
	return br.bundle, br.spool, nil
}

// spool is a temporary file for the bytes of uploads.
type spool struct {
	file *os.File
	size int64
}

// take moves the bytes of a post to the spool.
func (s *spool) take(p *BundlePost) error {
	if len(p.Data) == 0 {
		return nil
	}
	if s.file == nil {
		var err error
		if s.file, err = os.CreateTemp("", "quillgate-bundle-*"); err != nil {
			return fmt.Errorf("keep the files of the bundle: %w", err)
		}
	}
	n, err := s.file.WriteAt(p.Data, s.size)
	if err != nil {
		return fmt.Errorf("keep the files of the bundle: %w", err)
	}
	p.Data, p.spooled = nil, io.NewSectionReader(s.file, s.size, int64(n))
	s.size += int64(n)
	return nil
}

func (s *spool) discard() {
	if s.file != nil {
		_ = discardTemp(s.file)
	}
}

func (br *bundleReader) read() error {
	if t, err := br.dec.Token(); err != nil || t != json.Delim('{') {
		return &BundleError{Object: "file", Why: "is not a JSON object"}
	}
	known := false
	for br.dec.More() {
		t, err := br.dec.Token()
		if err != nil {
			return err
		}
		name := t.(string)
		known = known || slices.Contains(bundleMembers, name)
		if err := br.member(name); err != nil {
			return err
		}
	}
	if !known {
		return &BundleError{Object: "file", Why: "is a JSON object and not a site bundle: it has none of " + strings.Join(bundleMembers, ", ")}
	}
	if _, err := br.dec.Token(); err != nil {
		return err
	}
	if _, err := br.dec.Token(); !errors.Is(err, io.EOF) {
		return &BundleError{Object: "file", Why: "continues after the end of the bundle"}
	}
	return nil
}

// bundleMembers are the known members. A bundle has at least one of them.
var bundleMembers = []string{"options", "users", "terms", "posts", "comments", "theme", "next_ids"}

func (br *bundleReader) member(name string) error {
	b := br.bundle
	switch name {
	case "about":
		return readWhole(br, name, &b.About)
	case "blog_id":
		return readWhole(br, name, &b.BlogID)
	case "options":
		return readWhole(br, name, &b.Options)
	case "next_ids":
		return readWhole(br, name, &b.NextIDs)
	case "theme":
		return readWhole(br, name, &b.Theme)
	case "users":
		return readList(br, "user", "id", &b.Users)
	case "terms":
		return readList(br, "term", "term_id", &b.Terms)
	case "posts":
		return readList(br, "post", "id", &b.Posts, br.spool.take)
	case "comments":
		return readList(br, "comment", "id", &b.Comments)
	}
	note(br.notes, "bundle: member %q is unknown and was left out", name)
	var skipped json.RawMessage
	return br.dec.Decode(&skipped)
}

func note(notes *[]string, format string, args ...any) {
	switch {
	case len(*notes) < maxNotes:
		*notes = append(*notes, fmt.Sprintf(format, args...))
	case len(*notes) == maxNotes:
		*notes = append(*notes, "there are more, which are not listed")
	}
}

// readWhole reads one member of the bundle at once.
func readWhole[T any](br *bundleReader, name string, into *T) error {
	var raw json.RawMessage
	if err := br.dec.Decode(&raw); err != nil {
		return err
	}
	return readObject(br, func() string { return name }, raw, into)
}

// readList reads a list of objects one by one, and passes each to then.
func readList[T any](br *bundleReader, kind, idMember string, into *[]T, then ...func(*T) error) error {
	t, err := br.dec.Token()
	if err != nil {
		return err
	}
	if t == nil {
		return nil
	}
	if t != json.Delim('[') {
		return &BundleError{Object: kind + "s", Why: "must be a list"}
	}
	for n := 1; br.dec.More(); n++ {
		var raw json.RawMessage
		if err := br.dec.Decode(&raw); err != nil {
			return err
		}
		var object T
		name := func() string { return objectName(kind, idMember, raw, n) }
		if err := readObject(br, name, raw, &object); err != nil {
			return err
		}
		for _, f := range then {
			if err := f(&object); err != nil {
				return err
			}
		}
		*into = append(*into, object)
	}
	_, err = br.dec.Token()
	return err
}

// objectName returns the name of the object in errors: its id, or its position
// if it has none.
func objectName(kind, idMember string, raw json.RawMessage, n int) string {
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) == nil {
		var id int64
		if json.Unmarshal(members[idMember], &id) == nil && id > 0 {
			return fmt.Sprintf("%s %d", kind, id)
		}
	}
	return fmt.Sprintf("%s number %d", kind, n)
}

// readObject reads one object. It reads an invalid object a second time, to
// find out what is wrong.
func readObject[T any](br *bundleReader, name func() string, raw json.RawMessage, into *T) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	dec.DisallowUnknownFields()
	if dec.Decode(into) == nil {
		return nil
	}
	var object T
	dec = json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&object); err != nil {
		bad := &BundleError{Object: name(), Why: strings.TrimPrefix(err.Error(), "json: ")}
		var wrongType *json.UnmarshalTypeError
		if errors.As(err, &wrongType) {
			bad.Field, bad.Why = wrongType.Field, "cannot be a JSON "+wrongType.Value
		}
		return bad
	}
	*into = object
	unknownMembers(json.NewDecoder(bytes.NewReader(raw)), reflect.TypeFor[T](), name(), br.notes)
	return nil
}

// unknownMembers notes the members of one JSON value that type t does not have.
func unknownMembers(dec *json.Decoder, t reflect.Type, where string, notes *[]string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	token, err := dec.Token()
	if err != nil {
		return
	}
	switch token {
	case json.Delim('['):
		for i := 1; dec.More(); i++ {
			if t.Kind() != reflect.Slice {
				skipValue(dec)
				continue
			}
			unknownMembers(dec, t.Elem(), where, notes)
		}
		_, _ = dec.Token()
	case json.Delim('{'):
		for dec.More() {
			key, err := dec.Token()
			if err != nil {
				return
			}
			field, known := fieldOf(t, key.(string))
			switch {
			case known:
				unknownMembers(dec, field, where, notes)
			case t.Kind() == reflect.Struct:
				note(notes, "%s: member %q is unknown and was left out", where, key)
				skipValue(dec)
			default:
				skipValue(dec)
			}
		}
		_, _ = dec.Token()
	}
}

func skipValue(dec *json.Decoder) {
	var raw json.RawMessage
	_ = dec.Decode(&raw)
}

// fieldOf finds the field into which encoding/json puts a member.
func fieldOf(t reflect.Type, member string) (reflect.Type, bool) {
	if t.Kind() != reflect.Struct {
		return nil, false
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "" && strings.EqualFold(name, member) {
			return f.Type, true
		}
	}
	return nil, false
}
