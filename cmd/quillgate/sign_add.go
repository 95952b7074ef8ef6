package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/quillgate/quillgate/signature"
	"github.com/quillgate/quillgate/signer"
	"github.com/quillgate/quillgate/signer/local"
	"github.com/quillgate/quillgate/xmlrpc"
)

type signAddCmd struct {
	URL        string `arg:"" help:"Address of the blog or of its endpoint."`
	Name       string `help:"Name of the blog on this computer. Default: its host name." placeholder:"NAME"`
	Public     string `help:"Public key of a pair that exists already." placeholder:"KEY"`
	SecretFile string `help:"File with the secret of that pair, or with its private key in PEM; - is the standard input." placeholder:"FILE"`
	Store      string `help:"What seals the keys: ${enum}. Default: the keyring where there is one." enum:",keyring,file,none" default:"" placeholder:"WORD"`
	JSON       bool   `name:"json" help:"Print JSON and ask nothing."`
}

// sealing is how a new folder seals its keys.
func (c *signAddCmd) sealing(ctx context.Context, flags *signFlags) (local.Sealing, error) {
	switch c.Store {
	case "keyring":
		return local.SealedByKeyring, nil
	case "file":
		if flags.PassPhraseFile == "" {
			return "", usageError{errors.New("--store file needs --pass-phrase-file")}
		}
		return local.SealedByPassPhrase, nil
	case "none":
		return local.Unsealed, nil
	}
	if flags.PassPhraseFile != "" {
		return local.SealedByPassPhrase, nil
	}
	if err := (local.SystemKeyring{}).Available(ctx); err != nil {
		return "", fmt.Errorf("%w; --store file with --pass-phrase-file seals the keys without a keyring", err)
	}
	return local.SealedByKeyring, nil
}

func (c *signAddCmd) Run(ctx context.Context, flags *signFlags, io streams) error {
	folder, err := flags.folder(io)
	if err != nil {
		return err
	}
	how, err := c.sealing(ctx, flags)
	if err != nil {
		return err
	}
	if c.Public == "" || c.SecretFile == "" {
		return usageError{errors.New("give --public and --secret-file")}
	}
	endpoint, err := url.Parse(c.URL)
	if err != nil || endpoint.Host == "" || endpoint.Scheme != "http" && endpoint.Scheme != "https" {
		return usageError{fmt.Errorf("%q is not an address that begins with https:// or http://", c.URL)}
	}
	if !strings.HasSuffix(endpoint.Path, ".php") {
		endpoint.Path = strings.TrimRight(endpoint.Path, "/") + "/xmlrpc.php"
	}
	transport, err := local.NewTransport(flags.Roots, flags.Proxy)
	if err != nil {
		return err
	}
	client := &http.Client{Transport: transport, Timeout: 60 * time.Second}
	kind, err := kindOf(ctx, client, endpoint.String())
	if err != nil {
		return err
	}
	site := local.Site{
		Name: c.Name, Endpoint: endpoint.String(), Home: strings.TrimSuffix(endpoint.String(), "xmlrpc.php"), Kind: kind,
		Public: c.Public, Added: time.Now().UTC().Truncate(time.Second),
	}
	if site.Name == "" {
		site.Name = endpoint.Hostname()
	}
	var secret local.Secret
	text, err := readSecret(io, c.SecretFile, "secret")
	if err != nil {
		return err
	}
	t := signer.Transport{Public: c.Public, Base: transport}
	if strings.Contains(text, "-----BEGIN ") {
		key, err := signature.ParsePrivateKey("", []byte(text))
		if err != nil {
			return fmt.Errorf("read the private key: %w", err)
		}
		secret.Private, site.Algorithm, t.Private = text, string(key.Algorithm()), key
	} else {
		secret.Secret, t.Secret = text, text
	}
	client.Transport = t
	profile, err := ask(ctx, client, site.Endpoint, "wp.getProfile", xmlrpc.Int(1), xmlrpc.String(""), xmlrpc.String(""))
	if err != nil {
		return fmt.Errorf("try the key: %w", err)
	}
	site.User = profile.Get("username").Text()
	password, err := folder.Add(ctx, site, secret, how)
	if err != nil {
		return err
	}
	return printSite(io, &site, password, c.JSON)
}

// kindOf asks a server what it is by the methods that it has.
func kindOf(ctx context.Context, client *http.Client, endpoint string) (local.Kind, error) {
	list, err := ask(ctx, client, endpoint, "system.listMethods")
	if err != nil {
		return "", fmt.Errorf("ask %s what it is: %w", endpoint, err)
	}
	var names []string
	for _, v := range list.Elements() {
		names = append(names, v.Text())
	}
	switch {
	case slices.Contains(names, "xmlrpcs.introspect"):
		return local.Quillgate, nil
	case slices.Contains(names, "xmlrpcs.createApplication"):
		return local.Plugin, nil
	}
	return local.WordPress, nil
}

// ask calls a method and reads the answer.
func ask(ctx context.Context, client *http.Client, endpoint, method string, params ...xmlrpc.Value) (xmlrpc.Value, error) {
	body := xmlrpc.AppendCall(nil, method, params...)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, bytes.NewReader(body))
	if err != nil {
		return xmlrpc.Value{}, err
	}
	r.Header.Set("Content-Type", "text/xml")
	r.Header.Set("User-Agent", "quillgate-sign/"+version)
	resp, err := client.Do(r)
	if err != nil {
		return xmlrpc.Value{}, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	if err != nil {
		return xmlrpc.Value{}, err
	}
	return xmlrpc.DecodeResponse(answer, xmlrpc.Limits{})
}

// printSite prints what to enter in a publishing program.
func printSite(out streams, site *local.Site, password string, asJSON bool) error {
	endpoint := "http://" + signListen + site.LocalPath()
	if asJSON {
		return writeJSON(out.out, map[string]string{"endpoint": endpoint, "user": site.User, "password": password})
	}
	_, err := fmt.Fprintf(out.out, "Enter this in the publishing program:\n\n  address   %s\n  user      %s\n  password  %s\n\n%s\n", endpoint, site.User, password, site.Kind.Words())
	return err
}

type signListCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

func (c *signListCmd) Run(flags *signFlags, io streams) error {
	folder, err := flags.folder(io)
	if err != nil {
		return err
	}
	sites, err := folder.Book.Sites()
	if err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(io.out, sites)
	}
	for _, s := range sites {
		fmt.Fprintf(io.out, "%s\t%s\t%s\n", s.Name, s.Kind, s.Endpoint)
	}
	return nil
}

type signShowCmd struct {
	Name     string `arg:"" help:"Name of the blog."`
	Password bool   `help:"Print the local password too."`
	JSON     bool   `name:"json" help:"Print JSON."`
}

func (c *signShowCmd) Run(ctx context.Context, flags *signFlags, io streams) error {
	folder, err := flags.folder(io)
	if err != nil {
		return err
	}
	site, err := folder.Book.Site(c.Name)
	if err != nil {
		return err
	}
	password := "(quillgate sign show " + c.Name + " --password prints it)"
	if c.Password {
		secret, err := folder.Secret(ctx, c.Name)
		if err != nil {
			return err
		}
		password = secret.Local
	}
	return printSite(io, &site, password, c.JSON)
}
