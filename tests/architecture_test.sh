#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# architecture_test.sh [ROOT]: fails when a source file includes a header of a folder that its own folder may
# not use (the table is that of docs/design.md, "The parts"), or when a header brings a third-party library
# into whoever includes it (a header that only .cc files include may). Only direct includes are looked at.
set -euo pipefail
cd "${1:-$(dirname "$0")/..}"

declare -A may_use=(
  [base]=""
  [model]="base"
  [net]="base"
  [k8s-client/core]="base net"
  [k8s-client/auth]="base net k8s-client/core"
  [k8s-client/client]="base net k8s-client/core k8s-client/auth"
  [k8s-client/runtime]="base net k8s-client/core k8s-client/auth k8s-client/client"
  [signals]="base model"
  [playbooks]="base model"
  [trust/crypto]="base"
  [trust/oci]="base trust/crypto"
  [trust/registry]="base net trust/crypto trust/oci"
  [trust/sigstore]="base trust/crypto trust/oci"
  [trust/disk]="base trust/crypto"
  [trust/openpgp]="base trust/crypto"
  [trust/artifact]="base trust/crypto trust/oci trust/registry trust/disk"
  [trust/attestation]="base trust/crypto trust/sigstore"
  [trust/testing]="base net trust"
  [trust/policy]="base net trust"
  [trust/import]="base trust/crypto trust/oci trust/sigstore trust/attestation trust/policy"
  [admission]="base model net trust"
  [evidence]="base model net"
  [targets]="base model net k8s-client trust evidence"
  [incidents]="base model k8s-client"
  [metrics]="base model"
  [controller]="base model net k8s-client signals playbooks trust admission evidence targets incidents metrics"
  [host/control]="base model net k8s-client/core incidents"
  [host/images]="base model net trust"
  [host]="base model net k8s-client signals playbooks trust evidence targets incidents metrics controller"
  [cli]="base model net k8s-client signals playbooks trust admission evidence targets incidents metrics sandbox host/control"
  [sandbox]="base net k8s-client/core"
)
third_party='curl|re2|boost|simdjson|yaml-cpp|CLI|spdlog|fmt|openssl|prometheus|libvirt|pugixml|sqlite3|catch2'
failures=0

fail() { # file:line, what
  echo "$1: $2"
  failures=$((failures + 1))
}

# Sets `folder` to the key of the table that a path belongs to, or to nothing.
find_folder() {
  folder=${1%%/*}
  local rest=${1#*/}
  case $folder in
    k8s-client | trust) folder+=/${rest%%/*} ;;
    *) [ -z "${may_use[$folder/${rest%%/*}]+known}" ] || folder+=/${rest%%/*} ;;
  esac
  [ -n "${may_use[$folder]+known}" ] || folder=""
}

# Tests drive what is below their folder, too: scripted transports, clocks, helpers of tests/.
allowed() { # file, its folder, included header
  local one candidates=${may_use[$2]}
  case $1 in *_test.cc) candidates+=" base net tests trust/testing" ;; esac
  for one in "$2" $candidates; do
    case $3 in "$one"/*) return 0 ;; esac
  done
  return 1
}

mapfile -t folders < <(find . -mindepth 2 \( -name '*.h' -o -name '*.cc' \) -printf '%P\n' | cut -d/ -f1 |
  grep -vxE 'tests|build|\..*' | sort -u)

while IFS=: read -r file line text; do
  find_folder "$file"
  [[ $text =~ \"([^\"]*)\" ]] && header=${BASH_REMATCH[1]}
  if [ -z "$folder" ]; then
    fail "$file:$line" "is in a folder that the table does not have"
  elif ! allowed "$file" "$folder" "$header"; then
    fail "$file:$line" "$folder may not include \"$header\""
  fi
done < <(grep -rnE '^\s*#\s*include\s*"' --include='*.h' --include='*.cc' "${folders[@]}")

# A private header, which no other header includes, reaches .cc files only.
while IFS=: read -r file line text; do
  grep -rqF "\"$file\"" --include='*.h' "${folders[@]}" || continue
  fail "$file:$line" "a header that other headers include may not bring in a third-party library: $text"
done < <(
  grep -rnE "^\s*#\s*include\s*[<\"](($third_party)[./]|nlohmann/json\.hpp)" --include='*.h' "${folders[@]}" || true)

[ "$failures" = 0 ] || { echo "$failures includes are against the architecture"; exit 1; }
echo "every include keeps to the architecture"
