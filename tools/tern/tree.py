"""A tree of files that goes into an archive: what stands at which path, before a byte is written.

A Tree is filled by put(), later entries over earlier ones, and then read in the order of its
paths. Paths are relative, without "." and ".."; they are str as os.fsdecode() makes it. A path
that leads through a symbolic link of the tree lands where the link points, as dpkg does it: a file
of a package for /bin is in /usr/bin, because bin is a link.
"""
import os
import posixpath
import stat
from dataclasses import dataclass
from typing import Optional, Tuple

from .paths import TernError

LINKS_MOST = 40  # as Linux follows them


@dataclass(frozen=True)
class Node:
    """What stands at a path. Everything belongs to root."""

    kind: str  # "file", "folder", "link", "fifo"
    mode: int = 0o644  # permission bits, with setuid, setgid and sticky
    mtime: int = 0  # seconds since 1970
    content: bytes = b""  # of a file that has no `source`
    source: Optional[str] = None  # the file of the host whose bytes these are
    target: str = ""  # of a link
    identity: Optional[Tuple[int, int]] = None  # files of the same are one file with several names


class Tree:
    """Paths and their nodes."""

    def __init__(self):
        self.nodes = {}

    def __iter__(self):
        """(path, node), each folder before what is in it."""
        return iter(sorted(self.nodes.items(), key=lambda item: os.fsencode(item[0]).split(b"/")))

    def put(self, path, node):
        """Places a node, and the folders above it if they are not there."""
        path = self.place(path)
        if node.kind == "folder" and self.is_folder(path):
            path = self.follow(path)
        there = self.nodes.get(path)
        if there is not None and (there.kind == "folder") != (node.kind == "folder"):
            raise TernError(f"/{path} cannot be a {there.kind} and a {node.kind}")
        self.nodes[path] = node

    def place(self, path):
        """Where `path` leads, all but its last name followed; makes the folders above."""
        above, name = posixpath.split(path)
        if not above:
            return name
        above = self.follow(above)
        if above and above not in self.nodes:
            self.put(above, Node("folder", 0o755))
        if above and self.nodes[above].kind != "folder":
            raise TernError(f"/{path} cannot be: /{above} is no folder")
        return posixpath.join(above, name)

    def follow(self, path):
        """Where `path` leads, all links followed, whether something is there or not."""
        wanted, done, followed = path.split("/")[::-1], [], 0
        while wanted:
            name = wanted.pop()
            if name == "..":
                done = done[:-1]
            elif name not in ("", "."):
                done.append(name)
            node = self.nodes.get("/".join(done))
            if name not in ("", ".", "..") and node is not None and node.kind == "link":
                done = [] if node.target.startswith("/") else done[:-1]
                wanted += node.target.split("/")[::-1]
                followed += 1
                if followed > LINKS_MOST:
                    raise TernError(f"/{path} leads through links that lead to each other")
        return "/".join(done)

    def is_folder(self, path):
        node = self.nodes.get(self.follow(path))
        return node is not None and node.kind == "folder"


def put_folder(tree, folder, prefix="", skip=()):
    """Places all that is in a folder of the host below `prefix`, but not what is in `skip` (paths
    in the folder). Returns the paths of the devices, which are left out."""
    left_out = []
    for path, status in walk(folder):
        if any(path == each or path.startswith(each + "/") for each in skip):
            continue
        node = node_of(os.path.join(folder, path), status)
        if node is None:
            left_out.append(path)
        else:
            tree.put(posixpath.join(prefix, path), node)
    return left_out


def walk(folder, above=""):
    """(path, its lstat) of everything in a folder, each folder before what is in it."""
    try:
        entries = sorted(os.scandir(os.path.join(folder, above)),
                         key=lambda entry: os.fsencode(entry.name))
    except OSError as error:
        raise TernError(f"{os.path.join(folder, above)}: {error.strerror}") from error
    for entry in entries:
        path = posixpath.join(above, entry.name)
        yield path, entry.stat(follow_symlinks=False)
        if entry.is_dir(follow_symlinks=False):
            yield from walk(folder, path)


def node_of(path, status):
    """The node of something on the host; None for a device."""
    mode, mtime = stat.S_IMODE(status.st_mode), int(status.st_mtime)
    if stat.S_ISREG(status.st_mode):
        identity = (status.st_dev, status.st_ino) if status.st_nlink > 1 else None
        return Node("file", mode, mtime, source=path, identity=identity)
    if stat.S_ISDIR(status.st_mode):
        return Node("folder", mode, mtime)
    if stat.S_ISLNK(status.st_mode):
        return Node("link", 0o777, mtime, target=os.readlink(path))
    if stat.S_ISFIFO(status.st_mode):
        return Node("fifo", mode, mtime)
    if stat.S_ISSOCK(status.st_mode):
        raise TernError(f"{path} is a socket, which no archive can hold")
    return None
