#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""rights.py RENDERED AUDIT_LOG... [--all-used]: compares the rights that the chart gives with those that were used.

Fails where the API server refused a request of a scenario's controller for want of a right. With --all-used also
where nobody used a right, for then it is one too many, unless UNUSED says why it stays.
"""
import argparse
import collections
import itertools
import json
import re
import sys

Right = collections.namedtuple("Right", "role group resource verb")

# Rights that no scenario can use, and why they are needed.
UNUSED = {
    Right("ClusterRole srun-recover", "", "pods/exec", "create"):
        "from Kubernetes 1.35 on exec over a WebSocket is a create; 1.34 asks for get",
    Right("ClusterRole srun-recover", "kubevirt.io", "virtualmachineinstancemigrations", "get"):
        "looks whether a migration is gone after its deletion was answered with a conflict",
}


def granted(rendered):
    """The rights of the rendered roles."""
    for role in rendered["items"]:
        for rule in role.get("rules", []):
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    for verb in rule["verbs"]:
                        yield Right(f"{role['kind']} {role['metadata']['name']}", group, resource, verb)


def events(log):
    """The requests of the scenarios' controllers, with names as they were rendered."""
    for line in log:
        event = json.loads(line)
        account = re.fullmatch(r"system:serviceaccount:(s\d+)-system:\1", event["user"]["username"])
        if account:
            event["run"] = account[1]
            yield event


def right_of(event):
    """The right that an allowed request used, None where it was none of the chart's."""
    reason = event["annotations"].get("authorization.k8s.io/reason", "")
    role = re.search(rf'of ((?:Cluster)?Role) "{event["run"]}((?:-[a-z]+)?)"', reason)
    if not role or "objectRef" not in event:
        return None
    what = event["objectRef"]
    resource = "/".join(filter(None, [what["resource"], what.get("subresource")]))
    return Right(f"{role[1]} srun{role[2]}", what.get("apiGroup", ""), resource, event["verb"])


def is_meant(event):
    """One scenario takes the rights away in a namespace of this name."""
    return event.get("objectRef", {}).get("namespace") == f"{event['run']}-unbound"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rendered", type=argparse.FileType())
    parser.add_argument("audit_log", type=argparse.FileType(), nargs="+")
    parser.add_argument("--all-used", action="store_true")
    arguments = parser.parse_args()

    rights = set(granted(json.load(arguments.rendered)))
    used, refused = set(), set()
    for event in itertools.chain(*map(events, arguments.audit_log)):
        if event["annotations"].get("authorization.k8s.io/decision") == "forbid":
            if not is_meant(event):
                refused.add(f"{event['verb']} {event['requestURI'].split('?')[0]}")
        else:
            used.add(right_of(event))
    used &= rights

    for request in sorted(refused):
        print(f"the chart lacks a right: {request}")
    wrong = bool(refused)
    print(f"{len(used)} of the chart's {len(rights)} rights were used")
    if arguments.all_used:
        for right in sorted(rights - used - UNUSED.keys()):
            print(f"nobody used: {right.verb} {right.resource}.{right.group} by {right.role}")
        for right in sorted(UNUSED.keys() - (rights - used)):
            print(f"no exception any more: {right.verb} {right.resource}.{right.group} by {right.role}")
        wrong |= bool(rights - used ^ UNUSED.keys())
    sys.exit(wrong)


if __name__ == "__main__":
    main()
