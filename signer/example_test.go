package signer_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/kolo/xmlrpc"

	"github.com/quillgate/quillgate/signature"
	"github.com/quillgate/quillgate/signer"
)

// A program that uses github.com/kolo/xmlrpc signs its requests by giving the
// client a transport. The user name and password of the methods stay empty.
func Example() {
	blog := httptest.NewServer(http.HandlerFunc(sayHello))
	defer blog.Close()

	client, err := xmlrpc.NewClient(blog.URL+"/xmlrpc.php", signer.Transport{
		Public: "b730db0864b0d4453ba6a26ad6613cd4",
		Secret: "qgs_0123456789012345678901234567890123456789012345678",
	})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	var answer string
	if err := client.Call("demo.sayHello", nil, &answer); err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer)
	// Output: Hello!
}

// sayHello stands for the server.
func sayHello(w http.ResponseWriter, r *http.Request) {
	header, err := signature.Parse(r.Header.Get("Authorization"))
	hash := signature.NewHash("qgs_0123456789012345678901234567890123456789012345678")
	if _, errBody := io.Copy(hash, r.Body); err != nil || errBody != nil || !hash.Matches(header) {
		http.Error(w, "who are you?", http.StatusForbidden)
		return
	}
	io.WriteString(w, `<?xml version="1.0"?><methodResponse><params><param><value><string>Hello!</string></value></param></params></methodResponse>`)
}
