package options

import "maps"

// WhoMayComment is the option for who may comment. It replaces two older
// options, anonymous_comments and comment_registration, which can still be set
// and read.
const WhoMayComment = "who_may_comment"

// The values of WhoMayComment.
const (
	CommentersNobody  = "nobody"  // every post is closed for comments
	CommentersUsers   = "users"   // users who sign in
	CommentersAnybody = "anybody" // visitors too, on the pages of the blog and over XML-RPC
)

var commenters = []string{CommentersNobody, CommentersUsers, CommentersAnybody}

// The older options. Visitors may comment if the first is on and the second
// off.
const (
	anonymousComments   = "anonymous_comments"
	commentRegistration = "comment_registration"
)

// former maps options to those that replace them.
var former = map[string]string{anonymousComments: WhoMayComment, commentRegistration: WhoMayComment}

// Commenters returns who may comment: the value of WhoMayComment, which is
// missing in a database of an earlier version.
func (o *Values) Commenters() string {
	if who, ok := o.stored[WhoMayComment]; ok {
		return who
	}
	return commentersOf(o.Bool(anonymousComments), o.Bool(commentRegistration))
}

func commentersOf(anonymous, registration bool) string {
	if anonymous && !registration {
		return CommentersAnybody
	}
	return CommentersUsers
}

// WithCommenters completes a change of options, so that the older options and
// their replacement agree.
func (o *Values) WithCommenters(values map[string]string) map[string]string {
	who, chosen := values[WhoMayComment]
	_, anonymous := values[anonymousComments]
	_, registration := values[commentRegistration]
	if !chosen && !anonymous && !registration {
		return values
	}
	values = maps.Clone(values)
	if !chosen {
		after := o.With(values)
		values[WhoMayComment] = commentersOf(after.Bool(anonymousComments), after.Bool(commentRegistration))
		return values
	}
	values[anonymousComments], values[commentRegistration] = "0", "1"
	if who == CommentersAnybody {
		values[anonymousComments], values[commentRegistration] = "1", "0"
	}
	return values
}
