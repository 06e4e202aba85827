#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dashboard_scenario.py BIN: plays breaches of every severity on the pocket cluster of BIN/kintsugi-sandbox with
BIN/kintsugi-controller, while dashboard_queries.py has a Prometheus scrape that controller. Fails when an expression of
the dashboard has no data.
"""
import itertools
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
PRIORITIES = ["Critical", "Error", "Warning", "Notice"]  # one for each severity
PAUSE = 1.0

PLAYBOOK = """
apiVersion: kintsugi.dev/v1alpha1
kind: Playbook
metadata: {name: any-shell}
spec:
  signals: [{source: falco, rules: ["Terminal shell*"]}]
  mode: full
  steps:
    - contain: {}
    - redeploy: {trustPolicy: release-images}
    - verify: {readySeconds: 60, quietSeconds: 0}
"""
POLICY = """
apiVersion: kintsugi.dev/v1alpha1
kind: TrustPolicy
metadata: {{name: release-images}}
spec:
  images: ["{registry}/shop/**"]
  authorities: [{{key: {{file: "{key}"}}}}]
"""


def wait_for(file, pattern):
    for _ in range(300):
        found = re.search(pattern, file.read_text()) if file.exists() else None
        if found:
            return found.group(1)
        time.sleep(0.1)
    raise RuntimeError(f"nothing like {pattern} in {file}:\n{file.read_text()[-2000:]}")


def start(command, output):
    with output.open("w") as log:
        return subprocess.Popen([str(word) for word in command], stdout=log, stderr=log)


def start_sandbox(binaries, directory):
    output = directory / "sandbox.out"
    process = start([binaries / "kintsugi-sandbox", "--seed-demo", "--kubeconfig-out", directory / "kubeconfig",
                     "--public-key-out", directory / "cosign.pub", "--listen", "127.0.0.1:0",
                     "--registry-listen", "127.0.0.1:0"], output)
    return process, wait_for(output, r"(?m)^api (\S+)\n"), wait_for(output, r"(?m)^registry (\S+)\n")


def start_controller(binaries, directory, registry):
    for name in ("playbooks", "policies"):
        (directory / name).mkdir()
    (directory / "playbooks/any.yaml").write_text(PLAYBOOK)
    (directory / "policies/any.yaml").write_text(POLICY.format(registry=registry, key=directory / "cosign.pub"))
    log = directory / "controller.log"
    process = start([binaries / "kintsugi-controller", "--kubeconfig", directory / "kubeconfig",
                     "--playbooks", directory / "playbooks", "--trust-policies", directory / "policies",
                     "--signals-listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0",
                     "--allow-plain-signals", "--leader-elect=false"], log)
    ready = r'"message":"Ready".*"%s":"([^"]+)"'
    return process, wait_for(log, ready % "signals"), wait_for(log, ready % "metrics")


def healthy_pod(api):
    url = f"{api}/api/v1/namespaces/shop/pods?labelSelector=app%3Dweb"
    with urllib.request.urlopen(url, timeout=5) as answer:
        pods = json.load(answer)["items"]
    return pods[0]["metadata"]["name"] if pods else None


def breach(api, signals, priority):
    pod = healthy_pod(api)
    if pod is None:
        return
    event = {"rule": "Terminal shell in container", "priority": priority, "output": "a shell", "source": "syscall",
             "output_fields": {"k8s.ns.name": "shop", "k8s.pod.name": pod}}
    request = urllib.request.Request(f"http://{signals}/v1/signals/falco", json.dumps(event).encode())
    urllib.request.urlopen(request, timeout=20).close()


def play(api, signals, over):
    for priority in itertools.cycle(PRIORITIES):
        if over.wait(PAUSE):
            return
        breach(api, signals, priority)


def main():
    binaries = pathlib.Path(sys.argv[1])
    processes, over = [], threading.Event()
    with tempfile.TemporaryDirectory(prefix="kintsugi-dashboard-") as name:
        directory = pathlib.Path(name)
        try:
            sandbox, api, registry = start_sandbox(binaries, directory)
            processes.append(sandbox)
            controller, signals, metrics = start_controller(binaries, directory, registry)
            processes.append(controller)
            player = threading.Thread(target=play, args=(api, signals, over), daemon=True)
            player.start()
            return subprocess.run([sys.executable, HERE / "dashboard_queries.py", "--url", f"http://{metrics}/metrics",
                                   "--seconds", "12"], check=False).returncode
        finally:
            over.set()
            for process in processes:
                process.terminate()
                process.wait()


if __name__ == "__main__":
    sys.exit(main())
