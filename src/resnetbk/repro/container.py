"""The container that this process runs in, if it runs in one.

Four traces, best first: the file that Podman writes, the process's own control groups, the files that a runtime
mounts over /etc/hostname and its like, and the empty mark of Docker or Podman, which has no id. In a control-group
namespace (the default of version 2) only the mounts tell the id.
"""

from __future__ import annotations

import re
from pathlib import Path

_ID = "([0-9a-f]{64})"
_CGROUPS = {
    "docker": rf"(?:/docker/|docker-){_ID}",
    "podman": rf"libpod-{_ID}",
    "cri-o": rf"crio-{_ID}",
    "containerd": rf"cri-containerd[:-]{_ID}",
    "kubernetes": rf"/kubepods\S*/{_ID}",
    "ecs": rf"/ecs/\S*/{_ID}",
    "lxc": r"/lxc(?:\.payload\.|/)([^/]+)",
}
_MOUNTS = {
    "docker": rf"/containers/{_ID}/(?:hostname|hosts|resolv\.conf)$",
    "podman": rf"-containers/{_ID}/userdata/",
    "containerd": rf"/(?:nerdctl|io\.containerd\.grpc\.v1\.cri)/.*{_ID}/",  # in a pod, the id of its sandbox
    "kubernetes": r"/kubelet/pods/([0-9a-f-]{36})/etc-hosts$",  # the pod's
}
_MOUNTED_OVER = ("/etc/hostname", "/etc/hosts", "/etc/resolv.conf")


def container_info(root: str | Path = "/") -> dict[str, str | None] | None:
    """Name the container's runtime and id.

    **Arguments:** `root`: where proc/, run/ and .dockerenv lie.
    **Returns:** `runtime` (`docker`, `podman`, `kubernetes` ...), `id` (None where only a mark was found) and
    `evidence`, the file that told; None outside of a container.
    """
    root = Path(root)
    podman = _read(root / "run/.containerenv")
    marked = re.search(rf'^id="{_ID}"$', podman or "", re.MULTILINE)
    if marked:
        return _container("podman", marked[1], "run/.containerenv")
    for path, find in (("proc/self/cgroup", find_in_cgroup), ("proc/self/mountinfo", find_in_mountinfo)):
        found = find(_read(root / path) or "")
        if found:
            return _container(*found, path)
    if podman is not None:
        return _container("podman", None, "run/.containerenv")
    if (root / ".dockerenv").exists():
        return _container("docker", None, ".dockerenv")
    return None


def find_in_cgroup(text: str) -> tuple[str, str] | None:
    """Return runtime and id from the text of /proc/self/cgroup, of nested containers the inner one's."""
    for line in text.splitlines():
        path = line.split(":", 2)[-1]
        for runtime, pattern in _CGROUPS.items():
            ids = re.findall(pattern, path)
            if ids:
                return runtime, ids[-1]
    return None


def find_in_mountinfo(text: str) -> tuple[str, str] | None:
    """Return runtime and id from the text of /proc/self/mountinfo.

    Only what is mounted over the names of `_MOUNTED_OVER` counts: a host that runs containers mounts theirs as
    well.
    """
    # Source: proc_pid_mountinfo(5); fields 4 and 5 are the root within the file system and the mount point.
    rows = [line.split() for line in text.splitlines()]
    mounts = [fields[3] for fields in rows if len(fields) > 4 and fields[4] in _MOUNTED_OVER]
    for runtime, pattern in _MOUNTS.items():
        for source in mounts:
            found = re.search(pattern, source)
            if found:
                return runtime, found[1]
    return None


def _container(runtime: str, identity: str | None, path: str) -> dict[str, str | None]:
    return {"runtime": runtime, "id": identity, "evidence": f"/{path}"}


def _read(path: Path) -> str | None:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return None  # not Linux, not in such a container, or not ours to read
