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
	log.SetFlags(0)
	if len(os.Args) != 3 || os.Getenv("BLOG_URL") == "" || os.Getenv("BLOG_PUBLIC") == "" || os.Getenv("BLOG_SECRET") == "" {
		log.Fatal("Set BLOG_URL, BLOG_PUBLIC and BLOG_SECRET, and give a title and a text.")
	}
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
