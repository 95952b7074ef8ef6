package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/alecthomas/kong"

	"github.com/quillgate/quillgate/signer/local"
)

// signListen is the default address of the signer.
const signListen = "127.0.0.1:8787"

// signCmd is the signer on the user's own computer.
type signCmd struct {
	signFlags

	Serve signServeCmd `cmd:"" default:"withargs" help:"Serve the blogs that were added (default)."`
	Add   signAddCmd   `cmd:"" help:"Add a blog."`
	List  signListCmd  `cmd:"" help:"List the blogs."`
	Show  signShowCmd  `cmd:"" help:"Show what to enter in a publishing client."`
	Check signCheckCmd `cmd:"" help:"Test the whole connection to a blog, and explain how to fix what fails."`

	Rotate    signRotateCmd    `cmd:"" help:"Replace the key of a blog."`
	Remove    signRemoveCmd    `cmd:"" help:"Revoke the key at a blog, and remove the blog here."`
	Seal      signSealCmd      `cmd:"" help:"Seal all stored keys."`
	Export    signExportCmd    `cmd:"" help:"Print the settings without secrets."`
	Import    signImportCmd    `cmd:"" help:"Import exported settings."`
	Install   signInstallCmd   `cmd:"" help:"Start the signer at each login."`
	Uninstall signUninstallCmd `cmd:"" help:"Stop starting the signer at login."`
}

// signFlags are the flags of all sign commands.
type signFlags struct {
	Dir            string   `help:"Folder for the signer's data. Default: the user's configuration folder." type:"path" placeholder:"DIR" env:"QUILLGATE_SIGN_DIR" group:"Signer"`
	PassPhraseFile string   `help:"File with the pass-phrase that seals the keys, instead of the keyring." type:"path" placeholder:"FILE" env:"QUILLGATE_SIGN_PASS_PHRASE_FILE" group:"Signer"`
	Roots          []string `help:"Certificates (PEM) of a private certificate authority, in addition to the system's." type:"existingfile" placeholder:"FILE" env:"QUILLGATE_SIGN_ROOTS" group:"Signer"`
	Proxy          string   `help:"Proxy for calls to the blogs. Default: HTTPS_PROXY and NO_PROXY." placeholder:"URL" env:"QUILLGATE_SIGN_PROXY" group:"Signer"`
}

// folder opens the signer's folder.
func (f *signFlags) folder(io streams) (*local.Folder, error) {
	if err := local.Protect(); err != nil {
		return nil, err
	}
	path := f.Dir
	if path == "" {
		config, err := os.UserConfigDir()
		if err != nil {
			return nil, fmt.Errorf("find the configuration folder: %w: give a folder with --dir", err)
		}
		path = filepath.Join(config, "quillgate-sign")
	}
	keys := local.Keys{Keyring: local.SystemKeyring{}}
	if f.PassPhraseFile != "" {
		keys.PassPhrase = func() ([]byte, error) { return readSecretBytes(io, f.PassPhraseFile, "pass-phrase") }
	}
	return local.OpenFolder(path, keys)
}

// listenAddress returns the address at which the signer of a folder listens:
// the value of --listen, then the variable QUILLGATE_SIGN_LISTEN, then the last
// value of --listen. The server's variable, QUILLGATE_LISTEN, does not apply to
// the signer.
func listenAddress(k *kong.Context, s *settings, book *local.Book) (string, error) {
	kept, err := book.Listen()
	if err != nil {
		return "", err
	}
	for _, p := range k.Path {
		if p.Flag == nil || p.Flag.Name != "listen" || p.Resolved {
			continue
		}
		if s.Listen == kept {
			return kept, nil
		}
		if _, port, err := net.SplitHostPort(s.Listen); err == nil && port == "0" {
			return s.Listen, nil // port 0 is another port at each start
		}
		return s.Listen, book.SetListen(s.Listen)
	}
	if said := os.Getenv("QUILLGATE_SIGN_LISTEN"); said != "" {
		return said, nil
	}
	return cmp.Or(kept, signListen), nil
}

// listening opens the signer's folder and returns the address at which it listens.
func (f *signFlags) listening(k *kong.Context, s *settings, io streams) (*local.Folder, string, error) {
	folder, err := f.folder(io)
	if err != nil {
		return nil, "", err
	}
	address, err := listenAddress(k, s, folder.Book)
	return folder, address, err
}

// signServeCmd serves clients that cannot sign until a signal comes.
type signServeCmd struct{}

func (c *signServeCmd) Run(ctx context.Context, flags *signFlags, s *settings, io streams, k *kong.Context) (err error) {
	folder, address, err := flags.listening(k, s, io)
	if err != nil {
		return err
	}
	signerMemory()
	transport, err := local.NewTransport(flags.Roots, flags.Proxy)
	if err != nil {
		return err
	}
	logPath := filepath.Join(folder.Path, "sign.log")
	logFile, err := local.OpenLog(logPath, local.MaxLog)
	if err != nil {
		return err
	}
	defer logFile.Close()
	logger := slog.New(slog.NewTextHandler(logFile, nil))
	proxy, err := local.NewProxy(local.Config{Book: folder.Book, Vault: folder.Vault, Transport: transport, Log: logger, LogPath: logPath, Version: version})
	if err != nil {
		return err
	}
	on, err := local.Listen(ctx, address)
	if err != nil {
		return err
	}
	if err := folder.Vault.Unlock(ctx); err != nil {
		if errors.Is(err, local.ErrPassPhrase) {
			return err
		}
		// A keyring is often locked until the user has signed in.
		fmt.Fprintf(io.err, "The keys cannot be opened yet: %v. Until they can, calls are answered with a fault.\n", err)
	}
	fmt.Fprintf(io.out, "The signer serves http://%s/ and logs to %s.\n", on[0].Addr(), logPath)
	rest := &resting{proxy, time.AfterFunc(signerRest, debug.FreeOSMemory)}
	defer rest.timer.Stop()
	return serveAll(ctx, rest, on)
}

// signerMemory lets the signer collect garbage less often. The signer uses
// little memory, so Go's usual rule would start a collection every few dozen
// calls. GOGC and GOMEMLIMIT take precedence.
func signerMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(32 << 20)
	}
}

// signerRest is how long after the last call the signer returns its memory to
// the system.
const signerRest = 20 * time.Second

// resting returns memory to the system after a time without calls, because the
// signer runs all day but is used for minutes.
type resting struct {
	http.Handler
	timer *time.Timer
}

// ServeHTTP implements http.Handler.
func (h *resting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.Handler.ServeHTTP(w, r)
	h.timer.Reset(signerRest)
}

// serveAll serves until the context ends. Calls in progress then have 30
// seconds to finish.
func serveAll(ctx context.Context, h http.Handler, on []net.Listener) error {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 20 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	ended := make(chan error, len(on))
	for _, l := range on {
		go func() { ended <- srv.Serve(l) }()
	}
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", errors.Join(err, srv.Close()))
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	if err := srv.Shutdown(stop); err != nil {
		return errors.Join(fmt.Errorf("end the calls in progress: %w", err), srv.Close())
	}
	return nil
}
