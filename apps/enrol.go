package apps

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
)

// How long an enrolment stays open.
const (
	DefaultEnrolment = 15 * time.Minute
	MaxEnrolment     = time.Hour
)

// ErrNoEnrolment means that no enrolment is open for a code: it is unknown, used, or too late.
var ErrNoEnrolment = errors.New("no enrolment is open for this code")

// enrolments are the codes of open enrolments.
const enrolments OneTimeCodes = "enrol"

// Enrol makes a key without a secret for a user: requests are signed with the private half of a pair that only the
// client has, by RFC 9421. Errors: *Invalid, ErrTooMany.
func (s *Store) Enrol(ctx context.Context, by audit.Actor, in New, key VerificationKey) (App, error) {
	var app App
	err := s.db.Update(ctx, func(tx *database.Tx) (err error) {
		app, err = s.enrol(ctx, tx, by, in, key)
		return err
	})
	if err != nil {
		return App{}, fmt.Errorf("enrol an application: %w", err)
	}
	return app, nil
}

func (s *Store) enrol(ctx context.Context, tx *database.Tx, by audit.Actor, in New, key VerificationKey) (App, error) {
	if key.der == nil {
		return App{}, errNoKey
	}
	app, err := s.newApp(in)
	if err != nil {
		return App{}, err
	}
	app.Strict, app.Algorithm, app.VerificationKey = true, key.algorithm, key.der
	if err := s.insert(ctx, tx, &app, Secret{}); err != nil {
		return App{}, err
	}
	e := event(AppEnrolled, by, app, s.now())
	e.Detail["algorithm"] = app.Algorithm
	return app, audit.Append(ctx, tx, e)
}

// enrolment is what is kept with a code.
type enrolment struct {
	Scope    string    `json:"scope,omitempty"`
	Methods  string    `json:"methods,omitempty"`
	Networks string    `json:"networks,omitempty"`
	Expires  time.Time `json:"expires,omitzero"`
}

// OpenEnrolment lets one program enrol itself for a user with EnrolByCode, within the given time: DefaultEnrolment for
// 0, at most MaxEnrolment. What in says of scope, networks and expiry holds for the key; its name comes from the
// program. An enrolment that was open for the user is closed. The code, of 128 random bits, is in the answer and
// nowhere else afterwards. Error: *Invalid.
func (s *Store) OpenEnrolment(ctx context.Context, by audit.Actor, in New, life time.Duration) (code Secret, until time.Time, err error) {
	if life == 0 {
		life = DefaultEnrolment
	}
	if life < 0 || life > MaxEnrolment {
		return Secret{}, time.Time{}, &Invalid{"time", fmt.Sprintf("an enrolment can be open for at most %v", MaxEnrolment)}
	}
	in.Name = "to come"
	app, err := s.newApp(in)
	if err != nil {
		return Secret{}, time.Time{}, err
	}
	kept := enrolment{Networks: FormatNetworks(app.Networks), Expires: app.Expires}
	kept.Scope, kept.Methods = app.Scope.Format()
	detail, err := json.Marshal(kept)
	if err != nil {
		return Secret{}, time.Time{}, fmt.Errorf("open an enrolment: %w", err)
	}
	code, until = NewSecret(rand.Text()), s.now().Add(life)
	err = s.db.Update(ctx, func(tx *database.Tx) error {
		if err := enrolments.Put(ctx, tx, code, OneTimeCode{in.UserID, string(detail), until}, s.now()); err != nil {
			return err
		}
		return audit.Append(ctx, tx, audit.Event{
			Kind: EnrolmentOpened, UserID: in.UserID, By: by, At: s.now(),
			Detail: map[string]string{"until": until.Format(time.RFC3339), "scope": kept.Scope},
		})
	})
	if err != nil {
		return Secret{}, time.Time{}, fmt.Errorf("open an enrolment: %w", err)
	}
	return code, until, nil
}

// Enrolment tells until when an enrolment is open for a user; the zero time when none is.
func (s *Store) Enrolment(ctx context.Context, userID int64) (until time.Time, err error) {
	open, err := enrolments.Of(ctx, s.db, userID, s.now())
	if errors.Is(err, database.ErrNoRows) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("look for an enrolment: %w", err)
	}
	return open.Expires, nil
}

// CloseEnrolment ends the enrolment that is open for a user, if one is.
func (s *Store) CloseEnrolment(ctx context.Context, by audit.Actor, userID int64) error {
	err := s.db.Update(ctx, func(tx *database.Tx) error { return s.closeEnrolment(ctx, tx, by, userID) })
	if err != nil {
		return fmt.Errorf("close an enrolment: %w", err)
	}
	return nil
}

func (s *Store) closeEnrolment(ctx context.Context, tx *database.Tx, by audit.Actor, userID int64) error {
	open, err := enrolments.Drop(ctx, tx, userID, s.now())
	if err != nil || !open {
		return err
	}
	return audit.Append(ctx, tx, audit.Event{Kind: EnrolmentClosed, UserID: userID, By: by, At: s.now()})
}

// EnrolByCode is Enrol for anyone who has the code of an open enrolment: the code names the user and what the key is
// limited to. It works once; a verification key or a name that cannot be taken leaves it open. Errors: ErrNoEnrolment,
// *Invalid, ErrTooMany.
func (s *Store) EnrolByCode(ctx context.Context, by audit.Actor, code, name string, key VerificationKey) (App, error) {
	var app App
	err := s.db.Update(ctx, func(tx *database.Tx) error {
		kept, err := enrolments.Take(ctx, tx, code, s.now())
		if errors.Is(err, database.ErrNoRows) {
			return ErrNoEnrolment
		}
		if err != nil {
			return err
		}
		in, err := readEnrolment(kept.Detail)
		if err != nil {
			return err
		}
		in.UserID, in.Name = kept.UserID, name
		app, err = s.enrol(ctx, tx, by, in, key)
		return err
	})
	if err != nil {
		return App{}, fmt.Errorf("enrol an application: %w", err)
	}
	return app, nil
}

func readEnrolment(detail string) (New, error) {
	var kept enrolment
	if err := json.Unmarshal([]byte(detail), &kept); err != nil {
		return New{}, fmt.Errorf("read an enrolment: %w", err)
	}
	scope, err := ParseScope(kept.Scope, kept.Methods)
	if err != nil {
		return New{}, fmt.Errorf("read an enrolment: %w", err)
	}
	var networks []netip.Prefix
	if networks, err = ParseNetworks(kept.Networks); err != nil {
		return New{}, fmt.Errorf("read an enrolment: %w", err)
	}
	return New{Scope: scope, Networks: networks, Expires: kept.Expires}, nil
}
