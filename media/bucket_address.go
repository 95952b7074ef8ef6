package media

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
)

// BucketAddress is the location of a bucket.
type BucketAddress struct {
	Bucket string
	// Prefix begins the names of all objects. It is empty or ends in a slash.
	Prefix   string
	Endpoint *url.URL // scheme and host of the server
	Region   string
	// PathStyle puts the bucket into the path of addresses instead of the host
	// name. Most servers other than Amazon's need it.
	PathStyle bool
}

// BucketScheme begins the addresses of buckets.
const BucketScheme = "s3://"

// maxPrefix leaves room for the names of files: S3 allows 1,024 bytes for both.
const maxPrefix = 100

// ParseBucket parses
// s3://BUCKET/PREFIX?endpoint=https://HOST&region=REGION&path-style=true. The
// default endpoint is that in AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL,
// otherwise Amazon's; the default region that in AWS_REGION or
// AWS_DEFAULT_REGION, otherwise us-east-1. Unless the endpoint is Amazon's, the
// bucket is in the path of addresses. An address never contains credentials.
func ParseBucket(address string) (BucketAddress, error) {
	var a BucketAddress
	u, err := url.Parse(address)
	if err != nil {
		return a, errors.New("not an address") // the error of url quotes the address, which may hold a secret
	}
	query, err := url.ParseQuery(u.RawQuery)
	switch {
	case u.Scheme+"://" != BucketScheme || u.Opaque != "":
		return a, fmt.Errorf("the address of a bucket begins with %s", BucketScheme)
	case u.User != nil:
		return a, errors.New("the address has credentials in it; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY instead")
	case u.Host == "" || u.Port() != "":
		return a, errors.New("the address names no bucket: write s3://BUCKET or s3://BUCKET/PREFIX, and the server as ?endpoint=https://HOST:PORT")
	case u.Fragment != "" || err != nil:
		return a, errors.New("the part after the question mark is not a list of parameters")
	}
	for name, values := range query {
		if !slices.Contains([]string{"endpoint", "region", "path-style"}, name) {
			return a, fmt.Errorf("unknown parameter %q: there are endpoint, region and path-style; credentials are read from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", name)
		}
		if len(values) > 1 {
			return a, fmt.Errorf("the parameter %s is there twice", name)
		}
	}
	a.Bucket, a.Prefix = u.Host, strings.Trim(u.Path, "/")
	if err := checkBucket(a.Bucket); err != nil {
		return a, err
	}
	if a.Prefix != "" {
		if err := CheckName(a.Prefix); err != nil || len(a.Prefix) > maxPrefix {
			return a, fmt.Errorf("the prefix must be words separated by slashes, at most %d bytes", maxPrefix)
		}
		a.Prefix += "/"
	}
	a.Region = cmp.Or(query.Get("region"), os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"), "us-east-1")
	given := cmp.Or(query.Get("endpoint"), os.Getenv("AWS_ENDPOINT_URL_S3"), os.Getenv("AWS_ENDPOINT_URL"))
	a.PathStyle = given != ""
	a.Endpoint, err = url.Parse(cmp.Or(given, "https://s3.amazonaws.com"))
	if err != nil || a.Endpoint.Scheme != "https" && a.Endpoint.Scheme != "http" || a.Endpoint.Host == "" || a.Endpoint.User != nil ||
		strings.Trim(a.Endpoint.Path, "/") != "" || a.Endpoint.RawQuery != "" || a.Endpoint.Fragment != "" {
		return a, errors.New("the endpoint must be https:// or http:// with a host name, such as https://s3.example.com")
	}
	if style := query.Get("path-style"); style != "" {
		if a.PathStyle, err = strconv.ParseBool(style); err != nil {
			return a, errors.New("path-style must be true or false")
		}
	}
	return a, nil
}

// checkBucket refuses invalid bucket names.
func checkBucket(name string) error {
	bad := strings.IndexFunc(name, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.'
	})
	if bad >= 0 || len(name) < 3 || len(name) > 63 {
		return errors.New("the name of a bucket has 3 to 63 small letters, digits, dashes and dots")
	}
	return nil
}

// String describes in words where the bucket is.
func (a BucketAddress) String() string {
	return BucketScheme + a.Bucket + "/" + a.Prefix + " at " + a.Endpoint.Scheme + "://" + a.Endpoint.Host
}
