#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# node-scenarios.sh PROGRAM: what only a real node can show. The controller PROGRAM runs as two pods of its chart,
# images are signed by cosign and pulled by containerd, a NetworkPolicy enforcer judges packets; one batch of Falco's
# events opens an incident for each case below. Run by with-control-plane.sh with WITH_NODE=1.
set -euo pipefail
# shellcheck source=tests/lab/common.sh
. "$(dirname "$0")/../lab/common.sh"
# shellcheck source=tests/node/world.sh
. "$(dirname "$0")/world.sh"
program=$1 scratch=$(mktemp -d)

describe() {
  kubectl get pods -A -o wide
  kubectl -n $own get incidents -o yaml
  kubectl -n $own logs -l app.kubernetes.io/name=kintsugi --prefix --tail=30
  kubectl get events -A --field-selector type=Warning
}
finish() {
  local status=$?
  [ $status = 0 ] || describe || true
  rm -rf "$scratch"
}
trap finish EXIT

say() { echo "$SECONDS s: $*"; }

# ---- cases ----------------------------------------------------------------------------------------------------

# The attacker's session: a line every 0.1 s from the victim to its neighbour.
open_session() {
  in_pod shop "$neighbour" sh -c '(tail -f /dev/null | nc -l -p 9000 > /tmp/loot) > /dev/null 2>&1 < /dev/null &'
  in_pod shop "${victim[web]}" sh -c \
    "(while sleep 0.1; do echo loot; done | nc $neighbour_ip 9000) > /dev/null 2>&1 < /dev/null &"
  eventually "the attacker's session is open" session_flows
}
loot() { in_pod shop "$neighbour" cat /tmp/loot | wc -l; }
session_flows() {
  local before
  before=$(loot)
  sleep 0.5
  [ "$(loot)" -gt "$before" ]
}
session_is_dead() {
  local before
  before=$(loot)
  sleep 0.5
  [ "$before" -gt 0 ] && [ "$(loot)" = "$before" ]
}

check_victim() {
  local labels='{"kintsugi.dev/forensics":"incident-tools","kintsugi.dev/quarantine":"true"}'
  [ "$(kubectl -n shop get pod "${victim[web]}" \
    -o 'jsonpath={.metadata.labels} {.metadata.uid} {.status.phase} {.status.containerStatuses[0].restartCount}')" = \
    "$labels $victim_uid Running 0" ] || die "the victim does not run on in quarantine"
}

check_packets() {
  local replacement sibling=$1 pod
  cannot_reach shop "$neighbour" "$victim_ip" || die "packets reach the victim"
  cannot_reach shop "${victim[web]}" "$neighbour_ip" || die "packets leave the victim"
  eventually "the attacker's session is dead" session_is_dead
  for pod in $(pods shop app=web); do
    [ "$pod" = "$sibling" ] || replacement=$pod
  done
  for pod in "$sibling" "$replacement"; do
    reaches shop "$neighbour" "$(ip_of shop "$pod")" || die "packets do not reach $pod"
    reaches shop "$pod" "$neighbour_ip" || die "packets do not leave $pod"
  done
}
ip_of() { kubectl -n "$1" get pod "$2" -o 'jsonpath={.status.podIP}'; }

check_evidence() {
  local folder=$evidence/${incident[web]}
  expect_is web EvidencePreserved 'True *'
  python3 - "$folder" <<'END'
import hashlib, json, sys
folder = sys.argv[1]
manifest = json.load(open(f"{folder}/manifest.json"))
for file in manifest["files"]:
    data = open(f"{folder}/{file['path']}", "rb").read()
    assert (hashlib.sha256(data).hexdigest(), len(data)) == (file["sha256"], file["bytes"]), file
collectors = {file["collector"] for file in manifest["files"]}
assert {"pod", "owners", "events", "restarts", "logs", "processes", "sockets"} <= collectors, collectors
assert manifest["failures"] == [], manifest["failures"]
END
  grep -qF 'serving on port 8080' "$folder/logs/server.log" || die "the container's log was not kept"
  grep -qF "nc $neighbour_ip 9000" "$folder/processes/server.txt" || die "the attacker's process is not in the evidence"
  grep -qi ":$(printf %04X 9000) 01 " "$folder/sockets/server.txt" ||
    die "the attacker's connection is not in the evidence"
  [ "$(sha256sum < "$folder/manifest.json" | cut -d' ' -f1)" = "$(kubectl -n $own get incident "${incident[web]}" \
    -o 'jsonpath={.status.evidence.manifestSHA256}')" ] || die "the incident vouches for another manifest"
}

check_closed() { # name, image IDs of the pods as a glob, page
  local ids pod
  kubectl -n $own wait --for=condition=Closed --timeout=180s "incident/${incident[$1]}"
  expect_is "$1" Contained 'True PolicyEvaluated'
  expect_is "$1" Redeployed 'True *'
  expect_is "$1" Recovered 'True Serving'
  ids=$(image_ids shop "app=$1")
  # shellcheck disable=SC2053  # a glob
  [[ $ids == $2 ]] || die "$1 runs $ids, expected $2"
  for pod in $(pods shop "app=$1"); do
    [ "$(page "$(ip_of shop "$pod")")" = "$3" ] || die "$1: another image than the verified one serves"
  done
}

# The leader alone tells the times, of each incident once; nobody was refused anything.
check_controller() {
  local pod metrics="" log count='kintsugi_incident_time_to_contain_seconds_count{severity="info"}'
  for pod in $(pods $own app.kubernetes.io/name=kintsugi); do
    metrics+=$(curl --silent --max-time 5 "http://$(ip_of $own "$pod"):9090/metrics")
  done
  [ "$(grep -F "$count" <<< "$metrics")" = "$count ${#incident[@]}" ] ||
    die "not every containment is on /metrics once: $(grep -F "$count" <<< "$metrics")"
  log=$(kubectl -n $own logs -l app.kubernetes.io/name=kintsugi --tail=-1)
  ! grep -E '"level":"error"|[Ff]orbidden' <<< "$log" || die "the controller complains"
  [ "$(kubectl -n $own get pods -l app.kubernetes.io/name=kintsugi \
    -o 'jsonpath={.items[*].status.containerStatuses[*].restartCount}')" = "0 0" ] || die "a controller was restarted"
}

check_leak() {
  eventually "the leak is found" is leaky Contained 'False *'
  [[ $(message leaky Contained) == *market/allow-all* ]] || die "the leak is not named: $(message leaky Contained)"
  reaches market "${victim[leaky]}" "$neighbour_ip" || die "said to leak, and packets do not pass"
  policy market allow-all '{matchExpressions: [{key: kintsugi.dev/quarantine, operator: DoesNotExist}]}' |
    kubectl apply -f -
  eventually "contained once the leak is closed" is leaky Contained 'True *'
  eventually "packets stop" cannot_reach market "${victim[leaky]}" "$neighbour_ip"
}

# ---------------------------------------------------------------------------------------------------------------

"$here/build.sh" helm cosign > /dev/null
"$here/netpol.py" up --established=cut
make_namespaces > /dev/null
install_controller "$program" > /dev/null &
installing=$!
make_images
rename_images
say "images are there"
open_shops > /dev/null
say "the shops are open"
wait $installing
configure_controller > /dev/null
say "the controller is ready"

for target in shop/{web,config,tagged,platform,foreign,unsigned} market/leaky; do
  name=${target#*/}
  victim[$name]=$(pods "${target%/*}" "app=$name" | cut -d' ' -f1)
done
sibling() { pods shop "app=$1" | cut -d' ' -f2; }
web_sibling=$(sibling web) victim_ip=$(ip_of shop "${victim[web]}")
victim_uid=$(kubectl -n shop get pod "${victim[web]}" -o 'jsonpath={.metadata.uid}')
neighbour=$(pods shop app=neighbour) neighbour_ip=$(address shop app=neighbour)
unname_running_image config "$(sibling config)"
reaches shop "$neighbour" "$victim_ip" || die "no packets reach the victim before the breach"
open_session

say "breach"
[[ $(post a-token-that-nobody-has <<< '{}') == *401* ]] || die "a wrong token is not refused"
breach shop/{web,config,tagged,platform,foreign,unsigned} market/leaky
kubectl -n $own wait --for=condition=Recovered --timeout=180s "incident/${incident[web]}" > /dev/null
say "recovered"
check_victim
check_packets "$web_sibling"
check_evidence
say "packets and evidence are as promised"
check_leak > /dev/null
say "a leak is told, and closed"
check_closed web "${image[web]} ${image[web]}" "web, signed" > /dev/null
check_closed tagged "${image[pinned]}" "tagged, signed" > /dev/null
check_closed platform "another.lab/mirror/platform@$(platform_manifest platform)" "platform, signed" > /dev/null
check_closed config "*$(config config)*" "config, signed" > /dev/null
say "index, platform manifest and config are recognised"
eventually "a foreign digest is refused" is foreign Redeployed 'False UnacceptedDigest'
eventually "an unsigned image is refused" is unsigned Redeployed 'False NoSignature'
for name in foreign unsigned; do
  expect_is $name Contained 'True PolicyEvaluated'
  ! is $name Recovered 'True *' || die "$name counts as recovered"
done
say "a foreign digest and an unsigned image are not"
check_controller
