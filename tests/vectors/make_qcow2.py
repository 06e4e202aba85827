#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make_qcow2.py FILE: an empty qcow2 image of 1 MiB in clusters of 512 bytes, as QEMU's docs/interop/qcow2.txt has it:
header, refcount table, refcount block, L1 table. Small enough for the repository, unlike what qemu-img writes."""
import struct
import sys

CLUSTER_BITS = 9
CLUSTER = 1 << CLUSTER_BITS
VIRTUAL_SIZE = 1 << 20
L1_ENTRIES = VIRTUAL_SIZE // (CLUSTER // 8 * CLUSTER)

header = b"QFI\xfb" + struct.pack(
    ">IQIIQIIQQIIQQQQIIB7x",
    3, 0, 0, CLUSTER_BITS, VIRTUAL_SIZE, 0, L1_ENTRIES, 3 * CLUSTER, CLUSTER, 1, 0, 0, 0, 0, 0, 4, 112, 0)
# A table of feature names, of which the dirty bit's is the first, and the end of the extensions.
name = struct.pack(">BB46s", 0, 0, b"dirty bit")
extensions = struct.pack(">II", 0x6803F857, len(name)) + name + struct.pack(">II", 0, 0)
refcount_table = struct.pack(">Q", 2 * CLUSTER)
refcount_block = struct.pack(">4H", 1, 1, 1, 1)
l1_table = bytes(8 * L1_ENTRIES)
clusters = [header + extensions, refcount_table, refcount_block, l1_table]
with open(sys.argv[1], "wb") as out:
    out.write(b"".join(cluster.ljust(CLUSTER, b"\0") for cluster in clusters))
