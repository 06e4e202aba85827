#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# sign-list.sh FOLDER: publishes FOLDER/*.qcow2 as distributions do: FOLDER/SHA256SUMS, FOLDER/SHA256SUMS.gpg, which the
# real gpg makes with a new key, and that key, FOLDER/key.asc. Of the private key nothing stays.
set -euo pipefail
[ $# = 1 ] || { echo "usage: $0 FOLDER" >&2 && exit 2; }
GNUPGHOME=$(mktemp -d)
export GNUPGHOME
trap 'gpgconf --kill gpg-agent; rm -rf "$GNUPGHOME"' EXIT
cd "$1"
rm -f SHA256SUMS.gpg key.asc
sha256sum -- *.qcow2 > SHA256SUMS
gpg() { command gpg --batch --quiet --no-tty --pinentry-mode loopback --passphrase '' "$@"; }
gpg --quick-generate-key images@example.com rsa2048 sign never 2> /dev/null
gpg --armor --export images@example.com > key.asc
gpg --output SHA256SUMS.gpg --detach-sign SHA256SUMS
