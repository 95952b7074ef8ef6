package profiles

import (
	"cmp"
	"slices"

	"github.com/quillgate/quillgate/auth"
)

// refusals shows how many credentials were refused, and why.
func (v *visit) refusals() error {
	v.title = v.T("Refused sign-ins and signatures")
	month, err := v.p.cfg.Refusals(v.ctx(), v.now().AddDate(0, 0, -29))
	if err != nil {
		return err
	}
	today, err := v.p.cfg.Refusals(v.ctx(), v.now())
	if err != nil {
		return err
	}
	var bars []bar
	most := int64(1)
	for reason, n := range month {
		bars = append(bars, bar{Reason: v.reason(reason), Name: string(reason), Count: n, Today: today[reason]})
		most = max(most, n)
	}
	slices.SortFunc(bars, func(a, b bar) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name)) })
	for i := range bars {
		b := &bars[i]
		b.Y = 8 + i*48
		b.Base = b.Y + 15
		b.Bar = b.Y + 20
		b.Width = max(1, int(b.Count*80/most))
		b.Number = b.Bar + 13
	}
	return v.show("refusals", struct {
		Bars   []bar
		Height int
	}{bars, 16 + 48*len(bars)})
}

// bar is one of the chart, with its place in pixels: the words stand above it, the number behind it.
type bar struct {
	Reason, Name         string
	Count, Today         int64
	Y, Base, Bar, Number int
	Width                int // in hundredths of the chart
}

// reason says why a credential was refused, to people. What is not in the table is shown by its name.
func (v *visit) reason(r auth.Reason) string {
	if words, known := reasonWords[r]; known {
		return v.T(words)
	}
	return string(r)
}

var reasonWords = map[auth.Reason]string{
	auth.MalformedHeader: "A signature that cannot be read", auth.SeveralHeaders: "Several signatures at once", auth.SeveralSchemes: "Two kinds of signature at once",
	auth.UnknownKey: "A key that does not exist", auth.RevokedKey: "A key that was revoked", auth.ExpiredKey: "A key that has expired",
	auth.UnusedKey: "A key that was disabled because it was not used", auth.WrongNetwork: "A network that is not allowed",
	auth.StrictKey: "A header signature, where RFC 9421 is required", auth.VerificationKeyOnly: "A header signature with a verification key",
	auth.SealedKey: "A key whose secret cannot be read", auth.WrongDigest: "A wrong signature", auth.LegacyForm: "A signature in the old, weaker form",
	auth.KeyWithoutUser: "A key whose user was deleted", auth.SignedInstead: "A signature where only a password is accepted", auth.NotSigned: "No signature and no password",
	auth.WrongCode: "A wrong authenticator code", auth.UnknownUser: "A user that does not exist", auth.WrongPassword: "A wrong password",
	auth.EmptyPassword: "An empty password", auth.LongPassword: "A password that is too long", auth.EarlierFailure: "Calls that follow a wrong password in the same request",
	auth.TooManyFailures: "Too many earlier wrong passwords", auth.ClearText: "A password over an unencrypted connection", auth.Overload: "Too many sign-ins at the same time",
	auth.UnknownToken: "A token that does not exist", auth.WrongToken: "A wrong token", auth.RevokedToken: "A token that was revoked",
	auth.ExpiredToken: "A token that has expired", auth.TokensOff: "A token, while tokens are disabled",
	auth.PasswordsRefused: "An account password, which clients may not send", auth.SecondFactorNeeded: "A password without the second factor",
	auth.NoTag: "A signature without its tag", auth.MissingParameter: "A signature without a parameter that it needs",
	auth.NotCovered: "A signature that does not cover all required parts", auth.NoContentDigest: "A signature without a digest of the body",
	auth.OtherAlgorithm: "A signature with the wrong algorithm", auth.OtherServer: "A signature for another server",
	auth.StaleSignature: "A signature that is too old, or made with a wrong clock", auth.Replayed: "A request that was already sent",
	auth.ManyNonces: "Too many requests with one key",
}
