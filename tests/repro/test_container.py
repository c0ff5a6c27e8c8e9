"""The container is named from what its runtime leaves; a host that runs containers is not taken for one."""

import pytest

from resnetbk.repro.container import container_info, find_in_cgroup, find_in_mountinfo

ID = "3f4a9c" * 10 + "0b1c"
OTHER = "77e1d0" * 10 + "aaaa"
POD = "0f3c8f62-5a0e-4b7b-9a55-0d6e2f6c1a11"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f"12:cpuset:/docker/{ID}", ("docker", ID)),
        (f"12:cpuset:/docker/{OTHER}/docker/{ID}", ("docker", ID)),
        (f"0::/system.slice/docker-{ID}.scope", ("docker", ID)),
        (f"0::/machine.slice/libpod-{ID}.scope/container", ("podman", ID)),
        (f"0::/kubepods.slice/kubepods-podx.slice/crio-{ID}.scope", ("cri-o", ID)),
        (f"0::/kubepods.slice/kubepods-podx.slice/cri-containerd-{ID}.scope", ("containerd", ID)),
        (
            f"11:memory:/system.slice/containerd.service/kubepods-podx.slice:cri-containerd:{ID}",
            ("containerd", ID),
        ),
        (f"11:memory:/kubepods/burstable/pod{POD}/{ID}", ("kubernetes", ID)),
        (f"9:perf_event:/ecs/task/{ID}", ("ecs", ID)),
        ("0::/lxc.payload.builder/init.scope", ("lxc", "builder")),
        ("0::/", None),
        ("0::/user.slice/user-1000.slice/session-2.scope", None),
        ("0::/system.slice/docker.service", None),
        (f"0::/machine.slice/libpod-conmon-{ID}.scope", None),
        (f"0::/system.slice/docker-{ID[:12]}.scope", None),
    ],
)
def test_control_groups(line, expected):
    assert find_in_cgroup(f"13:pids:/\n{line}\n1:name=systemd:/\n") == expected


def mount(source, target, kind="ext4"):
    return f"717 699 254:1 {source} {target} rw,relatime - {kind} /dev/vda1 rw\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (mount(f"/var/lib/docker/containers/{ID}/hostname", "/etc/hostname"), ("docker", ID)),
        (mount(f"/docker-data/containers/{ID}/resolv.conf", "/etc/resolv.conf"), ("docker", ID)),
        (mount(f"/containers/overlay-containers/{ID}/userdata/hosts", "/etc/hosts"), ("podman", ID)),
        (
            mount(f"/run/containerd/io.containerd.grpc.v1.cri/sandboxes/{ID}/hostname", "/etc/hostname"),
            ("containerd", ID),
        ),
        (mount(f"/var/lib/nerdctl/1935db59/etchosts/default/{ID}/hosts", "/etc/hosts"), ("containerd", ID)),
        (mount(f"/var/lib/kubelet/pods/{POD}/etc-hosts", "/etc/hosts"), ("kubernetes", POD)),
        # A host sees its containers' file systems under their own names, never over its own /etc/hosts.
        (
            mount(f"/var/lib/docker/containers/{ID}/mounts/shm", f"/var/lib/docker/containers/{ID}/mounts/shm"),
            None,
        ),
        (mount("/", f"/var/lib/docker/overlay2/{ID}/merged", "overlay"), None),
        (mount("/hosts-of-this-machine", "/etc/hosts"), None),
        ("cut off\n", None),
        ("", None),
    ],
)
def test_mounts(text, expected):
    assert find_in_mountinfo(mount("/", "/") + text) == expected


def leave(root, **files):
    for path, text in files.items():
        file = root / path.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def test_no_trace_is_no_container(tmp_path):
    leave(tmp_path, proc__self__cgroup="0::/\n", proc__self__mountinfo=mount("/", "/"))
    assert container_info(tmp_path) is None
    assert container_info(tmp_path / "nowhere") is None


def test_the_mounts_tell_where_the_control_groups_have_a_namespace(tmp_path):
    hostname = mount(f"/var/lib/docker/containers/{ID}/hostname", "/etc/hostname")
    leave(tmp_path, proc__self__cgroup="0::/\n", proc__self__mountinfo=hostname)
    (tmp_path / ".dockerenv").touch()
    assert container_info(tmp_path) == {"runtime": "docker", "id": ID, "evidence": "/proc/self/mountinfo"}


def test_a_mark_alone_has_no_id(tmp_path):
    (tmp_path / ".dockerenv").touch()
    assert container_info(tmp_path) == {"runtime": "docker", "id": None, "evidence": "/.dockerenv"}


def test_what_podman_writes(tmp_path):
    image = "registry.example/user:t0ken@x"
    text = f'engine="podman-4.3.1"\nname="job"\nid="{ID}"\nimage="{image}"\nrootless=1\n'
    leave(tmp_path, **{"run__.containerenv": text})
    assert container_info(tmp_path) == {"runtime": "podman", "id": ID, "evidence": "/run/.containerenv"}
    leave(tmp_path, **{"run__.containerenv": ""})
    assert container_info(tmp_path) == {"runtime": "podman", "id": None, "evidence": "/run/.containerenv"}
