"""The system archive (decision 0020): a tar that GNU tar reads, whose contents begin at pages.

An archive is written in parts, one after the other: add() writes entries at an offset and returns
the offset behind them, finish() writes the end. The same entries at the same offset (modulo PAGE)
are the same bytes, whoever wrote them and when: ustar headers, owner root, times as the entries
say. Before a file's header stands a pax header whose `comment` is as long as it takes for the
content to begin at a multiple of PAGE; long names and link targets stand in pax records as well.
"""
import os

from .paths import TernError

BLOCK, PAGE = 512, 4096
NAME_MOST = 100  # bytes in a ustar header; longer ones go into a pax record
SIZE_MOST = 8 ** 11 - 1  # what eleven octal digits say
CHUNK = 1 << 20
FILE, HARD_LINK, LINK, FOLDER, FIFO, PAX = b"0", b"1", b"2", b"5", b"6", b"x"
TYPES = {"file": FILE, "link": LINK, "folder": FOLDER, "fifo": FIFO}


def add(out, offset, entries, prefix=""):
    """Writes (path, Node) pairs below `prefix`; `out` stands at `offset` of the archive. Returns
    the offset behind them. A file of several names is written once: the others are hard links."""
    written = {}
    for path, node in entries:
        name = prefix + path
        first = written.setdefault(node.identity, name) if node.identity else name
        if first != name:
            offset = put_header(out, offset, name, node, HARD_LINK, first, 0)
        elif node.kind == "file":
            offset = put_file(out, offset, name, node)
        else:
            end = "/" if node.kind == "folder" else ""
            offset = put_header(out, offset, name + end, node, TYPES[node.kind], node.target, 0)
    return offset


def finish(out, offset):
    """The end of an archive, up to the next page. Returns the size of the whole."""
    end = round_up(offset + 2 * BLOCK, PAGE)
    out.write(bytes(end - offset))
    return end


def put_file(out, offset, name, node):
    if node.source is None:
        return put_content(out, offset, name, node, len(node.content), [node.content])
    try:
        with open(node.source, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            return put_content(out, offset, name, node, size, chunks(file, size))
    except OSError as error:
        raise TernError(f"{node.source}: {error.strerror}") from error


def chunks(file, size):
    """The `size` bytes of a file. It may not shrink meanwhile; what it grows by is left out."""
    while size > 0:
        data = file.read(min(size, CHUNK))
        if not data:
            raise TernError(f"{file.name} became shorter while it was read")
        size -= len(data)
        yield data


def put_content(out, offset, name, node, size, data):
    offset = put_header(out, offset, name, node, FILE, "", size)
    for piece in data:
        out.write(piece)
    end = round_up(offset + size, BLOCK)
    out.write(bytes(end - offset - size))
    return end


def put_header(out, offset, name, node, kind, target, size):
    """One entry without its content, which will begin at a page if there is any."""
    if size > SIZE_MOST:
        raise TernError(f"{node.source} has {size} bytes, more than an archive can hold")
    raw_name, raw_target = os.fsencode(name), os.fsencode(target)
    records = record(b"path", raw_name, name) + record(b"linkpath", raw_target, name)
    records = fill(records, offset if size else None)
    head = b""
    if records:
        head = header(b"PaxHeaders", 0o644, len(records), node.mtime, PAX)
        head += records + bytes(-len(records) % BLOCK)
    head += header(raw_name, node.mode, size, node.mtime, kind, raw_target)
    out.write(head)
    return offset + len(head)


def record(key, value, name):
    """A pax record for what does not fit into the header, else nothing."""
    if len(value) <= NAME_MOST:
        return b""
    try:
        value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise TernError(f"/{name!r}: a name or target that is no UTF-8 can be {NAME_MOST} bytes "
                        "long in an archive") from error
    rest = b" " + key + b"=" + value + b"\n"
    length = len(rest) + 1
    while len(str(length)) + len(rest) != length:
        length += 1
    return str(length).encode() + rest


def fill(records, offset):
    """The records with a comment that puts the content behind the headers at a page; as they are
    if there is no content (offset None), or if it lies at a page without."""
    if offset is None or (not records and (offset + BLOCK) % PAGE == 0):
        return records
    least = round_up(max(len(records), 1), BLOCK)
    length = least + (-(offset + least + 2 * BLOCK)) % PAGE
    missing = length - len(records)
    if length == round_up(len(records), BLOCK):
        return records
    start = b"%d comment=" % missing
    return records + start + b"." * (missing - len(start) - 1) + b"\n"


def header(name, mode, size, mtime, kind, target=b""):
    """The 512 bytes of ustar. Times before 1970 are 1970's beginning."""
    fields = (name[:NAME_MOST].ljust(100, b"\0"), b"%07o\0" % mode, b"%07o\0" % 0, b"%07o\0" % 0,
              b"%011o\0" % size, b"%011o\0" % max(mtime, 0), b" " * 8, kind,
              target[:NAME_MOST].ljust(100, b"\0"), b"ustar\x0000", b"root".ljust(32, b"\0"),
              b"root".ljust(32, b"\0"), b"%07o\0" % 0, b"%07o\0" % 0)
    raw = b"".join(fields).ljust(BLOCK, b"\0")
    return raw[:148] + b"%06o\0 " % sum(raw) + raw[156:]


def round_up(value, unit):
    return -(-value // unit) * unit
