package server_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/server/servertest"
	"github.com/quillgate/quillgate/xmlrpc"
)

// A client that disconnects while its call waits for the database causes no
// incident: the call is logged as cancelled, and so is each call of a batch.
func TestClientThatGoesAway(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, url string) {
		log := newLineLog()
		blog := open(t, url, nil)
		front := httptest.NewServer(newServer(t, server.Config{Blog: blog, Logger: slog.New(server.LogHandler(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))}).Handler())
		defer front.Close()
		user, err := blog.Users.ByLogin(t.Context(), "ada")
		if err != nil {
			t.Fatal(err)
		}
		app, secret := servertest.Key(t, blog.Keys, apps.New{UserID: user.ID, Name: "a client"})
		title := xmlrpc.Struct(xmlrpc.M("post_title", xmlrpc.String("Waits")))
		args := []xmlrpc.Value{xmlrpc.Int(1), xmlrpc.String(""), xmlrpc.String(""), title}
		one := xmlrpc.Struct(xmlrpc.M("methodName", xmlrpc.String("wp.newPost")), xmlrpc.M("params", xmlrpc.Array(args...)))
		for name, body := range map[string][]byte{
			"call":  xmlrpc.AppendCall(nil, "wp.newPost", args...),
			"batch": xmlrpc.AppendCall(nil, "system.multicall", xmlrpc.Array(one, one)),
		} {
			release := holdWriters(t, blog.DB, strings.HasPrefix(url, "postgres"))
			ctx, leave := context.WithCancel(t.Context())
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, front.URL+"/xmlrpc.php", bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			sign(r, app.Public, secret.Reveal())
			go func() {
				log.await("credential accepted")
				leave()
			}()
			if resp, err := front.Client().Do(r); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: the client got %v, %v", name, resp, err)
			}
			log.await("answered")
			release()
			text := log.take()
			if !strings.Contains(text, `"call cancelled: its client went away"`) || strings.Contains(text, "ERROR") || strings.Contains(text, "incident") {
				t.Errorf("%s: the log has\n%s", name, text)
			}
			if name == "call" && !strings.Contains(text, "outcome=cancelled") {
				t.Errorf("the line of the call has another outcome:\n%s", text)
			}
		}
	})
}

// lineLog is a log with lines that tests can wait for.
type lineLog struct {
	mu    sync.Mutex
	text  strings.Builder
	lines chan string
}

func newLineLog() *lineLog { return &lineLog{lines: make(chan string, 1000)} }

func (l *lineLog) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(line)
	l.lines <- string(line)
	return len(line), nil
}

// await waits until a line with these words was written, for at most a minute.
func (l *lineLog) await(words string) {
	late := time.After(time.Minute)
	for {
		select {
		case line := <-l.lines:
			if strings.Contains(line, words) {
				return
			}
		case <-late:
			return
		}
	}
}

func (l *lineLog) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.text.Reset()
	return l.text.String()
}

// holdWriters prevents all writes of posts until release is called.
func holdWriters(t *testing.T, db *database.DB, postgres bool) (release func()) {
	t.Helper()
	held, done := make(chan struct{}), make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		err := db.Update(context.Background(), func(tx *database.Tx) error {
			if postgres { // on SQLite there is one writer
				if _, err := tx.Exec(context.Background(), `LOCK TABLE posts IN ACCESS EXCLUSIVE MODE`); err != nil {
					return err
				}
			}
			close(held)
			<-done
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-held
	return func() {
		close(done)
		ended.Wait()
	}
}
