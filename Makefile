# make run      builds the server and starts it with its defaults
# make test     everything that a change has to pass: 12 to 25 minutes on two cores
# make nightly  what takes longer: long fuzzing, the slow hostile cases, timing
# make test-cluster    a leader of PostgreSQL is killed under Patroni, etcd and HAProxy
# make test-wordpress  the gateway and the signer with a real WordPress, from Debian's packages; WORDPRESS_PLUGIN=DIR adds the plugin
# make soak     a load of a day
# make screenshots  a picture of every page, light and dark, phone and desktop, in the folder screenshots
# make readme-screenshot  the picture in the README anew: docs/screenshot.png
# make bench-signer  what a call costs on its way through the signer, by wrk
# make bench-server  how many calls a second the server answers, by wrk, and next to others
# make bench-scale  what calls and pages cost on a blog of a million posts, next to one of a thousand, on both databases
# make cross    whether it builds for every system
# make release  the last commit for every system, with .deb, .rpm, install.sh and checksums, in the folder dist; SIGN_KEY=FILE signs them
# make test-packages  a release: its .deb installed, upgraded and purged in a folder of debootstrap, install.sh, the image
# make timing   whether the time of a verification tells what was wrong, on a quiet machine

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo development)
COMMIT  := $(shell git rev-parse --short HEAD 2>/dev/null)
DATE    := $(shell git show -s --format=%cs HEAD 2>/dev/null)
BUILD   := go build -ldflags "-s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT) -X main.date=$(DATE)"

# Whatever is built here is built as the program is: then a package is compiled once for the program, its tests, vet and the
# tools, and the compiled packages of one clone serve the next. Only the race detector needs cgo.
export GOFLAGS := $(filter-out -trimpath -buildvcs=false,$(GOFLAGS)) -trimpath -buildvcs=false
export CGO_ENABLED := 0

# Packages whose state is shared by goroutines; the race detector runs on them in place of the plain run.
RACE := ./wordpress ./site ./options ./auth ./server ./public ./apps ./database ./xmlrpc ./signer ./signer/local

# SQLite, which was translated from C, is compiled without the race detector's instructions: half of the time went there. What
# is ours is watched as before.
QUIET := -gcflags=modernc.org/sqlite/lib=-race=false -gcflags=modernc.org/libc=-race=false

# Tests that make thousands of calls, hashes or rows in turn: they show the race detector nothing that the other tests of their
# packages do not, and take three times as long with it. They run without it here, and with it at night.
IN_TURN := ^Test(ListsAreWhole|K9Matrix|OddArguments|DatesOfClients|OffsetsLeadToTheirPlaces|SearchesFindAllThatHoldTheWords|ListOfMany|NumberOfTerms|StoredScripts|Shortcodes|H15ApprovedHashes|H15ApprovedHashElsewhere|HashesThatPassNothing)$$

# What takes longest begins first, here as above, so that no core waits for it at the end.
FIRST := ./interop ./cmd/quillgate ./transfer ./profiles

.PHONY: build run test tests checks test-cluster test-wordpress test-packages nightly soak screenshots readme-screenshot timing bench-scale bench-signer bench-server cross format tree lint fuzz bench tools reproducible release sbom

build:
	$(BUILD) -o bin/quillgate ./cmd/quillgate

run: build
	bin/quillgate serve

tools:
	tools/install-test-tools

# Test data is listed as it is, so only Go files count.
format:
	@bad=$$(go tool -modfile=tools/go.mod gofumpt -l $$(git ls-files '*.go')); if [ -n "$$bad" ]; then echo "gofumpt these files:"; echo "$$bad"; exit 1; fi

# No compiled program and no large file belongs in the repository.
tree:
	tools/check-tree

# Every tag of the module: go vet looks at all dependencies again for each set of tags, so it gets one. What plantedflaw
# leaves out is in signature.
TAGS := timing,plantedflaw,soak,readme,wrk,wordpress,scale,cluster

lint: format tree
	go tool -modfile=tools/go.mod actionlint
	go vet -tags $(TAGS) ./... && go vet ./signature
	go tool -modfile=tools/go.mod staticcheck ./...
	@dead=$$(go tool -modfile=tools/go.mod deadcode -test ./...); if [ -n "$$dead" ]; then echo "nothing calls these:"; echo "$$dead"; exit 1; fi

# Every fuzz target for a moment: go test can fuzz one at a time.
FUZZTIME ?= 1s
FUZZTRIES ?= 5
fuzz:
	tools/fuzz $(FUZZTIME) $(FUZZTRIES)

# Many tests wait for other programs; what only computes runs next to them.
test: tools build
	$(MAKE) --jobs=2 tests checks

# Lint runs the whole of go vet, so the tests need not.
tests:
	go test -vet=off -timeout 80m $(FIRST) $$(go list ./... | grep -v -x -F "$$(go list $(RACE))")

checks:
	$(MAKE) fuzz
	$(MAKE) lint
	go test -vet=off -timeout 80m -run '$(IN_TURN)' ./wordpress ./site ./public ./auth
	CGO_ENABLED=1 go test -vet=off -race $(QUIET) -timeout 80m -skip '$(IN_TURN)' $(RACE)

# PHP-FPM, MariaDB and nginx run on loopback, in a folder that is gone afterwards. WORDPRESS_PLUGIN is a folder with the
# original Secure XML-RPC plugin, which is not part of this project; WORDPRESS_KILLS is how often each server is killed.
test-wordpress: tools
	tools/install-wordpress
	go test -count=1 -tags wordpress -timeout 3h -v -run '^TestWordPress$$' ./interop

# Three PostgreSQL servers under Patroni and etcd, behind HAProxy, on loopback: the leader is killed under load. Needs Debian's
# packages patroni, python3-etcd, etcd-server, haproxy and postgresql.
test-cluster:
	go test -count=1 -tags cluster -timeout 10m -v -run '^TestCluster$$' ./database

# As root, on Debian. Nothing outside of a temporary folder is touched.
test-packages:
	command -v debootstrap >/dev/null && command -v rpm >/dev/null || apt-get install -y -qq --no-install-recommends debootstrap rpm
	tools/test-packages

# In the second build a comparison that leaks is put in on purpose: the measurement has to find it.
timing:
	go test -count=1 -v -tags timing -run '^TestT1' ./interop/timing

nightly: tools lint build timing cross
	$(MAKE) fuzz FUZZTIME=5m FUZZTRIES=1
	QUILLGATE_TEST_NIGHTLY=1 go test -timeout 2h -count=1 ./interop
	CGO_ENABLED=1 go test -timeout 2h -race $(QUIET) ./...

# A steady load of good and bad requests, to see that nothing grows.
SOAK ?= 24h
soak: build
	go test -tags soak ./interop -run '^TestSoak$$' -v -timeout 0 -soak $(SOAK)

screenshots: tools
	mkdir -p screenshots
	QUILLGATE_SCREENSHOTS=$(CURDIR)/screenshots go test -count=1 -run '^Test(PublicPages|ProfilePages|Walk|Desk)$$' ./interop

# The picture in the README, made anew.
readme-screenshot: tools
	go test -count=1 -tags readme -run '^TestReadmeScreenshot$$' ./interop

# The systems of a release, built and thrown away: what runs on this one only is tested here.
cross:
	@for target in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 freebsd/amd64 windows/amd64 windows/arm64; do \
		echo $$target; GOOS=$${target%/*} GOARCH=$${target#*/} go build -o /dev/null ./cmd/quillgate || exit 1; done

# Median and throughput, directly and through the signer, at 16 connections and one.
bench-signer: tools
	go test -count=1 -v -tags wrk -run '^TestSignerThroughput$$' ./interop

# How many calls a second the server answers, next to bare handlers, to another server and, with WORDPRESS_ENDPOINT (see the
# test), to a WordPress; and the decoder next to that of kolo/xmlrpc.
bench-server: tools
	go test -count=1 -v -tags wrk -run '^TestServerThroughput$$' ./interop
	go test -run '^$$' -bench '^BenchmarkDecodeResponse$$' ./xmlrpc

# SCALE are the sizes, SCALE_ON the databases. It takes some minutes for each million of posts.
SCALE ?= 1000,1000000
SCALE_ON ?= sqlite,postgres
bench-scale:
	go test -count=1 -v -tags scale -timeout 3h -run '^TestScale$$' ./interop -scale $(SCALE) -scale-on $(SCALE_ON)

bench:
	go test -run '^$$' -bench . -benchmem $$(grep -rlE '^func Benchmark' --include='*_test.go' . | xargs -n1 dirname | sort -u)

# Two builds, in two places, are the same file.
reproducible:
	tools/reproducible

# For Linux, macOS, FreeBSD and Windows; TARGETS="linux/amd64 …" for fewer.
release:
	tools/release

# What is in the program: every module with its version and checksum.
sbom: build
	go version -m bin/quillgate
