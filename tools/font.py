#!/usr/bin/env python3
"""Makes the C file of the framebuffer console's letters.

    tools/font.py OUTPUT

Takes the 8x16 letters of the printable ASCII from the console font Lat15-Fixed16 of Debian's
package console-setup-linux: installed, or fetched by tools/deps into build/. docs/font.md tells
of its licence.
"""
import gzip
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
PACKAGE = "console-setup-linux"
FONT = "usr/share/consolefonts/Lat15-Fixed16.psf.gz"
FIRST, LAST, HEIGHT = 32, 126, 16
PSF1_MAGIC = b"\x36\x04"
PSF1_512, PSF1_UNICODE = 0x01, 0x02
PSF1_SEPARATOR, PSF1_SEQUENCE = 0xFFFF, 0xFFFE


class FontError(Exception):
    """What stands in the way, in a sentence."""


def font_path():
    installed = os.path.join("/", FONT)
    if os.path.exists(installed):
        return installed
    done = subprocess.run([sys.executable, os.path.join(ROOT, "tools", "deps"), "fetch", PACKAGE],
                          stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise FontError(f"{PACKAGE} cannot be fetched, and /{FONT} is not installed")
    return os.path.join(ROOT, done.stdout.strip(), FONT)


def glyphs(data):
    """{character code: its 16 lines} of a PSF version 1 font with its Unicode table."""
    if data[:2] != PSF1_MAGIC or data[3] != HEIGHT or not data[2] & PSF1_UNICODE:
        raise FontError("the font is not PSF 1, 8x16, with a Unicode table")
    count = 512 if data[2] & PSF1_512 else 256
    table = data[4 + count * HEIGHT:]
    words = [table[i] | table[i + 1] << 8 for i in range(0, len(table) - 1, 2)]
    found, index, in_sequence = {}, 0, False
    for word in words:
        if word == PSF1_SEPARATOR:
            index, in_sequence = index + 1, False
        elif word == PSF1_SEQUENCE:
            in_sequence = True
        elif not in_sequence:
            found[word] = data[4 + index * HEIGHT:4 + (index + 1) * HEIGHT]
    return found


def letter(lines, code):
    name = chr(code) if chr(code) not in "\\" else "backslash"
    return "    {" + ", ".join(f"0x{line:02x}" for line in lines) + "}, /* " + name + " */\n"


def generate(found):
    missing = [chr(code) for code in range(FIRST, LAST + 1) if code not in found]
    if missing:
        raise FontError(f"the font lacks {' '.join(missing)}")
    text = ("/* Made by tools/font.py from Lat15-Fixed16 (public domain, docs/font.md). */\n"
            '#include "chip/fbcon.h"\n\n'
            "const uint8_t font_glyphs[FONT_COUNT][FONT_HEIGHT] = {\n")
    return text + "".join(letter(found[code], code) for code in range(FIRST, LAST + 1)) + "};\n"


def main(words):
    if len(words) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        with gzip.open(font_path()) as file:
            text = generate(glyphs(file.read()))
        with open(words[0] + ".new", "w", encoding="ascii") as file:
            file.write(text)
        os.replace(words[0] + ".new", words[0])
    except (FontError, OSError) as error:
        print(f"font: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
