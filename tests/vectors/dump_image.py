#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dump_image.py STORAGE REPOSITORY FOLDER

Copies from a docker-registry's storage what its tags lead to, as trust/testing/fake_registry loads it: tags/NAME,
manifests/DIGEST and blobs/DIGEST, with "-" for ":". The layers and configurations of the images themselves are left
out.
"""

import json
import os
import sys

IMAGE_LAYER = "application/vnd.oci.image.layer."


def main():
    storage, repository, folder = sys.argv[1:]
    root = os.path.join(storage, "docker/registry/v2")

    def read(digest):
        value = digest.partition(":")[2]
        with open(os.path.join(root, "blobs/sha256", value[:2], value, "data"), "rb") as file:
            return file.read()

    def write(kind, name, data):
        os.makedirs(os.path.join(folder, kind), exist_ok=True)
        with open(os.path.join(folder, kind, name.replace(":", "-")), "wb") as file:
            file.write(data)

    def manifest(digest):
        data = read(digest)
        write("manifests", digest, data)
        content(data)

    def content(data):
        document = json.loads(data)
        for child in document.get("manifests", []):
            manifest(child["digest"])
        for layer in document.get("layers", []):
            if not layer["mediaType"].startswith(IMAGE_LAYER):
                write("blobs", layer["digest"], read(layer["digest"]))

    tags = os.path.join(root, "repositories", repository, "_manifests/tags")
    for tag in os.listdir(tags):
        with open(os.path.join(tags, tag, "current/link"), encoding="ascii") as link:
            digest = link.read().strip()
        write("tags", tag, read(digest))
        if tag.startswith("sha256-"):
            content(read(digest))
        else:
            manifest(digest)


main()
