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

// ErrNoEnrolment means that no enrolment is open for a code: it is unknown,
// used, or expired.
var ErrNoEnrolment = errors.New("no enrolment is open for this code")

// enrolments are the codes of open enrolments.
const enrolments OneTimeCodes = "enrol"

// Enrol creates a key without a secret for a user: requests are signed by RFC
// 9421 with the private half of a pair, which only the client has. Errors:
// *Invalid, ErrTooMany.
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

// enrolment is the data stored with a code.
type enrolment struct {
	Scope    string    `json:"scope,omitempty"`
	Methods  string    `json:"methods,omitempty"`
	Networks string    `json:"networks,omitempty"`
	Expires  time.Time `json:"expires,omitzero"`
}

// OpenEnrolment lets one client enrol itself for a user with EnrolByCode. life
// limits the time; 0 means DefaultEnrolment, and it is at most MaxEnrolment.
// Scope, networks and expiry of the key come from in; its name comes from the
// client. An earlier enrolment of the user is closed. The returned code has 128
// random bits and is never shown again. Error: *Invalid.
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

// Enrolment returns when the open enrolment of a user expires, or the zero time
// if there is none.
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

// CloseEnrolment closes the enrolment of a user, if one is open.
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

// EnrolByCode is Enrol for anyone who has the code of an open enrolment. The
// code determines the user and the limits of the key. It works once; a
// verification key or a name that is refused does not use it up. Errors:
// ErrNoEnrolment, *Invalid, ErrTooMany.
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
