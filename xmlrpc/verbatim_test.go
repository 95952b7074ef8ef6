package xmlrpc_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/xmlrpc"
)

func TestWriteCallWritesWhatAppendCallDoes(t *testing.T) {
	params := []xmlrpc.Value{
		xmlrpc.Int(1), xmlrpc.String(strings.Repeat("<long & ü>", 20_000)), xmlrpc.Bytes(bytes.Repeat([]byte("xyz"), 50_000)),
		xmlrpc.Struct(xmlrpc.M("a", xmlrpc.Array()), xmlrpc.M("b", xmlrpc.Value{})),
	}
	var got bytes.Buffer
	if err := xmlrpc.WriteCall(&got, "wp.newPost", params...); err != nil {
		t.Fatal(err)
	}
	if want := xmlrpc.AppendCall(nil, "wp.newPost", params...); !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%d bytes differ from %d", got.Len(), len(want))
	}
}

func TestVerbatimIsWrittenAsItIs(t *testing.T) {
	const inner = "<value><i4>12</i4></value>"
	v := xmlrpc.Array(xmlrpc.Verbatim(func(w io.Writer) error {
		_, err := io.WriteString(w, inner)
		return err
	}))
	if got := string(xmlrpc.AppendResponse(nil, v)); !strings.Contains(got, "<data>"+inner+"</data>") {
		t.Errorf("got %s", got)
	}
	broken := errors.New("the other server broke off")
	err := xmlrpc.WriteCall(io.Discard, "x", xmlrpc.Verbatim(func(io.Writer) error { return broken }))
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}
