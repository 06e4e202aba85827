#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""push-image.py DIR REPOSITORY:TAG [--platform OS/ARCHITECTURE]... [--user USER]

Makes an OCI image of the folder DIR, with /bin/init as its entrypoint, and pushes it to a registry without TLS or
authentication. With several platforms the tag names an index of one manifest each. Prints REPOSITORY@DIGEST.

The same folder gives the same digest: names are sorted, times are 0, everything belongs to root.
"""

import argparse
import gzip
import hashlib
import io
import json
import os
import tarfile
import urllib.error
import urllib.request

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def archive(folder):
    def owned_by_root(entry):
        entry.uid = entry.gid = entry.mtime = 0
        entry.uname = entry.gname = ""
        return entry

    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.GNU_FORMAT) as out:
        for name in sorted(os.listdir(folder)):
            out.add(
                os.path.join(folder, name), arcname=name, filter=owned_by_root
            )  # sorts what is below, too
    return tar.getvalue()


class Repository:
    def __init__(self, address):
        registry, self.name = address.split("/", 1)
        self.url = f"http://{registry}/v2/{self.name}"

    def _request(self, method, url, data=None, content_type="application/octet-stream"):
        headers = {"Content-Type": content_type} if data is not None else {}
        request = urllib.request.Request(url, data=data, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.headers

    def push_blob(self, media_type, data):
        """The blob's descriptor; a blob that is there is not sent again."""
        digest = digest_of(data)
        try:
            self._request("HEAD", f"{self.url}/blobs/{digest}")
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
            upload = self._request("POST", f"{self.url}/blobs/uploads/", b"")["Location"]
            self._request("PUT", f"{upload}{'&' if '?' in upload else '?'}digest={digest}", data)
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    def push_manifest(self, document, tag=None):
        data = json.dumps(document).encode()
        digest = digest_of(data)
        self._request("PUT", f"{self.url}/manifests/{tag or digest}", data, document["mediaType"])
        return {"mediaType": document["mediaType"], "digest": digest, "size": len(data)}


def manifest_for(platform, user, tar, repository):
    os_name, architecture = platform.split("/")
    config = {
        "os": os_name,
        "architecture": architecture,
        "config": {"Entrypoint": ["/bin/init"], "Env": ["PATH=/bin"], "User": user},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(tar)]},
    }
    return {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": repository.push_blob(CONFIG, json.dumps(config).encode()),
        "layers": [repository.push_blob(LAYER, gzip.compress(tar, mtime=0))],
    }


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("folder")
    parser.add_argument("image")
    parser.add_argument("--platform", action="append")
    parser.add_argument("--user", default="")
    options = parser.parse_args()

    address, tag = options.image.rsplit(":", 1)
    repository, tar = Repository(address), archive(options.folder)
    platforms = options.platform or ["linux/amd64"]
    manifests = {p: manifest_for(p, options.user, tar, repository) for p in platforms}
    if len(platforms) == 1:
        pushed = repository.push_manifest(manifests[platforms[0]], tag)
    else:
        entries = []
        for platform, manifest in manifests.items():
            os_name, architecture = platform.split("/")
            entries.append(
                {
                    **repository.push_manifest(manifest),
                    "platform": {"os": os_name, "architecture": architecture},
                }
            )
        pushed = repository.push_manifest({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}, tag)
    print(f"{address}@{pushed['digest']}")


if __name__ == "__main__":
    main()
