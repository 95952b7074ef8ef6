#!/bin/sh
# Installs the program quillgate of a release, with its manual pages and shell completions:
#
#   sh install.sh [--dry-run] [--to FOLDER] [--version VERSION] [--from URL] [--signers FILE]
#
#   --dry-run   download and check everything, say what would be installed, and install nothing
#   --to        where to install: bin, share/man and completions below it. Default: /usr/local for root, ~/.local otherwise
#   --version   the release. Default: the one that this script came with
#   --from      where the files of the release are. Default: the releases on GitHub
#   --signers   file of allowed signers (ssh-keygen), instead of the key in this script
#
# Nothing is installed unless the signature of SHA256SUMS and the checksum of the program are right. It creates no user and no
# service: on Debian, Ubuntu, Fedora and their relatives, the packages of the release do (.deb, .rpm).
set -eu

# tools/sign-release fills these in.
release='@VERSION@'
signers='@SIGNERS@'

say() { printf '%s\n' "$*"; }
fail() {
	printf 'install.sh: %s\n' "$*" >&2
	exit 1
}
usage() {
	printf 'install.sh: %s\nusage: sh install.sh [--dry-run] [--to FOLDER] [--version VERSION] [--from URL] [--signers FILE]\n' "$*" >&2
	exit 2
}

# fetch URL FILE
fetch() {
	if command -v curl >/dev/null; then
		curl --fail --silent --show-error --location --retry 2 --output "$2" "$1" || fail "cannot download $1"
	elif command -v wget >/dev/null; then
		wget --quiet --output-document="$2" "$1" || fail "cannot download $1"
	else
		fail "curl or wget is needed to download the release"
	fi
}

# checksum FILE
checksum() {
	if command -v sha256sum >/dev/null; then
		sha256sum "$1"
	elif command -v shasum >/dev/null; then
		shasum -a 256 "$1"
	else
		openssl dgst -sha256 -r "$1"
	fi | cut -d ' ' -f 1
}

# A script that is cut off on its way here must do nothing, so everything is in a function that the last line calls.
main() {
	dry='' to='' from='' file=''
	while [ $# -gt 0 ]; do
		case $1 in
		--dry-run) dry=yes ;;
		--to | --version | --from | --signers)
			[ $# -gt 1 ] || usage "$1 needs a value"
			case $1 in
			--to) to=$2 ;;
			--version) release=$2 ;;
			--from) from=${2%/} ;;
			--signers) file=$2 ;;
			esac
			shift
			;;
		*) usage "unknown argument $1" ;;
		esac
		shift
	done
	case $release in
	@*) usage "this is the script of a source tree: name a release with --version" ;;
	esac
	case $signers$file in
	@*@) fail "this release has no key: name the file of allowed signers with --signers" ;;
	esac
	[ -n "$from" ] || from=https://github.com/quillgate/quillgate/releases/download/$release
	if [ -z "$to" ]; then
		to=${HOME:-/root}/.local
		[ "$(id -u)" != 0 ] || to=/usr/local
	fi
	case $(uname -s) in
	Linux) os=linux ;;
	Darwin) os=darwin ;;
	FreeBSD) os=freebsd ;;
	*) fail "there is no program for $(uname -s); on Windows, download the .exe of the release" ;;
	esac
	case $(uname -m) in
	x86_64 | amd64) arch=amd64 ;;
	aarch64 | arm64) arch=arm64 ;;
	*) fail "there is no program for the processor $(uname -m)" ;;
	esac
	name=quillgate-$release-$os-$arch
	command -v ssh-keygen >/dev/null || fail "ssh-keygen is needed to check the signature; install the client of OpenSSH"

	folder=$(mktemp -d)
	trap 'rm -rf "$folder"' EXIT
	trap 'exit 130' INT TERM
	if [ -n "$file" ]; then
		[ -r "$file" ] || fail "cannot read $file"
		cp "$file" "$folder/signers"
	else
		say "$signers" >"$folder/signers"
	fi
	say "Downloading the list of $release from $from"
	fetch "$from/SHA256SUMS" "$folder/SHA256SUMS"
	fetch "$from/SHA256SUMS.sig" "$folder/SHA256SUMS.sig"
	signer=$(cut -d ' ' -f 1 "$folder/signers" | head -n 1)
	ssh-keygen -Y verify -f "$folder/signers" -I "$signer" -n quillgate-release -s "$folder/SHA256SUMS.sig" <"$folder/SHA256SUMS" >/dev/null 2>&1 ||
		fail "the signature of SHA256SUMS is wrong: it was not made with the key of $signer. Nothing was installed."
	say "The list is signed by $signer."
	sum=$(awk -v name="$name" '$2 == name { print $1 }' "$folder/SHA256SUMS")
	[ -n "$sum" ] || fail "the release $release has no program for $os on $arch ($name)"
	say "Downloading $name"
	fetch "$from/$name" "$folder/quillgate"
	[ "$(checksum "$folder/quillgate")" = "$sum" ] ||
		fail "the checksum of $name is wrong: it was damaged on its way, or replaced. Nothing was installed."
	say "Its checksum is right."
	chmod 755 "$folder/quillgate"
	"$folder/quillgate" version >"$folder/version" || fail "the program does not run on this machine"

	mkdir "$folder/man"
	"$folder/quillgate" man --to "$folder/man"
	for shell in bash zsh fish; do "$folder/quillgate" completion $shell >"$folder/$shell"; done
	if [ -n "$dry" ]; then
		say "This is a dry run; it would install:"
	else
		say "Installing $(cat "$folder/version"):"
	fi
	put "$folder/quillgate" "$to/bin/quillgate" 755
	for page in "$folder"/man/*; do put "$page" "$to/share/man/man${page##*.}/${page##*/}" 644; done
	put "$folder/bash" "$to/share/bash-completion/completions/quillgate" 644
	put "$folder/zsh" "$to/share/zsh/site-functions/_quillgate" 644
	put "$folder/fish" "$to/share/fish/vendor_completions.d/quillgate.fish" 644
	[ -z "$dry" ] || return 0
	case :$PATH: in
	*:"$to/bin":*) ;;
	*) say "$to/bin is not in your PATH: add it, or call $to/bin/quillgate." ;;
	esac
	say "Done. \"quillgate serve\" starts a blog, \"quillgate --help\" lists everything else."
}

# put FILE TARGET MODE replaces a file as a whole, so that a program that runs keeps its own.
put() {
	say "  $2"
	[ -z "$dry" ] || return 0
	mkdir -p "${2%/*}" || fail "cannot write to ${2%/*}; --to names another folder"
	if ! { cp "$1" "$2.new" && chmod "$3" "$2.new" && mv -f "$2.new" "$2"; }; then
		fail "cannot write $2; --to names another folder"
	fi
}

main "$@"
