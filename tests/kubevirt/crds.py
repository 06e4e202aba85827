#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Derives crds.json from the types that KubeVirt's own OpenAPI document was turned into.

    npm pack @kubevirt-ui-ext/kubevirt-api@1.7.0 && tar xzf kubevirt-ui-ext-kubevirt-api-1.7.0.tgz
    crds.py package > crds.json

The package (Apache-2.0, https://github.com/kubevirt-ui/kubevirt-api) has an interface for each schema of the
API of KubeVirt and of its containerized-data-importer. What comes out has the fields, their types and which
are required, as KubeVirt's own CustomResourceDefinitions have them; what a TypeScript type cannot say
(formats, bounds, whether a number is an integer) is not in it. Descriptions are left out.
"""
import json
import pathlib
import re
import sys

KINDS = [  # group, version, kind, plural, short name, interface, file, has a status subresource
    ("kubevirt.io", "v1", "VirtualMachine", "virtualmachines", "vm", "V1VirtualMachine", "kubevirt", True),
    ("kubevirt.io", "v1", "VirtualMachineInstance", "virtualmachineinstances", "vmi", "V1VirtualMachineInstance",
     "kubevirt", False),
    ("kubevirt.io", "v1", "VirtualMachineInstanceMigration", "virtualmachineinstancemigrations", "vmim",
     "V1VirtualMachineInstanceMigration", "kubevirt", True),
    ("snapshot.kubevirt.io", "v1beta1", "VirtualMachineSnapshot", "virtualmachinesnapshots", "vmsnapshot",
     "V1beta1VirtualMachineSnapshot", "kubevirt", True),
    ("cdi.kubevirt.io", "v1beta1", "DataVolume", "datavolumes", "dv", "V1beta1DataVolume",
     "containerized-data-importer", True),
]
ANYTHING = {"x-kubernetes-preserve-unknown-fields": True}
# Where an integer is written as often as a string.
INT_OR_STRING = {"x-kubernetes-int-or-string": True}


def interfaces(text):
    """The members of each interface: name to a list of (member, is it required, type)."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    found = {}
    for name, body in re.findall(r"^(?:export )?interface (\w+) \{\n(.*?)^\}", text, flags=re.S | re.M):
        members = re.findall(r"^    (?:readonly )?'?([\w$.-]+)'?(\??): (.*?);$", body, flags=re.S | re.M)
        found[name] = [(member, not optional, kind) for member, optional, kind in members]
    return found


def schema(kind, known, path=()):
    kind = kind.strip().removesuffix(" | null")
    if match := re.fullmatch(r"Array<(.*)>", kind, flags=re.S):
        return {"type": "array", "items": schema(match[1], known, path)}
    if match := re.fullmatch(r"\{\s*\[key: string\]: (.*?);?\s*\}", kind, flags=re.S):
        return {"type": "object", "additionalProperties": schema(match[1], known, path)}
    if kind == "string" or kind.endswith("Enum") or kind == "Date":
        return {"type": "string"}
    if kind in ("boolean", "number"):
        return {"type": kind}
    if kind in ("any", "object") or "ObjectMeta" in kind:
        return {"type": "object", **ANYTHING} if kind != "any" else ANYTHING
    if "Quantity" in kind or "IntOrString" in kind:
        return INT_OR_STRING
    if kind not in known or kind in path:
        return ANYTHING
    members = {name: schema(each, known, path + (kind,)) for name, _, each in known[kind]}
    required = [name for name, is_required, _ in known[kind] if is_required]
    if not members:
        return {"type": "object", **ANYTHING}
    return {"type": "object", "properties": members, **({"required": required} if required else {})}


def definition(kind, package):
    group, version, name, plural, short, interface, file, has_status = kind
    known = interfaces((package / "dist" / file / "index.d.ts").read_text())
    root = schema(interface, known)
    for member in ("apiVersion", "kind"):
        root["properties"][member] = {"type": "string"}
    root["properties"]["metadata"] = {"type": "object"}
    served = {"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": root}}
    if has_status:
        served["subresources"] = {"status": {}}
    names = {"kind": name, "plural": plural, "singular": name.lower(), "shortNames": [short], "listKind": name + "List"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "names": names, "scope": "Namespaced", "versions": [served]},
    }


def main():
    package = pathlib.Path(sys.argv[1])
    items = [definition(kind, package) for kind in KINDS]
    lines = ",\n".join(json.dumps(item, sort_keys=True, separators=(",", ":")) for item in items)
    print('{"apiVersion":"v1","kind":"List","items":[\n' + lines + "\n]}")


main()
