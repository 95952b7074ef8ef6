package auth

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base32"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
)

var (
	// ErrSecondFactorOn means that the user already has a second factor.
	ErrSecondFactorOn = errors.New("the account already has a second factor")
	// ErrNoSecondFactor means that the user has none, and has not begun to set
	// one up.
	ErrNoSecondFactor = errors.New("the account has no second factor")
	// ErrWrongCode means that a code is wrong, used, or not current. It is an
	// ErrDenied.
	ErrWrongCode = fmt.Errorf("the code is wrong: %w", ErrDenied)
)

// A second factor is a time-based one-time password: RFC 6238 with the
// parameters that all authenticators know, HMAC-SHA-1, 6 digits and steps of 30
// seconds. A code of the previous or the next step is accepted too, and each
// step once.
const (
	codePeriod = 30
	codeSkew   = 1
)

// SecondFactor describes the second factor of a user.
type SecondFactor struct {
	On            bool
	Since         time.Time
	RecoveryCodes int // the number left
}

// Enrolment is a second factor that is being set up.
type Enrolment struct {
	Secret apps.Secret // in base 32, for typing
	URL    apps.Secret // otpauth://…, for a QR code
}

type factorRow struct {
	Sealed    []byte       `db:"secret"`
	Confirmed sql.NullTime `db:"confirmed"`
}

func getFactor(ctx context.Context, q database.Queryer, userID int64) (factorRow, error) {
	var r factorRow
	err := q.Get(ctx, &r, `SELECT secret, confirmed FROM second_factors WHERE site_id = $site AND user_id = $1`, userID)
	if errors.Is(err, database.ErrNoRows) {
		return factorRow{}, ErrNoSecondFactor
	}
	if err != nil {
		return factorRow{}, fmt.Errorf("get a second factor: %w", err)
	}
	return r, nil
}

func factorPlace(userID int64) apps.Place {
	return apps.Place{Table: "second_factors", User: userID, Column: "secret"}
}

// SecondFactor returns the state of a user's second factor.
func (u *Users) SecondFactor(ctx context.Context, userID int64) (SecondFactor, error) {
	r, err := getFactor(ctx, u.db, userID)
	if errors.Is(err, ErrNoSecondFactor) || err == nil && !r.Confirmed.Valid {
		return SecondFactor{}, nil
	}
	if err != nil {
		return SecondFactor{}, err
	}
	f := SecondFactor{On: true, Since: r.Confirmed.Time}
	err = u.db.Get(ctx, &f.RecoveryCodes, `SELECT COUNT(*) FROM recovery_codes WHERE site_id = $site AND user_id = $1 AND used IS NULL`, userID)
	if err != nil {
		return SecondFactor{}, fmt.Errorf("count recovery codes: %w", err)
	}
	return f, nil
}

// BeginSecondFactor draws a secret for a user, and replaces one that was not
// confirmed. siteName appears in the user's authenticator next to the login.
// Errors: ErrNotFound, ErrSecondFactorOn.
func (u *Users) BeginSecondFactor(ctx context.Context, userID int64, siteName string) (Enrolment, error) {
	user, err := u.Get(ctx, userID)
	if err != nil {
		return Enrolment{}, err
	}
	var b [20]byte // as long as the hash, RFC 4226 section 4
	rand.Read(b[:])
	secret := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:])
	err = u.db.Update(ctx, func(tx *database.Tx) error {
		sealed, err := u.apps.Seal(ctx, tx, factorPlace(userID), []byte(secret))
		if err != nil {
			return err
		}
		r, err := tx.Exec(ctx, `INSERT INTO second_factors (site_id, user_id, secret) VALUES ($site, $1, $2)
			ON CONFLICT (user_id) DO UPDATE SET secret = excluded.secret, last_step = 0
				WHERE second_factors.site_id = excluded.site_id AND second_factors.confirmed IS NULL`, userID, sealed)
		if errors.Is(touched(r, err), ErrNotFound) {
			return ErrSecondFactorOn
		}
		return err
	})
	if err != nil {
		return Enrolment{}, fmt.Errorf("begin a second factor: %w", err)
	}
	// A colon separates the two names.
	name := strings.ReplaceAll(siteName, ":", " ")
	address := url.URL{
		Scheme: "otpauth", Host: "totp", Path: "/" + name + ":" + user.Login,
		RawQuery: "secret=" + secret + "&issuer=" + url.PathEscape(name) + "&algorithm=SHA1&digits=6&period=30",
	}
	return Enrolment{Secret: apps.NewSecret(secret), URL: apps.NewSecret(address.String())}, nil
}

// ConfirmSecondFactor activates a second factor, when a code shows that the
// user's authenticator has it. It returns the recovery codes, which are never
// shown again. Errors: ErrNoSecondFactor, ErrSecondFactorOn, ErrWrongCode.
func (u *Users) ConfirmSecondFactor(ctx context.Context, by audit.Actor, userID int64, code string) ([]apps.Secret, error) {
	key, err := u.apps.Keyed(ctx)
	if err != nil {
		return nil, err
	}
	codes := newRecoveryCodes()
	err = u.db.Update(ctx, func(tx *database.Tx) error {
		r, err := getFactor(ctx, tx, userID)
		switch {
		case err != nil:
			return err
		case r.Confirmed.Valid:
			return ErrSecondFactorOn
		}
		step, err := u.stepOf(userID, r, code)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE second_factors SET confirmed = $2, last_step = $3 WHERE site_id = $site AND user_id = $1`, userID, u.now(), step)
		if err != nil {
			return err
		}
		if err := writeRecoveryCodes(ctx, tx, key, userID, codes); err != nil {
			return err
		}
		return audit.Append(ctx, tx, audit.Event{Kind: SecondFactorOn, UserID: userID, By: by, At: u.now()})
	})
	if err != nil {
		return nil, fmt.Errorf("confirm a second factor: %w", err)
	}
	return codes, nil
}

// stepOf returns the time step to which a code belongs. Error: ErrWrongCode.
func (u *Users) stepOf(userID int64, r factorRow, code string) (int64, error) {
	secret, err := u.apps.Unseal(factorPlace(userID), r.Sealed)
	if err != nil {
		return 0, fmt.Errorf("open a second factor: %w", err)
	}
	code = strings.ReplaceAll(code, " ", "")
	now := u.clock().Unix() / codePeriod
	found := int64(-1)
	for step := now - codeSkew; step <= now+codeSkew; step++ {
		want, err := hotp.GenerateCodeCustom(string(secret), uint64(step), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err != nil {
			return 0, errors.New("compute the code of a second factor: the secret is damaged")
		}
		if equal(code, want) {
			found = step
		}
	}
	if found < 0 {
		return 0, ErrWrongCode
	}
	return found, nil
}

// takeCode uses up a code with one statement, which succeeds once over all
// processes. Error: ErrWrongCode.
func (u *Users) takeCode(ctx context.Context, tx *database.Tx, userID int64, code string) error {
	r, err := getFactor(ctx, tx, userID)
	if err != nil || !r.Confirmed.Valid {
		if err == nil || errors.Is(err, ErrNoSecondFactor) {
			return ErrWrongCode
		}
		return err
	}
	step, err := u.stepOf(userID, r, code)
	if err != nil {
		return err
	}
	done, err := tx.Exec(ctx, `UPDATE second_factors SET last_step = $2 WHERE site_id = $site AND user_id = $1 AND last_step < $2`, userID, step)
	if err := touched(done, err); err != nil {
		if errors.Is(err, ErrNotFound) {
			return ErrWrongCode
		}
		return err
	}
	return nil
}

// ResetSecondFactor removes a user's second factor and recovery codes without a
// code. It is for an operator or administrator, when a user has lost both.
// Error: ErrNoSecondFactor.
func (u *Users) ResetSecondFactor(ctx context.Context, by audit.Actor, userID int64) error {
	err := u.db.Update(ctx, func(tx *database.Tx) error {
		return u.removeFactor(ctx, tx, audit.Event{Kind: SecondFactorGone, UserID: userID, By: by})
	})
	if err != nil {
		return fmt.Errorf("reset a second factor: %w", err)
	}
	return nil
}

func (u *Users) removeFactor(ctx context.Context, tx *database.Tx, e audit.Event) error {
	r, err := tx.Exec(ctx, `DELETE FROM second_factors WHERE site_id = $site AND user_id = $1`, e.UserID)
	if err := touched(r, err); err != nil {
		if errors.Is(err, ErrNotFound) {
			return ErrNoSecondFactor
		}
		return err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM recovery_codes WHERE site_id = $site AND user_id = $1`, e.UserID); err != nil {
		return err
	}
	e.At = u.now()
	return audit.Append(ctx, tx, e)
}

// checkCode checks a code of the second factor, or a recovery code where those
// are allowed, and uses it up. It checks at most five in 15 minutes for one
// account, from all networks together. A network from which the owner has shown
// both factors before has five of its own, so that a stranger who knows the
// password does not lock out the owner. A reason means that the code is not
// valid. Error: *Throttled.
func (v *Verifier) checkCode(ctx context.Context, userID int64, code string, from Client, recovery bool) (reason Reason, err error) {
	users := v.cfg.Users
	key, err := users.apps.Keyed(ctx)
	if err != nil {
		return "", err
	}
	place, g, err := v.throttle.codeKey(ctx, userID, from.Addr)
	if err != nil {
		return "", err
	}
	var wait time.Duration
	err = users.db.Update(ctx, func(tx *database.Tx) error {
		reason, wait = "", 0
		now := users.now()
		// Attempts are counted before they are checked, so that many at once
		// cannot exceed the limit.
		c, err := v.throttle.add(ctx, tx, place, codeWindow, now)
		if err != nil {
			return err
		}
		if c.N > codeTries {
			wait = max(c.Since.Add(codeWindow).Sub(now), time.Second)
			return nil
		}
		if err = ErrWrongCode; recovery {
			err = users.takeRecoveryCode(ctx, tx, key, from.actor(userID, ViaPassword), userID, code)
		}
		if errors.Is(err, ErrWrongCode) {
			err = users.takeCode(ctx, tx, userID, code)
		}
		if errors.Is(err, ErrWrongCode) {
			reason = WrongCode
			return nil
		}
		if err != nil {
			return err
		}
		if _, err = tx.Exec(ctx, `DELETE FROM throttle WHERE site_id = $site AND key = $1`, place); err != nil {
			return err
		}
		if err := v.throttle.know(ctx, tx, g.known, now); err != nil {
			return err
		}
		return v.throttle.know(ctx, tx, g.whole, now)
	})
	switch {
	case err != nil:
		return "", fmt.Errorf("check a code: %w", err)
	case wait > 0:
		return TooManyFailures, &Throttled{RetryAfter: wait}
	}
	return reason, nil
}

// codeKey returns the key under which the codes of an account are counted.
func (t *throttle) codeKey(ctx context.Context, userID int64, addr netip.Addr) (string, guess, error) {
	user, err := t.users.Get(ctx, userID)
	if err != nil {
		return "", guess{}, err
	}
	g, err := t.guess(ctx, forPages, fold(user.Login), addr)
	if err != nil {
		return "", guess{}, err
	}
	var seen time.Time
	err = t.users.db.Get(ctx, &seen, `SELECT last FROM throttle WHERE site_id = $site AND key = $1`, g.whole)
	switch {
	case errors.Is(err, database.ErrNoRows):
		return codeKey + g.account, g, nil
	case err != nil:
		return "", guess{}, fmt.Errorf("read the failures: %w", err)
	case t.users.now().Sub(seen) >= knownLife:
		return codeKey + g.account, g, nil
	}
	return codeKey + g.whole, g, nil
}
