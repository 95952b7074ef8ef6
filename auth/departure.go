package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strconv"
	"time"
)

// ErrDeparture means that a sign-in returned from the judge's page that did not
// start in this browser: the state is forged, of another browser, too old, or
// was already used.
var ErrDeparture = errors.New("this is not the way back of a sign-in that began here")

// DepartureTime is how long someone may take on the judge's page.
const DepartureTime = 15 * time.Minute

// departureKey names the key for departures.
const departureKey = "departures"

// Depart begins a sign-in on a page of the judge. The state is part of the
// address to which that page sends the browser back. The browser keeps the
// ticket in a cookie, which binds the two together:
//
//	state  = base64url(time || HMAC-SHA-256(key, time || ticket))
//	ticket = 32 random bytes, base64url
//
// Nothing is stored here before the browser returns, so strangers cannot fill
// anything.
func (v *Verifier) Depart(ctx context.Context) (state, ticket string, err error) {
	random := make([]byte, 32)
	rand.Read(random)
	ticket = base64.RawURLEncoding.EncodeToString(random)
	at := binary.BigEndian.AppendUint64(nil, uint64(v.cfg.Clock().Unix()))
	mac, err := v.departure(ctx, at, ticket)
	return base64.RawURLEncoding.EncodeToString(append(at, mac...)), ticket, err
}

func (v *Verifier) departure(ctx context.Context, at []byte, ticket string) ([]byte, error) {
	key, err := v.cfg.Apps.NamedKey(ctx, departureKey)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(at)
	mac.Write([]byte(ticket))
	return mac.Sum(nil), nil
}

// Returned checks that a state comes back in time, in the browser that left
// with it. Error: [ErrDeparture].
func (v *Verifier) Returned(ctx context.Context, state, ticket string) error {
	_, err := v.returned(ctx, state, ticket)
	return err
}

func (v *Verifier) returned(ctx context.Context, state, ticket string) (left time.Duration, err error) {
	text, err := base64.RawURLEncoding.Strict().DecodeString(state)
	if err != nil || len(text) != 8+sha256.Size || ticket == "" {
		return 0, ErrDeparture
	}
	mac, err := v.departure(ctx, text[:8], ticket)
	if err != nil {
		return 0, err
	}
	age := v.cfg.Clock().Sub(time.Unix(int64(binary.BigEndian.Uint64(text)), 0))
	if !hmac.Equal(mac, text[8:]) || age >= DepartureTime || age < -time.Minute {
		return 0, ErrDeparture
	}
	return DepartureTime - age, nil
}

// Arrive is Returned for a single use, in all processes together. Call it when
// everything else is right. Error: [ErrDeparture].
func (v *Verifier) Arrive(ctx context.Context, state, ticket string) error {
	left, err := v.returned(ctx, state, ticket)
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(state))
	public := departureKey
	if site := v.cfg.Users.db.Site(); site != 0 {
		public += "@" + strconv.FormatInt(site, 10) // so that each site has its own limit
	}
	err = v.nonces.use(ctx, public, base64.RawURLEncoding.EncodeToString(sum[:]), v.cfg.Clock(), left)
	if errors.Is(err, errReplayed) || errors.Is(err, errManyNonces) {
		return ErrDeparture
	}
	return err
}
