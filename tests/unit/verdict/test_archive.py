"""Archives of histograms: nothing is lost, and what is no archive is refused."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loadtest_operator.verdict import archive, histogram

HISTOGRAMS = st.dictionaries(st.integers(0, histogram.MAX_BUCKET), st.integers(1, 10**9), max_size=40)


@given(st.lists(HISTOGRAMS, max_size=8))
def test_what_is_packed_comes_out_again(several):
    packed = [histogram.pack(one) for one in several]
    assert archive.unpack(archive.pack(packed)) == packed


@pytest.mark.parametrize("data", [b"", b"no", zlib.compress(b"\x02\x01\x01"), zlib.compress(b"\x80")])
def test_what_is_no_archive_is_refused(data):
    with pytest.raises(ValueError):
        archive.unpack(data)
