#!/usr/bin/env python3
"""Unit tests of the system archive: trees, ustar, and Debian packages as a Linux tree.

The archives are read by GNU tar and by Python's tarfile. The packages are fetched for real, as in
test_deps.py.
"""
import io
import os
import socket
import subprocess
import sys
import tarfile
import tempfile
import unittest

import counted

ROOT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "../..")
sys.path.insert(0, os.path.join(ROOT, "tools"))

from tern import apt, archive, packages, tree  # noqa: E402  (the path above must come first)
from tern.paths import TernError  # noqa: E402
from tern.tree import Node, Tree  # noqa: E402

LONG = "d" * 70 + "/" + "n" * 60


def packed(entries, start=0, prefix=""):
    out = io.BytesIO(bytes(start))
    out.seek(start)
    archive.finish(out, archive.add(out, start, entries, prefix))
    return out.getvalue()


def members(raw):
    with tarfile.open(fileobj=io.BytesIO(raw)) as file:
        return {member.name: member for member in file.getmembers()}


def content(raw, member):
    return raw[member.offset_data:member.offset_data + member.size]


def gnu_tar(raw, *words):
    return subprocess.run(["tar", *words], input=raw, capture_output=True, check=True).stdout


def folder_of(test):
    folder = tempfile.TemporaryDirectory()
    test.addCleanup(folder.cleanup)
    return folder.name


def write(path, data=b"", mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, mode)


class Archives(unittest.TestCase):
    ENTRIES = (("a", Node("folder", 0o1777, 5)), ("a/x", Node("file", 0o4755, 7, b"x" * 4097)),
               ("a/y", Node("file", 0o600, 8, b"y")), ("a/z", Node("file", 0o644, 9)),
               ("l", Node("link", 0o777, 1, target="a/x")), ("p", Node("fifo", 0o620, 2)))

    def test_tarfile_reads_it(self):
        raw = packed(self.ENTRIES, prefix="root/")
        found = members(raw)
        self.assertEqual(list(found), ["root/" + path for path, _ in self.ENTRIES])
        for path, node in self.ENTRIES:
            member = found["root/" + path]
            self.assertEqual((member.mode, member.mtime, member.size, member.linkname),
                             (node.mode, node.mtime, len(node.content), node.target))
            self.assertEqual((member.uid, member.gid, member.uname, member.gname),
                             (0, 0, "root", "root"))
            self.assertEqual(content(raw, member), node.content)
        self.assertTrue(found["root/a"].isdir() and found["root/l"].issym()
                        and found["root/p"].isfifo() and found["root/a/z"].isfile())

    def test_gnu_tar_reads_it(self):
        raw = packed(self.ENTRIES)
        said = gnu_tar(raw, "-tv", "--utc", "--full-time").decode().splitlines()
        self.assertEqual(said[0].split(), ["drwxrwxrwt", "root/root", "0", "1970-01-01",
                                           "00:00:05", "a/"])
        self.assertTrue(said[1].startswith("-rwsr-xr-x root/root      4097"))
        self.assertTrue(said[4].endswith("l -> a/x"))
        self.assertEqual(gnu_tar(raw, "-xO", "a/x"), b"x" * 4097)

    def test_contents_begin_at_pages_wherever_the_part_begins(self):
        for start in range(0, 2 * archive.PAGE, archive.BLOCK):
            raw = packed([*self.ENTRIES, (LONG, Node("file", content=b"long"))], start)
            self.assertEqual(len(raw) % archive.PAGE, 0)
            found = members(raw[start:])
            for name, data in (("a/x", b"x" * 4097), ("a/y", b"y"), (LONG, b"long")):
                self.assertEqual((found[name].offset_data + start) % archive.PAGE, 0)
                self.assertEqual(content(raw[start:], found[name]), data)

    def test_a_part_is_the_same_at_the_same_offset_modulo_page(self):
        for start in (512, 512 + archive.PAGE):
            out = io.BytesIO()
            end = archive.add(out, start, self.ENTRIES)
            self.assertEqual(end - start, len(out.getvalue()))
            self.assertEqual(out.getvalue(), packed(self.ENTRIES, 512)[512:512 + end - start])

    def test_parts_follow_each_other(self):
        out = io.BytesIO()
        middle = archive.add(out, 0, self.ENTRIES, "one/")
        archive.finish(out, archive.add(out, middle, self.ENTRIES, "two/"))
        found = members(out.getvalue())
        self.assertEqual(content(out.getvalue(), found["two/a/y"]), b"y")
        self.assertEqual(found["two/a/y"].offset_data % archive.PAGE, 0)
        self.assertEqual(len(gnu_tar(out.getvalue(), "-t").splitlines()), 2 * len(self.ENTRIES))

    def test_names_of_every_length(self):
        """Around the 100 bytes of a header, and where the length of a record gains a digit."""
        for length in (*range(84, 104), *range(975, 1000)):
            name, target = "n" * length, "t" * length
            raw = packed([(name, Node("file", content=b"c")),
                          ("l", Node("link", target=target)), ("e" * length, Node("folder"))])
            found = members(raw)
            self.assertEqual(list(found), [name, "l", "e" * length])
            self.assertEqual(found["l"].linkname, target)
            self.assertEqual(content(raw, found[name]), b"c")
            self.assertEqual(found[name].offset_data % archive.PAGE, 0)
            self.assertEqual(gnu_tar(raw, "-t").decode().split(),
                             [name, "l", "e" * length + "/"])

    def test_names_that_are_no_utf8(self):
        name = os.fsdecode(b"caf\xe9")
        self.assertIn(b"caf\xe9\0", packed([(name, Node("file"))]))
        with self.assertRaisesRegex(TernError, "no UTF-8"):
            packed([(name * 30, Node("file"))])
        long = "\u00e9" * 60
        self.assertIn(long, members(packed([(long, Node("file"))])))

    def test_a_file_with_several_names(self):
        one = Node("file", 0o755, 3, b"data", identity=(1, 2))
        other = Node("file", identity=(1, 3))
        raw = packed([("a", one), ("b" * 120, one), ("c", other)], prefix="r/")
        found = members(raw)
        self.assertTrue(found["r/" + "b" * 120].islnk())
        self.assertEqual(found["r/" + "b" * 120].linkname, "r/a")
        self.assertFalse(found["r/c"].islnk())
        self.assertEqual(raw.count(b"data"), 1)

    def test_a_file_too_large(self):
        with self.assertRaisesRegex(TernError, "more than an archive can hold"):
            archive.put_header(io.BytesIO(), 0, "n", Node("file"), archive.FILE, "", 8 ** 11)

    def test_a_file_that_shrinks_or_vanishes(self):
        path = os.path.join(folder_of(self), "f")
        write(path, b"12345")
        with open(path, "rb") as file, self.assertRaisesRegex(TernError, "shorter"):
            list(archive.chunks(file, 6))
        with self.assertRaisesRegex(TernError, "gone: No such file"):
            packed([("f", Node("file", source=path + "-gone"))])

    def test_a_time_before_1970(self):
        self.assertEqual(members(packed([("f", Node("file", mtime=-5))]))["f"].mtime, 0)


class Trees(unittest.TestCase):
    def tree(self, *entries):
        made = Tree()
        for path, node in entries:
            made.put(path, node)
        return made

    def test_folders_come_first_and_are_made(self):
        made = self.tree(("a.b", Node("file")), ("a/c/d", Node("file")))
        self.assertEqual([path for path, _ in made], ["a", "a/c", "a/c/d", "a.b"])
        self.assertEqual(made.nodes["a/c"].mode, 0o755)

    def test_later_entries_win(self):
        made = self.tree(("f", Node("file", 0o600)), ("f", Node("file", 0o700)),
                         ("d", Node("folder", 0o700)), ("d", Node("folder", 0o711)),
                         ("l", Node("file")), ("l", Node("link", target="f")))
        self.assertEqual((made.nodes["f"].mode, made.nodes["d"].mode, made.nodes["l"].kind),
                         (0o700, 0o711, "link"))

    def test_through_links(self):
        made = self.tree(("usr/bin", Node("folder")), ("bin", Node("link", target="usr/bin")),
                         ("var/run", Node("link", target="/run")), ("run", Node("folder")),
                         ("bin/sh", Node("file")), ("var/run/x/y", Node("file")),
                         ("usr/up", Node("link", target="../bin")), ("usr/up/z", Node("file")),
                         ("bin", Node("folder", 0o700)))
        self.assertEqual([path for path, node in made if node.kind == "file"],
                         ["run/x/y", "usr/bin/sh", "usr/bin/z"])
        self.assertEqual(made.nodes["usr/bin"].mode, 0o700)
        self.assertEqual(made.nodes["bin"].kind, "link")

    def test_what_cannot_be(self):
        for wrong in ((("f", Node("file")), ("f/g", Node("file"))),
                      (("f", Node("file")), ("f", Node("folder"))),
                      (("d", Node("folder")), ("d", Node("link", target="x"))),
                      (("a", Node("link", target="b")), ("b", Node("link", target="a")),
                       ("a/x", Node("file")))):
            with self.assertRaises(TernError):
                self.tree(*wrong)

    def test_folder_of_the_host(self):
        host = folder_of(self)
        write(host + "/sub/run.sh", b"#!", 0o755)
        os.link(host + "/sub/run.sh", host + "/again")
        os.symlink("nowhere", host + "/dangling")
        os.mkdir(host + "/empty", 0o711)
        os.mkfifo(host + "/pipe")
        write(host + "/skipped/x")
        made = Tree()
        self.assertEqual(tree.put_folder(made, host, "opt", skip=("skipped",)), [])
        self.assertEqual([path for path, _ in made],
                         ["opt", "opt/again", "opt/dangling", "opt/empty", "opt/pipe", "opt/sub",
                          "opt/sub/run.sh"])
        found = members(packed(made))
        self.assertEqual((found["opt/empty"].mode, found["opt/again"].mode), (0o711, 0o755))
        self.assertEqual(found["opt/sub/run.sh"].linkname, "opt/again")
        self.assertEqual(found["opt/dangling"].linkname, "nowhere")

    def test_devices_are_left_out_and_sockets_refused(self):
        status = os.lstat("/dev/null")
        self.assertIsNone(tree.node_of("/dev/null", status))
        host = folder_of(self)
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(host + "/s")
            with self.assertRaisesRegex(TernError, "socket"):
                tree.put_folder(Tree(), host)

    def test_no_such_folder(self):
        with self.assertRaisesRegex(TernError, "no/such/folder.*No such file"):
            tree.put_folder(Tree(), "/no/such/folder")


SIMULATED = """\
Reading package lists...
Inst libc6 (2.36-9 Debian:12/oldstable [amd64])
Inst mawk (1.3 Debian:12/oldstable [amd64]) []
Conf libc6 (2.36-9 Debian:12/oldstable [amd64])
"""


class Packages(unittest.TestCase):
    def test_names_that_apt_says(self):
        self.assertEqual(apt.installed_names(SIMULATED), ["libc6", "mawk"])

    def test_names_that_no_package_has(self):
        for name in ("-o", "a b", "../x", "Bash"):
            with self.assertRaisesRegex(TernError, "no name of a Debian package"):
                apt.with_dependencies("amd64", [name])

    def test_applets_of_a_table(self):
        self.assertEqual(packages.applets(b"code\0[\0[[\0ar\0zcat\0\0/bin/sh\0"),
                         ["[", "[[", "ar", "zcat"])
        for wrong in (b"none", b"\0[\0[[\0ar"):
            with self.assertRaises(TernError):
                packages.applets(wrong)

    def test_applets_are_what_busybox_says(self):
        """Its own list, where this machine can run it; the other CPU's is the same."""
        found = {}
        for arch, debian in packages.DEBIAN.items():
            folder, = apt.fetch(debian, [packages.BUSYBOX])
            with open(folder + "/bin/busybox", "rb") as file:
                found[arch] = packages.applets(file.read())
            if arch == os.uname().machine:
                said = subprocess.run([folder + "/bin/busybox", "--list"], check=True, text=True,
                                      stdout=subprocess.PIPE).stdout
                self.assertEqual(found[arch], said.split())
        self.assertEqual(found["x86_64"], found["aarch64"])

    def test_tree_of_either_cpu(self):
        for arch, loader in (("x86_64", "usr/lib64/ld-linux-x86-64.so.2"),
                             ("aarch64", "usr/lib/ld-linux-aarch64.so.1")):
            linux = packages.linux_tree(arch, ["bash"])
            kinds = {path: node.kind for path, node in linux}
            self.assertEqual(kinds["usr/bin/busybox"], "file")
            self.assertEqual(kinds["usr/bin/bash"], "file")
            self.assertEqual(kinds["usr/bin/vi"], "link")
            self.assertIn(loader, kinds)
            self.assertEqual(linux.nodes["tmp"].mode, 0o1777)
            self.assertIn("etc/passwd", kinds)
            self.assertFalse([path for path in kinds if path.startswith("usr/share/doc")])

    def test_links_only_where_no_package_has_the_name(self):
        linux = packages.linux_tree("x86_64", ["mawk", "sed"])
        self.assertEqual(linux.nodes["usr/bin/sed"].kind, "file")
        self.assertEqual(linux.nodes["usr/bin/awk"].target, "busybox")

    def test_base_files_do_not_depend_on_the_checkout(self):
        host = folder_of(self)
        write(host + "/etc/motd", b"hello", 0o600)
        linux = Tree()
        packages.put_base(linux, host)
        node = linux.nodes["etc/motd"]
        self.assertEqual((node.mode, node.mtime), (0o644, packages.BASE_TIME))

    def test_greeting_has_five_lines(self):
        with open(packages.BASE + "/etc/motd", encoding="utf-8") as file:
            self.assertEqual(len(file.readlines()), 5)


if __name__ == "__main__":
    sys.exit(counted.main())
