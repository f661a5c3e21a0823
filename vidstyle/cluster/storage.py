"""Where the machines that paint a job find its files: in a folder that all of them see, or in a store.

A store is what fsspec reaches by a URL, like ``s3://bucket/films``. It holds the files of the work folder under their
names there, and what the job is made from under ``inputs/``; every machine keeps copies of what it needs.
"""

import contextlib
import hashlib
import secrets
import shutil
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from vidstyle.errors import StorageError
from vidstyle.files import put_in_place
from vidstyle.jobs.spec import JobSpec

OBJECT_STORES = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oci", "oss", "memory"}


@dataclass(frozen=True)
class Storage:
    """A job's files, by their names in its work folder: that folder itself, seen by all machines under one path.

    All methods, here and in `Store`, raise StorageError where the storage cannot be read or written.

    Args:
        here: the work folder on this machine.
    """

    here: Path

    def offer(self, files: Iterable[Path], *names: str) -> None:
        """Brings a job to the storage: the `files` it is made from, and `names` of its work folder.

        What the storage held of another job goes.
        """

    def near(self, file: Path) -> Path:
        """Where a file that the job is made from lies on this machine."""
        return file

    def names(self, folder: str) -> set[str]:
        """What a folder of the storage holds."""
        place = self.here / folder
        return {file.name for file in place.iterdir()} if place.is_dir() else set()

    def bring(self, *names: str) -> None:
        """Makes files of the storage be here."""
        for name in names:
            if not (self.here / name).exists():
                raise StorageError("VS508", here=self.here / name)

    def keep(self, *names: str) -> None:
        """Makes files that are here be in the storage, in this order."""

    def remove(self) -> None:
        """Removes what the storage holds of the job, but for the folder here."""

    def tidy(self) -> None:
        """Removes the copies that this machine made."""


@dataclass(frozen=True)
class Store(Storage):
    """A place `url` that fsspec reaches; `here`, in a folder of its own, holds copies."""

    url: str

    def offer(self, files: Iterable[Path], *names: str) -> None:
        with self._opened() as (store, root):
            there = {name: f"{root}/{name}" for name in names}
            if all(store.exists(t) and store.cat_file(t) == (self.here / n).read_bytes() for n, t in there.items()):
                return
        self.remove()
        for file in files:
            self._put(file, _input_name(file))
        self.keep(*reversed(names))

    def near(self, file: Path) -> Path:
        name = _input_name(file)
        self.bring(name)
        return self.here / name

    def names(self, folder: str) -> set[str]:
        with self._opened() as (store, root):
            place = f"{root}/{folder}"
            found = store.ls(place, detail=False) if store.exists(place) else []
            return {entry.rsplit("/", 1)[-1] for entry in found}

    def bring(self, *names: str) -> None:
        for name in names:
            target = self.here / name
            target.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(target.with_name(f".{target.name}.lock"))  # processes of one machine share its copies
            with lock, self._opened() as (store, root):
                if not target.exists():
                    part = target.with_name(f".{target.name}.part")
                    store.get_file(f"{root}/{name}", str(part))
                    put_in_place(part, target)

    def keep(self, *names: str) -> None:
        for name in names:
            self._put(self.here / name, name)

    def _put(self, file: Path, name: str) -> None:
        """Object stores show an object when it is whole; others get it under another name first."""
        with self._opened() as (store, root):
            target = f"{root}/{name}"
            store.makedirs(target.rsplit("/", 1)[0], exist_ok=True)
            if OBJECT_STORES.intersection([store.protocol] if isinstance(store.protocol, str) else store.protocol):
                store.put_file(str(file), target)
            else:
                part = f"{target}.{secrets.token_hex(4)}.part"
                store.put_file(str(file), part)
                store.mv(part, target)

    def remove(self) -> None:
        with self._opened() as (store, root):
            if store.exists(root):
                store.rm(root, recursive=True)

    def tidy(self) -> None:
        shutil.rmtree(self.here.parent, ignore_errors=True)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[tuple[Any, str]]:
        """The file system of the URL, and the path in it. Every kind has errors of its own."""
        import fsspec

        try:
            store, root = fsspec.url_to_fs(self.url)
            store.invalidate_cache()
            yield store, root
        except Exception as error:
            reason = str(error) or type(error).__name__
            raise StorageError("VS509", url=self.url, reason=reason) from error


def storage_at(place: str, here: Path) -> Storage:
    """The storage at a path or URL; the copies of a store lie in the folder `here`."""
    return Store(here, place) if "://" in place else Storage(Path(place))


def storage_of(job: JobSpec) -> Storage:
    """Where the machines that paint a job find it; copies of a store lie in the job's own work folder."""
    return storage_at(place_of(job), job.work_folder)


def place_of(job: JobSpec) -> str:
    """The path or URL of a job's storage."""
    folder, options = job.work_folder.absolute(), job.cluster_options
    if not options or not options.storage:
        return str(folder)
    owner = hashlib.sha256(f"{socket.gethostname()}:{folder}".encode()).hexdigest()[:12]  # others may have such names
    return f"{options.storage.rstrip('/')}/{owner}_{folder.name}"


def _input_name(file: Path) -> str:
    """Files of several folders may have one name."""
    return f"inputs/{hashlib.sha256(str(file.absolute()).encode()).hexdigest()[:8]}_{file.name}"
