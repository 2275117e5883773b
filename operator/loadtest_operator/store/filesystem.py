"""What SQLite does not check of its files: whether they lie on a network, were moved away, or left something behind."""

from pathlib import Path

from loadtest_operator.store.base import StoreRefused, StoreUnavailable

_NETWORK = {"9p", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs"}
_NETWORK |= {"nfs", "nfs4", "ocfs2", "smb2", "smb3", "smbfs"}
_MOUNTS = Path("/proc/self/mountinfo")


def refuse_network(folder: Path, mounts: Path | None = None) -> None:
    """Raises StoreRefused on a network file system. Where mounts cannot be read (not Linux), nothing is refused."""
    try:
        lines = (mounts or _MOUNTS).read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return
    kind = _kind_of(folder.resolve(), lines)
    # All of FUSE but local disks (fuseblk: NTFS) may be anything behind, mostly something remote.
    if kind in _NETWORK or kind == "fuse" or kind.startswith("fuse."):
        raise StoreRefused(
            f"{folder} is on a network file system ({kind}), where SQLite loses data; "
            "use a block volume (ReadWriteOnce) or another folder"
        )


def identity(file: Path) -> tuple[int, int] | None:
    """Which file this is, whatever its name; None when there is none."""
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def refuse_remains(database: Path) -> None:
    """SQLite deletes a log without its database, and with it the newest commits of a database that was moved away."""
    remains = database.with_name(f"{database.name}-wal")
    if not database.exists() and remains.exists() and remains.stat().st_size:
        raise StoreUnavailable(
            f"{database} is not there, but the newest of its changes are ({remains}); "
            f"put {database.name} back, or move {remains.name} to where it went"
        )


def _kind_of(folder: Path, mounts: list[str]) -> str:
    """The type of the innermost mount that holds the folder; of several on one point the last one hides the others."""
    best, kind = -1, ""
    for line in mounts:
        fields, _, source = line.partition(" - ")
        point = Path(_unescaped(fields.split(" ")[4]))
        if folder.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), source.split(" ")[0]
    return kind


def _unescaped(text: str) -> str:
    for octal, character in ((r"\040", " "), (r"\011", "\t"), (r"\012", "\n"), (r"\134", "\\")):
        text = text.replace(octal, character)
    return text
