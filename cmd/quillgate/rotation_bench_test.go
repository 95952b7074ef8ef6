package main

import (
	"context"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/server"
)

// BenchmarkKeysetRotation rotates the master key of a blog with 100,000 keys (QUILLGATE_BENCH_KEYS: another number)
// while two other openings of the blog look keys up, each in the database.
func BenchmarkKeysetRotation(b *testing.B) {
	keys := 100_000
	if n, err := strconv.Atoi(os.Getenv("QUILLGATE_BENCH_KEYS")); err == nil {
		keys = n
	}
	b.Run("sqlite", func(b *testing.B) { rotateUnderLoad(b, "", keys) })
	b.Run("postgres", func(b *testing.B) { rotateUnderLoad(b, databasetest.Postgres(b), keys) })
}

func rotateUnderLoad(b *testing.B, url string, keys int) {
	k := plant(b, b.TempDir(), url, false, keys)
	var all sync.WaitGroup
	var asked, failed atomic.Int64
	ctx, stop := context.WithCancel(context.Background())
	for range 2 {
		blog := k.open(b, false)
		defer blog.Close()
		all.Go(func() { lookUp(ctx, blog, k.secrets, &asked, &failed) })
	}
	defer all.Wait()
	defer stop()
	began := time.Now()
	time.Sleep(3 * time.Second)
	before := float64(asked.Load()) / time.Since(began).Seconds()
	command := k.open(b, false)
	defer command.Close()
	b.ResetTimer()
	for b.Loop() {
		start, from := time.Now(), asked.Load()
		report, err := command.Apps.RotateKeyset(ctx, audit.Operator, nil)
		if err != nil || report.Under[report.Primary] < int64(keys) {
			b.Fatalf("%+v, %v", report.Under, err)
		}
		took := time.Since(start).Seconds()
		b.ReportMetric(float64(keys)/took, "rows/s")
		b.ReportMetric(float64(asked.Load()-from)/took, "lookups/s-during")
	}
	b.ReportMetric(before, "lookups/s-before")
	b.ReportMetric(float64(failed.Load()), "failed")
	if failed.Load() > 0 {
		b.Errorf("%d look-ups failed", failed.Load())
	}
}

// lookUp opens keys one after the other, each with what the database holds.
func lookUp(ctx context.Context, blog *server.Blog, secrets map[string]string, asked, failed *atomic.Int64) {
	for ctx.Err() == nil {
		for public, want := range secrets {
			if ctx.Err() != nil {
				return
			}
			got, _, err := blog.Apps.Lookup(context.Background(), public)
			if asked.Add(1); err != nil || got.Reveal() != want {
				failed.Add(1)
			}
		}
	}
}
