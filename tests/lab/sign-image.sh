#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# sign-image.sh KEY_DIR NAME:TAG [DIR]: pushes an image for two platforms to the lab's registry, signs its
# index with cosign, and prints its address with the index's digest.
#
# KEY_DIR/cosign.key and cosign.pub are made, without a password, when they are missing. DIR is the image's
# content, with /bin/init as the entrypoint; without it, busybox that serves a page on port 8080.
# The signature has the layout with a tag sha256-<hex>.sig, and no transparency log is told.
set -euo pipefail
# shellcheck source=tests/lab/common.sh
. "$(dirname "$0")/common.sh"

[ $# = 2 ] || [ $# = 3 ] || usage
keys=$1 name=$2 content=${3:-}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export COSIGN_PASSWORD=""

"$here/build.sh" cosign >&2
if [ ! -e "$keys/cosign.key" ]; then
  mkdir -p "$keys"
  "$LAB_BIN/cosign" generate-key-pair --output-key-prefix "$keys/cosign" >&2
fi
if [ -z "$content" ]; then
  "$here/../../scripts/install-packages" busybox-static >&2
  content=$scratch
  busybox_root "$scratch" <<'END'
#!/bin/sh
exec httpd -f -p 8080 -h /www
END
  echo hello > "$scratch/www/index.html"
fi
image=$("$here/registry.sh" push "$content" "$name" --platform linux/amd64 --platform linux/arm64)
"$LAB_BIN/cosign" sign --yes --key "$keys/cosign.key" --use-signing-config=false --new-bundle-format=false \
  --tlog-upload=false --allow-http-registry "$image" >&2
echo "$image"
