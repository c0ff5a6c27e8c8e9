"""Objects of the cache: kept while any version names them, wherever git or DVC keeps that version."""

from __future__ import annotations

from tests.housekeeping.repository import Repository

from resnetbk.housekeeping.cache import Cache
from resnetbk.housekeeping.versions import Versions


def unneeded(repository: Repository) -> set[str]:
    cache = Cache(repository.path / ".dvc/cache", Versions(repository.path))
    return {finding.name for finding in cache.unneeded()}


def test_what_any_version_names_is_kept_and_the_rest_is_found(repository: Repository):
    kept = {}
    for place in ("past", "head", "branch", "tag", "experiment", "queued", "failed", "stash", "tree", "copy"):
        kept[place] = repository.cached(place.encode())
    for place in ("past", "head"):
        repository.lock({place: kept[place]})
        head = repository.commit(place)
    for place, reference in (
        ("branch", "refs/heads/other"),
        ("tag", "refs/tags/v1"),
        ("experiment", f"refs/exps/{head[:2]}/{head[2:]}/lr-0"),
    ):
        repository.lock({place: kept[place]})
        repository.git("update-ref", reference, repository.commit(place))
        repository.git("reset", "-q", "--hard", head)
    for place, reference in (("queued", "refs/exps/celery/stash"), ("failed", "refs/exps/celery/failed")):
        for name in (place, "later"):  # the first stands in the reference's log alone
            repository.lock({name: kept.get(name, "0" * 32)})
            repository.git("update-ref", "--create-reflog", reference, repository.commit(name))
            repository.git("reset", "-q", "--hard", head)
    repository.lock({"stash": kept["stash"]})
    repository.git("stash")
    repository.lock({"tree": kept["tree"]})
    repository.lock({"copy": kept["copy"]}, ".dvc/tmp/exps/tmp1")

    gone = repository.cached(b"of a commit that was amended")
    repository.git("stash", "push", "-q")
    repository.git("stash", "pop", "-q")
    assert unneeded(repository) == {gone}

    for reference in ("refs/heads/other", "refs/exps/celery/stash"):
        repository.git("update-ref", "-d", reference)
    assert unneeded(repository) == {gone, kept["branch"], kept["queued"]}


def test_the_files_of_a_folder_are_kept_with_it(repository: Repository):
    inside = repository.cached_folder({"weights": b"1", "manifest.json": b"2"})
    other = repository.cached_folder({"weights": b"3", "manifest.json": b"2"})
    repository.lock({"models/a-0": inside})
    repository.commit()
    assert unneeded(repository) == {other, repository.cached(b"3")}


def test_removing_takes_what_was_found_and_leaves_what_is_no_object(repository: Repository):
    needed, gone = repository.cached(b"needed"), repository.cached(b"gone")
    repository.lock({"a": needed})
    repository.commit()
    own = repository.object(gone).with_name("notes.txt")
    own.write_text("mine")
    (run := repository.path / ".dvc/cache/runs/ab").mkdir(parents=True)
    cache = Cache(repository.path / ".dvc/cache", Versions(repository.path))
    for finding in cache.unneeded():
        finding.remove()
    assert not repository.object(gone).exists()
    assert repository.object(needed).read_bytes() == b"needed"
    assert own.read_text() == "mine" and run.is_dir()
