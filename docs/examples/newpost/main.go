// Command newpost publishes a post with a signed call and prints its id: newpost TITLE TEXT
package main

import (
	"fmt"
	"log"
	"os"

	"github.com/kolo/xmlrpc"
	"github.com/quillgate/quillgate/signer"
)

func main() {
	keys := signer.Transport{Public: os.Getenv("BLOG_PUBLIC"), Secret: os.Getenv("BLOG_SECRET")}
	blog, err := xmlrpc.NewClient(os.Getenv("BLOG_URL"), keys)
	if err != nil {
		log.Fatal(err)
	}
	post := map[string]any{"post_title": os.Args[1], "post_content": os.Args[2], "post_status": "publish"}
	var id string
	if err := blog.Call("wp.newPost", []any{1, "", "", post}, &id); err != nil {
		log.Fatal(err)
	}
	fmt.Println(id)
}
