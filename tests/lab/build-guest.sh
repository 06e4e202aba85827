#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# build-guest.sh: makes what vm.sh's guests boot from, and prints the folder that has it: the kernel `vmlinuz` of
# Debian's cloud image, `initrd.gz` with its modules, and the disk `golden.qcow2` (48 MiB, 4 MB as a file).
#
# The folder is beside $LAB_BIN, so that only the first time takes long: Debian's packages are downloaded for it
# (27 MB) and not installed. It is made again only when this script has changed, or when it was deleted.
#
# The kernel takes address=ADDRESS/BITS for eth0 from its command line. A disk or CD-ROM (virtio, virtio-scsi) with the
# file system label cidata, as NoCloud of cloud-init has it, names the guest: the lines `instance-id: …` and
# `local-hostname: …` of its file meta-data. The guest writes READY to its console, and serves on port 80:
#
#   /version           the golden image's, web-1.0
#   /instance-id       of cidata; missing where there is none
#   /cgi-bin/implant   breaches it: from then on, also after a restart, it calls 10.77.0.1:4444 each second
#   /cgi-bin/state     clean or IMPLANTED
set -euo pipefail
# shellcheck source=tests/lab/common.sh
. "$(dirname "$0")/common.sh"

modules=(virtio virtio_ring virtio_pci virtio_pci_modern_dev virtio_pci_legacy_dev virtio_blk virtio_net net_failover
  failover virtio_console virtio-rng virtio_scsi scsi_mod scsi_common sr_mod cdrom isofs fat vfat nls_cp437 nls_ascii
  nls_utf8)

apt_get() { apt-get --quiet --quiet --option Acquire::Retries=3 --option APT::Sandbox::User=root "$@" >&2; }

kernel_package() { apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -n 's/^  Depends: \(linux-image-6\)/\1/p'; }

# Into $work/kernel and $work/agent.
unpack_packages() {
  local package=
  package=$(kernel_package)
  # A list that is too old names what the archive has no longer.
  if [ -z "$package" ] || ! (cd "$work" && apt_get download "$package" qemu-guest-agent); then
    apt_get update
    package=$(kernel_package)
    (cd "$work" && apt_get download "$package" qemu-guest-agent)
  fi
  dpkg --extract "$work"/linux-image-*.deb "$work/kernel"
  dpkg --extract "$work"/qemu-guest-agent_*.deb "$work/agent"
}

initramfs() {
  local root=$work/initramfs release applet module
  release=$(ls "$work/kernel/lib/modules")
  mkdir -p "$root"/{bin,dev,proc,sys,run,mnt,media,"lib/modules/$release"}
  cp /bin/busybox "$root/bin/"
  for applet in sh mount umount modprobe ip cat grep cp mkdir sleep findfs switch_root; do
    ln -s busybox "$root/bin/$applet"
  done
  for module in "${modules[@]}"; do
    find "$work/kernel/lib/modules/$release" -name "$module.ko" -exec cp {} "$root/lib/modules/$release/" \;
  done
  busybox depmod -b "$root" "$release"
  cat > "$root/init" <<'END'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs run /run
modprobe -a virtio_pci virtio_blk virtio_net virtio_console virtio-rng
for word in $(cat /proc/cmdline); do
  case $word in address=*) address=${word#*=} ;; esac
done
ip link set lo up
if [ -n "$address" ]; then
  ip addr add "$address" dev eth0
  ip link set eth0 up
fi

wait_for() {
  tries=0
  until [ -b "$1" ] || [ $tries = 50 ]; do
    sleep 0.1
    tries=$((tries + 1))
  done
}
if grep -q 0x0008 /sys/bus/virtio/devices/*/device; then # a virtio-scsi controller, for a CD-ROM
  modprobe -a virtio_scsi sr_mod
  wait_for /dev/sr0
fi
if disk=$(findfs LABEL=cidata || findfs LABEL=CIDATA); then
  modprobe -a isofs vfat nls_cp437 nls_ascii nls_utf8
  if mount -t iso9660 -o ro "$disk" /media || mount -t vfat -o ro "$disk" /media; then
    mkdir /run/cidata
    cp /media/* /run/cidata/
    umount /media
  fi
fi 2> /dev/null

wait_for /dev/vda
if mount -t ext4 /dev/vda /mnt; then
  for place in dev proc sys run; do mount --move /$place /mnt/$place; done
  exec switch_root /mnt /sbin/init
fi
echo "no root file system"
while :; do sleep 60; done
END
  chmod +x "$root/init"
  (cd "$root" && find . | busybox cpio -o -H newc 2> /dev/null | gzip -1) > "$work/initrd.gz"
  cp "$work"/kernel/boot/vmlinuz-* "$work/vmlinuz"
}

golden_image() {
  local root=$work/root applet library
  mkdir -p "$root"/{bin,sbin,usr/sbin,dev,proc,sys,etc,tmp,run,var/lib/app,www/cgi-bin,lib64}
  cp /bin/busybox "$root/bin/"
  for applet in $(busybox --list); do
    [ -e "$root/bin/$applet" ] || ln -s busybox "$root/bin/$applet"
  done
  cp "$work/agent/usr/sbin/qemu-ga" "$root/usr/sbin/"
  ! ldd "$root/usr/sbin/qemu-ga" | grep 'not found' >&2 || die "the guest agent's libraries are missing here"
  for library in $(ldd "$root/usr/sbin/qemu-ga" | grep -o '/[^ ]*'); do
    cp --dereference --parents "$library" "$root/"
  done
  echo web-1.0 > "$root/www/version"
  ln -s /run/instance-id "$root/www/instance-id"
  cat > "$root/www/cgi-bin/implant" <<'END'
#!/bin/sh
echo evil > /etc/implant
sync
printf 'Content-type: text/plain\n\nimplanted\n'
END
  cat > "$root/www/cgi-bin/state" <<'END'
#!/bin/sh
printf 'Content-type: text/plain\n\n'
if [ -e /etc/implant ]; then echo IMPLANTED; else echo clean; fi
END
  cat > "$root/sbin/init" <<'END'
#!/bin/sh
export PATH=/bin:/sbin:/usr/sbin
mount -t tmpfs tmp /tmp
mount -o remount,rw /
mkdir -p /var/run /dev/virtio-ports
for port in /sys/class/virtio-ports/*; do
  [ ! -f "$port/name" ] || ln -sf "/dev/${port##*/}" "/dev/virtio-ports/$(cat "$port/name")"
done
meta_data() { sed -n "s/^$1: *//p" /run/cidata/meta-data | tr -d "\"'"; }
if [ -e /run/cidata/meta-data ]; then
  meta_data instance-id > /run/instance-id
  hostname "$(meta_data local-hostname)"
fi
httpd -p 80 -h /www
while :; do
  qemu-ga --method virtio-serial --path /dev/virtio-ports/org.qemu.guest_agent.0 --pidfile /run/qemu-ga.pid
  sleep 1
done > /dev/null 2>&1 &
echo "READY version=$(cat /www/version) state=$(/www/cgi-bin/state | tail -n 1)" > /dev/console
while :; do
  [ ! -e /etc/implant ] || echo beacon | nc -w 1 10.77.0.1 4444
  sleep 1
done 2> /dev/null
END
  chmod +x "$root/sbin/init" "$root"/www/cgi-bin/*
  truncate --size 48M "$work/golden.raw"
  mke2fs -q -t ext4 -O ^has_journal -d "$root" "$work/golden.raw"
  qemu-img convert -O qcow2 -c "$work/golden.raw" "$work/golden.qcow2"
}

build() ( # a subshell, for the sake of its trap
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  echo "building the guest" >&2
  unpack_packages
  initramfs
  golden_image
  mkdir -p "$guest"
  cp "$work"/{vmlinuz,initrd.gz,golden.qcow2} "$guest/"
  echo "$version" > "$guest/.version"
)

[ $# -eq 0 ] || usage
guest=${LAB_BIN%/*}/vm
version=$(sha256sum < "$0")
mkdir -p "${guest%/*}"
exec 9> "$guest.lock" # two labs may want it at the same time
flock 9
[ "$(cat "$guest/.version" 2> /dev/null)" = "$version" ] || build 9>&-
echo "$guest"
