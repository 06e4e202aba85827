#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Enforces NetworkPolicy on the node of node.sh: watches pods, namespaces and policies, writes one nftables table.

  netpol.py up [--established=keep|cut]   start in the background; returns when the rules are loaded
  netpol.py down                          stop it and delete the table
  netpol.py dump                          print the table, with packet counts

keep  (default) packets of established connections pass, whatever the policies say now, as with many enforcers
cut   every packet is judged, so that a new policy also ends the open connections that it forbids

LAB_DIR and LAB_PORT are as in control-plane.sh. The log is $LAB_DIR/netpol.log. Needs root and nft.

Not enforced: IPv6 (the lab's pods have none), pods on the host's network, and traffic between a pod and its own
node, which Kubernetes always allows (probes, exec, port-forward). A pod is without rules from its start until the
API shows its address, about a second, as with any enforcer that only watches.
"""

import http.client
import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time

LAB_DIR = os.environ.get("LAB_DIR", "/tmp/kintsugi-lab")
LAB_PORT = int(os.environ.get("LAB_PORT", "16443"))
PID_FILE, LOG_FILE = f"{LAB_DIR}/netpol.pid", f"{LAB_DIR}/netpol.log"
TABLE = "inet kintsugi_lab"
WATCHED = {
    "pods": "/api/v1/pods",
    "namespaces": "/api/v1/namespaces",
    "networkpolicies": "/apis/networking.k8s.io/v1/networkpolicies",
}

# ---- the API: one thread lists and watches each kind -------------------------------------------------------

objects = {kind: None for kind in WATCHED}  # kind -> {uid: object}; None until first listed
lock, changed = threading.Lock(), threading.Event()


def get(path):
    context = ssl.create_default_context(cafile=f"{LAB_DIR}/pki/ca.crt")
    context.load_cert_chain(f"{LAB_DIR}/pki/admin.crt", f"{LAB_DIR}/pki/admin.key")
    connection = http.client.HTTPSConnection("127.0.0.1", LAB_PORT, context=context)
    connection.request("GET", path)
    response = connection.getresponse()
    if response.status != 200:
        raise OSError(f"GET {path}: {response.status} {response.read(200)}")
    return response


def follow(kind):
    path = WATCHED[kind]
    while True:  # a watch that ends starts over with a list; until then the last known rules stay
        try:
            listing = json.load(get(path))
            with lock:
                objects[kind] = {o["metadata"]["uid"]: o for o in listing["items"]}
            changed.set()
            for line in get(f"{path}?watch=1&resourceVersion={listing['metadata']['resourceVersion']}"):
                event = json.loads(line)
                if event["type"] == "ERROR":
                    break
                uid = event["object"]["metadata"]["uid"]
                with lock:
                    if event["type"] == "DELETED":
                        objects[kind].pop(uid, None)
                    else:
                        objects[kind][uid] = event["object"]
                changed.set()
        except (OSError, ValueError, KeyError, http.client.HTTPException) as e:
            log(f"watch {kind}: {e!r}; again in 1 s")
            time.sleep(1)


# ---- policies to rules -------------------------------------------------------------------------------------

# A rule names the connection, not the packet, so that it judges both directions of it alike: its source is
# the sender of the first packet; its destination and port are those that answer, which also holds behind
# address translation.
SOURCE, DESTINATION, PORT = "ct original ip saddr", "ct reply ip saddr", "ct reply proto-src"


def selects(selector, labels):
    """Whether a label selector selects these labels; the empty one selects everything."""
    if any(labels.get(k) != v for k, v in (selector.get("matchLabels") or {}).items()):
        return False
    for e in selector.get("matchExpressions") or []:
        value, values = labels.get(e["key"]), e.get("values") or []
        if not {
            "In": value in values,
            "NotIn": value not in values,  # NotIn selects what lacks the key, too
            "Exists": value is not None,
            "DoesNotExist": value is None,
        }[e["operator"]]:
            return False
    return True


def labels(obj):
    return obj["metadata"].get("labels") or {}


def named_ports(pod, name, protocol):
    for container in pod["spec"]["containers"] + (pod["spec"].get("initContainers") or []):
        for p in container.get("ports") or []:
            if (p.get("name"), p.get("protocol", "TCP")) == (name, protocol):
                yield p["containerPort"]


def port_matches(ports, pods):
    """The nft matches for a rule's ports. A named port is looked up in the pods it may lead to, a match for each."""
    matches = [] if ports else [""]
    for p in ports or []:
        protocol, port = p.get("protocol", "TCP"), p.get("port")
        head = f"meta l4proto {protocol.lower()}"
        if port is None:
            matches.append(head)
        elif isinstance(port, int):
            matches.append(
                f"{head} {PORT} {port}" + (f"-{p['endPort']}" if p.get("endPort", port) > port else "")
            )
        else:
            matches += [
                f"{DESTINATION} {pod['status']['podIP']} {head} {PORT} {number}"
                for pod in pods
                for number in named_ports(pod, port, protocol)
            ]
    return matches


def peer_matches(peers, side, own_namespace, pods, namespaces):
    """(nft match, pods it stands for) for each peer of a rule; side is the peer's end of the connection."""
    if not peers:
        return [("", pods)]
    matches = []
    for peer in peers:
        block, in_namespaces, in_pods = (
            peer.get("ipBlock"),
            peer.get("namespaceSelector"),
            peer.get("podSelector") or {},
        )
        if block and ":" not in block["cidr"]:
            matches.append(
                (
                    f"{side} {block['cidr']}" + "".join(f" {side} != {x}" for x in block.get("except") or []),
                    [],
                )
            )
        elif not block:
            chosen = [
                p
                for p in pods
                if selects(in_pods, labels(p))
                and (
                    p["metadata"]["namespace"] == own_namespace
                    if in_namespaces is None
                    else selects(in_namespaces, namespaces.get(p["metadata"]["namespace"], {}))
                )
            ]
            if chosen:
                matches.append((f"{side} {{ {', '.join(p['status']['podIP'] for p in chosen)} }}", chosen))
    return matches


def pod_chain(direction, pod, policies, pods, namespaces):
    """The rules for one pod in one direction: None if no policy isolates it, else what is allowed, then drop."""
    inward, lines, isolated = direction == "Ingress", [], False
    for policy in policies:
        spec, namespace = policy["spec"], policy["metadata"]["namespace"]
        types = spec.get("policyTypes") or ["Ingress"] + (["Egress"] if spec.get("egress") else [])
        if (
            namespace != pod["metadata"]["namespace"]
            or direction not in types
            or not selects(spec.get("podSelector") or {}, labels(pod))
        ):
            continue
        isolated = True
        for rule in spec.get(direction.lower()) or []:
            peers = rule.get("from" if inward else "to")
            for peer, peer_pods in peer_matches(
                peers, SOURCE if inward else DESTINATION, namespace, pods, namespaces
            ):
                for port in port_matches(rule.get("ports"), [pod] if inward else peer_pods):
                    comment = f'comment "{namespace}/{policy["metadata"]["name"]}'[:120] + '"'
                    lines.append(" ".join(filter(None, [peer, port, "counter return", comment])))
    return lines + ["counter drop"] if isolated else None


def ruleset(pods, namespaces, policies, established):
    """The whole table. In the forward hook a connection must pass its source's chain and its destination's."""
    namespaces = {n["metadata"]["name"]: labels(n) for n in namespaces}
    pods = sorted(
        (
            p
            for p in pods
            if p["status"].get("podIP")
            and not p["spec"].get("hostNetwork")
            and p["status"].get("phase") not in ("Succeeded", "Failed")
        ),
        key=lambda p: p["status"]["podIP"],
    )
    policies = sorted(policies, key=lambda p: (p["metadata"]["namespace"], p["metadata"]["name"]))
    out, elements = [f"table {TABLE} {{"], {"from": [], "to": []}
    for pod in pods:
        for direction, prefix in (("Egress", "from"), ("Ingress", "to")):
            lines = pod_chain(direction, pod, policies, pods, namespaces)
            if lines:
                chain = f"{prefix}-{pod['status']['podIP']}"
                elements[prefix].append(f"{pod['status']['podIP']} : jump {chain}")
                out += [
                    f"chain {chain} {{ # {pod['metadata']['namespace']}/{pod['metadata']['name']}",
                    *lines,
                    "}",
                ]
    for name, e in elements.items():
        out.append(
            f"map {name} {{ type ipv4_addr : verdict; "
            + (f"elements = {{ {', '.join(e)} }}; }}" if e else "}")
        )
    return "\n".join(
        out
        + [
            "chain forward { type filter hook forward priority filter; policy accept;",
            f"ct state {'established,related' if established == 'keep' else 'related'} accept",  # related: ICMP errors
            f"{SOURCE} vmap @from",
            f"{DESTINATION} vmap @to",
            "ct state invalid ip saddr vmap @from",
            "ct state invalid ip daddr vmap @to",  # these belong to no connection
            "}",
            "}",
            "",
        ]
    )


# ---- the process -------------------------------------------------------------------------------------------


def log(message):
    print(f"{time.strftime('%H:%M:%S')}.{int(time.time() * 1000) % 1000:03d} {message}", flush=True)


def replace_table(text):
    """One transaction: the node is never without rules in between, and a refused text changes nothing."""
    return subprocess.run(
        ["nft", "-f", "-"],
        input=f"table {TABLE} {{}}\ndelete table {TABLE}\n{text}",
        text=True,
        capture_output=True,
    ).stderr


def run(established):
    signal.signal(signal.SIGTERM, lambda *_: (replace_table(""), os._exit(0)))
    for kind in WATCHED:
        threading.Thread(target=follow, args=(kind,), daemon=True).start()
    loaded = None
    while True:
        changed.wait()
        time.sleep(0.02)  # what comes together is loaded together
        changed.clear()
        with lock:
            if None in objects.values():
                continue
            pods, namespaces, policies = (list(objects[kind].values()) for kind in WATCHED)
        text = ruleset(pods, namespaces, policies, established)
        if text != loaded:
            error = replace_table(text)
            if error:
                log(f"nft refused the rules, the old ones stay: {error}\n{text}")
            else:
                loaded = text
                log(f"loaded: {len(policies)} policies, {len(pods)} pods, established={established}")


def started_at(pid):
    """When the process started, in ticks since boot: with its id, it names one process. None if it ended."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            fields = f.read().rpartition(") ")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def running():
    try:
        with open(PID_FILE) as f:
            pid, started = f.read().split()
    except (OSError, ValueError):
        return None
    return int(pid) if started_at(pid) == started else None


def up(established):
    if running() or not os.path.exists(f"{LAB_DIR}/pki/admin.key"):
        sys.exit(f"already up in {LAB_DIR}" if running() else f"no control plane in {LAB_DIR}")
    with open(LOG_FILE, "w") as output:
        child = subprocess.Popen(
            [sys.executable, __file__, "run", f"--established={established}"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    with open(PID_FILE, "w") as f:
        print(child.pid, started_at(child.pid), file=f)
    for _ in range(100):
        if "loaded:" in open(LOG_FILE).read():
            return
        time.sleep(0.1)
    down()
    sys.exit(f"no rules loaded after 10 s: see {LOG_FILE}")


def down():
    for attempt in range(50):
        pid = running()
        if not pid:
            break
        os.kill(pid, signal.SIGTERM if attempt < 49 else signal.SIGKILL)
        time.sleep(0.1)
    replace_table("")
    if os.path.exists(PID_FILE):
        os.remove(PID_FILE)


if __name__ == "__main__":
    command, option = (sys.argv[1:] + ["", ""])[:2]
    if command not in ("up", "run", "down", "dump") or option not in (
        "",
        "--established=keep",
        "--established=cut",
    ):
        sys.exit(__doc__)
    mode = option.partition("=")[2] or "keep"
    {
        "up": lambda: up(mode),
        "run": lambda: run(mode),
        "down": down,
        "dump": lambda: subprocess.run(["nft", "list", "table", *TABLE.split()]),
    }[command]()
