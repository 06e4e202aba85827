# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the lab's scripts share: where things are, programs that are started and stopped, small images. To be
# sourced.

LAB_BIN=${LAB_BIN:-$HOME/.cache/kintsugi-lab/bin}
LAB_DIR=${LAB_DIR:-/tmp/kintsugi-lab}
LAB_PORT=${LAB_PORT:-16443}
REGISTRY_PORT=${REGISTRY_PORT:-15000}
export LAB_BIN LAB_DIR LAB_PORT REGISTRY_PORT
# shellcheck disable=SC2034  # the scripts that source this one use them
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) registry=127.0.0.1:$REGISTRY_PORT
# shellcheck disable=SC2034
node_registry=registry.lab:$REGISTRY_PORT # the same, by a name that also means it in a pod with such an alias

die() { echo "${0##*/}: $*" >&2; exit 1; }

# The comment at the head of the script that is running.
usage() { sed -n '3,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }

kubectl() { "$LAB_BIN/kubectl" --kubeconfig "$LAB_DIR/admin.kubeconfig" "$@"; }

port_taken() { (exec 3<> "/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# When the process $1 started, in ticks since boot; nothing if it has ended. Id and start name one process for
# ever, so that a number that came back after a reboot is never taken for ours.
started_at() {
  local stat fields
  { stat=$(< "/proc/$1/stat"); } 2>/dev/null || return 0
  read -ra fields <<< "${stat##*) }" # what follows the program's name: the state is the first
  [ "${fields[0]}" = Z ] || echo "${fields[19]}"
}

# start NAME COMMAND...: in a session of its own, with the log in $LAB_DIR/NAME.log.
start() {
  local name=$1
  shift
  setsid "$@" > "$LAB_DIR/$name.log" 2>&1 < /dev/null 9>&- & # 9: see watch_over
  echo "$! $(started_at $!)" > "$LAB_DIR/$name.pid"
}

running() {
  local pid at
  { read -r pid at < "$LAB_DIR/$1.pid"; } 2>/dev/null && [ -n "$at" ] && [ "$(started_at "$pid")" = "$at" ]
}

# stop NAME: without ceremony, because its data goes, too.
stop() {
  local pid _
  [ -e "$LAB_DIR/$1.pid" ] || return 0
  read -r pid _ < "$LAB_DIR/$1.pid"
  while running "$1"; do
    kill -KILL "$pid" 2>/dev/null || true
    sleep 0.02
  done
  rm "$LAB_DIR/$1.pid"
}

# wait_for NAME COMMAND...: until COMMAND succeeds; gives up when the program NAME ends, or after two minutes.
wait_for() {
  local name=$1 deadline=$((SECONDS + 120))
  shift
  until "$@" >/dev/null 2>&1; do
    running "$name" || die "$name ended:"$'\n'"$(tail -n 5 "$LAB_DIR/$name.log")"
    [ "$SECONDS" -lt "$deadline" ] || die "$name: '$*' fails for two minutes; see $LAB_DIR/$name.log"
    sleep 0.1
  done
}

# watch_over COMMAND...: runs COMMAND when descriptor 9 closes, that is when the calling script ends, however it does;
# unless it was told, by a line to that descriptor, that nothing is left to do. Detached, because whoever kills the
# script may kill its descendants, too. What shall outlive the script must not have the descriptor (9>&-); what `start`
# starts has not.
watch_over() {
  local pipe=$LAB_DIR.alive
  mkfifo -m 600 "$pipe"
  # shellcheck disable=SC2016  # the inner shell expands it
  (setsid bash -c 'read -r _ || exec "$0" "$@"' "$@" < "$pipe" > /dev/null 2>&1 &)
  exec 9> "$pipe"
  rm "$pipe"
}

# busybox_root DIR: fills DIR with busybox under its usual names, and /bin/init from standard input.
busybox_root() {
  local applet
  mkdir -p "$1"/{bin,etc,tmp,www}
  cp /bin/busybox "$1/bin/"
  for applet in sh cat httpd nc wget sleep timeout ls ps id kill tail wc setsid; do
    ln -s busybox "$1/bin/$applet"
  done
  cat > "$1/bin/init"
  chmod +x "$1/bin/init"
}

# skip REASON: ends the script; where CI is set, nothing may be skipped.
skip() {
  [ -z "${CI:-}" ] || die "$1, and CI must have it"
  echo "skipped: $1"
  exit 77
}

# Skips where no virtual machine can run, for lack of root, of namespaces or of one of these programs.
skip_without_machines() {
  unshare --mount --net true 2> /dev/null || skip "no virtual machine without root and namespaces"
  # Not every kernel that runs containers has it, and nothing can be installed for that.
  [ -c /dev/net/tun ] || CI='' skip "no virtual machine without /dev/net/tun"
  local program
  for program in libvirtd virsh qemu-system-x86_64 qemu-img mke2fs busybox "$@"; do
    command -v "$program" > /dev/null || skip "no virtual machine without $program"
  done
}
