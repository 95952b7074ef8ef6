package profiles

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
)

// perActivity is the number of lines of the trail on a page; an export has at
// most maxExport.
const (
	perActivity = 50
	maxExport   = 10000
)

// activityPage is the data of the page that shows the trail.
type activityPage struct {
	Days   []activityDay
	Kinds  []kindChoice
	Kind   string
	Since  string
	Until  string
	Person string // the user, on the pages of administrators
	All    bool   // shows the events of all users
	Path   string
	Older  string // address of the next page
	Export string // the filter, as a query
}

type kindChoice struct{ Kind, Name string }

// activityDay holds the events of a day in the reader's time zone, the newest
// first.
type activityDay struct {
	Day   string
	Lines []activityLine
}

// activityLine describes one event in words.
type activityLine struct {
	ID      int64
	At      time.Time
	Text    string
	Remarks []string // the address, the client, and other details
}

// activity shows the visitor's own trail.
func (v *visit) activity() error {
	v.title = v.T("Activity")
	return v.trail(activityPage{Path: "/profile/activity"}, audit.Filter{UserID: v.who.User.ID})
}

// allActivity shows administrators the trail of all users.
func (v *visit) allActivity() error {
	v.title = v.T("All activity")
	page, filter := activityPage{Path: "/admin/activity", All: true}, audit.Filter{}
	if login := strings.TrimSpace(v.r.URL.Query().Get("person")); login != "" {
		page.Person = login
		user, err := v.p.cfg.Users.ByLogin(v.ctx(), login)
		if err != nil {
			v.wrong("person", v.T("There is no such user."))
			filter.UserID = -1
		} else {
			filter.UserID = user.ID
		}
	}
	return v.trail(page, filter)
}

// read sets the filter to the parameters of the query.
func (page *activityPage) read(v *visit, f *audit.Filter) {
	q := v.r.URL.Query()
	page.Kind, page.Since, page.Until = q.Get("kind"), q.Get("since"), q.Get("until")
	if _, known := sentences[audit.Kind(page.Kind)]; known {
		f.Kind = audit.Kind(page.Kind)
	}
	day := func(field, text string) time.Time {
		if text == "" {
			return time.Time{}
		}
		t, err := time.ParseInLocation(time.DateOnly, text, v.zone)
		if err != nil {
			v.wrong(field, v.T("Enter a date such as 2026-05-31."))
		}
		return t
	}
	f.Since = day("since", page.Since)
	if until := day("until", page.Until); !until.IsZero() {
		f.Until = until.AddDate(0, 0, 1) // the day itself is included
	}
	f.Before, _ = strconv.ParseInt(q.Get("before"), 10, 64) // anything but a number means the newest
}

func (v *visit) trail(page activityPage, f audit.Filter) error {
	page.read(v, &f)
	query := url.Values{}
	for name, value := range map[string]string{"kind": page.Kind, "since": page.Since, "until": page.Until, "person": page.Person} {
		if value != "" {
			query.Set(name, value)
		}
	}
	page.Export = query.Encode()
	f.Limit = perActivity + 1
	lines, err := v.p.cfg.Trail(v.ctx(), f)
	if err != nil {
		return err
	}
	if len(lines) > perActivity {
		lines = lines[:perActivity]
		query.Set("before", strconv.FormatInt(lines[perActivity-1].ID, 10))
		page.Older = page.Path + "?" + query.Encode()
	}
	names := v.names()
	for _, l := range lines {
		day := v.date(l.At)
		if n := len(page.Days); n == 0 || page.Days[n-1].Day != day {
			page.Days = append(page.Days, activityDay{Day: day})
		}
		of := &page.Days[len(page.Days)-1]
		of.Lines = append(of.Lines, v.inWords(l, page.All, names))
	}
	for kind, text := range sentences {
		page.Kinds = append(page.Kinds, kindChoice{string(kind), v.T(text.name)})
	}
	slices.SortFunc(page.Kinds, func(a, b kindChoice) int { return strings.Compare(a.Name, b.Name) })
	return v.show("activity", page)
}

// names returns a function that looks up user names, each once.
func (v *visit) names() func(id int64) string {
	known := make(map[int64]string)
	return func(id int64) string {
		name, ok := known[id]
		if ok {
			return name
		}
		if user, err := v.p.cfg.Users.Get(v.ctx(), id); err == nil {
			name = user.Login
		} else {
			name = v.T("user %s", strconv.FormatInt(id, 10))
		}
		known[id] = name
		return name
	}
}

// exported is a line of the trail in an export.
type exported struct {
	ID      int64             `json:"id"`
	At      time.Time         `json:"at"`
	Event   audit.Kind        `json:"event"`
	User    int64             `json:"user"`
	Actor   int64             `json:"actor"`
	Via     string            `json:"via"`
	App     string            `json:"application,omitempty"`
	Address string            `json:"address,omitempty"`
	Agent   string            `json:"agent,omitempty"`
	Detail  map[string]string `json:"detail,omitempty"`
}

// exportActivity exports the visitor's own trail as a file.
func (v *visit) exportActivity() error { return v.export(audit.Filter{UserID: v.who.User.ID}) }

// exportAll exports the trail of all users.
func (v *visit) exportAll() error {
	f := audit.Filter{}
	if login := v.r.URL.Query().Get("person"); login != "" {
		user, err := v.p.cfg.Users.ByLogin(v.ctx(), login)
		if err != nil {
			return err
		}
		f.UserID = user.ID
	}
	return v.export(f)
}

// export writes at most maxExport lines, the newest first. It requires the
// password.
func (v *visit) export(f audit.Filter) error {
	if !v.proved() {
		v.redirect("/signin/again?next=" + url.QueryEscape(v.r.URL.RequestURI()))
		return nil
	}
	var page activityPage
	page.read(v, &f)
	list := []exported{}
	for f.Limit = 1000; len(list) < maxExport; {
		lines, err := v.p.cfg.Trail(v.ctx(), f)
		if err != nil {
			return err
		}
		for _, l := range lines {
			e := exported{ID: l.ID, At: l.At, Event: l.Kind, User: l.UserID, Actor: l.By.UserID, Via: l.By.Via, App: l.By.App, Agent: l.By.Agent, Detail: l.Detail}
			if l.By.Addr.IsValid() {
				e.Address = l.By.Addr.String()
			}
			list = append(list, e)
		}
		if len(lines) < f.Limit {
			break
		}
		f.Before = lines[len(lines)-1].ID
	}
	if strings.HasSuffix(v.r.URL.Path, ".json") {
		v.file("activity.json", "application/json")
		return json.NewEncoder(v.w).Encode(list)
	}
	v.file("activity.csv", "text/csv; charset=utf-8")
	out := csv.NewWriter(v.w)
	if err := out.Write([]string{"id", "at", "event", "user", "actor", "via", "application", "address", "agent", "detail"}); err != nil {
		return fmt.Errorf("write an export: %w", err)
	}
	for _, e := range list {
		detail, err := json.Marshal(e.Detail)
		if err != nil {
			return fmt.Errorf("write an export: %w", err)
		}
		err = out.Write([]string{
			strconv.FormatInt(e.ID, 10), e.At.Format(time.RFC3339), string(e.Event), strconv.FormatInt(e.User, 10),
			strconv.FormatInt(e.Actor, 10), cell(e.Via), cell(e.App), e.Address, cell(e.Agent), cell(string(detail)),
		})
		if err != nil {
			return fmt.Errorf("write an export: %w", err)
		}
	}
	out.Flush()
	return out.Error()
}

func (v *visit) file(name, kind string) {
	v.w.Header().Set("Content-Type", kind)
	v.w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	v.w.WriteHeader(http.StatusOK)
}

// cell prevents spreadsheets from treating a text that others have written as a
// formula.
func cell(text string) string {
	if text != "" && strings.ContainsAny(first(text), "=+-@\t\r\n＝＋－＠") {
		return "'" + text
	}
	return text
}

// first returns the first character of a text after white space, which some
// spreadsheets remove.
func first(text string) string {
	if trimmed := strings.TrimLeft(text, " \u00a0"); trimmed != "" {
		_, n := utf8.DecodeRuneInString(trimmed)
		return trimmed[:n]
	}
	return ""
}

// sentence describes an event. {…} stands for a member of its details.
type sentence struct{ name, text string }

// sentences describes the events of the trail. An event of another kind is
// shown by the name of its kind.
var sentences = map[audit.Kind]sentence{
	"app.created":          {"Application added", "The application “{name}” was added."},
	"app.renamed":          {"Application renamed", "An application was renamed to “{name}”."},
	"app.changed":          {"Application changed", "The application “{name}” was changed."},
	"app.rotated":          {"Key rotated", "The key of the application “{name}” was rotated."},
	"app.revoked":          {"Application revoked", "The application “{name}” was revoked."},
	"app.enrolled":         {"Verification key enrolled", "The application “{name}” enrolled its verification key."},
	"app.enrolment-opened": {"Enrolment opened", "A client may enrol its verification key until {until}."},
	"app.enrolment-closed": {"Enrolment closed", "Clients can no longer enrol a verification key."},
	"user.created":         {"User added", "The user {login} was added."},
	"user.changed":         {"Profile changed", "The profile was changed."},
	"user.password":        {"Password set", "The password was set."},
	"user.role":            {"Role changed", "The role was changed to {role}."},
	"user.password-mode":   {"Password rule changed", "The rule for clients that send the account password was set to “{mode}”."},
	"user.networks":        {"Account networks changed", "The networks of the account were changed."},
	"user.suspended":       {"Account suspended", "The account was suspended."},
	"user.resumed":         {"Account resumed", "The account may be used again."},
	"user.deleted":         {"User deleted", "The user {login} was deleted. The posts went to {heir}."},
	"policy.changed":       {"Policy changed", "The rules for all accounts were changed."},
	"sign-in.accepted":     {"Signed in", "Signed in."},
	"sign-in.failed":       {"Sign-in failed", "Someone tried to sign in with a wrong password or code."},
	"sign-in.throttled":    {"Sign-in slowed down", "There were too many wrong passwords. The next attempt has to wait."},
	"set-up-code.made":     {"Set-up link created", "A link to set up the account was created."},
	"set-up-code.used":     {"Set-up link used", "The link to set up the account was used."},
	"reset-code.made":      {"Password link sent", "A link for a new password was sent by mail."},
	"reset-code.used":      {"Password link used", "A new password was chosen by the link that was sent by mail."},
	"token.created":        {"Password or token created", "An application password or token was created for “{name}”."},
	"token.renamed":        {"Password or token renamed", "An application password or token was renamed to “{name}”."},
	"token.limited":        {"Password or token changed", "The limits of the application password or token “{name}” were changed."},
	"options.changed":      {"Settings changed", "Site settings were changed."},
	"site.moved":           {"Address changed", "The blog has moved to another address."},
	"site.copied":          {"Copy declared", "This blog was declared a copy, and gave up what it shared with the original."},
	"keyset.rotated":       {"Master key rotated", "Secrets are sealed with a new master key."},
	"keyset.dropped":       {"Master key dropped", "An old master key was dropped."},
	"keyset.sealed":        {"Secrets sealed", "Secrets that were stored unencrypted were sealed."},
	"token.revoked":        {"Password or token revoked", "The application password or token of “{name}” was revoked."},
	"token.first-used":     {"Password or token used", "The application password or token of “{name}” was used for the first time."},
	"second-factor.on":     {"Second factor on", "Signing in now requires a code from an authenticator app."},
	"second-factor.off":    {"Second factor off", "Signing in no longer requires a code from an authenticator app."},
	"second-factor.reset":  {"Second factor reset", "An administrator removed the second factor."},
	"recovery-codes.made":  {"Recovery codes created", "New recovery codes were created. Earlier ones no longer work."},
	"recovery-code.used":   {"Recovery code used", "A recovery code was used to sign in."},
	"passkey.added":        {"Passkey added", "The passkey “{name}” was added."},
	"passkey.renamed":      {"Passkey renamed", "A passkey was renamed to “{name}”."},
	"passkey.removed":      {"Passkey removed", "The passkey “{name}” was removed."},
	auth.SessionEnded:      {"Signed out", "Signed out of {sessions} browsers."},
}

// inWords describes a line of the trail in words, with the name of the user who
// acted if that was not the owner.
func (v *visit) inWords(l audit.Line, all bool, names func(int64) string) activityLine {
	out := activityLine{ID: l.ID, At: l.At}
	s, known := sentences[l.Kind]
	if !known {
		s.text = string(l.Kind)
	}
	if l.Kind == auth.SessionEnded && l.Detail["sessions"] == "1" {
		s.text = "Signed out."
		l.Detail = nil
	}
	if l.By.Addr.IsValid() {
		out.Remarks = append(out.Remarks, l.By.Addr.String())
	}
	if l.By.Agent != "" {
		out.Remarks = append(out.Remarks, program(l.By.Agent))
	}
	out.Text = v.T(s.text)
	members := make([]string, 0, len(l.Detail))
	for name := range l.Detail {
		members = append(members, name)
	}
	slices.Sort(members)
	for _, name := range members {
		if place := "{" + name + "}"; strings.Contains(out.Text, place) {
			out.Text = strings.ReplaceAll(out.Text, place, l.Detail[name])
		} else if l.Detail[name] != "" {
			out.Remarks = append(out.Remarks, name+" "+l.Detail[name])
		}
	}
	if all && l.UserID != 0 {
		out.Text = names(l.UserID) + ": " + out.Text
	}
	if l.By.UserID != 0 && l.By.UserID != l.UserID {
		out.Text += " " + v.T("By %s.", names(l.By.UserID))
	} else if l.By.UserID == 0 && l.By.Via == audit.Operator.Via {
		out.Text += " " + v.T("By a command on the server.")
	}
	if l.By.App != "" {
		out.Remarks = append(out.Remarks, v.T("key %s", l.By.App))
	}
	return out
}
