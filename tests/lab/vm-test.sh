#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# vm-test.sh KINTSUGI: what scenarios take for granted of vm.sh: a guest that answers, can be breached, isolated and
# told who it is; a libvirtd that can crash; a golden image that Kintsugi accepts; and that nothing stays.
#
# Where no virtual machine can run, for lack of root, of namespaces or of packages, the exit code is 77, and nothing was
# done; with CI set, which skips nothing, it is 1.
set -euo pipefail
# shellcheck source=tests/lab/common.sh
. "$(dirname "$0")/common.sh"

[ $# -eq 1 ] || usage
kintsugi=$(realpath "$1")

skip_without_machines genisoimage

LAB_DIR=$(mktemp -d "${TMPDIR:-/tmp}/kintsugi-vm-XXXXXX")
vm() { "$here/vm.sh" "$@"; }
finish() {
  vm down
  echo down >&9
}
trap finish EXIT
watch_over "$here/vm.sh" down

# In the guest's network. No `timeout` of busybox, which is another one, and none of its `wget -T`, which crashes.
fetch() { vm inside timeout "${patience:-20}" busybox wget -q -O - "http://$1"; }
beacon() { vm inside timeout "$1" busybox nc -l -p 4444; }
virsh() { command virsh --quiet --connect "$uri" "$@"; }
ping_agent() { virsh qemu-agent-command web1 '{"execute":"guest-ping"}' > /dev/null; }
expect() { [ "$2" = "$3" ] || die "$1: '$3', and should be '$2'"; }
step() { echo "$SECONDS s: $*"; }

front_door() { "$here/../../run" lab vm; }
uri=$(front_door)
[[ $uri == "qemu:///system?socket=$LAB_DIR"/* && $uri == "$(vm uri)" ]] || die "'./run lab vm' prints '$uri'"
expect "what it prints once more" "$uri" "$(front_door)"
if vm up 2> /dev/null; then die "a second one came up in the same folder"; fi

step "the guest answers"
expect version web-1.0 "$(fetch 10.77.0.11/version)"
expect state clean "$(fetch 10.77.0.11/cgi-bin/state)"
! fetch 10.77.0.11/instance-id > /dev/null 2>&1 || die "a guest that nobody told knows its instance"
ping_agent

step "once breached, it calls home"
fetch 10.77.0.11/cgi-bin/implant > /dev/null
expect state IMPLANTED "$(fetch 10.77.0.11/cgi-bin/state)"
expect "what arrives" beacon "$(beacon 15)"

step "with its link down nothing passes, in either direction, and its agent answers"
nic=$(virsh domiflist web1 | awk '{print $5}')
expect "its NIC" 52:54:00:77:00:11 "$nic"
virsh domif-setlink web1 "$nic" down
expect "what arrives" "" "$(beacon 4 || true)"
! vm inside busybox ping -c 1 -W 1 10.77.0.11 > /dev/null 2>&1 || die "ping passes a link that is down"
! patience=3 fetch 10.77.0.11/version > /dev/null 2>&1 || die "HTTP passes a link that is down"
ping_agent
virsh domif-setlink web1 "$nic" up
expect "what arrives" beacon "$(beacon 15)"

step "libvirtd crashes, the guest does not"
vm kill-daemon
! vm status > /dev/null || die "a dead libvirtd has a status"
! virsh uri > /dev/null 2>&1 || die "a dead libvirtd answers"
expect version web-1.0 "$(fetch 10.77.0.11/version)"
vm restart-daemon
expect "after the restart" running "$(virsh domstate web1)"
[[ $(vm status) == *web1* ]] || die "no status"
ping_agent

step "machines without an operating system"
vm empty first second
expect "an empty machine" running "$(virsh domstate second)"
if vm empty second 2> /dev/null; then die "a second machine has the same name"; fi

step "a guest that is told who it is"
mkdir "$LAB_DIR/seed"
printf 'instance-id: generation-2\nlocal-hostname: web2\n' > "$LAB_DIR/seed/meta-data"
genisoimage -quiet -volid cidata -joliet -rock -output "$LAB_DIR/seed.iso" "$LAB_DIR/seed"
vm guest web2 52:54:00:77:00:12 10.77.0.12 "$LAB_DIR/seed.iso"
expect "its instance" generation-2 "$(fetch 10.77.0.12/instance-id)"
expect "a new guest's state" clean "$(fetch 10.77.0.12/cgi-bin/state)"
rm -r "$LAB_DIR"/seed{,.iso}

step "the golden image"
golden=$LAB_DIR/vm/images/golden.qcow2 tampered=$LAB_DIR/vm/images/tampered.qcow2
verify() {
  "$kintsugi" trust verify-blob "$1" --bundle "$golden.sigstore.json" --key "$LAB_DIR/vm/cosign.pub" --disk-image
}
verify "$golden"
cp "$golden" "$tampered"
byte=$(tail -c 1 "$tampered" | od -An -tu1)
truncate --size -1 "$tampered"
# shellcheck disable=SC2059  # a byte as an octal escape
printf "\\$(printf %o $((byte ^ 1)))" >> "$tampered"
expect "its size" "$(stat -c %s "$golden")" "$(stat -c %s "$tampered")"
! verify "$tampered" 2> /dev/null || die "one flipped bit is accepted"

step "nothing stays"
namespace=$(vm inside ip netns identify)
mapfile -t processes < <(ip netns pids "$namespace")
[ ${#processes[@]} -ge 5 ] || die "libvirtd and four machines are ${#processes[@]} processes"
vm down
for process in "${processes[@]}"; do
  [ -z "$(started_at "$process")" ] || die "process $process has survived: $(tr '\0' ' ' < "/proc/$process/cmdline")"
done
! ip netns list | grep "$namespace" || die "the namespace has survived"
! grep -F -e "$LAB_DIR" -e "$namespace" /proc/mounts || die "a mount has survived"
[ ! -e "$LAB_DIR" ] || die "$LAB_DIR has survived"
step "done"
