package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/quillgate/quillgate/server"
)

type serveCmd struct{}

// Help is shown by quillgate serve --help.
func (serveCmd) Help() string {
	return `The first start makes everything in the data folder and prints what to paste into a client, the password once.
SIGINT and SIGTERM let the running requests end, then the server.`
}

func (c *serveCmd) Run(ctx context.Context, s *settings, io streams) (err error) {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	listener, err := net.Listen("tcp", s.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", s.Listen, err)
	}
	defer listener.Close()
	base, err := baseOf(actual(s.Listen, listener))
	if err != nil {
		return err
	}
	var metrics net.Listener
	if s.MetricsListen != "" {
		if metrics, err = net.Listen("tcp", s.MetricsListen); err != nil {
			return fmt.Errorf("listen for metrics on %s: %w", s.MetricsListen, err)
		}
		defer metrics.Close()
	}
	logger := s.logger(io.err)
	blog, err := openBlog(ctx, s, base, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, blog.Close()) }()
	config := server.Config{Blog: blog, MaxBody: int64(s.MaxBody), Introspection: s.Introspection, Logger: logger}
	if config.TrustedProxies, err = networks(s.TrustedProxies); err != nil {
		return err
	}
	if config.ThrottleExempt, err = networks(s.ThrottleExempt); err != nil {
		return err
	}
	srv, err := server.New(config)
	if err != nil {
		return err
	}
	password, err := blog.FirstAdministrator(ctx)
	if err != nil {
		return err
	}
	greet(io, s, blog.Site.BaseURL(), password)
	return srv.Run(ctx, listener, metrics)
}

// actual is the listen address with the port that the system chose when the settings said 0.
func actual(listen string, l net.Listener) string {
	host, _, err := net.SplitHostPort(listen)
	_, port, errPort := net.SplitHostPort(l.Addr().String())
	if err != nil || errPort != nil {
		return listen
	}
	return net.JoinHostPort(host, port)
}

// greet says where the server is. On the first start it says everything that a client has to be told.
func greet(io streams, s *settings, base, password string) {
	if password == "" {
		fmt.Fprintf(io.out, "quillgate serves %s/xmlrpc.php\n", base)
		return
	}
	fmt.Fprintf(io.out, `Quillgate is running. To connect a publishing program, give it:

  Endpoint:  %s/xmlrpc.php
  User name: admin
  Password:  %s

The password is shown this once. Better than a password is a key, with which a program signs its requests:

  %s

`, base, password, keyCommand(s))
}

// keyCommand is the command that makes a key for this blog, to be pasted into a shell.
func keyCommand(s *settings) string {
	program := "quillgate"
	if strings.ContainsRune(os.Args[0], filepath.Separator) {
		program = quoted(os.Args[0]) // it is not in the search path: say it as it was said
	}
	words := []string{program, "app", "create", "--user", "admin", "--name", `"My program"`}
	if s.dataGiven() {
		words = append(words, "--data", quoted(s.Data))
	}
	return strings.Join(words, " ")
}

// quoted writes a word so that a shell reads it as one.
func quoted(word string) string {
	if word != "" && strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-") == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
