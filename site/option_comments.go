package site

import "maps"

// OptionCommenters is the option for who may comment. It replaces two older
// options, anonymous_comments and comment_registration, which can still be set
// and read.
const OptionCommenters = "who_may_comment"

// The values of OptionCommenters.
const (
	CommentersNobody  = "nobody"  // every post is closed for comments
	CommentersUsers   = "users"   // users who sign in
	CommentersAnybody = "anybody" // visitors too, on the pages of the blog and over XML-RPC
)

var commenters = []string{CommentersNobody, CommentersUsers, CommentersAnybody}

// The older options. Visitors may comment if the first is on and the second
// off.
const (
	optionAnonymous    = "anonymous_comments"
	optionRegistration = "comment_registration"
)

// formerOptions maps options to those that replace them.
var formerOptions = map[string]string{optionAnonymous: OptionCommenters, optionRegistration: OptionCommenters}

// Commenters returns who may comment: the value of OptionCommenters, which is
// missing in a database of an earlier version.
func (o *Options) Commenters() string {
	if who, ok := o.values[OptionCommenters]; ok {
		return who
	}
	return commentersOf(o.Bool(optionAnonymous), o.Bool(optionRegistration))
}

func commentersOf(anonymous, registration bool) string {
	if anonymous && !registration {
		return CommentersAnybody
	}
	return CommentersUsers
}

// WithCommenters completes a change of options, so that the older options and
// their replacement agree.
func (o *Options) WithCommenters(values map[string]string) map[string]string {
	who, chosen := values[OptionCommenters]
	_, anonymous := values[optionAnonymous]
	_, registration := values[optionRegistration]
	if !chosen && !anonymous && !registration {
		return values
	}
	values = maps.Clone(values)
	if !chosen {
		after := o.With(values)
		values[OptionCommenters] = commentersOf(after.Bool(optionAnonymous), after.Bool(optionRegistration))
		return values
	}
	values[optionAnonymous], values[optionRegistration] = "0", "1"
	if who == CommentersAnybody {
		values[optionAnonymous], values[optionRegistration] = "1", "0"
	}
	return values
}
