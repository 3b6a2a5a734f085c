"""What a run boots: init, and behind it the system archive with all that init is to start.

The native programs are those that the manifest names, from the build; the Linux tree comes from
packages.py and from the user; the request says what to run in it. The format is that of decisions
0020 and 0022.
"""
import hashlib
import os
import re
import time

from . import archive
from .packages import BASE_TIME
from .paths import BUILD, ROOT, TernError
from .tree import Node

MANIFEST = os.path.join(ROOT, "servers", "init", "init.conf")
SEED_BYTES = 32
TOP = (("root", Node("folder", 0o755, BASE_TIME)), ("tern", Node("folder", 0o755, BASE_TIME)))


def user_folder(arch, build):
    return os.path.join(BUILD, arch, build, "user")


def write_module(path, arch, build, linux, request, fixed_seed=False):
    """The one file that the kernel gets. `linux`: a Tree; `request`: its bytes."""
    with open(path, "wb") as out:
        offset = begin_module(out, arch, build, manifest())
        offset = archive.add(out, offset, linux, "root/")
        archive.finish(out, archive.add(out, offset, run_entries(request, fixed_seed), "tern/"))


def begin_module(out, arch, build, text):
    """Init, and of the archive a manifest with its programs. Returns the archive's offset."""
    native = native_entries(arch, build, text)
    with open(program_file(arch, build, "init"), "rb") as file:
        content = file.read()
    out.write(content + bytes(-len(content) % archive.PAGE))
    return archive.add(out, archive.add(out, 0, TOP), native, "tern/")


def manifest():
    try:
        with open(MANIFEST, "rb") as file:
            return file.read()
    except OSError as error:
        raise TernError(f"{os.path.relpath(MANIFEST, ROOT)}: {error.strerror}") from error


def native_entries(arch, build, text):
    """The manifest, and each program that it names."""
    entries = [("init.conf", Node("file", 0o644, BASE_TIME, text)),
               ("bin", Node("folder", 0o755, BASE_TIME))]
    for name in program_names(text.decode()):
        source = program_file(arch, build, name)
        entries.append(("bin/" + name, Node("file", 0o755, BASE_TIME, source=source)))
    return entries


def program_names(text):
    """The files below tern/bin that a manifest (docs/manifest.md) names, each once, by name."""
    files = []
    for line in text.splitlines():
        key, *values = line.partition("#")[0].split() or [""]
        if key == "program":
            files.append("tern/bin/" + " ".join(values))
        elif key == "file" and files:
            files[-1] = " ".join(values)
    for path in files:
        if not re.fullmatch("tern/bin/[^/]+", path):
            raise TernError(f"the manifest names the file {path}, which no build makes")
    return sorted({path[len("tern/bin/"):] for path in files})


def program_file(arch, build, name):
    path = os.path.join(user_folder(arch, build), name + ".elf")
    if not os.path.exists(path):
        raise TernError(f"there is no {os.path.relpath(path, ROOT)}: "
                        f"build it with `make ARCH={arch} BUILD={build}`")
    return path


def run_entries(request, fixed_seed):
    """What differs from run to run: the time and the seed. Fixed ones make runs under --icount
    repeat."""
    seed = hashlib.sha256(b"tern").digest() if fixed_seed else os.urandom(SEED_BYTES)
    time_ns = BASE_TIME * 10**9 if fixed_seed else time.time_ns()
    request += f"time={time_ns}".encode() + b"\0"
    return [("request", Node("file", 0o600, BASE_TIME, request)),
            ("seed", Node("file", 0o600, BASE_TIME, seed))]


def request_bytes(arguments, environment, cwd, size=None, missing=False):
    """tern/request: `size` is (rows, columns) of the terminal, if the program gets one."""
    pairs = [("arg", each) for each in arguments]
    pairs += [("env", f"{name}={value}") for name, value in environment.items()]
    pairs.append(("cwd", cwd))
    if size is not None:
        pairs += [("tty", "1"), ("rows", str(size[0])), ("cols", str(size[1]))]
    if missing:
        pairs.append(("missing", "1"))
    return b"".join(os.fsencode(f"{key}={value}") + b"\0" for key, value in pairs)
