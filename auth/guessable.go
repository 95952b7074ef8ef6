package auth

import (
	"context"
	_ "embed"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// commonPasswords are the commonest passwords of 8 characters and more, in small letters and in order, one a line. They are
// those of zxcvbn 4.4.2 (Dropbox, MIT licence), which took them from published leaks.
//
//go:embed common_passwords.txt
var commonPasswords string

var commonList = sync.OnceValue(func() []string { return strings.Fields(commonPasswords) })

// guessable reports why a new password is one of the first that somebody would try: "" when it is not. names are the words
// that belong to the account and the site. The rules are those of NIST SP 800-63B section 5.1.1.2: length counts, and no kinds
// of characters are asked for.
func guessable(password string, names []string) string {
	small := strings.ToLower(strings.TrimSpace(password))
	if _, common := slices.BinarySearch(commonList(), small); common {
		return "it is one of the most common passwords, which are tried first; choose several words instead"
	}
	if first, _ := utf8.DecodeRuneInString(small); strings.Trim(small, string(first)) == "" {
		return "it repeats one character; choose several words instead"
	}
	bare := letters(small)
	for _, name := range names {
		name = strings.ToLower(strings.TrimSpace(name))
		local, _, _ := strings.Cut(name, "@")
		for _, word := range []string{letters(name), letters(local)} {
			if word != "" && bare == word {
				return "it is the same as the user name, the e-mail address, the title or the address of the site; choose several words instead"
			}
		}
	}
	return ""
}

// letters are the letters and digits of a text.
func letters(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, text)
}

// AvoidNames has new passwords compared with what the site is called; names is asked for each of them, and what it returns
// with an error counts for nothing. It is called before the accounts are used.
func (u *Users) AvoidNames(names func(context.Context) ([]string, error)) { u.names = names }

// namesOf are the words that a password of an account must not be.
func (u *Users) namesOf(ctx context.Context, user User) ([]string, error) {
	list := []string{user.Login, user.Email, user.DisplayName}
	if u.names == nil {
		return list, nil
	}
	more, err := u.names(ctx)
	return append(list, more...), err
}
