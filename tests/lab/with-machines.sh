#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# with-machines.sh COMMAND...: runs COMMAND beside a private libvirtd with the guest web1 (vm.sh), and ends as it ends.
#
# COMMAND sees KINTSUGI_LIBVIRT_URI, LAB_DIR, LAB_BIN, and KINTSUGI_VM_LAB, the path of vm.sh. Everything is taken down
# however this script ends, SIGKILL included. Where no virtual machine can run the exit code is 77, and nothing was
# done; with CI set, which skips nothing, it is 1.
set -euo pipefail
# shellcheck source=tests/lab/common.sh
. "$(dirname "$0")/common.sh"

[ $# -gt 0 ] || usage
skip_without_machines ip

take_down() {
  "$here/vm.sh" down 9>&-
  echo down >&9
}

LAB_DIR=$(mktemp -d "${TMPDIR:-/tmp}/kintsugi-vm-XXXXXX")
trap 'take_down' EXIT
watch_over "$here/vm.sh" down
KINTSUGI_LIBVIRT_URI=$("$here/vm.sh" up 9>&-)
export KINTSUGI_LIBVIRT_URI KINTSUGI_VM_LAB=$here/vm.sh
"$@" 9>&-
