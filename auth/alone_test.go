package auth_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/auth/authtest"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
)

// Rules that transactions keep which run alone hold between servers: the last administrator stays, a code works once, and the
// trail is one chain. (One-time codes of an app: TestA9ReplayInParallel. Nonces: TestS15ManyAtOnce.)
func TestRulesAloneHoldBetweenServers(t *testing.T) {
	t.Parallel()
	databasetest.EachURL(t, func(t *testing.T, url string) {
		clock := databasetest.NewClock(time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC))
		file := filepath.Join(databasetest.Folder(t), "keyset.json")
		if err := apps.CreateKeyset(file); err != nil {
			t.Fatal(err)
		}
		type server struct {
			db       *database.DB
			users    *auth.Users
			verifier *auth.Verifier
		}
		var servers [2]server
		for i := range servers {
			s := &servers[i]
			s.db = databasetest.Open(t, url)
			keys, err := apps.Open(t.Context(), apps.Config{DB: s.db, KeysetFile: file, Clock: clock.Now})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { keys.Close() })
			s.users = auth.NewUsers(auth.UsersConfig{DB: s.db, Apps: keys, Clock: clock.Now, Hash: authtest.CheapHash})
			s.verifier = auth.New(auth.Config{Users: s.users, Apps: keys, Clock: clock.Now})
		}
		ctx := t.Context()
		create := func(login string, role auth.Role) auth.User {
			t.Helper()
			u, err := servers[0].users.Create(ctx, audit.Operator, auth.NewUser{Login: login, Email: login + "@example.org", Password: login + "-password", Role: role})
			if err != nil {
				t.Fatal(err)
			}
			return u
		}
		heir := create("heir", auth.Author)
		var left auth.User
		for round := range 3 {
			var admins []auth.User
			for i := range 4 {
				admins = append(admins, create(fmt.Sprintf("admin-%d-%d", round, i), auth.Administrator))
			}
			if left.ID != 0 {
				if err := servers[0].users.SetRole(ctx, audit.Operator, left.ID, auth.Author); err != nil {
					t.Fatal(err)
				}
			}
			var group sync.WaitGroup
			stayed := make([]bool, len(admins))
			for i, u := range admins {
				s := servers[i%2]
				group.Go(func() {
					var err error
					switch i % 3 {
					case 0:
						err = s.users.SetRole(ctx, audit.Operator, u.ID, auth.Author)
					case 1:
						err = s.users.Suspend(ctx, audit.Operator, u.ID, true)
					default:
						err = s.users.Delete(ctx, audit.Operator, u.ID, heir.ID, func(context.Context, *database.Tx) error { return nil })
					}
					if stayed[i] = errors.Is(err, auth.ErrLastAdministrator); err != nil && !stayed[i] {
						t.Error(err)
					}
				})
			}
			group.Wait()
			n := 0
			for i, u := range admins {
				if stayed[i] {
					left, n = u, n+1
				}
			}
			if n != 1 {
				t.Fatalf("%d of 4 administrators stayed, want the last one", n)
			}
		}
		for range 3 {
			clock.Add(time.Hour) // the copies count as guesses
			code, err := servers[0].users.NewSetUpCode(ctx, audit.Operator, heir.ID)
			if err != nil {
				t.Fatal(err)
			}
			var group sync.WaitGroup
			var passed atomic.Int64
			for i := range 8 {
				s := servers[i%2]
				group.Go(func() {
					switch _, err := s.verifier.SetUp(ctx, at(addr), code.Reveal(), auth.NewUser{Password: fmt.Sprint("a long new password ", i)}); {
					case err == nil:
						passed.Add(1)
					case !errors.Is(err, auth.ErrSetUpCode) && !errors.As(err, new(*auth.Throttled)):
						t.Error(err)
					}
				})
			}
			group.Wait()
			if n := passed.Load(); n != 1 {
				t.Errorf("a code passed %d times, want once", n)
			}
		}
		lines, _, err := audit.Verify(ctx, servers[1].db, nil, nil)
		if err != nil || lines < 25 {
			t.Errorf("the trail of both servers has %d lines, %v", lines, err)
		}
	})
}
