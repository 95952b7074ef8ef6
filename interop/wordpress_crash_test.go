//go:build wordpress

package interop

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quillgate/quillgate/signer"
)

// testCrash kills the gateway, MariaDB and PHP-FPM, each at so many moments of
// a load that publishes. Each post that was acknowledged is there once, none
// appears twice, and none of which its program was told that nothing was
// changed. A program that does not know sends the same bytes again, as programs
// do.
func (w *wordpress) testCrash(t *testing.T) {
	w.reset(t)
	g := w.gate(t, "")
	key := g.key(t, "admin")
	n := number(t, "WORDPRESS_KILLS", 50)
	victims := []struct {
		name    string
		kill    func()
		restart func()
	}{
		{"gateway", func() { g.kill() }, func() { g.serve(t, w.gateway) }},
		{"MariaDB", w.database.kill, func() { w.database.start(t) }},
		{"PHP-FPM", w.php.kill, func() { w.php.start(t) }},
	}
	for _, v := range victims {
		t.Run(v.name, func(t *testing.T) {
			load := &publishers{
				endpoint: "http://" + w.gateway + "/xmlrpc.php", posts: map[string]told{},
				transport: signer.Transport{Public: key.public, Secret: key.secret, Base: &http.Transport{MaxIdleConnsPerHost: 8}},
			}
			for range n {
				ctx, cancel := context.WithCancel(t.Context())
				var running sync.WaitGroup
				for range 4 {
					running.Go(func() { load.publish(ctx) })
				}
				// The gateway lets one call in five seconds try a WordPress that was gone.
				load.await(t, load.published, load.published()+1+int(random(t, 4)))
				moment := time.NewTimer(time.Duration(random(t, int64(60*time.Millisecond))))
				<-moment.C
				v.kill()
				load.await(t, load.len, load.len()+2) // calls while it is gone
				cancel()
				v.restart()
				running.Wait()
				load.settle(t)
			}
			load.judge(t, n, w.titles(t))
		})
	}
}

// titles is how often each title of the load is published.
func (w *wordpress) titles(t *testing.T) map[string]int {
	t.Helper()
	have := map[string]int{}
	for line := range strings.Lines(w.sql(t, "SELECT post_title, COUNT(*) FROM wp_posts WHERE post_type = 'post' AND post_status = 'publish' AND post_title LIKE 'load %' GROUP BY post_title")) {
		title, count, _ := strings.Cut(strings.TrimSpace(line), "\t")
		have[title], _ = strconv.Atoi(count)
	}
	return have
}
