#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A private libvirtd and virtual machines that QEMU emulates: without KVM, systemd or anything of the machine's own
# libvirt, in a network namespace of its own. Needs root.
#
#   vm.sh up                            start libvirtd and the guest web1 at 10.77.0.11; returns when it is ready, and
#                                       prints the address to connect to
#   vm.sh uri                           print that address again
#   vm.sh status                        what runs; fails where libvirtd does not
#   vm.sh guest NAME MAC ADDRESS [DISK] one more guest like web1, at 10.77.0.0/24; DISK becomes its second disk
#   vm.sh empty NAME...                 machines with the same devices and nothing to boot, which start at once
#   vm.sh inside COMMAND...             run COMMAND in the machines' network, as the host 10.77.0.1
#   vm.sh kill-daemon                   kill libvirtd alone, as a crash would
#   vm.sh restart-daemon                the same, and start it again
#   vm.sh second-host                   another libvirtd with a network of its own and no machines, to which machines can
#                                       be migrated; prints its address
#   vm.sh down                          kill everything and delete it
#
# In LAB_DIR/vm: `images` with golden.qcow2, its signature golden.qcow2.sigstore.json, and an overlay for each machine;
# cosign.key and cosign.pub; `log` with each machine's console, NAME.serial. A machine's NIC is on the bridge
# `production`; there is another, `quarantine`, where nobody is. Each of several LAB_DIRs has all of this for itself.
#
# QEMU runs as root. With LAB_AS_INSTALLED set it is as distributions have it: QEMU runs as libvirt-qemu, to whom libvirt
# gives the disks of machines that run, and the group libvirt may connect.
set -euo pipefail
# shellcheck source=tests/lab/common.sh
. "$(dirname "$0")/common.sh"

LAB_DIR=$(realpath --canonicalize-missing "$LAB_DIR")
vm=$LAB_DIR/vm
namespace=kintsugi-vm-$(sha256sum <<< "$LAB_DIR" | head -c 12)
uri="qemu:///system?socket=$vm/sock/libvirt-sock"

virsh() { command virsh --quiet --connect "$uri" "$@"; }

need_root() { [ "$(id -u)" = 0 ] || die "needs root"; }

need_daemon() { running libvirtd || die "no libvirtd in $LAB_DIR: run '$0 up' first"; }

# The address is fixed, because a bridge's own changes with its ports, and guests remember it.
bridge() { # name, MAC
  inside ip link add "$1" address "$2" type bridge forward_delay 0
  inside ip link set "$1" up
}

network() {
  ip netns add "$namespace"
  inside ip link set lo up
  bridge production 52:54:00:77:00:01
  bridge quarantine 52:54:00:77:00:02
  inside ip addr add 10.77.0.1/24 dev production
}

inside() { ip netns exec "$namespace" "$@"; }

# It wants the user libvirt-qemu to exist, whoever else runs QEMU.
configuration() {
  mkdir -p "$vm"/{etc,run,lib,cache/qemu,log,sock,images}
  cp -r /etc/libvirt/nwfilter "$vm/etc/"
  cp /etc/passwd /etc/group "$vm/"
  if ! grep -q ^libvirt-qemu: "$vm/passwd"; then
    echo 'libvirt-qemu:x:64055:64055::/var/lib/libvirt:/usr/sbin/nologin' >> "$vm/passwd"
    echo 'libvirt-qemu:x:64055:' >> "$vm/group"
  fi
  grep -q ^libvirt: "$vm/group" || echo 'libvirt:x:64056:' >> "$vm/group"
  cat > "$vm/etc/libvirtd.conf" <<END
unix_sock_dir = "$vm/sock"
host_uuid = "$(cat /proc/sys/kernel/random/uuid)"
auth_unix_ro = "none"
auth_unix_rw = "none"
log_outputs = "3:stderr"
END
  local user=root owns=0
  if [ -n "${LAB_AS_INSTALLED:-}" ]; then
    user=libvirt-qemu owns=1
    chmod 711 "$LAB_DIR" "$vm"
    # Where its QEMU may not open this, libvirt asks QEMU for seconds what it can do, again with each machine.
    if [ -e /dev/kvm ]; then mknod -m 666 "$vm/kvm" c 10 232; fi
    printf '%s\n' 'unix_sock_group = "libvirt"' 'unix_sock_rw_perms = "0770"' >> "$vm/etc/libvirtd.conf"
  fi
  cat > "$vm/etc/qemu.conf" <<END
user = "$user"
group = "$user"
dynamic_ownership = $owns
remember_owner = $owns
security_driver = "none"
namespaces = []
cgroup_controllers = []
stdio_handler = "file"
END
}

# Its folders are where libvirt has them compiled in, but in a mount namespace that only it and its machines see.
start_daemon() {
  mkdir -p /run/libvirt /var/{lib,cache,log}/libvirt
  # shellcheck disable=SC2016  # the inner shell expands it
  start libvirtd ip netns exec "$namespace" unshare --mount --uts bash -euc '
    cd "$0"
    echo "$1" > /proc/sys/kernel/hostname # no two labs are the same host, so that machines can move between them
    mount --bind etc /etc/libvirt
    mount --bind run /run/libvirt
    mount --bind lib /var/lib/libvirt
    mount --bind cache /var/cache/libvirt
    mount --bind log /var/log/libvirt
    mount --bind passwd /etc/passwd
    mount --bind group /etc/group
    if [ -e kvm ]; then mount --bind kvm /dev/kvm; fi
    exec libvirtd --config /etc/libvirt/libvirtd.conf --pid-file /run/libvirt/libvirtd.pid' "$vm" "$namespace"
  wait_for libvirtd virsh uri
}

sign() (
  cd "$vm"
  export COSIGN_PASSWORD=""
  "$here/build.sh" cosign
  "$LAB_BIN/cosign" generate-key-pair --output-key-prefix cosign
  "$LAB_BIN/cosign" signing-config create --out no-services.json
  "$LAB_BIN/cosign" sign-blob --yes --key cosign.key --signing-config no-services.json \
    --bundle images/golden.qcow2.sigstore.json images/golden.qcow2
  chmod 644 images/golden.qcow2.sigstore.json
) > "$vm/log/sign.log" 2>&1

overlay() {
  qemu-img create -q -f qcow2 -F qcow2 -b "$vm/images/golden.qcow2" "$vm/images/$1.qcow2"
  chmod 600 "$vm/images/$1.qcow2"
}

disk() { # file, format, name in the guest
  echo "<disk type='file' device='disk'><driver name='qemu' type='$2'/><source file='$1'/>" \
    "<target dev='$3' bus='virtio'/>${4:-}</disk>"
}

# start_machine NAME MEBIBYTES WHAT_BOOTS MAC MORE_DISKS. Emulated, whatever the machine claims to have: with /dev/kvm
# libvirt may say that a guest runs which never gets to its first instruction.
start_machine() {
  [[ $1 =~ ^[a-z][a-z0-9-]*$ ]] || die "'$1' is no name for a machine"
  [ ! -e "$vm/images/$1.qcow2" ] || die "there is a machine '$1'"
  overlay "$1"
  cat > "$vm/$1.xml" <<END
<domain type='qemu'>
  <name>$1</name>
  <memory unit='MiB'>$2</memory>
  <vcpu>1</vcpu>
  <genid/>
  <os><type arch='x86_64' machine='q35'>hvm</type>$3</os>
  <features><acpi/><apic/></features>
  <cpu mode='custom' match='exact' check='none'><model fallback='allow'>qemu64</model></cpu>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>restart</on_reboot>
  <on_crash>preserve</on_crash>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    $(disk "$vm/images/$1.qcow2" qcow2 vda)
    $5
    <interface type='bridge'>$4<source bridge='production'/><model type='virtio'/></interface>
    <serial type='pty'><target port='0'/><log file='$vm/log/$1.serial' append='off'/></serial>
    <console type='pty'><target type='serial' port='0'/></console>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    <controller type='usb' model='qemu-xhci'/>
    <video><model type='vga'/></video>
    <memballoon model='none'/>
    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
  </devices>
</domain>
END
  virsh define "$vm/$1.xml"
  virsh start "$1"
}

guest() { # name, MAC, address, second disk
  need_daemon
  local boots="<kernel>$vm/vmlinuz</kernel><initrd>$vm/initrd.gz</initrd>" more=
  boots+="<cmdline>console=ttyS0 quiet panic=-1 address=$3/24</cmdline>"
  [ -z "${4:-}" ] || more=$(disk "$(realpath "$4")" raw vdb '<readonly/>')
  start_machine "$1" 256 "$boots" "<mac address='$2'/>" "$more"
  wait_for libvirtd grep -a READY "$vm/log/$1.serial"
  wait_for libvirtd virsh qemu-agent-command "$1" '{"execute":"guest-ping"}'
}

empty() { # name...
  need_daemon
  local name
  for name in "$@"; do start_machine "$name" 32 "<boot dev='hd'/>" "" ""; done
}

# What QEMU can do takes libvirt seconds to ask; it sees by itself when an answer is out of date.
keep_capabilities() { # folder
  local file
  mkdir -p "$1"
  for file in "$vm"/cache/qemu/capabilities/*.xml; do
    cp "$file" "$1/.new.$$" # another lab may be reading the one that is there
    mv "$1/.new.$$" "$1/${file##*/}"
  done
}

up() { # "bare": without images, and without a machine
  need_root
  local program built
  for program in libvirtd virsh qemu-system-x86_64 qemu-img mke2fs busybox ip; do
    command -v $program > /dev/null || die "$program is missing: run './run lab vm up', which installs it"
  done
  [ -c /dev/net/tun ] || die "no /dev/net/tun, and so no network for a virtual machine"
  if [ -e "$vm" ] || [ -e "/run/netns/$namespace" ]; then die "there is one in $LAB_DIR: run '$0 down' first"; fi
  built=$("$here/build-guest.sh")
  if rmdir "$LAB_DIR" 2> /dev/null || [ ! -e "$LAB_DIR" ]; then
    mkdir -m 700 "$LAB_DIR"
    touch "$LAB_DIR/.kintsugi-lab"
  fi
  [ -e "$LAB_DIR/.kintsugi-lab" ] || die "$LAB_DIR is not a lab's: set LAB_DIR"
  configuration
  cp "$built/vmlinuz" "$built/initrd.gz" "$vm/"
  cp "$built/golden.qcow2" "$vm/images/"
  [ ! -e "$built/capabilities" ] || cp -r "$built/capabilities" "$vm/cache/qemu/"
  chmod 444 "$vm/images/golden.qcow2" # nobody writes to what all of them stand on
  if [ $# = 0 ]; then
    echo "signing golden.qcow2" >&2
    sign || die "no signature: $(tail -n 3 "$vm/log/sign.log")"
  fi
  echo "starting libvirtd" >&2
  network
  start_daemon
  if [ $# = 0 ]; then
    echo "starting web1" >&2
    guest web1 52:54:00:77:00:11 10.77.0.11
    keep_capabilities "$built/capabilities"
  fi
  echo "$uri"
}

restart_daemon() {
  [ -e "$vm" ] || die "nothing is up in $LAB_DIR"
  stop libvirtd
  start_daemon
}

status() {
  if ! running libvirtd; then
    echo "no libvirtd in $LAB_DIR"
    return 1
  fi
  echo "libvirtd at $uri"
  virsh list --all
}

# Whatever is in the namespace is the lab's, even where its record is lost.
end_processes() {
  local pids pid
  local -A began
  while pids=$(ip netns pids "$namespace") && [ -n "$pids" ]; do
    for pid in $pids; do began[$pid]=$(started_at "$pid"); done
    # shellcheck disable=SC2086  # ids, split at blanks
    kill -KILL $pids 2> /dev/null || true
    sleep 0.02
  done
  # A process leaves its namespaces before it is gone, and a machine has memory to give back first.
  for pid in "${!began[@]}"; do
    while [ -n "${began[$pid]}" ] && [ "$(started_at "$pid")" = "${began[$pid]}" ]; do sleep 0.02; done
  done
}

second_host() {
  need_daemon
  LAB_DIR=$LAB_DIR/second "$0" bare
}

down() {
  need_root
  if [ -e "$LAB_DIR/second" ]; then LAB_DIR=$LAB_DIR/second "$0" down; fi
  stop libvirtd
  if [ -e "/run/netns/$namespace" ]; then
    end_processes
    ip netns del "$namespace"
  fi
  [ -e "$LAB_DIR/.kintsugi-lab" ] || return 0
  rm -rf "$vm" "$LAB_DIR/libvirtd.log"
  # The folder, too, unless something else of the lab is in it.
  if [ "$(ls -A "$LAB_DIR" 2> /dev/null)" = .kintsugi-lab ]; then rm -rf "$LAB_DIR"; fi
}

case "${1:-} $#" in
  "up 1" | "status 1" | "down 1") "$1" ;;
  "bare 1") up bare ;; # for second-host
  "second-host 1") second_host ;;
  "uri 1") echo "$uri" ;;
  "guest 4" | "guest 5") guest "${@:2}" ;;
  "kill-daemon 1") stop libvirtd ;;
  "restart-daemon 1") restart_daemon ;;
  empty\ * | inside\ *)
    [ $# -ge 2 ] || usage
    "$@"
    ;;
  *) usage ;;
esac
