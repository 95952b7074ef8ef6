package options

import (
	"cmp"
	"encoding/json"
	"net/mail"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/language"

	"github.com/quillgate/quillgate/markup"
	"github.com/quillgate/quillgate/network"
	"github.com/quillgate/quillgate/permalink"
)

// check returns the value in stored form, or an *Invalid that names the option.
func (e entry) check(name, value string) (string, error) {
	if strings.ContainsRune(value, 0) {
		return "", &Invalid{Name: name, Why: "text cannot hold the character U+0000"}
	}
	bad := func(want string) (string, error) {
		return "", &Invalid{Name: name, Why: "must be " + want}
	}
	switch e.kind {
	case kindTitle:
		return markup.EscapeTitle(value), nil
	case kindNumber:
		n, err := strconv.ParseInt(value, 10, 32)
		if err != nil || n < 0 {
			return bad("a whole number, 0 or above")
		}
		return strconv.FormatInt(n, 10), nil
	case kindCount:
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > mostPosts {
			return bad("a whole number from 1 to 100")
		}
		return strconv.Itoa(n), nil
	case kindPage, kindPicture, kindCategory: // that it exists is checked where it is stored
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n < 0 {
			return bad(referred[e.kind])
		}
		return strconv.FormatInt(n, 10), nil
	case kindMail:
		if a, err := mail.ParseAddress(value); value != "" && (err != nil || a.Address != value) {
			return bad("an e-mail address such as ada@example.org, or empty")
		}
	case kindWord:
		if !slices.Contains(words[name], value) {
			return bad(listed(words[name]))
		}
	case kindFront:
		if value != FrontPosts && value != FrontOnePage {
			return bad("posts or page")
		}
	case kindLanguage:
		if value == "" {
			return "", nil
		}
		tag, err := language.Parse(value) // takes de_DE, too, as WordPress writes it
		if err != nil {
			return bad("empty, for English, or a language tag such as de or pt-BR")
		}
		return tag.String(), nil
	case kindFlag:
		switch strings.ToLower(value) {
		case "1", "true", "on", "yes":
			return "1", nil
		case "0", "", "false", "off", "no":
			return "0", nil
		}
		return bad("1 (on) or 0 (off)")
	case kindOffset:
		n, err := strconv.ParseFloat(value, 64)
		if err != nil || !(n >= -14 && n <= 14) { // this also refuses NaN
			return bad("hours east of GMT, between -14 and 14, such as 2 or -3.5")
		}
	case kindZone:
		if _, err := namedZone(value); err != nil && value != "" {
			return bad("empty or a time zone such as Europe/Berlin")
		}
	case kindStatus:
		if value != "open" && value != "closed" {
			return bad("open or closed")
		}
	case kindRole:
		if !slices.Contains([]string{"administrator", "editor", "author", "contributor", "subscriber"}, value) {
			return bad("administrator, editor, author, contributor or subscriber")
		}
	case kindWho:
		if !slices.Contains(commenters, value) {
			return bad("nobody, users (who sign in) or anybody")
		}
	case kindStructure:
		if why := permalink.Problem(value); why != "" {
			return "", &Invalid{Name: name, Why: why}
		}
	case kindAddress:
		if value = strings.TrimSpace(value); value == "" {
			return "", nil
		}
		if why := AddressProblem(value); why != "" {
			return "", &Invalid{Name: name, Why: why}
		}
		return storedAddress(value), nil
	case kindNames:
		var names []string
		if json.Unmarshal([]byte(value), &names) != nil {
			return bad("a JSON list of names")
		}
	case kindTitles:
		var titles map[string]string
		if json.Unmarshal([]byte(value), &titles) != nil {
			return bad("a JSON object of names and titles")
		}
	case kindNetworks:
		if _, err := network.ParseDestinations(value); err != nil {
			return bad("networks with or without a port, such as 10.0.0.0/8 or 127.0.0.1:8080 or [fd00::/8]:80; " + err.Error())
		}
	}
	return value, nil
}

// listed writes words as in "a, b or empty".
func listed(words []string) string {
	last := len(words) - 1
	text := cmp.Or(words[last], "empty")
	if last > 0 {
		text = strings.Join(words[:last], ", ") + " or " + text
	}
	return text
}

// BundleValue returns the stored value of an option in the form of a bundle: a
// number if the option is one, otherwise text.
func BundleValue(name, value string) any {
	switch table[name].kind {
	case kindNumber, kindFlag, kindCount, kindPage, kindPicture, kindCategory:
		if n, err := strconv.ParseInt(value, 10, 64); err == nil && strconv.FormatInt(n, 10) == value {
			return n
		}
	case kindOffset:
		if f, err := strconv.ParseFloat(value, 64); err == nil {
			return f
		}
	}
	return value
}

// CheckStored returns the value from a bundle in stored form, or an *Invalid
// that names the option. Titles are in stored form. A permalink structure that
// cannot be used becomes the plain one, a language what is known of it, and a
// number of posts the nearest one; WordPress uses -1 for all posts.
func CheckStored(name, value string) (string, error) {
	e, known := table[name]
	switch {
	case !known || e.kind == kindTitle || e.kind == kindMail || e.kind == kindWord: // other servers have other ones
		return value, nil
	case e.kind == kindStructure && permalink.Problem(value) != "":
		return "", nil
	case e.kind == kindLanguage && value != "":
		if tag := language.Make(value); tag != language.Und {
			return tag.String(), nil
		}
		return "", nil
	case e.kind == kindCount:
		if n, err := strconv.Atoi(value); err == nil {
			if n == -1 {
				n = mostPosts
			}
			value = strconv.Itoa(min(max(n, 1), mostPosts))
		}
	}
	return e.check(name, value)
}
