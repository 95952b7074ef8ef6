package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/site"
)

type serveCmd struct {
	Public string `help:"Show the blog to visitors: ${enum}. With off, only what publishing clients need is served." enum:"on,off" default:"on" placeholder:"on|off" env:"QUILLGATE_PUBLIC_PAGES" file:"public-pages" group:"Site"`
}

// Help is shown by quillgate serve --help.
func (serveCmd) Help() string {
	return `The first start creates everything in the data folder and prints what to enter in a client, including the
password, once. SIGINT and SIGTERM stop the server after running requests have finished, within 30 seconds;
a second signal stops it at once. SIGHUP reloads the certificate files.`
}

func (c *serveCmd) Run(ctx context.Context, s *settings, io streams) (err error) {
	on, err := s.listeners()
	if err != nil {
		return err
	}
	defer closeAll(on)
	base, err := s.home(actual(s.Listen, on.Plain), actual(s.TLSListen, on.Secure))
	if err != nil {
		return err
	}
	logger := s.logger(io.err)
	blog, err := openBlog(ctx, s, base, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, blog.Close()) }()
	if err := arrive(ctx, blog); err != nil {
		return err
	}
	if err := blog.ArriveMedia(ctx, logger); err != nil {
		return err
	}
	s.warnOfSealing(logger)
	config, err := s.server(logger)
	if err != nil {
		return err
	}
	config.Blog, config.EndpointOnly, config.Theme = blog, c.Public == "off", s.Theme
	if config.Mail, err = s.mailer(blog.Site.BaseURL()); err != nil {
		return err
	}
	srv, err := server.New(config)
	if err != nil {
		return err
	}
	password, code, err := c.firstStart(ctx, io, blog, logger)
	if err != nil {
		return err
	}
	greet(io, s, blog.Site.BaseURL(), password, code)
	logger.Info("quillgate starts", "version", version, "address", blog.Site.BaseURL())
	defer reloadOnHangup(srv, logger)()
	defer collectLater(serverRoom)()
	return srv.Run(ctx, on)
}

// server returns the settings of a server, whatever it serves.
func (s *settings) server(logger *slog.Logger) (config server.Config, err error) {
	config = server.Config{
		MaxBody: int64(s.MaxBody), Calls: s.Calls, FaultStatus: s.FaultStatus, HSTS: s.HSTS,
		AuthorizationFallback: s.AuthorizationFallback, Introspection: s.Introspection, Logger: logger,
		PasswordMode: auth.Mode(s.PasswordMode),
	}
	if config.TLS, err = s.tls(); err != nil {
		return config, err
	}
	if config.TrustedProxies, err = networks(s.TrustedProxies); err != nil {
		return config, err
	}
	config.ThrottleExempt, err = networks(s.ThrottleExempt)
	return config, err
}

// warnOfSealing explains at each start what it means that secrets are not
// encrypted.
func (s *settings) warnOfSealing(logger *slog.Logger) {
	if s.Sealing == "off" {
		logger.Warn("SEALING IS OFF: secrets are stored unencrypted, and anyone who can read the database or a backup of it has all of them; \"quillgate keys seal\" encrypts them")
	}
}

// actual returns the listen address with the port that the system chose for
// port 0.
func actual(listen string, l net.Listener) string {
	if l == nil {
		return listen
	}
	host, _, err := net.SplitHostPort(listen)
	_, port, errPort := net.SplitHostPort(l.Addr().String())
	if err != nil || errPort != nil {
		return listen
	}
	return net.JoinHostPort(host, port)
}

// firstStart creates the first administrator, and a code with which a browser
// can set another password. Neither belongs in a journal, which many can read
// and which is kept for long. If the output goes to the journal, firstStart
// prints instructions instead.
func (*serveCmd) firstStart(ctx context.Context, out streams, blog *server.Blog, logger *slog.Logger) (password, code string, err error) {
	if inJournal(out.out) {
		n, err := blog.Users.Count(ctx, auth.Filter{})
		if err == nil && n == 0 {
			logger.Warn("there are no users yet: create the first administrator with \"quillgate user add admin --role administrator\", as the user that runs this service and with the same settings")
		}
		return "", "", err
	}
	password, err = blog.FirstAdministrator(ctx)
	if err != nil || password == "" {
		return "", "", err
	}
	admin, err := blog.Users.ByLogin(ctx, "admin")
	if err != nil {
		return "", "", err
	}
	secret, err := blog.Users.NewSetUpCode(ctx, audit.Operator, admin.ID)
	return password, secret.Reveal(), err
}

// greet prints the address of the server. On the first start it also prints
// everything that a client needs.
func greet(io streams, s *settings, base, password, code string) {
	if password == "" {
		fmt.Fprintf(io.out, "quillgate serves %s\n", site.EndpointURL(base))
		return
	}
	fmt.Fprintf(io.out, `Quillgate is running. To connect a publishing client, enter:

  Endpoint:  %s
  User name: admin
  Password:  %s

The password is shown only once. To choose your own in the browser, open this link. It works once, within a day:

  %s

A key, with which a client signs its requests, is safer than a password:

  %s

`, site.EndpointURL(base), password, setUpLink(base, code), keyCommand(s))
}

// keyCommand returns the command that creates a key for this blog, to be pasted
// into a shell. It omits the database URL if the environment already has it or
// if it holds a password.
func keyCommand(s *settings) string {
	program := "quillgate"
	if strings.ContainsRune(os.Args[0], filepath.Separator) {
		program = quoted(os.Args[0]) // not in the search path: print the path as it was given
	}
	words := []string{program, "app", "create", "--user", "admin", "--name", `"My client"`}
	if s.Config != "" {
		words = append(words, "--config", quoted(s.Config))
	}
	if s.dataGiven() {
		words = append(words, "--data", quoted(s.Data))
	}
	if s.Keyset != "" && os.Getenv("QUILLGATE_KEYSET") == "" {
		words = append(words, "--keyset", quoted(s.Keyset))
	}
	if s.Sealing == "off" && os.Getenv("QUILLGATE_SEALING") == "" {
		words = append(words, "--sealing off")
	}
	if s.Database == "" {
		return strings.Join(words, " ")
	}
	if os.Getenv("QUILLGATE_DATABASE") != "" || hasPassword(s.Database) {
		return strings.Join(words, " ") + "\n\nwith the same database in QUILLGATE_DATABASE or --database as this server."
	}
	return strings.Join(append(words, "--database", quoted(s.Database)), " ")
}

// hasPassword reports whether a database URL may hold a password.
func hasPassword(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return true
	}
	_, has := u.User.Password()
	return has || u.Query().Has("password")
}

// listen explains what to do if the address is in use.
func listen(flag, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s is in use, perhaps by another quillgate: stop it, or choose another address with --%s", address, flag)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("this user may not listen on %s: choose a port of 1024 or above with --%s, or give quillgate the capability CAP_NET_BIND_SERVICE", address, flag)
	case err != nil:
		return nil, fmt.Errorf("--%s: %w", flag, err)
	}
	return l, nil
}

// quoted quotes a word for a shell.
func quoted(word string) string {
	if word != "" && strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-") == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
