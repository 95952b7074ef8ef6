package wordpress

import (
	"context"
	"errors"
	"fmt"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/fetch"
	"github.com/quillgate/quillgate/options"
	"github.com/quillgate/quillgate/pingback"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/xmlrpc"
)

// The codes of Pingback 1.0. WordPress answers 429 and 409 for comments that
// come too quickly or twice.
const (
	codePing           = 0
	codePingSource     = 16
	codePingLink       = 17
	codePingNoTarget   = 32
	codePingTarget     = 33
	codePingRegistered = 48
	codeTooMany        = 429
)

// pingFaults maps the errors of pingbacks. Rows that are secret reach the
// client as a fault without code and text, unless the option
// pingback_fault_codes is on: the codes would reveal what this server can see
// of the network. A source that must not be requested and one that does not
// answer always have the same fault.
var pingFaults = []struct {
	err    error
	secret bool
	fault  *xmlrpc.Fault
}{
	{site.ErrPinged, false, &xmlrpc.Fault{Code: codePingRegistered, Message: "This pingback is already registered."}},
	{site.ErrCommentFlood, false, &xmlrpc.Fault{Code: codeTooMany, Message: "Another comment came from your address only seconds ago. Wait a little."}},
	{pingback.ErrWait, false, &xmlrpc.Fault{Code: codeTooMany, Message: "This server has fetched too many pages for pingbacks. Try again in a minute."}},
	{site.ErrDuplicateComment, false, &xmlrpc.Fault{Code: codeConflict, Message: "The same comment was already posted here."}},
	{fetch.ErrURL, true, &xmlrpc.Fault{Code: codePing, Message: "The source is not an address that this server fetches."}},
	{fetch.ErrUnreachable, true, &xmlrpc.Fault{Code: codePing, Message: "The source could not be reached."}},
	{site.ErrPingSource, true, &xmlrpc.Fault{Code: codePing, Message: "The source is not an address that this server can store."}},
	{pingback.ErrElsewhere, true, &xmlrpc.Fault{Code: codePing, Message: "The target is not on this blog."}},
	{pingback.ErrSelf, true, &xmlrpc.Fault{Code: codePing, Message: "The source and the target are the same post."}},
	{pingback.ErrEmpty, true, &xmlrpc.Fault{Code: codePingSource, Message: "There is nothing at the source."}},
	{pingback.ErrLink, true, &xmlrpc.Fault{Code: codePingLink, Message: "The source does not link to the target."}},
	{pingback.ErrTitle, true, &xmlrpc.Fault{Code: codePingNoTarget, Message: "The source has no title."}},
	{pingback.ErrNoPost, true, &xmlrpc.Fault{Code: codePingNoTarget, Message: "There is no such post."}},
	{pingback.ErrTarget, true, &xmlrpc.Fault{Code: codePingTarget, Message: "The target is not a post that accepts pingbacks."}},
}

// pingFault converts an error to the fault for the client of a pingback.
func pingFault(o *options.Values, err error) error {
	for _, row := range pingFaults {
		if !errors.Is(err, row.err) {
			continue
		}
		if row.secret && !o.Bool("pingback_fault_codes") {
			return &xmlrpc.Fault{Code: codePing}
		}
		return row.fault
	}
	return err
}

// pingbackPing answers pingback.ping(source, target): the page source links to
// target, a post of this blog. While the option pingback is off, no post
// accepts pingbacks.
func (a *API) pingbackPing(ctx context.Context, _ auth.Identity, p *call) (xmlrpc.Value, error) {
	at := p.origin()
	opts, err := a.site.Options().Current(ctx)
	if err != nil {
		return xmlrpc.Value{}, err
	}
	ping := pingback.NewPing(p.text("source_url"), p.text("target_url"))
	ping.IP, ping.Agent = at.ip, at.agent
	if err := a.pingbacks.Receive(ctx, ping); err != nil {
		return xmlrpc.Value{}, pingFault(opts, err)
	}
	return xmlrpc.String(fmt.Sprintf("Thank you: %s is now among the pingbacks of %s.", ping.Source, ping.Target)), nil
}

// pingbackGetPingbacks answers pingback.extensions.getPingbacks(url): the pages
// from which pingbacks to a post came.
func (a *API) pingbackGetPingbacks(ctx context.Context, _ auth.Identity, p *call) (xmlrpc.Value, error) {
	opts, err := a.site.Options().Current(ctx)
	if err != nil {
		return xmlrpc.Value{}, err
	}
	list, err := a.pingbacks.Of(ctx, p.text("url"))
	if err != nil {
		return xmlrpc.Value{}, pingFault(opts, err)
	}
	return streamed(list, each(func(address *string) xmlrpc.Value { return xmlrpc.String(*address) })), nil
}
