package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// Bucket is a Store in a bucket of an S3 server, below a prefix, so that
// several blogs can share a bucket.
//
//	PREFIX2024/01/red.png      a file: Content-Type, Content-Disposition and Cache-Control as it is served,
//	                           and in its metadata its entity tag and a word of who wrote it
//	PREFIX.quillgate/place     the mark
//
// A file gets its name under the condition If-None-Match: *, whether it is sent
// in one request or in several, so two writers never overwrite each other's
// file, whatever the ledger says.
type Bucket struct {
	core    *minio.Core
	at      BucketAddress
	spool   *os.Root
	stalled time.Duration
}

// BucketConfig configures a Bucket.
type BucketConfig struct {
	Address BucketAddress
	Spool   string // folder for temporary files; created if necessary
	// Stalled is how long the server may go without accepting, sending or
	// answering anything. The default is 20 s.
	Stalled time.Duration
}

const (
	bucketMark = ".quillgate/place"
	// metaETag and metaWriter are metadata of objects: the entity tag of the
	// bytes, and a word that only its writer knows.
	metaETag   = "Quillgate-Etag"
	metaWriter = "Quillgate-Writer"

	// onePut is the largest size that is sent in one request: an interrupted
	// one leaves nothing behind.
	onePut   = 32 << 20
	partSize = 16 << 20

	defaultStalled = 20 * time.Second
	dialWithin     = 5 * time.Second
	// askWithin is the time limit for a request without a file.
	askWithin = 20 * time.Second
	// tries is the number of attempts for a request without an answer, or whose
	// answer asks to try again.
	tries = 3
)

// ErrRefused means that an S3 server does not let the caller in: the
// credentials, their rights or the name of the bucket are wrong. It comes with
// ErrUnavailable.
var ErrRefused = errors.New("access was refused")

// OpenBucket prepares a bucket, without a request to the server. It takes the
// credentials from the environment (AWS_ACCESS_KEY_ID and
// AWS_SECRET_ACCESS_KEY), from a credentials file of the AWS tools
// (AWS_SHARED_CREDENTIALS_FILE, AWS_PROFILE), or from the role of the machine
// or container, in this order, and renews them before they expire.
func OpenBucket(cfg BucketConfig) (*Bucket, error) {
	if err := os.MkdirAll(cfg.Spool, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder for temporary files: %w", err)
	}
	root, err := os.OpenRoot(cfg.Spool)
	if err != nil {
		return nil, fmt.Errorf("open the folder for temporary files: %w", err)
	}
	b := &Bucket{at: cfg.Address, spool: root, stalled: cfg.Stalled}
	if b.stalled <= 0 {
		b.stalled = defaultStalled
	}
	lookup := minio.BucketLookupAuto
	if cfg.Address.PathStyle {
		lookup = minio.BucketLookupPath
	}
	b.core, err = minio.NewCore(cfg.Address.Endpoint.Host, &minio.Options{
		Creds: credentials.NewChainCredentials([]credentials.Provider{
			&credentials.EnvAWS{}, &credentials.FileAWSCredentials{},
			&credentials.IAM{Client: &http.Client{Timeout: dialWithin}, Region: cfg.Address.Region},
		}),
		Secure: cfg.Address.Endpoint.Scheme == "https", Region: cfg.Address.Region, BucketLookup: lookup,
		MaxRetries: tries, Transport: transport(b.stalled),
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("prepare the S3 client: %w", err), root.Close())
	}
	b.core.SetAppInfo("quillgate", "")
	return b, nil
}

func transport(stalled time.Duration) *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: dialWithin, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout:   dialWithin,
		ResponseHeaderTimeout: stalled,
		MaxIdleConnsPerHost:   16,
		IdleConnTimeout:       90 * time.Second,
		ForceAttemptHTTP2:     true,
		DisableCompression:    true, // files are stored unchanged
	}
}

// Close implements Store.
func (b *Bucket) Close() error { return b.spool.Close() }

// Address implements Store.
func (b *Bucket) Address() string { return b.at.String() }

func (b *Bucket) key(name string) string { return b.at.Prefix + name }

// Spool implements Store. It does not sync temporary files, which need not
// survive a crash.
func (b *Bucket) Spool(ctx context.Context, r io.Reader) (*Part, error) {
	return spool(ctx, b.spool, ".", r, false)
}

// Put implements Store.
func (b *Bucket) Put(ctx context.Context, name string, p *Part, f Facts) error {
	if err := CheckName(name); err != nil {
		return fmt.Errorf("store %q: %w", name, err)
	}
	file, err := p.open()
	if err != nil {
		return fmt.Errorf("store %q: %w", name, err)
	}
	defer file.Close()
	writer := p.writer()
	opts := minio.PutObjectOptions{
		ContentType: f.Type, CacheControl: keptFor, DisableMultipart: true,
		UserMetadata: map[string]string{metaETag: f.ETag, metaWriter: writer},
	}
	if f.Download {
		opts.ContentDisposition = "attachment"
	}
	opts.SetMatchETagExcept("*")
	ctx, w := b.watch(ctx)
	defer w.stop()
	if p.size <= onePut {
		_, err = b.core.PutObject(ctx, b.at.Bucket, b.key(name), w.reader(io.NewSectionReader(file, 0, p.size)), p.size, "", p.hash, opts)
	} else {
		err = b.putParts(ctx, w, name, file, p.size, opts)
	}
	err = b.wrong(w.cause(err), "store", name)
	if errors.Is(err, fs.ErrExist) && b.wrote(ctx, name, writer) {
		return nil // the first attempt had succeeded, and its answer was lost
	}
	return err
}

// writer returns a word that only this part has.
func (p *Part) writer() string { return strings.TrimSuffix(p.path, partSuffix) }

// putParts stores a large file in several requests. The object appears, under
// its condition, with the last one.
func (b *Bucket) putParts(ctx context.Context, w *watchdog, name string, file io.ReaderAt, size int64, opts minio.PutObjectOptions) (err error) {
	begin := opts
	begin.DisableMultipart = false
	id, err := b.core.NewMultipartUpload(ctx, b.at.Bucket, b.key(name), unconditional(begin))
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askWithin)
			defer cancel()
			err = errors.Join(err, b.core.AbortMultipartUpload(ctx, b.at.Bucket, b.key(name), id))
		}
	}()
	var parts []minio.CompletePart
	for at := int64(0); at < size; at += partSize {
		n := min(partSize, size-at)
		part, err := b.core.PutObjectPart(ctx, b.at.Bucket, b.key(name), id, len(parts)+1, w.reader(io.NewSectionReader(file, at, n)), n, minio.PutObjectPartOptions{})
		if err != nil {
			return err
		}
		parts = append(parts, minio.CompletePart{PartNumber: part.PartNumber, ETag: part.ETag})
	}
	w.touch()
	_, err = b.core.CompleteMultipartUpload(ctx, b.at.Bucket, b.key(name), id, parts, opts)
	return err
}

// unconditional returns the options for starting an upload in parts, which
// accepts no condition.
func unconditional(o minio.PutObjectOptions) minio.PutObjectOptions {
	return minio.PutObjectOptions{
		ContentType: o.ContentType, ContentDisposition: o.ContentDisposition, CacheControl: o.CacheControl, UserMetadata: o.UserMetadata,
	}
}

// wrote reports whether a writer has written the object.
func (b *Bucket) wrote(ctx context.Context, name, writer string) bool {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	o, err := b.core.StatObject(ctx, b.at.Bucket, b.key(name), minio.StatObjectOptions{})
	return err == nil && o.UserMetadata[metaWriter] == writer
}

// Open implements Store. The file is requested at the first Read, from the
// current offset.
func (b *Bucket) Open(ctx context.Context, name string, known *Info) (io.ReadSeekCloser, Info, error) {
	if err := CheckName(name); err != nil {
		return nil, Info{}, fmt.Errorf("open %q: %w", name, err)
	}
	if known == nil {
		info, err := b.Stat(ctx, name)
		if err != nil {
			return nil, Info{}, err
		}
		known = &info
	}
	return &object{bucket: b, ctx: ctx, name: name, size: known.Size}, *known, nil
}

// Stat implements Store.
func (b *Bucket) Stat(ctx context.Context, name string) (Info, error) {
	if err := CheckName(name); err != nil {
		return Info{}, fmt.Errorf("describe %q: %w", name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	o, err := b.core.StatObject(ctx, b.at.Bucket, b.key(name), minio.StatObjectOptions{})
	if err != nil {
		return Info{}, b.wrong(err, "describe", name)
	}
	info := Info{Name: name, Modified: o.LastModified.UTC(), Facts: Facts{Size: o.Size}}
	if tag := o.UserMetadata[metaETag]; tag != "" {
		info.ETag, info.Type, info.Download = tag, o.ContentType, strings.HasPrefix(o.Metadata.Get("Content-Disposition"), "attachment")
	}
	return info, nil
}

// Remove implements Store.
func (b *Bucket) Remove(ctx context.Context, names ...string) error {
	var errs []error
	for _, name := range names {
		if err := CheckName(name); err != nil {
			errs = append(errs, fmt.Errorf("remove %q: %w", name, err))
			continue
		}
		err := b.ask(ctx, func(ctx context.Context) error {
			return b.core.RemoveObject(ctx, b.at.Bucket, b.key(name), minio.RemoveObjectOptions{})
		})
		if err = b.wrong(err, "remove", name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
			break // the next would wait as long
		}
	}
	return errors.Join(errs...)
}

// ask runs a request without a file, within its time limit.
func (b *Bucket) ask(ctx context.Context, fn func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	return fn(ctx)
}

// List implements Store.
func (b *Bucket) List(ctx context.Context) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		for o := range b.core.ListObjectsIter(ctx, b.at.Bucket, minio.ListObjectsOptions{Prefix: b.at.Prefix, Recursive: true}) {
			if o.Err != nil {
				yield(Info{}, b.wrong(o.Err, "list", "the files"))
				return
			}
			name := strings.TrimPrefix(o.Key, b.at.Prefix)
			if CheckName(name) != nil {
				continue
			}
			if !yield(Info{Name: name, Modified: o.LastModified.UTC(), Facts: Facts{Size: o.Size}}, nil) {
				return
			}
		}
	}
}

// Sweep implements Store.
func (b *Bucket) Sweep(ctx context.Context, before time.Time) error {
	if err := sweepParts(b.spool, ".", before, partSuffix); err != nil {
		return fmt.Errorf("clear up temporary files: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, removeWithin)
	defer cancel()
	for u := range b.core.ListIncompleteUploads(ctx, b.at.Bucket, b.at.Prefix, true) {
		err := u.Err
		if err == nil && u.Initiated.Before(before) {
			err = b.core.AbortMultipartUpload(ctx, b.at.Bucket, u.Key, u.UploadID)
		}
		if err != nil {
			if err = b.wrong(err, "clear up", "unfinished uploads"); !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// Mark implements Store.
func (b *Bucket) Mark(ctx context.Context) (mark string, err error) {
	err = b.ask(ctx, func(ctx context.Context) error {
		r, _, _, err := b.core.GetObject(ctx, b.at.Bucket, b.key(bucketMark), minio.GetObjectOptions{})
		if err != nil {
			return err
		}
		defer r.Close()
		text, err := io.ReadAll(io.LimitReader(r, 1024))
		mark = strings.TrimSpace(string(text))
		return err
	})
	if err = b.wrong(err, "read", "the mark"); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return mark, err
}

// SetMark implements Store.
func (b *Bucket) SetMark(ctx context.Context, mark string) error {
	text := mark + "\n"
	err := b.ask(ctx, func(ctx context.Context) error {
		_, err := b.core.PutObject(ctx, b.at.Bucket, b.key(bucketMark), strings.NewReader(text), int64(len(text)), "", "", minio.PutObjectOptions{ContentType: "text/plain"})
		return err
	})
	return b.wrong(err, "write", "the mark")
}

// Signed returns an address under which anyone can read a file for the given
// time.
func (b *Bucket) Signed(ctx context.Context, name string, valid time.Duration) (string, error) {
	if err := CheckName(name); err != nil {
		return "", fmt.Errorf("sign %q: %w", name, err)
	}
	u, err := b.core.PresignedGetObject(ctx, b.at.Bucket, b.key(name), valid, url.Values{})
	if err != nil {
		return "", b.wrong(err, "sign", name)
	}
	return u.String(), nil
}

// wrong turns an error of the client into one of a Store.
func (b *Bucket) wrong(err error, doing, name string) error {
	if err == nil {
		return nil
	}
	var said minio.ErrorResponse
	errors.As(err, &said) // finds nothing if the error is not from the server
	switch {
	case errors.Is(err, context.Canceled) && !errors.Is(err, errStalled):
		return fmt.Errorf("%s %q: %w", doing, name, err)
	case said.StatusCode == http.StatusPreconditionFailed, said.StatusCode == http.StatusConflict:
		return fmt.Errorf("%s %q: %w: %w", doing, name, fs.ErrExist, err)
	case said.Code == minio.NoSuchKey, said.Code == "NoSuchUpload":
		return fmt.Errorf("%s %q: %w", doing, name, fs.ErrNotExist)
	case said.StatusCode == http.StatusForbidden, said.StatusCode == http.StatusUnauthorized, said.Code == minio.NoSuchBucket:
		return fmt.Errorf("%s %q: %w, %w: %w", doing, name, ErrUnavailable, ErrRefused, err)
	}
	return fmt.Errorf("%s %q: %w: %w", doing, name, ErrUnavailable, err)
}

// object reads a file of a bucket.
type object struct {
	bucket *Bucket
	ctx    context.Context // of the request that reads, since io.Reader has no context
	name   string
	size   int64
	at     int64
	body   io.ReadCloser
	watch  *watchdog
}

// Read implements io.Reader. With an empty slice it only requests the file.
func (o *object) Read(p []byte) (int, error) {
	if o.body == nil {
		if err := o.begin(); err != nil {
			return 0, err
		}
	}
	if len(p) == 0 {
		return 0, nil
	}
	if o.at >= o.size {
		return 0, io.EOF
	}
	o.watch.touch()
	n, err := o.body.Read(p)
	o.watch.rest()
	o.at += int64(n)
	if err != nil && err != io.EOF {
		err = o.bucket.wrong(o.watch.cause(err), "read", o.name)
	}
	return n, err
}

// begin requests the file from the current offset.
func (o *object) begin() error {
	opts := minio.GetObjectOptions{}
	if o.at > 0 && o.at < o.size {
		if err := opts.SetRange(o.at, 0); err != nil {
			return err
		}
	}
	ctx, w := o.bucket.watch(o.ctx)
	body, _, _, err := o.bucket.core.GetObject(ctx, o.bucket.at.Bucket, o.bucket.key(o.name), opts)
	if err != nil {
		err = o.bucket.wrong(w.cause(err), "read", o.name)
		w.stop()
		return err
	}
	w.rest()
	o.body, o.watch = body, w
	return nil
}

// Seek implements io.Seeker.
func (o *object) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += o.at
	case io.SeekEnd:
		offset += o.size
	}
	if offset < 0 {
		return 0, errors.New("seek before the beginning")
	}
	if offset == o.at {
		return offset, nil
	}
	o.at = offset
	return offset, o.Close()
}

// Close implements io.Closer. The file can be read again.
func (o *object) Close() error {
	if o.body == nil {
		return nil
	}
	body := o.body
	o.body = nil
	o.watch.stop()
	return body.Close()
}

// errStalled is the error of a request that a watchdog ended.
var errStalled = errors.New("no byte went to or came from the S3 server for too long")

// watchdog ends the context of a request when nothing moves for a while,
// however long the whole request takes.
type watchdog struct {
	ctx     context.Context
	cancel  context.CancelCauseFunc
	timer   *time.Timer
	stalled time.Duration
}

func (b *Bucket) watch(ctx context.Context) (context.Context, *watchdog) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watchdog{ctx: ctx, cancel: cancel, stalled: b.stalled}
	w.timer = time.AfterFunc(w.stalled, func() { cancel(errStalled) })
	return ctx, w
}

func (w *watchdog) touch() { w.timer.Reset(w.stalled) }

// rest pauses the watchdog while the wait is not for the server.
func (w *watchdog) rest() { w.timer.Stop() }

func (w *watchdog) stop() {
	w.timer.Stop()
	w.cancel(nil)
}

// cause replaces an error that the watchdog has caused by errStalled.
func (w *watchdog) cause(err error) error {
	if err != nil && errors.Is(context.Cause(w.ctx), errStalled) {
		return fmt.Errorf("%w: %w", errStalled, err)
	}
	return err
}

// reader returns a reader that reports to the watchdog. It can be read again,
// so that a request can be repeated.
func (w *watchdog) reader(r *io.SectionReader) io.ReadSeeker { return &watchedReader{r, w} }

type watchedReader struct {
	*io.SectionReader
	watch *watchdog
}

func (r *watchedReader) Read(p []byte) (int, error) {
	r.watch.touch()
	return r.SectionReader.Read(p)
}
