# SPDX-License-Identifier: GPL-2.0-only
"""Pictures of a guest's screen: comparing, searching, and PNG files. Python's library only.

Reference: Portable Network Graphics (PNG) Specification, "Filtering", "Chunk specifications".
"""

import struct
import zlib


class Picture:
    """Pixels as bytes: red, green, blue for each, lines without gaps."""

    def __init__(self, width, height, rgb=None):
        self.width, self.height = width, height
        self.rgb = bytearray(width * height * 3) if rgb is None else bytearray(rgb)
        if len(self.rgb) != width * height * 3:
            raise ValueError("the pixels do not fill the picture")

    def pixel(self, x, y):
        at = (y * self.width + x) * 3
        return tuple(self.rgb[at:at + 3])

    def line(self, x, y, width):
        at = (y * self.width + x) * 3
        return self.rgb[at:at + width * 3]

    def crop(self, x, y, width, height):
        if x < 0 or y < 0 or x + width > self.width or y + height > self.height:
            raise ValueError(f"{width}x{height} at {x},{y} is outside {self.width}x{self.height}")
        lines = (self.line(x, row, width) for row in range(y, y + height))
        return Picture(width, height, b"".join(lines))

    def is_uniform(self):
        """One colour all over (a blank screen)?"""
        return self.rgb == self.rgb[:3] * (self.width * self.height)

    def colours(self):
        """The number of different colours."""
        return len({bytes(self.rgb[i:i + 3]) for i in range(0, len(self.rgb), 3)})

    def differing(self, other, tolerance=0):
        """How many pixels differ by more than tolerance in some channel."""
        if (self.width, self.height) != (other.width, other.height):
            return self.width * self.height
        if self.rgb == other.rgb:
            return 0
        count = 0
        for y in range(self.height):
            a, b = self.line(0, y, self.width), other.line(0, y, self.width)
            if a == b:
                continue
            far = [abs(p - q) > tolerance for p, q in zip(a, b)]
            count += sum(any(far[i:i + 3]) for i in range(0, len(far), 3))
        return count

    def matches(self, reference, region=None, tolerance=0, allowed=0):
        """Like the reference (a Picture or a PNG's path)? region is x, y, width, height in both;
        allowed is the share of pixels (0 to 1) that may differ by more than tolerance."""
        want = reference if isinstance(reference, Picture) else read_png(reference)
        have = self
        if region:
            if region[0] + region[2] > self.width or region[1] + region[3] > self.height:
                return False
            have = self.crop(*region)
            if (want.width, want.height) != (have.width, have.height):
                want = want.crop(*region)
        if (want.width, want.height) != (have.width, have.height):
            return False
        return have.differing(want, tolerance) <= allowed * have.width * have.height

    def find(self, template, tolerance=0):
        """Where the template (a Picture or a PNG's path) is: (x, y) of its first place or None."""
        part = template if isinstance(template, Picture) else read_png(template)
        for y in range(self.height - part.height + 1):
            for x in self._candidates(part, y, tolerance):
                if self.crop(x, y, part.width, part.height).differing(part, tolerance) == 0:
                    return x, y
        return None

    def _candidates(self, part, y, tolerance):
        last = self.width - part.width
        if tolerance:
            yield from range(last + 1)
            return
        line, first = bytes(self.line(0, y, self.width)), bytes(part.line(0, 0, part.width))
        at = line.find(first)
        while at >= 0:
            if at % 3 == 0 and at // 3 <= last:
                yield at // 3
            at = line.find(first, at + 1)

    def save_png(self, path):
        with open(path, "wb") as f:
            f.write(write_png(self))


def _chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def write_png(picture):
    """The bytes of a PNG file."""
    head = struct.pack(">IIBBBBB", picture.width, picture.height, 8, 2, 0, 0, 0)
    lines = b"".join(b"\0" + picture.line(0, y, picture.width) for y in range(picture.height))
    return (b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) +
            _chunk(b"IDAT", zlib.compress(lines, 6)) + _chunk(b"IEND", b""))


def _chunks(data):
    at = 8
    while at + 8 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        yield data[at + 4:at + 8], data[at + 8:at + 8 + length]
        at += 12 + length


def _paeth(a, b, c):
    p = a + b - c
    pa, pb, pc = abs(p - a), abs(p - b), abs(p - c)
    if pa <= pb and pa <= pc:
        return a
    return b if pb <= pc else c


def _unfilter(kind, line, above, bpp):
    """One line, in place."""
    if kind == 0:
        return
    for i in range(len(line)):
        left = line[i - bpp] if i >= bpp else 0
        up = above[i]
        corner = above[i - bpp] if i >= bpp else 0
        if kind == 1:
            add = left
        elif kind == 2:
            add = up
        elif kind == 3:
            add = (left + up) // 2
        elif kind == 4:
            add = _paeth(left, up, corner)
        else:
            raise ValueError(f"PNG filter {kind}")
        line[i] = (line[i] + add) & 0xFF


def read_png(path):
    """A Picture from a PNG file: 8-bit RGB or RGBA (alpha is dropped), not interlaced."""
    with open(path, "rb") as f:
        data = f.read()
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        raise ValueError(f"{path} is no PNG file")
    packed, head = b"", None
    for kind, body in _chunks(data):
        if kind == b"IHDR":
            head = struct.unpack(">IIBBBBB", body)
        elif kind == b"IDAT":
            packed += body
    if head is None or head[2] != 8 or head[3] not in (2, 6) or head[6]:
        raise ValueError(f"{path} is not 8-bit RGB or RGBA without interlace")
    width, height, bpp = head[0], head[1], 3 if head[3] == 2 else 4
    raw, stride = zlib.decompress(packed), width * bpp
    above, out = bytearray(stride), bytearray()
    for y in range(height):
        at = y * (stride + 1)
        line = bytearray(raw[at + 1:at + 1 + stride])
        _unfilter(raw[at], line, above, bpp)
        above = line
        if bpp == 4:
            line = bytearray(len(line) // 4 * 3)
            line[0::3], line[1::3], line[2::3] = above[0::4], above[1::4], above[2::4]
        out += line
    return Picture(width, height, out)
