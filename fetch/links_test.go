package fetch_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/fetch"
)

func TestLinks(t *testing.T) {
	page := `<!DOCTYPE html><HEAD><LINK REL="EditURI" href="/rsd?a&amp;b"><link href=x /><!-- <link rel=no> --><a rel=no href=no>
<script>"<link rel=no>"</script></link><link rel=next>`
	var got [][2]string
	for rel, href := range fetch.Links(page) {
		got = append(got, [2]string{rel, href})
	}
	want := [][2]string{{"EditURI", "/rsd?a&b"}, {"", "x"}, {"next", ""}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("links of %s (-want +got):\n%s", page, diff)
	}
	for range fetch.Links(page) {
		return // a caller may stop
	}
	t.Error("there was no link")
}
