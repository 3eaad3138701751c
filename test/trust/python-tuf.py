"""Verifies a repository with python-tuf: reads a request as JSON on standard input, writes what came of it as JSON.

Request: metadata_url, targets_url, cache (a folder, kept between runs), root (path of the trusted root), targets (paths),
download (a folder, or null), now (ISO time, or null).
Answer: {"ok": true, "versions": {...}, "targets": {path: {"length", "sha256"} or null}, "spent": {"refresh": {"ms", "cpu_ms"},
"lookups"}} or {"ok": false, "error", "message"}.
"""

import datetime
import json
import sys
import time

from tuf.api.exceptions import DownloadError, RepositoryError
from tuf.ngclient import Updater


def stopwatch():
    at, used = time.perf_counter(), time.process_time()

    def elapsed():
        nonlocal at, used
        spent = {"ms": (time.perf_counter() - at) * 1000, "cpu_ms": (time.process_time() - used) * 1000}
        at, used = time.perf_counter(), time.process_time()
        return spent

    return elapsed


def verify(request):
    with open(request["root"], "rb") as file:
        root = file.read()
    elapsed = stopwatch()
    updater = Updater(
        metadata_dir=request["cache"],
        metadata_base_url=request["metadata_url"],
        target_dir=request["download"],
        target_base_url=request["targets_url"],
        bootstrap=root,
    )
    if request["now"] is not None:
        updater._trusted_set.reference_time = datetime.datetime.fromisoformat(request["now"])
    updater.refresh()
    refresh = elapsed()
    targets = {}
    for path in request["targets"]:
        info = updater.get_targetinfo(path)
        targets[path] = info and {"length": info.length, "sha256": info.hashes["sha256"]}
        if info is not None and request["download"] is not None:
            updater.download_target(info)
    spent = {"refresh": refresh, "lookups": elapsed()}
    trusted = updater._trusted_set
    versions = {
        "root": trusted.root.version,
        "timestamp": trusted.timestamp.version,
        "snapshot": trusted.snapshot.version,
        "targets": trusted.targets.version,
    }
    return {"ok": True, "versions": versions, "targets": targets, "spent": spent}


try:
    answer = verify(json.load(sys.stdin))
except (RepositoryError, DownloadError) as error:
    answer = {"ok": False, "error": type(error).__name__, "message": str(error)}
json.dump(answer, sys.stdout)
