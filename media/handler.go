package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// keptFor is how long everyone may keep a file without asking again: a deleted
// or changed one is gone after it.
const keptFor = "public, max-age=3600"

// sandbox is what a download may do should a browser open it after all: nothing.
const sandbox = "default-src 'none'; sandbox"

// Redirect finds another address of a file, to which readers are sent.
type Redirect func(ctx context.Context, name string) (address string, err error)

// RedirectTo sends readers to the address that base, which ends in a slash, and the name of a file make.
func RedirectTo(base string) Redirect {
	return func(_ context.Context, name string) (string, error) {
		return base + (&url.URL{Path: name}).EscapedPath(), nil
	}
}

// signedFor is for how long a signed address is good: longer than a redirect to it may be kept.
const signedFor = time.Hour

// RedirectSigned sends readers to the bucket, which answers to them for an hour.
func (b *Bucket) RedirectSigned() Redirect {
	return func(ctx context.Context, name string) (string, error) { return b.Signed(ctx, name, signedFor) }
}

// Handler serves the files of the library below prefix, such as
// "/wp-content/uploads/", to GET and HEAD, with ranges and validators; browsers
// and proxies keep them for an hour. The type is the one that was found out when
// the file was stored, and browsers are told not to guess another. What is not
// known to be shown without running anything is a download that may not load
// or run anything should a browser open it after all. There are no listings;
// what is not there and what is not a file name are both 404. While the store
// does not answer it is 503.
//
// With a redirect the files are not read: readers are sent to where it says.
func (l *Library) Handler(prefix string, redirect Redirect) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "Only GET and HEAD are allowed.", http.StatusMethodNotAllowed)
			return
		}
		name, ok := strings.CutPrefix(r.URL.Path, prefix)
		if !ok || CheckName(name) != nil {
			http.NotFound(w, r)
			return
		}
		if redirect != nil {
			l.sendAway(w, r, name, redirect)
			return
		}
		f, info, err := l.look(r.Context(), name)
		if err != nil {
			l.refuse(w, r, err)
			return
		}
		defer f.Close()
		usual := w.Header().Clone()
		describe(w.Header(), info)
		tell := func(err error) { // a refusal has the headers of every answer, and none of the file
			clear(w.Header())
			maps.Copy(w.Header(), usual)
			l.refuse(w, r, err)
		}
		o := &opening{ResponseWriter: w, file: f, tell: tell, reads: r.Method == http.MethodGet}
		http.ServeContent(o, r, "", info.Modified, o)
	})
}

// sendAway answers with another address of a file.
func (l *Library) sendAway(w http.ResponseWriter, r *http.Request, name string, redirect Redirect) {
	address, err := redirect(r.Context(), name)
	if err != nil {
		l.refuse(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=300")
	http.Redirect(w, r, address, http.StatusFound)
}

// look opens a file with all facts that serving needs. A file without them, since it came before they were kept or was put
// there by hand, is looked at.
func (l *Library) look(ctx context.Context, name string) (io.ReadSeekCloser, Info, error) {
	f, info, err := l.openKnown(ctx, name)
	if err != nil || info.ETag != "" {
		return f, info, err
	}
	head := make([]byte, sniffed)
	n, err := io.ReadFull(f, head)
	if err == nil || err == io.EOF || err == io.ErrUnexpectedEOF {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, Info{}, errors.Join(err, f.Close())
	}
	info.Type, info.Download = classify(name, head[:n])
	info.ETag = fmt.Sprintf("%x-%x", info.Modified.UnixMicro(), info.Size)
	return f, info, nil
}

// openKnown opens a file with the facts of the ledger, which spare a look at the store. When the database does not answer,
// the store is asked.
func (l *Library) openKnown(ctx context.Context, name string) (io.ReadSeekCloser, Info, error) {
	known, err := l.ledger.find(ctx, name)
	if err != nil {
		if ctx.Err() != nil {
			return nil, Info{}, err
		}
		l.logger.WarnContext(ctx, "a file is served without the database", "error", err)
		return l.store.Open(ctx, name, nil)
	}
	if known == nil || known.ETag == "" {
		return l.Open(ctx, name)
	}
	f, info, err := l.store.Open(ctx, name, &known.Info)
	if l.earlier == nil {
		return f, info, err
	}
	if err == nil { // the file may still be elsewhere, which a store that was not asked does not say
		if _, err = f.Read(nil); err != nil {
			err = errors.Join(err, f.Close())
		}
	}
	if errors.Is(err, fs.ErrNotExist) && !known.pending {
		return l.earlier.Open(ctx, name, &known.Info)
	}
	return f, info, err
}

// refuse answers for a file that cannot be had.
func (l *Library) refuse(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, ErrName):
		http.NotFound(w, r)
	case errors.Is(err, ErrUnavailable):
		l.logger.WarnContext(r.Context(), "a file cannot be read", "error", err)
		w.Header().Set("Retry-After", "10")
		http.Error(w, "The file cannot be read at the moment.", http.StatusServiceUnavailable)
	default:
		if r.Context().Err() == nil {
			l.logger.ErrorContext(r.Context(), "a file cannot be read", "error", err)
		}
		http.Error(w, "The file cannot be read.", http.StatusInternalServerError)
	}
}

// describe sets the headers that say what the file is.
func describe(h http.Header, info Info) {
	if info.Download {
		h.Set("Content-Disposition", "attachment")
		h.Set("Content-Security-Policy", sandbox)
	}
	h.Set("Content-Type", info.Type)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("ETag", `"`+info.ETag+`"`)
	h.Set("Cache-Control", keptFor)
}

// opening is the answer of http.ServeContent, and the file that it reads. A store that was not asked yet is asked before the
// status is sent, so that it can still become another.
type opening struct {
	http.ResponseWriter
	file   io.ReadSeekCloser
	tell   func(error)
	reads  bool // the content is read after the status
	failed bool
}

func (o *opening) WriteHeader(code int) {
	if o.reads && (code == http.StatusOK || code == http.StatusPartialContent) {
		if _, err := o.file.Read(nil); err != nil && err != io.EOF {
			o.failed = true
			o.tell(err)
			return
		}
	}
	o.ResponseWriter.WriteHeader(code)
}

func (o *opening) Write(p []byte) (int, error) {
	if o.failed {
		return 0, errors.New("the file cannot be read")
	}
	return o.ResponseWriter.Write(p)
}

func (o *opening) Read(p []byte) (int, error)               { return o.file.Read(p) }
func (o *opening) Seek(at int64, whence int) (int64, error) { return o.file.Seek(at, whence) }

// ReadFrom lets the system send a file without copying it.
func (o *opening) ReadFrom(r io.Reader) (int64, error) {
	if o.failed {
		return 0, errors.New("the file cannot be read")
	}
	if limited, ok := r.(*io.LimitedReader); ok && limited.R == io.Reader(o) {
		limited.R = o.file
	}
	return io.Copy(o.ResponseWriter, r)
}
