#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""frames.py BRIDGE TAP GUEST ALLOWED: plugs a neighbour into BRIDGE, who sends frames of many kinds to a guest there.

The guest has the IPv4 address GUEST and the network card behind TAP; ALLOWED is the address that may connect to it.
Prints a line for each kind: how many of ten frames got to TAP, and what they were. Needs root.
"""
import socket
import struct
import subprocess
import sys
import time

BRIDGE, TAP, GUEST, ALLOWED = sys.argv[1:5]
NEIGHBOUR = "frames0", "frames1"
OWN = bytes.fromhex("5254 00aa bbcc")
EVERYBODY = b"\xff" * 6
ALL_NODES = bytes.fromhex("3333 0000 0001")
STRANGER = ALLOWED.rsplit(".", 1)[0] + ".50"
ROUTER = ALLOWED.rsplit(".", 1)[0] + ".1"


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def card_of(tap):
    """The guest's own MAC address: a tap's begins with fe instead of 52."""
    return b"\x52" + bytes.fromhex(open(f"/sys/class/net/{tap}/address").read().replace(":", ""))[1:]


def arp(operation, sender, asked, to=EVERYBODY):
    body = struct.pack("!HHBBH", 1, 0x800, 6, 4, operation) + OWN + socket.inet_aton(sender)
    return to + OWN + b"\x08\x06" + body + b"\0" * 6 + socket.inet_aton(asked)


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF


def ip4(protocol, sender, payload, to, receiver=GUEST):
    addresses = socket.inet_aton(sender) + socket.inet_aton(receiver)
    head = struct.pack("!BBHHHBB", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol)
    return to + OWN + b"\x08\x00" + head + struct.pack("!H", checksum(head + b"\0\0" + addresses)) + addresses + payload


def ip6(next_header, payload, to, receiver):
    head = struct.pack("!IHBB", 0x60000000, len(payload), next_header, 255)
    return to + OWN + b"\x86\xdd" + head + socket.inet_pton(socket.AF_INET6, "fe80::1") + receiver + payload


def udp(source, destination, payload=b""):
    return struct.pack("!HHHH", source, destination, 8 + len(payload), 0) + payload


def syn(sender, port):
    segment = struct.pack("!HHIIBBHHH", 40000, port, 1, 0, 0x50, 2, 1000, 0, 0)
    pseudo = socket.inet_aton(sender) + socket.inet_aton(GUEST) + struct.pack("!HH", 6, len(segment))
    return segment[:16] + struct.pack("!H", checksum(pseudo + segment)) + segment[18:]


def frames(guest):
    advertisement = b"\x86\0\0\0\x40\0\x07\x08" + b"\0" * 8
    all_nodes = socket.inet_pton(socket.AF_INET6, "ff02::1")
    link_local = socket.inet_pton(socket.AF_INET6, "fe80::5054:ff:fe77:11")
    offer = udp(67, 68, b"\x02\x01\x06\0" + b"\0" * 236)
    ping = b"\x08\0\xf7\xff\0\0\0\0"
    return {
        "ARP request of the allowed": arp(1, ALLOWED, GUEST),
        "ARP request of a stranger": arp(1, STRANGER, GUEST),
        "ARP announcement of a router": arp(2, ROUTER, ROUTER),
        "ARP answer as a router": arp(2, ROUTER, GUEST, guest),
        "IPv6 router advertisement to all": ip6(58, advertisement, ALL_NODES, all_nodes),
        "IPv6 router advertisement to the guest": ip6(58, advertisement, guest, link_local),
        "TCP over IPv6": ip6(6, b"\0" * 20, guest, link_local),
        "DHCP offer to all": ip4(17, ALLOWED, offer, EVERYBODY, "255.255.255.255"),
        "DHCP offer to the guest": ip4(17, ALLOWED, offer, guest),
        "UDP of the allowed": ip4(17, ALLOWED, udp(53, 5353), guest),
        "ping of the allowed": ip4(1, ALLOWED, ping, guest),
        "TCP to the allowed port": ip4(6, ALLOWED, syn(ALLOWED, 80), guest),
        "TCP to another port": ip4(6, ALLOWED, syn(ALLOWED, 22), guest),
        "TCP of a stranger": ip4(6, STRANGER, syn(STRANGER, 80), guest),
        "TCP with a VLAN tag": guest + OWN + b"\x81\0\0\x01" + ip4(6, ALLOWED, syn(ALLOWED, 80), guest)[12:],
        "another protocol": guest + OWN + b"\x88\xb5" + b"\0" * 60,
    }


def arrived():
    return int(open(f"/sys/class/net/{TAP}/statistics/tx_packets").read())


ip("link", "add", NEIGHBOUR[0], "type", "veth", "peer", "name", NEIGHBOUR[1])
try:
    ip("link", "set", NEIGHBOUR[0], "master", BRIDGE, "up")
    ip("link", "set", NEIGHBOUR[1], "up")
    sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sender.bind((NEIGHBOUR[1], 0))
    time.sleep(0.5)
    for kind, frame in frames(card_of(TAP)).items():
        before = arrived()
        for _ in range(10):
            sender.send(frame)
        time.sleep(0.2)
        print(arrived() - before, kind)
finally:
    ip("link", "delete", NEIGHBOUR[0])
