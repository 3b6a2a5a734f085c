#!/usr/bin/env python3
"""Linux programs in a booted guest: scripts that say "ok NAME" or "not ok NAME: ...", by `tern run`.

    tests/linux/run.py [--arch A] [--build B] [PATTERN]

Each tests/linux/*.sh is one boot; PATTERN picks by part of the name. A script runs under busybox's shell with
an empty folder as its argument. It passes on any Linux, which is the reference:

    tests/linux/run.py --here /path/to/busybox
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
LINE = re.compile(r"^(ok|not ok) (\S.*)$")


def in_guest(script, args):
    """What `tern run` of the script printed, and its exit status."""
    name = os.path.basename(script)
    with open(script, encoding="utf-8") as file:
        packages = re.findall(r"^# package: (\S+)$", file.read(), re.M)
    command = [os.path.join(ROOT, "tern"), "run", "--arch", args.arch, "--build", args.build,
               "--timeout", str(args.timeout),
               *(word for package in packages for word in ("--package", package)), "--file", f"{script}:/root/{name}",
               "--file", f"{os.path.dirname(script)}/lib/check.sh:/root/check.sh", "--",
               "sh", "-c", f"mkdir -p /tmp/work && exec sh /root/{name} /tmp/work"]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    return done.stdout.decode(errors="replace"), done.returncode


def here(script, args):
    """The same on this machine: all commands are busybox's applets."""
    with tempfile.TemporaryDirectory() as folder:
        applets, work = os.path.join(folder, "bin"), os.path.join(folder, "work")
        os.mkdir(applets)
        os.mkdir(work)
        busybox = os.path.realpath(args.here)
        listed = subprocess.run([busybox, "--list"], check=True, stdout=subprocess.PIPE)
        for applet in listed.stdout.decode().split():
            os.symlink(busybox, os.path.join(applets, applet))
        for name in (script, os.path.join(os.path.dirname(script), "lib", "check.sh")):
            shutil.copy(name, folder)
        script = os.path.join(folder, os.path.basename(script))
        done = subprocess.run([busybox, "sh", script, work], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                              env={"PATH": applets}, timeout=args.timeout)
        return done.stdout.decode(errors="replace"), done.returncode


def for_guest(script):
    """Whether it would hurt this machine, or wants more than busybox."""
    with open(script, encoding="utf-8") as file:
        return re.search(r"^# (guest only|package: \S+)$", file.read(), re.M) is not None


def run(script, args):
    """(passed, failed) of one script; one that did not end well has failed at least once."""
    output, status = (here if args.here else in_guest)(script, args)
    passed, failed = 0, 0
    for line in output.splitlines():
        match = LINE.match(line.rstrip("\r"))
        if match and match.group(1) == "ok":
            passed += 1
        elif match:
            failed += 1
            print(f"FAIL {os.path.basename(script)}: {match.group(2)}")
    if status != 0 and failed == 0 or passed == 0:
        failed += 1
        print(f"FAIL {os.path.basename(script)}: status {status}, {passed} passed; its end:")
        print("\n".join(output.splitlines()[-10:]))
    return passed, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arch", default="x86_64")
    parser.add_argument("--build", default="debug")
    parser.add_argument("--timeout", type=int, default=600)
    parser.add_argument("--here", metavar="BUSYBOX", help="on this machine instead")
    parser.add_argument("pattern", nargs="?", default="")
    args = parser.parse_args()
    folder = os.path.dirname(os.path.realpath(__file__))
    scripts = [os.path.join(folder, name) for name in sorted(os.listdir(folder))
               if name.endswith(".sh") and args.pattern in name]
    if args.here:
        scripts = [script for script in scripts if not for_guest(script)]
    results = [run(script, args) for script in scripts]
    passed, failed = sum(r[0] for r in results), sum(r[1] for r in results)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
