package databasetest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"time"
)

// start creates the cluster in place, starts it and prepares the template. It
// finds free ports by opening and closing one, so another program can take it
// in between; then it tries the next one.
func (c *cluster) start(place string) error {
	initdb, err := find("initdb")
	if err != nil {
		return err
	}
	server, err := find("postgres")
	if err != nil {
		return err
	}
	dir, owner, err := folder(place)
	if err != nil {
		return err
	}
	c.password = rand.Text()
	passwordFile := filepath.Join(dir, "password")
	if err := os.WriteFile(passwordFile, []byte(c.password), 0o600); err != nil {
		return err
	}
	if owner != nil {
		if err := os.Chown(passwordFile, int(owner.uid), int(owner.gid)); err != nil {
			return err
		}
	}
	data := filepath.Join(dir, "data")
	init := exec.Command(initdb, "-D", data, "-U", "quillgate", "--pwfile", passwordFile,
		"--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-sync")
	init.Dir = dir
	init.SysProcAttr = runAs(owner, false)
	if out, err := init.CombinedOutput(); err != nil {
		return errors.Join(fmt.Errorf("initdb: %w\n%s", err, out), os.RemoveAll(dir))
	}
	for try := 1; ; try++ {
		err := c.serve(server, dir, owner)
		if err == nil {
			break
		}
		if try == 5 {
			return err
		}
	}
	c.dir, c.owner = dir, owner
	if err := c.makeTemplate(context.Background()); err != nil {
		c.stop()
		return fmt.Errorf("make the template database: %w", err)
	}
	return nil
}

// serve starts the server under its guard and waits until it answers.
func (c *cluster) serve(server, dir string, owner *account) error {
	if c.dir == "" { // not once before
		port, err := freePort()
		if err != nil {
			return err
		}
		c.port = port
	}
	fsync := "off"
	if c.durable {
		fsync = "on"
	}
	// await takes a log without a pid file for a server that has given up.
	err := os.Remove(filepath.Join(dir, "log"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	c.guard, err = startGuard(owner, dir,
		server, "-D", filepath.Join(dir, "data"), "-p", strconv.Itoa(c.port), "-k", dir,
		"-c", "listen_addresses=127.0.0.1", "-c", "max_connections=300",
		"-c", "fsync="+fsync, "-c", "synchronous_commit="+fsync, "-c", "full_page_writes="+fsync,
		"-c", "shared_buffers=32MB", "-c", "autovacuum=off")
	if err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	return c.await(dir)
}

func (c *cluster) await(dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	db, err := sql.Open("postgres", c.url("postgres"))
	if err != nil {
		return err
	}
	defer db.Close()
	for {
		err := db.PingContext(ctx)
		if err == nil {
			return nil
		}
		// The pid file shows whether the server has given up already.
		_, gone := os.Stat(filepath.Join(dir, "data", "postmaster.pid"))
		log, _ := os.ReadFile(filepath.Join(dir, "log"))
		if ctx.Err() != nil || (gone != nil && len(log) > 0) {
			return fmt.Errorf("PostgreSQL does not answer: %w\n%s", err, log)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// stop stops the server and removes its folder.
func (c *cluster) stop() {
	if c.guard == nil {
		return
	}
	for _, g := range append(c.before, c.guard) {
		g.pipe.Close()
		<-g.done
	}
}

func (c *cluster) stopped() bool {
	if c.guard == nil {
		return true
	}
	select {
	case <-c.guard.done:
		return true
	default:
		return false
	}
}

// account is a Unix user of the machine.
type account struct{ uid, gid uint32 }

// folder creates the cluster's folder in place. PostgreSQL refuses to run as
// root, so root gives the folder and the server to another user.
func folder(place string) (string, *account, error) {
	dir, err := os.MkdirTemp(place, "quillgate-postgres-")
	if err != nil || os.Getuid() != 0 {
		return dir, nil, err
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.ParseUint(u.Uid, 10, 32)
		gid, errGID := strconv.ParseUint(u.Gid, 10, 32)
		if errUID != nil || errGID != nil {
			continue
		}
		owner := &account{uid: uint32(uid), gid: uint32(gid)}
		return dir, owner, os.Chown(dir, int(uid), int(gid))
	}
	return "", nil, errors.New("PostgreSQL does not run as root, and there is neither a user postgres nor nobody to run it as")
}

// find looks for a program of the server, newest version first.
func find(name string) (string, error) {
	if p, err := exec.LookPath(name); err == nil {
		return p, nil
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	best, version := "", -1
	for _, p := range found {
		v, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(p))))
		if err == nil && v > version {
			best, version = p, v
		}
	}
	if best == "" {
		return "", fmt.Errorf("PostgreSQL's program %s was not found: install the server (Debian, Ubuntu: apt-get install postgresql; Fedora: dnf install postgresql-server; macOS: brew install postgresql) or put its bin folder into PATH", name)
	}
	return best, nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("look for a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
