#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# openpgp.sh: makes trust/testdata/openpgp anew: keys of OpenPGP, and signatures by them over a list of checksums, all
# by the real gpg. New keys each time; the private halves are deleted. Offline.
set -euo pipefail
# shellcheck source=tests/lab/common.sh
. "$(dirname "$0")/../lab/common.sh"

data=$(cd "$(dirname "$0")/../../trust/testdata" && pwd)/openpgp work=$(mktemp -d)
export GNUPGHOME=$work/home
trap 'gpgconf --kill gpg-agent; rm -rf "$work"' EXIT
mkdir --mode 700 "$GNUPGHOME"
in_2026=20260101T000000

at() { # time, arguments of gpg
  local time=$1
  shift
  gpg --batch --yes --quiet --no-tty --pinentry-mode loopback --passphrase '' --allow-weak-key-signatures \
    --faked-system-time "$time!" "$@" 2>> "$work/log" || die "gpg $*: $(tail -n 3 "$work/log")"
}
make_key() { # name, algorithm, usage, expiry, time
  at "${5:-$in_2026}" --quick-generate-key "$1@example.com" "$2" "$3" "${4:-never}"
  at "$in_2026" --armor --export "$1@example.com" > "$data/$1.asc"
}
sign() { # name of the signature, key, options
  local name=$1 key=$2
  shift 2
  at "${time:-20260201T000000}" "$@" --local-user "$key@example.com" --output "$data/SHA256SUMS.$name" \
    --detach-sign "$data/SHA256SUMS"
}

rm -rf "$data"
mkdir -p "$data"
(cd "$data/../disk" && sha256sum disk.qcow2) > "$data/SHA256SUMS"

make_key rsa rsa2048 sign
make_key ed25519 ed25519 sign
make_key other rsa3072 sign
make_key weak rsa1024 sign
make_key p256 nistp256 sign
make_key certifies rsa2048 sign
make_key expired rsa2048 sign 2021-01-01 20200101T000000
make_key prolonged rsa2048 sign 2021-01-01 20200101T000000
make_key revoked rsa2048 sign
make_key subkey ed25519 cert
at "$in_2026" --export rsa@example.com > "$data/rsa.gpg"
cat "$data"/{rsa,other}.asc > "$data/two-armored.asc"
at "$in_2026" --armor --export rsa@example.com other@example.com > "$data/two.asc"

sign rsa.gpg rsa
sign rsa.asc rsa --armor
sign rsa-sha256.gpg rsa --digest-algo SHA256
sign rsa-sha384.gpg rsa --digest-algo SHA384
sign rsa-sha1.gpg rsa --digest-algo SHA1
sign rsa-sha224.gpg rsa --digest-algo SHA224
sign ed25519.gpg ed25519
sign ed25519-sha512.gpg ed25519 --digest-algo SHA512
sign other.gpg other
sign weak.gpg weak
sign text.gpg rsa --textmode
sign two.gpg other --local-user rsa@example.com
sign notation.gpg rsa --sig-notation 'note@example.com=value'
sign critical-notation.gpg rsa --sig-notation '!note@example.com=value'
sign until-march.gpg rsa --default-sig-expire 2026-03-01
time=20200601T000000 sign by-expired.gpg expired
time=20200601T000000 sign by-prolonged.gpg prolonged
sign by-revoked.gpg revoked
sign by-certifies.gpg certifies
printf 'change-usage\nS\nQ\nsave\n' | at 20260202T000000 --command-fd 0 --edit-key certifies@example.com > /dev/null
at 20260202T000000 --armor --export certifies@example.com > "$data/certifies.asc"
fingerprint() { at "$in_2026" --with-colons --list-keys "$1@example.com" | awk -F: '$1 == "fpr" { print $10; exit }'; }
at 20260115T000000 --quick-add-key "$(fingerprint subkey)" ed25519 sign never
at 20260115T000000 --armor --export subkey@example.com > "$data/subkey.asc"
sign by-subkey.gpg subkey
at 20200901T000000 --quick-set-expire "$(fingerprint prolonged)" 2030-01-01
at "$in_2026" --armor --export prolonged@example.com > "$data/prolonged.asc"
sed 's/^:---/---/' "$GNUPGHOME/openpgp-revocs.d/$(fingerprint revoked).rev" > "$work/revocation"
at "$in_2026" --import "$work/revocation"
at "$in_2026" --armor --export revoked@example.com > "$data/revoked.asc"
at 20260201T000000 --local-user rsa@example.com --output "$data/SHA256SUMS.inline.asc" --clear-sign "$data/SHA256SUMS"
at 20260201T000000 --local-user rsa@example.com --output "$data/SHA256SUMS.inline.gpg" --sign "$data/SHA256SUMS"
for name in rsa ed25519; do echo "$name $(fingerprint "$name")"; done > "$data/fingerprints"
chmod 644 "$data"/*
