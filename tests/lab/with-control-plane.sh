#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# with-control-plane.sh COMMAND...: runs COMMAND beside a fresh control plane, and ends as it ends.
#
# The control plane has its own folder and free ports, and the CRDs of the chart. COMMAND sees KUBECONFIG and
# KINTSUGI_LAB_KUBECONFIG (the administrator's), LAB_BIN, LAB_DIR, LAB_PORT, and the lab's programs in its
# PATH. Everything is taken down however this script ends, SIGKILL included.
#
# WITH_NODE=1 gives a real node and a registry (node.sh; one at a time per machine) in place of kwok's nodes.
# Where containers cannot run, for lack of root or of namespaces, the exit code is then 77, and nothing was
# done; with CI set, which skips nothing, it is 1.
set -euo pipefail
# shellcheck source=tests/lab/common.sh
. "$(dirname "$0")/common.sh"

[ $# -gt 0 ] || usage

five_free_ports() { # from $1
  local port
  for port in $(seq "$1" "$(($1 + 4))"); do
    ! port_taken "$port" || return 1
  done
}

# Sets LAB_PORT and LAB_DIR. Making the folder, which has the port in its name, reserves the ports among labs;
# they are below those that the kernel gives to clients.
reserve() {
  local _
  for _ in $(seq 100); do
    LAB_PORT=$((20000 + RANDOM % 2000 * 5))
    LAB_DIR=${TMPDIR:-/tmp}/kintsugi-lab-$LAB_PORT
    if five_free_ports "$LAB_PORT" && mkdir -m 700 "$LAB_DIR" 2>/dev/null; then return; fi
  done
  die "no five free ports in a row"
}

take_down() {
  "$here/control-plane.sh" down 9>&-
  echo down >&9
}

if [ "${WITH_NODE:-0}" = 1 ]; then
  export WITH_KWOK=0
  unshare --mount --net true 2>/dev/null || skip "no containers without root and namespaces"
fi
reserve
trap 'take_down' EXIT
watch_over "$here/control-plane.sh" down
"$here/control-plane.sh" up 9>&- > /dev/null
[ "${WITH_NODE:-0}" != 1 ] || "$here/node.sh" up 9>&-

export KUBECONFIG=$LAB_DIR/admin.kubeconfig KINTSUGI_LAB_KUBECONFIG=$LAB_DIR/admin.kubeconfig
export PATH=$LAB_BIN:$PATH
crds=$here/../../charts/kintsugi/crds.yaml
if [ -e "$crds" ]; then
  kubectl apply -f "$crds" 9>&- > /dev/null
  kubectl wait --for=condition=Established --timeout=30s -f "$crds" 9>&- > /dev/null
fi
"$@" 9>&-
