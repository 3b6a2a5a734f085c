"""The Linux tree that a run begins with: folders, a few files, Debian packages, busybox's links.

The files are those of tools/root; the packages come from apt.py, unpacked under build/pkg and
taken without documentation, and without their installation scripts having run. busybox is one
program with many names (*applets*); each name that no package has gets a link to it.
"""
import os

from . import apt, tree
from .paths import ROOT, TernError
from .tree import Node

BASE = os.path.join(ROOT, "tools", "root")
BASE_TIME = 1704067200  # 2024-01-01: of what no package brings
DEBIAN = {"x86_64": "amd64", "aarch64": "arm64"}
BUSYBOX, BUSYBOX_PATH = "busybox-static", "usr/bin/busybox"
FOLDERS = {"dev": 0o755, "etc": 0o755, "home": 0o755, "mnt": 0o755, "proc": 0o555, "root": 0o700,
           "run": 0o755, "run/lock": 0o1777, "sys": 0o555, "tmp": 0o1777, "usr": 0o755,
           "usr/bin": 0o755, "usr/lib": 0o755, "usr/lib64": 0o755, "usr/sbin": 0o755,
           "var": 0o755, "var/log": 0o755, "var/tmp": 0o1777}
# As Debian has had it since 12: one folder of programs, one of libraries.
LINKS = {"bin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib64", "sbin": "usr/sbin",
         "etc/mtab": "/proc/self/mounts", "var/lock": "/run/lock", "var/run": "/run"}
DOCUMENTATION = ("usr/share/doc", "usr/share/info", "usr/share/lintian", "usr/share/man")


def linux_tree(arch, packages):
    """The tree with busybox, these packages and all that they need."""
    linux = tree.Tree()
    put_skeleton(linux)
    debian = DEBIAN[arch]
    for folder in apt.fetch(debian, apt.with_dependencies(debian, [BUSYBOX, *packages])):
        left_out = tree.put_folder(linux, folder, skip=DOCUMENTATION)
        assert not left_out, "a Debian package holds no devices"
    put_base(linux, BASE)
    put_applets(linux)
    return linux


def put_skeleton(linux):
    for path, mode in FOLDERS.items():
        linux.put(path, Node("folder", mode, BASE_TIME))
    for path, target in LINKS.items():
        linux.put(path, Node("link", 0o777, BASE_TIME, target=target))


def put_base(linux, base):
    """The files of tools/root. Their modes and times are not those of the checkout."""
    for path, _ in tree.walk(base):
        source = os.path.join(base, path)
        if os.path.isdir(source):
            linux.put(path, Node("folder", 0o755, BASE_TIME))
        else:
            linux.put(path, Node("file", 0o644, BASE_TIME, source=source))


def put_applets(linux):
    with open(linux.nodes[BUSYBOX_PATH].source, "rb") as file:
        names = applets(file.read())
    for name in names:
        path = linux.place("usr/bin/" + name)
        if path not in linux.nodes and linux.place("usr/sbin/" + name) not in linux.nodes:
            linux.put(path, Node("link", 0o777, BASE_TIME, target="busybox"))


def applets(program):
    """The names that a busybox has, read from the program itself, whatever CPU it is for: they
    are strings that follow each other in rising order, and "[" is the first."""
    table = program.find(b"\0[\0[[\0")
    if table < 0:
        raise TernError("this busybox has no table of applets that begins with [ and [[")
    names, last = [], b""
    for name in program[table + 1:].split(b"\0"):
        if name <= last:
            return names
        names.append(name.decode())
        last = name
    raise TernError("the table of applets of this busybox does not end")
