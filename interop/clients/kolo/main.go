// Command kolo publishes, edits, lists and deletes posts with the Go package github.com/kolo/xmlrpc.
//
// It reads from the environment: QG_URL, QG_IMAGE (a PNG file), and either QG_PUBLIC and QG_SECRET (signed calls) or
// QG_USER and QG_PASSWORD. The last line is "ok" when everything was as it should be.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/kolo/xmlrpc"
)

// signing signs what goes through it.
type signing struct{ public, secret string }

func (s signing) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	inner := sha256.Sum256(append([]byte(s.secret), body...))
	outer := sha256.Sum256([]byte(s.secret + hex.EncodeToString(inner[:])))
	out := r.Clone(r.Context())
	out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	out.Header.Set("Authorization", s.public+"||"+hex.EncodeToString(outer[:]))
	return http.DefaultTransport.RoundTrip(out)
}

type object = map[string]any

// post is what the library decodes a post into; a member of another type would be an error.
type post struct {
	ID     string    `xmlrpc:"post_id"`
	Title  string    `xmlrpc:"post_title"`
	Date   time.Time `xmlrpc:"post_date"`
	Sticky bool      `xmlrpc:"sticky"`
	Terms  []struct {
		Name     string `xmlrpc:"name"`
		Taxonomy string `xmlrpc:"taxonomy"`
		Count    int    `xmlrpc:"count"`
	} `xmlrpc:"terms"`
	Fields []struct {
		Key   string `xmlrpc:"key"`
		Value string `xmlrpc:"value"`
	} `xmlrpc:"custom_fields"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("ok")
}

func run() error {
	public, user, password := os.Getenv("QG_PUBLIC"), os.Getenv("QG_USER"), os.Getenv("QG_PASSWORD")
	transport := http.DefaultTransport
	if public != "" {
		user, password, transport = "", "", signing{public, os.Getenv("QG_SECRET")}
	}
	client, err := xmlrpc.NewClient(os.Getenv("QG_URL"), transport)
	if err != nil {
		return err
	}
	defer client.Close()
	var failed []error
	call := func(result any, method string, args ...any) {
		if err := client.Call(method, append([]any{1, user, password}, args...), result); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", method, err))
		}
	}
	check := func(what string, got, want any) {
		if fmt.Sprint(got) != fmt.Sprint(want) {
			failed = append(failed, fmt.Errorf("%s: got %v, want %v", what, got, want))
		}
	}

	var blogs []struct {
		ID   string `xmlrpc:"blogid"`
		Name string `xmlrpc:"blogName"`
	}
	if err := client.Call("wp.getUsersBlogs", []any{user, password}, &blogs); err != nil {
		return err
	}
	check("blogs", len(blogs), 1)

	picture, err := os.ReadFile(os.Getenv("QG_IMAGE"))
	if err != nil {
		return err
	}
	var media struct {
		ID  string `xmlrpc:"id"`
		URL string `xmlrpc:"url"`
	}
	call(&media, "wp.uploadFile", object{"name": "kolo.png", "type": "image/png", "bits": xmlrpc.Base64(base64.StdEncoding.EncodeToString(picture))})
	resp, err := http.Get(media.URL)
	if err != nil {
		return errors.Join(append(failed, err)...)
	}
	defer resp.Body.Close()
	fetched, err := io.ReadAll(resp.Body)
	if err != nil {
		return errors.Join(append(failed, err)...)
	}
	check("picture as fetched", bytes.Equal(fetched, picture), true)

	title, date := "Größe, 世界 🚀 & <i>more</i>", time.Date(2024, 2, 29, 13, 14, 15, 0, time.UTC)
	var id string
	call(&id, "wp.newPost", object{
		"post_title": title, "post_content": "Zeile\nline & <p>\"quoted\"</p>", "post_status": "publish", "post_date": date,
		"post_thumbnail": media.ID, "terms_names": object{"post_tag": []any{"Käse", "日本"}},
		"custom_fields": []any{object{"key": "mood", "value": "très content"}},
	})
	var got post
	call(&got, "wp.getPost", id)
	check("title", got.Title, title)
	check("date", got.Date.Format(time.DateTime), date.Format(time.DateTime))
	tags := 0
	for _, t := range got.Terms {
		if t.Taxonomy == "post_tag" && (t.Name == "Käse" || t.Name == "日本") && t.Count > 0 {
			tags++
		}
	}
	check("tags", tags, 2)
	check("custom fields", got.Fields, "[{mood très content}]")

	var done bool
	call(&done, "wp.editPost", id, object{"post_title": "Geändert ✎", "sticky": true})
	check("edit", done, true)
	var listed []post
	call(&listed, "wp.getPosts", object{"number": 5, "s": "Geändert"}, []any{"post_id", "post_title", "sticky"})
	check("listed", fmt.Sprint(len(listed), listed), fmt.Sprint(1, []post{{ID: id, Title: "Geändert ✎", Sticky: true}}))
	call(&done, "wp.deletePost", id)
	call(&done, "wp.deletePost", id)
	// The library hands faults on as text.
	err = client.Call("wp.deletePost", []any{1, user, password, id}, &done)
	check("a deleted post", strings.HasPrefix(fmt.Sprint(err), "Fault(404)"), true)
	if public == "" {
		err = client.Call("wp.getProfile", []any{1, user, password + "x"}, nil)
		check("a wrong password", strings.HasPrefix(fmt.Sprint(err), "Fault(403)"), true)
	}
	return errors.Join(failed...)
}
