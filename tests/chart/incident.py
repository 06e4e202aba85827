#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""incident.py NAME spec|by-hand|status|digest: an Incident as model/incident_json.cc writes it, as JSON.

spec     with every field of the specification that the controller writes
by-hand  with what is required, and nothing else
status   a merge patch with every field of the status, each list and text as large as it may become
digest   of the status in the JSON on standard input
"""
import hashlib
import json
import sys

TIME = "2026-01-01T00:00:00.000001Z"
UID = "5b1c1f1e-3b0e-4f0e-9d55-0c8a3f6a2f11"
HASH = "a" * 64
DIGEST = "sha256:" + HASH
OWNER = {"kind": "Deployment", "name": "web", "uid": UID}


def incident(name, spec):
    labels = {"kintsugi.dev/target-uid": UID}
    metadata = {"name": name, "labels": labels, "finalizers": ["kintsugi.dev/ledger"]}
    return {"apiVersion": "kintsugi.dev/v1alpha1", "kind": "Incident", "metadata": metadata, "spec": spec}


def by_hand():
    target = {"kind": "Pod", "namespace": "shop", "name": "web-7d9c5b6f4-x2lqk", "uid": UID}
    return {"target": target, "playbook": "shell-in-container"}


def spec():
    origin = {
        "source": "falco", "rule": "Terminal shell in container", "severity": "critical", "summary": "a shell",
        "container": "web", "detectedTime": TIME, "receivedTime": TIME, "compromiseStartTime": TIME,
        "timeWasClamped": True,
    }
    return by_hand() | {"owner": OWNER, "origin": origin, "playbookHash": HASH, "mode": "contain-only"}


def condition(kind, message):
    return {"type": kind, "status": "True", "reason": "PolicyEvaluated", "message": message,
            "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 3}


def status():
    kinds = ["Contained", "EvidencePreserved", "Redeployed", "Recovered", "Closed", "Held", "Failed"]
    stamps = ["compromiseStart", "detected", "acknowledged", "contained", "evidencePreserved", "redeployed",
              "recovered", "closed"]
    action = {"id": "contain/patch-victim", "kind": "patch", "resource": "pods", "namespace": "shop", "name": "web-1",
              "uid": UID, "description": "isolate pod shop/web-1", "state": "applied", "note": "once"}
    image = {"container": "web", "image": "registry.example.com/shop/web:1", "digest": DIGEST,
             "equivalentDigests": [DIGEST], "policy": "release-images", "keyID": DIGEST, "origin": "Template"}
    containment = {"time": TIME, "labels": {"app": "web", "empty": ""}, "reassertions": 1, "node": "node-1",
                   "controller": OWNER,
                   "images": [{"container": "web", "image": "registry.example.com/shop/web:1",
                               "imageID": "registry.example.com/shop/web@" + DIGEST}]}
    return {
        "stage": "Closed", "severity": "critical", "mode": "off", "playbook": "p", "playbookHash": HASH,
        "awaiting": "redeploy", "awaitingReason": "x" * 1024, "acknowledgedBy": "playbook", "replacement": "web-2",
        "outcome": "recovered", "observedGeneration": 3, "fencingToken": 7,
        "conditions": [condition(kind, "m" * 1024) for kind in kinds],
        "times": {stamp: TIME for stamp in stamps},
        "signals": [{"source": "falco", "rule": f"{n} " + "r" * 1021, "severity": "info", "count": 2**53,
                     "firstTime": TIME, "lastTime": TIME} for n in range(51)],
        "timeline": [{"time": TIME, "actor": "a" * 128, "message": "t" * 512} for _ in range(200)],
        "journal": [action | {"body": "b" * (128 << 10), "undo": "u" * (128 << 10)}],
        "containment": containment,
        "questions": [{"name": "contain/guard", "step": "contain", "decidedBefore": 1}],
        "images": [image],
        "evidence": {"location": "/var/lib/kintsugi/evidence/inc-1", "manifestSHA256": HASH},
    }


def main():
    name, what = sys.argv[1:]
    if what == "digest":
        text = json.dumps(json.load(sys.stdin)["status"], sort_keys=True)
        print(hashlib.sha256(text.encode()).hexdigest())
    elif what == "status":
        json.dump({"status": status()}, sys.stdout)
    else:
        json.dump(incident(name, spec() if what == "spec" else by_hand()), sys.stdout)


main()
