"""Network file systems are refused, by the mount that the folder really lies on."""

import pytest
from loadtest_operator.store import StoreUnavailable, open_store
from loadtest_operator.store.filesystem import refuse_network

MOUNTS = """22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw
30 22 0:45 / {at}/nfs rw,relatime - nfs4 server:/export rw
31 30 0:46 / {at}/nfs/disk rw,relatime - xfs /dev/sdb rw
32 22 0:47 / {at}/with\\040space rw - cifs //server/share rw
33 22 0:48 / {at}/fuse rw - fuse.glusterfs server:/volume rw
34 22 0:49 / {at}/ntfs rw - fuseblk /dev/sdc rw
35 22 0:50 / {at}/hidden rw - nfs server:/export rw
36 35 0:51 / {at}/hidden rw master:2 - ext4 /dev/sdd rw
37 22 0:52 / {at}/ceph rw - ceph mon:/ rw
"""


@pytest.fixture
def mounts(tmp_path):
    file = tmp_path / "mountinfo"
    file.write_text(MOUNTS.replace("{at}", str(tmp_path.resolve())))
    return file


@pytest.mark.parametrize(
    ("folder", "kind"), [("nfs/a", "nfs4"), ("with space", "cifs"), ("fuse/x/y", "fuse.glusterfs")]
)
def test_a_network_file_system_is_refused_with_a_way_out(tmp_path, mounts, folder, kind):
    with pytest.raises(StoreUnavailable, match=rf"network file system \({kind}\).*block volume \(ReadWriteOnce\)"):
        refuse_network(tmp_path / folder, mounts)


@pytest.mark.parametrize("folder", ["", "nfs/disk/a", "ntfs", "hidden/a", "nfsomething", "ceph2"])
def test_a_local_one_is_accepted(tmp_path, mounts, folder):
    refuse_network(tmp_path / folder, mounts)


def test_a_link_is_followed(tmp_path, mounts):
    (tmp_path / "link").symlink_to(tmp_path / "nfs")
    with pytest.raises(StoreUnavailable, match="nfs4"):
        refuse_network(tmp_path / "link", mounts)


def test_where_mounts_cannot_be_read_nothing_is_refused(tmp_path):
    refuse_network(tmp_path, tmp_path / "nowhere")


def test_the_store_asks_before_it_opens(tmp_path, mounts, monkeypatch):
    monkeypatch.setattr("loadtest_operator.store.filesystem._MOUNTS", mounts)
    with pytest.raises(StoreUnavailable, match="network file system"):
        open_store(tmp_path / "ceph" / "store.db")
    assert not (tmp_path / "ceph" / "store.db").exists()
