#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# image_test.sh PROGRAM: the controller's image is the same whoever builds it, needs nothing that is not in it, has no
# shell, and does not run as root. That it runs as a pod is tested on the node (tests/node).
set -euo pipefail
program=$1
make_image=$(dirname "$0")/../scripts/controller-image
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "$*" >&2; exit 1; }

first=$(umask 022; "$make_image" "$program" "$work/first.tar")
second=$(umask 077; TZ=Asia/Tokyo "$make_image" "$program" "$work/second.tar")
[[ $first =~ ^kintsugi-controller@sha256:[0-9a-f]{64}$ ]] || fail "printed: $first"
[ "$first" = "$second" ] || fail "two digests of the same image: $first $second"
cmp "$work/first.tar" "$work/second.tar"

mkdir "$work/image" "$work/root"
tar -C "$work/image" -xf "$work/first.tar"
read -r config layer < <(python3 -c 'import json, sys
image = json.load(sys.stdin)[0]
print(image["Config"], *image["Layers"])' < "$work/image/manifest.json")
tar -C "$work/root" -xf "$work/image/$layer"
grep -qF '"User": "65532:65532"' "$work/image/$config" || fail "runs as root"

[ -z "$(find "$work/root" -perm /6000)" ] || fail "setuid: $(find "$work/root" -perm /6000)"
[ -z "$(find "$work/root" -perm /022 ! -path "$work/root/tmp")" ] || fail "writable by others than root"
[ "$(find "$work/root" -type f -perm /111 -path '*/bin/*')" = "$work/root/usr/bin/kintsugi-controller" ] ||
  fail "another program than the controller"
ldd "$program" | grep -oE '/[^ ]+' | while read -r library; do
  cmp "$library" "$work/root$library"
done
