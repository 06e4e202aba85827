#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# disk.sh: makes trust/testdata/disk anew: a disk image and a list of its checksums, each with detached signatures by
# cosign and by openssl. New keys each time; the private halves are deleted. Offline.
set -euo pipefail
# shellcheck source=tests/lab/common.sh
. "$(dirname "$0")/../lab/common.sh"

here=$(cd "$(dirname "$0")" && pwd) data=$(cd "$(dirname "$0")/../../trust/testdata" && pwd)/disk work=$(mktemp -d)
export COSIGN_PASSWORD=""
trap 'rm -rf "$work"' EXIT
legacy=(--new-bundle-format=false --use-signing-config=false --tlog-upload=false)

cosign() { "$LAB_BIN/cosign" "$@" >> "$work/log" 2>&1 || die "cosign $*: $(tail -n 3 "$work/log")"; }
sign() { cosign sign-blob --yes "${legacy[@]}" --key "$work/$1.key" --output-signature "$data/$2.$1.sig" "$data/$2"; }

make_keys() {
  local name
  cosign generate-key-pair --output-key-prefix "$work/p256"
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out "$work/p384.pem" 2>/dev/null
  openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out "$work/rsa3072.pem" 2>/dev/null
  openssl genpkey -algorithm ED25519 -out "$work/ed25519.pem"
  for name in p384 rsa3072 ed25519; do
    cosign import-key-pair --key "$work/$name.pem" --output-key-prefix "$work/$name"
  done
  cp "$work"/{p256,p384,rsa3072,ed25519}.pub "$data/"
}

rm -rf "$data"
mkdir -p "$data"
make_keys
"$here/make_qcow2.py" "$data/disk.qcow2"
(cd "$data" && sha256sum disk.qcow2 p256.pub > SHA256SUMS && sha512sum --tag disk.qcow2 p256.pub > SHA512SUMS)
for key in p256 p384 rsa3072 ed25519; do sign "$key" disk.qcow2; done
for list in SHA256SUMS SHA512SUMS; do sign p256 "$list"; done
# The same by openssl, raw, over SHA-256 and over the curve's own hash; Ed25519 over the message.
openssl dgst -sha384 -sign "$work/p384.pem" -out "$data/disk.qcow2.p384.sha384.der" "$data/disk.qcow2"
openssl dgst -sha256 -sign "$work/rsa3072.pem" -out "$data/disk.qcow2.rsa3072.raw" "$data/disk.qcow2"
openssl pkeyutl -sign -rawin -inkey "$work/ed25519.pem" -in "$data/disk.qcow2" -out "$data/disk.qcow2.ed25519.raw"
chmod 644 "$data"/*
