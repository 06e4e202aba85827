#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A registry on 127.0.0.1:REGISTRY_PORT (default 15000), beside a control plane or alone in its LAB_DIR.
#
#   registry.sh up [--referrers]   start it, without TLS or authentication: Debian's, or one in memory that has the
#                       referrers API of OCI distribution 1.1
#   registry.sh push SOURCE NAME:TAG [OPTION]...   make an image of the folder SOURCE, with /bin/init as its
#                       entrypoint, or take the one in the archive SOURCE; push it, print its address with the
#                       digest; the options are those of scripts/make-image
#   registry.sh down    stop it and delete its data
set -euo pipefail
# shellcheck source=tests/lab/common.sh
. "$(dirname "$0")/common.sh"

up() { # [--referrers]
  "$here/../../scripts/install-packages" docker-registry curl
  [ -z "${1:-}" ] || "$here/build.sh" referrers-registry
  ! port_taken "$REGISTRY_PORT" || die "port $REGISTRY_PORT is taken: set REGISTRY_PORT"
  if [ ! -e "$LAB_DIR" ]; then
    mkdir -m 700 "$LAB_DIR"
    touch "$LAB_DIR/.kintsugi-lab"
  fi
  if [ -n "${1:-}" ]; then
    start registry "$LAB_BIN/referrers-registry" "$registry"
  else
    cat > "$LAB_DIR/registry.yaml" <<END
version: 0.1
storage: {filesystem: {rootdirectory: $LAB_DIR/registry}, delete: {enabled: true}}
http: {addr: $registry}
END
    start registry docker-registry serve "$LAB_DIR/registry.yaml"
  fi
  wait_for registry curl --fail --silent "http://$registry/v2/"
}

down() {
  stop registry
  rm -rf "$LAB_DIR/registry"
}

case ${1:-} in
  up)
    [[ $# -eq 1 || ($# -eq 2 && $2 = --referrers) ]] || usage
    up "${@:2}"
    ;;
  down) down ;;
  push)
    [ $# -ge 3 ] || usage
    "$here/../../scripts/make-image" "$2" "$registry/$3" "${@:4}"
    ;;
  *) usage ;;
esac
