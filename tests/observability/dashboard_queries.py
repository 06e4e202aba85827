#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dashboard_queries.py (--url http://HOST:PORT | --sample SAMPLE_METRICS): starts Prometheus with the shipped rules,
lets it scrape a controller, or expositions made up by sample_metrics that grow, and asks it every expression of the
dashboard. Fails when one has an error or no data.

With --url incidents must be contained and closed while this runs: an increase needs a scrape before and one after.
--seconds says how long to watch (8).
"""
import argparse
import http.server
import json
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import dashboard as board

CONFIGURATION = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [{rules}]
scrape_configs:
  - job_name: kintsugi
    static_configs: [{{targets: ["{target}"]}}]
"""


class GrowingMetrics(http.server.BaseHTTPRequestHandler):
    """Each scrape sees more incidents than the one before."""

    sample_metrics = ""
    incidents = 0

    def do_GET(self):
        GrowingMetrics.incidents += 40
        body = subprocess.run([self.sample_metrics, str(self.incidents)], check=True, capture_output=True).stdout
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


def serve_sample(program):
    GrowingMetrics.sample_metrics = program
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), GrowingMetrics)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"127.0.0.1:{server.server_address[1]}"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_prometheus(directory, target, port):
    configuration = directory / "prometheus.yml"
    configuration.write_text(CONFIGURATION.format(rules=json.dumps(str(board.RULES)), target=target))
    log = (directory / "prometheus.log").open("w")
    return subprocess.Popen(
        ["prometheus", f"--config.file={configuration}", f"--storage.tsdb.path={directory / 'data'}",
         f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"], stdout=log, stderr=log)


def query(port, expression):
    """The samples, or the error as text."""
    url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return json.load(response)["data"]["result"]
    except urllib.error.HTTPError as error:
        return error.read().decode(errors="replace")  # JSON, or plain text while Prometheus starts
    except OSError as error:
        return str(error)


def scrapes(port):
    result = query(port, "sum(count_over_time(kintsugi:incident_time_to_contain_seconds_count:max[1h]))")
    return float(result[0]["value"][1]) if isinstance(result, list) and result else 0


def watch(process, port, seconds, deadline=60):
    """Until the recording rules have so many seconds of data."""
    end = time.monotonic() + deadline
    while scrapes(port) < 4 * seconds:  # four severities, once a second
        if process.poll() is not None:
            raise RuntimeError("prometheus has ended")
        if time.monotonic() > end:
            raise RuntimeError("prometheus has no recorded series after a minute: is there a leader at the target?")
        time.sleep(0.2)


def ask_everything(port, seconds):
    failures = 0
    expressions = board.expressions(board.load())
    for title, expression in expressions:
        result = query(port, board.expand(expression, seconds))
        if isinstance(result, str) or all(sample["value"][1] == "NaN" for sample in result):
            failures += 1
            print(f"{title}: {result or 'no data'}: {expression}")
    print(f"{len(expressions) - failures} of {len(expressions)} expressions have data")
    return failures


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--url")
    parser.add_argument("--sample")
    parser.add_argument("--seconds", type=int, default=8)
    arguments = parser.parse_args()
    if not arguments.url and not arguments.sample:
        parser.error("--url or --sample is needed")
    target = urllib.parse.urlsplit(arguments.url).netloc if arguments.url else serve_sample(arguments.sample)
    with tempfile.TemporaryDirectory(prefix="kintsugi-prometheus-") as name:
        directory, port = pathlib.Path(name), free_port()
        process = start_prometheus(directory, target, port)
        try:
            watch(process, port, arguments.seconds)
            return 1 if ask_everything(port, 2 * arguments.seconds) else 0
        except RuntimeError as error:
            print(error)
            print((directory / "prometheus.log").read_text())
            return 1
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    sys.exit(main())
