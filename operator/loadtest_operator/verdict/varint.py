"""Non-negative integers as bytes, seven bits each, the lowest first (LEB128): most counts and gaps take one byte."""

from collections.abc import Sequence

_CONTINUES = 0x80


def encode(numbers: Sequence[int]) -> bytes:
    if max(numbers, default=0) < _CONTINUES:
        return bytes(numbers)
    out = bytearray()
    for number in numbers:
        while number >= _CONTINUES:
            out.append(number & 0x7F | _CONTINUES)
            number >>= 7
        out.append(number)
    return bytes(out)


def decode(data: bytes) -> Sequence[int]:
    if max(data, default=0) < _CONTINUES:
        return data  # bytes are small numbers already
    out: list[int] = []
    value = shift = 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        if byte < _CONTINUES:
            out.append(value)
            value = shift = 0
        else:
            shift += 7
    if shift:
        raise ValueError("the packed numbers end in the middle of one")
    return out
