# SPDX-License-Identifier: GPL-2.0-only
"""A test pattern in 16 colours, as the start picture of a boot loader: ISOLINUX shows it in VGA's planar mode 12h.

Boxes of every colour, with a colour of its own in every plane's neighbourhood, and slanted lines of single pixels,
which a mistake in planes, bit order or line length would break."""

import struct

WIDTH, HEIGHT = 640, 400
PALETTE = [(4 * n + 3, 63 - 4 * n, 9 * n % 64) for n in range(16)]      # red, green, blue, of 6 bits
MAGIC = 0x1413f33d


def colour(x, y):
    """The colour's number at a place."""
    if (x + 2 * y) % 53 == 0 or (x - y) % 37 == 0:
        return 15 - (x // 40 + y // 25) % 16
    return (x // 40 + y // 25) % 16


def encode_row(row):
    """Run lengths in nibbles: a pixel like the one before it begins a run. The one before the first is 0."""
    nibbles, before, at = [], 0, 0
    while at < len(row):
        pixel = row[at]
        nibbles.append(pixel)
        at += 1
        if pixel != before:
            before = pixel
            continue
        more = 0        # a run: what it has beyond the pixel before it, this one included
        while at < len(row) and row[at] == pixel and more < 255 + 16 - 1:
            more += 1
            at += 1
        more += 1
        nibbles += [more] if more < 16 else [0, (more - 16) & 15, (more - 16) >> 4]
    nibbles += [0] * (len(nibbles) % 2)
    return bytes(low | high << 4 for low, high in zip(nibbles[0::2], nibbles[1::2]))


def lss16():
    """The pattern as a file in ISOLINUX's format LSS16."""
    head = struct.pack("<IHH", MAGIC, WIDTH, HEIGHT) + bytes(sum(PALETTE, ()))
    return head + b"".join(encode_row([colour(x, y) for x in range(WIDTH)]) for y in range(HEIGHT))
