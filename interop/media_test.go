package interop

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/media"
	"github.com/quillgate/quillgate/media/mediatest"
)

// A blog moves to a bucket while clients upload, and the move is killed in the
// middle. Afterwards a server with the bucket has every acknowledged file.
// While S3 does not answer, clients and readers get 503, and are told when to
// come back.
func TestMediaMovesWhileServing(t *testing.T) {
	eachSeeded(t, func(t *testing.T, s seeded) {
		s3 := mediatest.Start(t)
		proxy := mediatest.StartProxy(t, s3)
		t.Setenv("AWS_ACCESS_KEY_ID", mediatest.AccessKey)
		t.Setenv("AWS_SECRET_ACCESS_KEY", mediatest.SecretKey)
		picture, err := media.Blank("a.png", 320, 200)
		if err != nil {
			t.Fatal(err)
		}
		call := strings.NewReplacer("clip.mp4", "a.png", "video/mp4", "image/png").Replace(uploadCall) + base64.StdEncoding.EncodeToString(picture) + uploadEnd
		upload := func(p *process) (url string, answer *http.Response) {
			answer, err := http.Post(p.endpoint, "text/xml", strings.NewReader(call))
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			text, err := io.ReadAll(answer.Body)
			if err != nil {
				t.Fatal(err)
			}
			if m := urlMember.FindSubmatch(text); m != nil {
				url = string(m[1])
			}
			return url, answer
		}
		move := func() *exec.Cmd {
			cmd := exec.Command(build(t), "media", "move", "--to", s3.Address("blog", proxy.Endpoint))
			cmd.Env = s.environment()
			return cmd
		}
		var acknowledged []string
		old := start(t, s)
		for range 10 {
			url, _ := upload(old)
			acknowledged = append(acknowledged, url)
		}
		proxy.Slow(20 * time.Millisecond)
		killed := move()
		if err := killed.Start(); err != nil {
			t.Fatal(err)
		}
		for len(s3.Objects(t)) < 3 {
			url, _ := upload(old)
			acknowledged = append(acknowledged, url)
		}
		_ = killed.Process.Kill()
		_ = killed.Wait()
		proxy.Slow(0)
		if out, err := move().CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		fresh := start(t, s, "--media", s3.Address("blog", proxy.Endpoint))
		url, _ := upload(old) // one server still uses the folder
		acknowledged = append(acknowledged, url)
		url, _ = upload(fresh)
		acknowledged = append(acknowledged, url)
		seen := map[string]bool{}
		for _, url := range acknowledged {
			got, err := fetch(fresh.base + "/wp-content/uploads/" + below(url))
			if err != nil || !bytes.Equal(got, picture) || seen[url] {
				t.Errorf("%q has %d bytes, %v, or was given twice", url, len(got), err)
			}
			seen[url] = true
		}
		if out, err := move().CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		verify := exec.Command(build(t), "media", "verify", "--read", "--media", s3.Address("blog", ""))
		verify.Env = s.environment()
		if out, err := verify.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		proxy.Set(mediatest.Refuses)
		if url, answer := upload(fresh); url != "" || answer.StatusCode != 503 || answer.Header.Get("Retry-After") == "" {
			t.Errorf("an upload while S3 is down: %q, %s %v", url, answer.Status, answer.Header)
		}
		answer, err := http.Get(fresh.base + "/wp-content/uploads/" + below(acknowledged[0]))
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != 503 || answer.Header.Get("Retry-After") == "" {
			t.Errorf("a reader while S3 is down: %s %v", answer.Status, answer.Header)
		}
		proxy.Set(mediatest.Passes)
		if url, answer := upload(fresh); url == "" || seen[url] {
			t.Errorf("an upload when S3 is back: %q, %s", url, answer.Status)
		}
		if log := fresh.log.String() + old.log.String(); strings.Contains(log, mediatest.SecretKey) {
			t.Error("the log has the secret key")
		}
	})
}
