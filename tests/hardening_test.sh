#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# hardening_test.sh PROGRAM...: fails unless each program is position independent, with a read-only relocation
# table bound at start, no executable stack, stack protectors, fortified library calls, and no search path of
# its own.
set -euo pipefail

[ $# -gt 0 ] || { echo "usage: $0 PROGRAM..." >&2; exit 2; }
failures=0

# expect WHAT TEXT PATTERN: TEXT has a line that matches; expect_not: it has none.
expect() { grep -qE -- "$3" <<< "$2" || complain "$1"; }
expect_not() { ! grep -qE -- "$3" <<< "$2" || complain "$1"; }
complain() {
  echo "$program: $1"
  failures=$((failures + 1))
}

for program in "$@"; do
  header=$(readelf --wide --file-header "$program")
  segments=$(readelf --wide --program-headers "$program")
  dynamic=$(readelf --wide --dynamic "$program")
  symbols=$(readelf --wide --dyn-syms "$program")
  expect "is not position independent" "$header" 'Type: +DYN'
  expect "has no flag PIE" "$dynamic" 'FLAGS_1.*\bPIE\b'
  expect "has no read-only relocations" "$segments" '^ *GNU_RELRO '
  expect "binds symbols lazily" "$dynamic" 'BIND_NOW|FLAGS_1.*\bNOW\b'
  expect "does not say that its stack is not executable" "$segments" '^ *GNU_STACK .* RW +0x'
  expect_not "has a segment that is writable and executable" "$segments" '^ *[A-Z_]+ +0x.* RWE '
  expect "has no stack protectors" "$symbols" ' __stack_chk_fail\b'
  expect "has no fortified calls" "$symbols" ' __(mem|str|v?s?n?printf|v?fprintf|read|recv|fd|poll)[a-z_]*_chk\b'
  expect_not "has text relocations" "$dynamic" 'TEXTREL'
  expect_not "has a search path for libraries" "$dynamic" '\((RPATH|RUNPATH)\)'
done
[ "$failures" = 0 ] || exit 1
echo "$# programs are hardened"
