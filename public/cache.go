package public

import (
	"bytes"
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/quillgate/quillgate/site"
)

// cache keeps answers by what was asked. Each belongs to a revision of the blog and of the theme; of another revision it
// is no good. When it is full, those that nobody has asked for the longest go first.
type cache struct {
	mu      sync.Mutex
	limit   int
	used    int
	entries map[string]*list.Element
	recent  *list.List // *entry, the latest in front
}

// edition is what an answer was made of.
type edition struct {
	revision site.Revision
	theme    int64
}

type entry struct {
	key     string
	edition edition
	answer  *answer
	size    int
}

func newCache(limit int) *cache {
	return &cache{limit: limit, entries: make(map[string]*list.Element), recent: list.New()}
}

// get returns the answer to key in this edition, nil when there is none.
func (c *cache) get(key string, e edition) *answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := c.entries[key]
	if !ok {
		return nil
	}
	c.recent.MoveToFront(at)
	if found := at.Value.(*entry); found.edition == e {
		return found.answer
	}
	return nil
}

// put keeps an answer. One with the same body as the edition before keeps its age; another is younger by a second at
// least, which is as exact as Last-Modified is.
func (c *cache) put(key string, e edition, a *answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at, ok := c.entries[key]; ok {
		old := at.Value.(*entry)
		switch {
		case old.answer.tag == a.tag:
			a.modified = old.answer.modified
		case !a.modified.After(old.answer.modified):
			a.modified = old.answer.modified.Add(time.Second)
		}
		c.drop(at)
	}
	// What an entry takes beside its texts is a guess.
	size := len(a.body) + len(key) + len(a.location) + 512
	if size > c.limit/8 {
		return
	}
	c.entries[key] = c.recent.PushFront(&entry{key, e, a, size})
	for c.used += size; c.used > c.limit; {
		c.drop(c.recent.Back())
	}
}

func (c *cache) drop(at *list.Element) {
	old := c.recent.Remove(at).(*entry)
	delete(c.entries, old.key)
	c.used -= old.size
}

// maxKey bounds the questions whose answers are kept.
const maxKey = 1024

// answer returns the answer to what was asked: the kept one, or a new one. Of several that ask for the same at once one
// makes it.
func (p *Pages) answer(r *http.Request, q ask) (*answer, error) {
	ctx := r.Context()
	revision, err := p.site.Revision(ctx)
	if err != nil {
		return nil, err
	}
	e := edition{revision, p.theme.edition()}
	key := q.key()
	a := p.cache.get(key, e)
	if a == nil {
		if a, err = p.makeOnce(ctx, q, e); err != nil {
			return nil, err
		}
	}
	if a.locked == nil {
		return a, nil
	}
	open, err := p.site.OpensPost(ctx, a.locked, passwordCookie(r))
	if err != nil || !open {
		return a, err
	}
	q.unlocked = true
	return p.make(ctx, q)
}

func (p *Pages) makeOnce(ctx context.Context, q ask, e edition) (*answer, error) {
	key := q.key()
	if len(key) > maxKey {
		return p.make(ctx, q)
	}
	// The one who makes it may leave, and the others still wait for it.
	work := context.WithoutCancel(ctx)
	made, err, _ := p.making.Do(key+"\x00"+fmt.Sprint(e), func() (any, error) {
		a, err := p.make(work, q)
		if err == nil && a.status < 400 && !a.private {
			p.cache.put(key, e, a)
		}
		return a, err
	})
	if err != nil {
		return nil, err
	}
	return made.(*answer), nil
}

// newAnswer puts an answer together.
func newAnswer(status int, kind string, body []byte) *answer {
	sum := sha256.Sum256(body)
	return &answer{status: status, kind: kind, body: body, tag: `"` + hex.EncodeToString(sum[:12]) + `"`, modified: time.Now().Truncate(time.Second)}
}

// conditions are the fields of a request by which it may get something else than the whole body.
var conditions = []string{"If-None-Match", "If-Modified-Since", "Range", "If-Match", "If-Unmodified-Since"}

func serveBody(w http.ResponseWriter, r *http.Request, a *answer) {
	if !slices.ContainsFunc(conditions, func(name string) bool { return r.Header[name] != nil }) {
		w.Header().Set("Last-Modified", a.modified.UTC().Format(http.TimeFormat))
		writeBody(w, r, a) // in one piece, which is quicker
		return
	}
	http.ServeContent(w, r, "", a.modified, bytes.NewReader(a.body))
}

func writeBody(w http.ResponseWriter, r *http.Request, a *answer) {
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		w.Write(a.body)
	}
}
