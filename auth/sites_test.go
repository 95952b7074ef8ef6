package auth_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
)

// at is the house of another site of the same database and process.
func (h *house) at(t testing.TB, site int64) *house {
	t.Helper()
	db := h.db.Of(site)
	if err := db.Update(t.Context(), func(tx *database.Tx) error { return audit.Open(t.Context(), tx) }); err != nil {
		t.Fatal(err)
	}
	other := &house{db: db, apps: h.apps.Of(site), users: h.users.Of(site), clock: h.clock}
	other.verifier = h.verifier.Of(auth.Site{Users: other.users, Apps: other.apps})
	return other
}

// Two sites of one database and one process: users, keys, tokens, sessions,
// codes, policies, throttles, counts of refusals and the trail of one are
// nothing at the other.
func TestSitesShareNothing(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ctx := t.Context()
		one, two := h.at(t, 1), h.at(t, 2)
		ada := one.user(t, "ada", auth.Administrator)
		eve := two.user(t, "ada", auth.Administrator) // the same name and address
		app, secret := one.key(t, ada)
		own, ownSecret := two.key(t, eve)
		token, text := one.token(t, apps.NewToken{UserID: ada.ID, Kind: apps.AccessToken})

		taken := apps.Imported{UserID: eve.ID, Name: "moved here", Public: app.Public, Secret: apps.NewSecret(secret.Reveal())}
		if _, err := two.apps.Import(ctx, taken); !errors.Is(err, apps.ErrTaken) {
			t.Errorf("the other site imports the key: %v, want ErrTaken", err)
		}

		for _, at := range []struct {
			name string
			*house
		}{{"the other site", two}, {"the site without a number", h}} {
			// Asked before and after the site of the key, so that no cache
			// helps.
			for range 2 {
				if _, err := at.verify(post("192.0.2.1", body, sign(app, secret, body)), body); !errors.Is(err, auth.ErrDenied) {
					t.Errorf("%s takes the key: %v", at.name, err)
				}
				if _, err := at.basicAs(t, "192.0.2.1", "ada", text); !errors.Is(err, auth.ErrDenied) {
					t.Errorf("%s takes the token: %v", at.name, err)
				}
				if _, err := one.verify(post("192.0.2.1", body, sign(app, secret, body)), body); err != nil {
					t.Errorf("the site of the key: %v", err)
				}
			}
			if _, err := at.users.Get(ctx, ada.ID); !errors.Is(err, auth.ErrNotFound) {
				t.Errorf("%s finds the user: %v", at.name, err)
			}
			if err := at.users.SetRole(ctx, audit.Operator, ada.ID, auth.Subscriber); !errors.Is(err, auth.ErrNotFound) {
				t.Errorf("%s sets the role: %v", at.name, err)
			}
			if err := at.apps.Revoke(ctx, audit.Operator, ada.ID, app.Public); !errors.Is(err, apps.ErrNotFound) {
				t.Errorf("%s revokes the key: %v", at.name, err)
			}
			if err := at.apps.RevokeToken(ctx, audit.Operator, ada.ID, token.ID); !errors.Is(err, apps.ErrNoToken) {
				t.Errorf("%s revokes the token: %v", at.name, err)
			}
			if _, err := at.users.BeginSecondFactor(ctx, ada.ID, "blog"); !errors.Is(err, auth.ErrNotFound) {
				t.Errorf("%s begins a second factor: %v", at.name, err)
			}
			if _, _, err := at.apps.Create(ctx, audit.Operator, apps.New{UserID: ada.ID, Name: "intruder"}); err == nil {
				t.Errorf("%s makes a key for the user", at.name)
			}
		}
		if _, err := two.verify(post("192.0.2.1", body, sign(own, ownSecret, body)), body); err != nil {
			t.Errorf("the other site's own key: %v", err)
		}
		if list, _, err := two.apps.List(ctx, apps.Filter{}); err != nil || len(list) != 1 || list[0].Public != own.Public {
			t.Errorf("the other site lists %v, %v", list, err)
		}
		if list, err := two.users.List(ctx, auth.Filter{}); err != nil || len(list) != 1 || list[0].ID != eve.ID {
			t.Errorf("the other site lists %v, %v", list, err)
		}

		code, _, err := one.apps.OpenEnrolment(ctx, audit.Operator, apps.New{UserID: ada.ID}, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := two.apps.EnrolByCode(ctx, audit.Operator, code.Reveal(), "intruder", apps.VerificationKey{}); !errors.Is(err, apps.ErrNoEnrolment) {
			t.Errorf("the other site takes the code of an enrolment: %v", err)
		}
		setUp, err := one.users.NewSetUpCode(ctx, audit.Operator, ada.ID)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := two.verifier.SetUpUser(ctx, auth.Client{Secure: true}, setUp.Reveal()); !errors.Is(err, auth.ErrSetUpCode) {
			t.Errorf("the other site takes a set-up code: %v", err)
		}
		sessionsStayApart(t, one, two, ada.ID)

		if err := one.users.SetPolicy(ctx, audit.Operator, auth.Policy{PasswordMode: auth.ModeRefuse}); err != nil {
			t.Fatal(err)
		}
		if p, err := two.users.Policy(ctx); err != nil || p.PasswordMode != auth.ModeDefault || !p.Tokens {
			t.Errorf("the other site's policy is %v, %v", p, err)
		}
		if _, err := one.from(t, "192.0.2.9").Login(ctx, "ada", "ada-password"); !errors.Is(err, auth.ErrPasswordsRefused) {
			t.Errorf("the site that refuses passwords: %v", err)
		}
		trailsStayApart(t, one, two)
	})
}

// sessionsStayApart asks for a session of one at the other.
func sessionsStayApart(t *testing.T, one, two *house, user int64) {
	t.Helper()
	ctx := t.Context()
	here, there := auth.NewSessionStore(one.db, one.clock.Now), auth.NewSessionStore(two.db, two.clock.Now)
	data, err := scs.GobCodec{}.Encode(time.Now().Add(time.Hour), map[string]any{auth.SessionNew: true, auth.SessionUser: user})
	if err != nil {
		t.Fatal(err)
	}
	if err := here.CommitCtx(ctx, "a-session", data, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, found, err := there.FindCtx(ctx, "a-session"); err != nil || found {
		t.Errorf("the other site finds the session: %v, %v", found, err)
	}
	if list, err := there.List(ctx, user); err != nil || len(list) != 0 {
		t.Errorf("the other site lists the session: %v, %v", list, err)
	}
	for _, err := range []error{there.DeleteCtx(ctx, "a-session"), there.EndAll(ctx, audit.Operator, user, "")} {
		if err != nil {
			t.Error(err)
		}
	}
	if _, found, err := here.FindCtx(ctx, "a-session"); err != nil || !found {
		t.Errorf("the other site has ended the session: %v, %v", found, err)
	}
}

// trailsStayApart looks for lines of one at the other, and for both being
// whole.
func trailsStayApart(t *testing.T, one, two *house) {
	t.Helper()
	ctx := t.Context()
	kinds := func(h *house) (list []audit.Kind) {
		lines, err := audit.List(ctx, h.db, audit.Filter{Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		for i, l := range lines {
			if want := int64(len(lines) - i); l.ID != want {
				t.Errorf("site %d: line %d stands where %d should", h.db.Site(), l.ID, want)
			}
			list = append(list, l.Kind)
		}
		return list
	}
	if list := kinds(one); !slices.Contains(list, auth.PolicyChanged) {
		t.Errorf("the trail of the site: %v", list)
	}
	if list := kinds(two); slices.Contains(list, auth.PolicyChanged) || slices.Contains(list, apps.TokenCreated) {
		t.Errorf("the other site has lines of the first: %v", list)
	}
	for _, h := range []*house{one, two} {
		if _, _, err := audit.Verify(ctx, h.db, nil, nil); err != nil {
			t.Errorf("site %d: %v", h.db.Site(), err)
		}
	}
	var end audit.Head
	err := one.db.Update(ctx, func(tx *database.Tx) (err error) {
		end, err = audit.Drop(ctx, tx)
		return err
	})
	if err != nil || end.ID == 0 {
		t.Errorf("drop a trail: %v, %v", end, err)
	}
	if _, _, err := audit.Verify(ctx, two.db, nil, nil); err != nil {
		t.Errorf("the other trail, when one is gone: %v", err)
	}
}

// Guesses at one site slow no one down at the other, and are counted there
// only.
func TestSitesAreGuessedAtApart(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ctx := context.Background()
		one, two := h.at(t, 1), h.at(t, 2)
		one.user(t, "ada", auth.Author)
		two.user(t, "ada", auth.Author)
		counts := auth.NewRefusals(h.db, h.clock.Now, nil)
		var throttled *auth.Throttled
		for range 6 {
			_, err := one.from(t, "192.0.2.1").Login(ctx, "ada", "guess-"+time.Now().String())
			if errors.As(err, &throttled) {
				break
			}
			counts.Of(1).Count(auth.Event{Reason: auth.WrongPassword}, "")
		}
		if throttled == nil {
			t.Fatal("nobody is slowed down")
		}
		if _, err := two.from(t, "192.0.2.1").Login(ctx, "ada", "ada-password"); err != nil {
			t.Errorf("the other site: %v", err)
		}
		for site, want := range map[int64]bool{0: false, 1: true, 2: false} {
			n, err := counts.Of(site).ByReason(ctx, h.clock.Now())
			if err != nil || (n[auth.WrongPassword] > 0) != want {
				t.Errorf("site %d counts %v, %v", site, n, err)
			}
		}
	})
}
