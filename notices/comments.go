package notices

import (
	"context"
	"errors"
	"fmt"
	"html"
	"slices"
	"strconv"
	"strings"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/mail"
	"github.com/quillgate/quillgate/markup"
	"github.com/quillgate/quillgate/site"
)

// Mail about comments follows WordPress's rules. A held comment is reported to
// admin_email, and to the author of the post if the author may moderate it
// (moderation_notify). A published comment is reported to the author of the
// post, unless the author has written or approved it (comments_notify). Spam is
// not reported. Unlike WordPress, which sends nothing when a client approves a
// comment with wp.editComment, it does not matter how it was approved.
//
// The transaction that stores a comment queues one letter for the post
// (kindHeld, kindShown). The recipients are determined when this letter is
// taken from the outbox: it then becomes one letter for each of them.

const (
	shownComments = 10   // in a mail
	shownText     = 2000 // bytes of each
)

// Comment queues the mail about a comment. It is for site.Site.OnComment.
func (n *Notices) Comment(ctx context.Context, tx *database.Tx, news site.CommentNews) error {
	c, author := news.Comment, news.Post.Author
	kind := kindHeld
	switch {
	case c.Status == site.CommentHeld && news.Options.Bool("moderation_notify"):
	case c.Status == site.CommentApproved && news.Options.Bool("comments_notify") && c.UserID != author && news.By != author:
		kind = kindShown
	default:
		return nil
	}
	return n.queue(ctx, tx, mail.Letter{Kind: kind, Topic: strconv.FormatInt(c.Post, 10), Items: []int64{c.ID}})
}

// spread turns the letter for a post into letters for its recipients.
func (n *Notices) spread(ctx context.Context, w words, letters []mail.Letter) (*mail.Message, error) {
	l := letters[0]
	id, err := strconv.ParseInt(l.Topic, 10, 64)
	if err != nil {
		return nil, nil
	}
	post, err := n.cfg.Site.PostHead(ctx, id)
	if errors.Is(err, site.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	author, _, there, err := n.addressOf(ctx, post.Author)
	if err != nil {
		return nil, err
	}
	held := l.Kind == kindHeld
	there = there && !author.Networks.Suspended() && (!held || n.cfg.Site.CanEdit(auth.Identity{User: author}, post))
	to := kindNew
	if held {
		to = kindModerate
	}
	copies := []mail.Letter{}
	if held {
		if copies, err = n.moderators(ctx, w, post, author, there); err != nil {
			return nil, err
		}
	}
	if there {
		copies = append(copies, mail.Letter{UserID: author.ID})
	}
	err = n.cfg.DB.Write(ctx, nil, func(tx *database.Tx) error {
		for _, c := range copies {
			c.Kind, c.Topic, c.Items, c.N = to, l.Topic, l.Items, l.N
			if err := n.queue(ctx, tx, c); err != nil {
				return err
			}
		}
		return nil
	})
	return nil, err
}

// maxModerators bounds the administrators who get mail if admin_email is not
// set.
const maxModerators = 10

// moderators returns the recipients of mail about a held comment in addition to
// the author of the post: the account with the address admin_email, or that
// address itself, or the administrators if the option is empty.
func (n *Notices) moderators(ctx context.Context, w words, post *site.Post, author auth.User, there bool) ([]mail.Letter, error) {
	if w.admin != "" {
		user, err := n.cfg.Users.ByEmail(ctx, w.admin)
		switch {
		case errors.Is(err, auth.ErrNotFound):
			return []mail.Letter{{Address: w.admin}}, nil
		case err != nil:
			return nil, err
		case user.ID == author.ID && there:
			return nil, nil
		case !user.Networks.Suspended() && !n.cfg.Site.CanEdit(auth.Identity{User: user}, post):
			// The administrators have named the address, whatever the account
			// may do.
			return []mail.Letter{{Address: w.admin}}, nil
		}
		return []mail.Letter{{UserID: user.ID}}, nil
	}
	users, err := n.cfg.Users.List(ctx, auth.Filter{Role: auth.Administrator, Limit: maxModerators})
	var list []mail.Letter
	for _, u := range users {
		if u.Email != "" && !u.Networks.Suspended() && !(u.ID == author.ID && there) {
			list = append(list, mail.Letter{UserID: u.ID})
		}
	}
	return list, err
}

// everything is the identity for which mail to admin_email is written, and mail
// to authors about comments that everybody can see. It does not belong to an
// account.
var everything = auth.Identity{User: auth.User{ID: -1, Role: auth.Administrator}}

// told is a comment as a mail shows it.
type told struct {
	site.FullComment
	title string // of the post
}

// comments writes the mail about held or new comments on one post, or a digest
// if there are many posts.
func (n *Notices) comments(ctx context.Context, w words, letters []mail.Letter) (*mail.Message, error) {
	first := letters[0]
	to := mail.Address{Mail: first.Address}
	reader := everything
	if first.UserID != 0 {
		user, address, there, err := n.addressOf(ctx, first.UserID)
		if err != nil || !there || user.Networks.Suspended() {
			return nil, err
		}
		to = address
		if first.Kind == kindModerate {
			reader = auth.Identity{User: user}
		}
	}
	status := site.CommentApproved
	if first.Kind == kindModerate {
		status = site.CommentHeld
	}
	if len(letters) > 1 {
		return n.digest(ctx, w, to, reader, status, letters)
	}
	list, more, err := n.still(ctx, reader, status, first)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	m := &mail.Message{To: to, Thread: "post." + first.Topic}
	title, one := list[0].title, len(list)+int(more) == 1
	var parts []string
	switch {
	case status == site.CommentHeld && one:
		m.Subject = w.subject("Please moderate: %q", title)
		parts = append(parts, fmt.Sprintf("A comment on %q is awaiting moderation.", title))
	case status == site.CommentHeld:
		m.Subject = w.subject("Please moderate: %q", title)
		parts = append(parts, fmt.Sprintf("%d comments on %q are awaiting moderation.", len(list)+int(more), title))
	case one:
		m.Subject = w.subject("New comment: %q", title)
		parts = append(parts, fmt.Sprintf("There is a new comment on %q.", title))
	default:
		m.Subject = w.subject("New comments: %q", title)
		parts = append(parts, fmt.Sprintf("There are %d new comments on %q.", len(list)+int(more), title))
	}
	for _, c := range list {
		parts = append(parts, w.comment(c, status == site.CommentHeld))
	}
	if more > 0 {
		parts = append(parts, fmt.Sprintf("And %d more: %s/admin/comments?status=%s&post=%s", more, w.home, status, first.Topic))
	}
	m.Text = w.text(parts...)
	return m, nil
}

// digest writes one mail about comments on many posts.
func (n *Notices) digest(ctx context.Context, w words, to mail.Address, reader auth.Identity, status string, letters []mail.Letter) (*mail.Message, error) {
	var lines []string
	var all int64
	for _, l := range letters {
		list, more, err := n.still(ctx, reader, status, l)
		if err != nil {
			return nil, err
		}
		if len(list) == 0 {
			continue
		}
		all += int64(len(list)) + more
		lines = append(lines, fmt.Sprintf("%4d  %s\n      %s/admin/comments?status=%s&post=%s", int64(len(list))+more, list[0].title, w.home, status, l.Topic))
	}
	if len(lines) == 0 {
		return nil, nil
	}
	m := &mail.Message{To: to, Subject: w.subject("%d new comments on %d posts", all, len(lines))}
	what := fmt.Sprintf("There are %d new comments on %d posts:", all, len(lines))
	if status == site.CommentHeld {
		m.Subject = w.subject("Please moderate: %d comments on %d posts", all, len(lines))
		what = fmt.Sprintf("%d comments on %d posts are awaiting moderation:", all, len(lines))
	}
	m.Text = w.text(what, strings.Join(lines, "\n"), "All of them: "+w.home+"/admin/comments?status="+status)
	return m, nil
}

// still returns the comments of a letter that still have the status and that
// the recipient may see, at most as many as a mail shows, and how many more
// there are.
func (n *Notices) still(ctx context.Context, reader auth.Identity, status string, l mail.Letter) (list []told, more int64, err error) {
	more = l.N - int64(len(l.Items))
	for _, id := range slices.Compact(slices.Clone(l.Items)) {
		c, err := n.cfg.Site.GetComment(ctx, reader, id)
		var denied *site.Denied
		if errors.Is(err, site.ErrNotFound) || errors.As(err, &denied) {
			continue
		}
		if err != nil {
			return nil, 0, err
		}
		if c.Status != status {
			continue // somebody has moderated it already
		}
		if len(list) == shownComments {
			more++
			continue
		}
		list = append(list, told{*c, line(c.PostTitle, "(no title)")})
	}
	return list, more, nil
}

// comment returns a comment for a mail. Every line of the commenter's text is
// quoted.
func (w words) comment(c told, held bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s", line(c.Author, "Anonymous"), w.when(c.DateGMT))
	if c.Type != "comment" {
		fmt.Fprintf(&b, " (%s)", c.Type)
	}
	for _, whence := range []string{c.Email, c.URL, c.IP} {
		if whence = line(whence, ""); whence != "" {
			fmt.Fprintf(&b, "\n%s", whence)
		}
	}
	text := strings.TrimSpace(html.UnescapeString(markup.WithoutElements(c.Content)))
	if len(text) > shownText {
		text = strings.ToValidUTF8(text[:shownText], "") + " …"
	}
	fmt.Fprintf(&b, "\n\n%s\n\n", quoted(text))
	if held {
		fmt.Fprintf(&b, "Approve, mark as spam, move to the trash, or reply:\n%s/admin/comments/%d", w.home, c.ID)
	} else {
		fmt.Fprintf(&b, "%s\nReply, or remove it: %s/admin/comments/%d", c.Link, w.home, c.ID)
	}
	return b.String()
}

// line returns text from strangers as one line of a mail, or none if it is
// empty.
func line(text, none string) string {
	text = strings.Join(strings.Fields(html.UnescapeString(markup.WithoutElements(text))), " ")
	if len(text) > 150 {
		text = strings.ToValidUTF8(text[:150], "") + "…"
	}
	if text == "" {
		return none
	}
	return text
}

// quoted marks each line of a text as a quotation. It treats every character
// that a mail client may show as the end of a line as one.
func quoted(text string) string {
	lines := strings.Split(strings.Map(func(r rune) rune {
		switch r {
		case '\r', '\v', '\f', '\u0085', '\u2028', '\u2029':
			return '\n'
		case 0:
			return -1
		}
		return r
	}, strings.ReplaceAll(text, "\r\n", "\n")), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight("> "+l, " ")
	}
	return strings.Join(lines, "\n")
}
