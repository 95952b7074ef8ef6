package auth_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
)

// New passwords that somebody would try first are refused with the reason; no kinds of characters are asked for.
func TestGuessablePasswords(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		h.users.AvoidNames(func(context.Context) ([]string, error) {
			return []string{"Notes on Gardens", "blog.example", "https://blog.example"}, nil
		})
		in := auth.NewUser{Login: "ada.lovelace", Email: "countess@example.org", DisplayName: "Ada Lovelace", Password: "a password of words", Role: auth.Author}
		ada, err := h.users.Create(t.Context(), audit.Operator, in)
		if err != nil {
			t.Fatal(err)
		}
		tests := []struct{ password, why string }{
			{"short", "at least 8"},
			{"12345678", "most common"},
			{"PassWord1", "most common"},
			{" iloveyou ", "most common"},
			{"zxcvbnm1", "most common"},
			{"aaaaaaaaaaaa", "repeats one character"},
			{"--------", "repeats one character"},
			{"ää ääää", "at least 8"},
			{"ääääääää", "repeats one character"},
			{"ada.lovelace", "the same as"},
			{"AdaLovelace", "the same as"},
			{"countess", "the same as"},
			{"countess@example.org", "the same as"},
			{"notes-on-gardens", "the same as"},
			{"Blog.Example", "the same as"},
			{"https://blog.example", "the same as"},
			{"countess of lace", ""},
			{"lllllllm", ""},
			{"eight ch", ""},
			{"gardens1843", ""},
			{strings.Repeat("word ", 200), ""},
		}
		for _, test := range tests {
			err := h.users.SetPassword(t.Context(), audit.Operator, ada.ID, test.password, "")
			var invalid *auth.Invalid
			if refused := errors.As(err, &invalid); refused != (test.why != "") || refused && (invalid.Field != "password" || !strings.Contains(invalid.Why, test.why)) || err != nil && !refused {
				t.Errorf("%.30q: %v, want %q", test.password, err, test.why)
			}
		}
		in.Login, in.Email, in.Password = "grace", "grace@example.org", "grace.@example"
		if _, err := h.users.Create(t.Context(), audit.Operator, in); err != nil {
			t.Errorf("a password that only begins like a name: %v", err)
		}
	})
}
