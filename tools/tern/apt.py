"""Debian packages by name, for either CPU, through an apt of our own under build/apt.

Its configuration is made from the system's own sources and changes nothing of the system's; what
it downloads is verified by apt, by the signatures and hashes of those sources. What was fetched
once is unpacked under build/ and stays; nothing is asked of the network when nothing is missing.
"""
import contextlib
import fcntl
import glob
import os
import re
import subprocess
import sys
import tempfile
import time

from .paths import BUILD, TernError

FRESH_SECONDS = 24 * 3600  # how long fetched package lists are taken as they are


def apt_failure(said, what):
    unknown = re.findall(r"Unable to (?:locate|find a source for) package (\S+)", said)
    unknown += re.findall(r"Package '?([^' ]+)'? has no installation candidate", said)
    if unknown:
        return (f"apt knows no package {' or '.join(sorted(set(unknown)))}: Tern needs the "
                "packages of Debian 12 with its updates")
    tail = "\n".join(said.splitlines()[-8:])
    return f"`{what}` failed:\n{tail}"


def codename():
    with open("/etc/os-release", encoding="utf-8") as file:
        match = re.search(r"^VERSION_CODENAME=(\S+)", file.read(), re.MULTILINE)
    if not match:
        raise TernError("/etc/os-release names no release, so its packages cannot be fetched")
    return match[1]


def own_sources(release):
    """The system's sources of this release as stanzas, with source packages as well."""
    stanzas = []
    for path in ["/etc/apt/sources.list", *sorted(glob.glob("/etc/apt/sources.list.d/*"))]:
        if os.path.isfile(path):
            with open(path, encoding="utf-8") as file:
                text = file.read()
            stanzas += (from_stanzas if path.endswith(".sources") else from_lines)(text, release)
    if not stanzas:
        raise TernError(f"the system's apt sources name nothing of {release}")
    return "\n".join(stanzas)


def from_stanzas(text, release):
    """deb822: types become deb and deb-src, the CPU restriction goes."""
    kept = []
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)
    for stanza in re.split(r"\n\s*\n", text):
        suites = re.search(r"^Suites:(.*)", stanza, re.MULTILINE | re.IGNORECASE)
        disabled = re.search(r"^Enabled:\s*no", stanza, re.MULTILINE | re.IGNORECASE)
        if not suites or disabled or not of_release(suites[1].split(), release):
            continue
        lines = [line for line in stanza.strip().splitlines()
                 if not re.match(r"(Types|Architectures|Enabled):", line, re.IGNORECASE)]
        kept.append("Types: deb deb-src\n" + "\n".join(lines) + "\n")
    return kept


def from_lines(text, release):
    """One-line sources, written as stanzas; deb-src lines are implied by the deb lines."""
    kept = []
    pattern = r"^deb\s+(?:\[([^]]*)\]\s+)?(\S+)\s+(\S+)\s+(.*)$"
    for options, uri, suite, parts in re.findall(pattern, text, re.MULTILINE):
        if of_release([suite], release):
            signed = re.search(r"signed-by=(\S+)", options)
            kept.append(f"Types: deb deb-src\nURIs: {uri}\nSuites: {suite}\n"
                        f"Components: {parts.split('#')[0].strip()}\n"
                        + (f"Signed-By: {signed[1]}\n" if signed else ""))
    return kept


def of_release(suites, release):
    return all(re.match(rf"{release}(-|/|$)", suite) for suite in suites)


def private_apt(arch):
    """The words that start apt-get with our configuration for this CPU, lists up to date."""
    home = os.path.join(BUILD, "apt", arch)
    for folder in ("state/lists/partial", "cache/archives/partial", "sources"):
        os.makedirs(os.path.join(home, folder), exist_ok=True)
    changed = write_if_new(os.path.join(home, "sources", "own.sources"), own_sources(codename()))
    write_if_new(os.path.join(home, "status"), "")
    config = os.path.join(home, "apt.conf")
    changed |= write_if_new(config, configuration(home, arch))
    apt = ["apt-get", "-q", "-c", config]
    stamp = os.path.join(home, "updated")
    if changed or not fresh(stamp):
        run_apt([*apt, "update"])
        write_text(stamp, "")
    return apt


def fetching_apt(arch, packages):
    """private_apt(), for what takes a while."""
    print(f"apt: fetching {' '.join(packages)} for {arch}", file=sys.stderr, flush=True)
    return private_apt(arch)


def configuration(home, arch):
    """Given by -c, it comes after the system's own (whose proxies stay) and wins."""
    return (f'Dir::State "{home}/state";\n'
            f'Dir::State::status "{home}/status";\n'
            f'Dir::Cache "{home}/cache";\n'
            'Dir::Etc::sourcelist "/dev/null";\n'
            f'Dir::Etc::sourceparts "{home}/sources";\n'
            f'APT::Architecture "{arch}";\n'
            "#clear APT::Architectures;\n"
            f'APT::Architectures {{ "{arch}"; }};\n'
            'APT::Sandbox::User "root";\n'
            'Acquire::Languages "none";\n'
            "#clear APT::Update::Pre-Invoke;\n"  # hooks are the system's, and need root
            "#clear APT::Update::Post-Invoke;\n"
            "#clear APT::Update::Post-Invoke-Success;\n")


def fresh(path):
    return os.path.exists(path) and time.time() - os.path.getmtime(path) < FRESH_SECONDS


def write_text(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def write_if_new(path, text):
    """Whether the file had to be written."""
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            if file.read() == text:
                return False
    write_text(path, text)
    return True


def run_apt(line, cwd=None):
    """What the command said; a failure is a sentence."""
    done = subprocess.run(line, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    if done.returncode != 0:
        raise TernError(apt_failure(done.stdout, " ".join(line)))
    return done.stdout


@contextlib.contextmanager
def only_one():
    """One fetch at a time: apt's own lists are shared by all."""
    os.makedirs(os.path.join(BUILD, "apt"), exist_ok=True)
    with open(os.path.join(BUILD, "apt", "lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def host_arch():
    said = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True,
                          check=True)
    return said.stdout.strip()


def fetch_each(packages, folder, arch, unpack):
    """The folders of the packages, in order. What is there stays; the rest is made in a folder of
    its own by unpack(apt, name, work) and renamed into place."""
    os.makedirs(folder, exist_ok=True)
    with only_one():
        wanted = [name for name in packages if not os.path.exists(os.path.join(folder, name))]
        apt = fetching_apt(arch, wanted) if wanted else None
        for name in wanted:
            with tempfile.TemporaryDirectory(prefix=".making-", dir=folder) as work:
                os.rename(unpack(apt, name, work), os.path.join(folder, name))
    return [os.path.join(folder, name) for name in packages]


def fetch(arch, packages):
    """The unpacked trees of binary packages for Debian's name of a CPU, as apt names them."""
    return fetch_each(packages, os.path.join(BUILD, "pkg", arch), arch, unpack_binary)


def unpack_binary(apt, name, work):
    run_apt([*apt, "download", name], work)
    archive, = glob.glob(os.path.join(work, "*.deb"))
    tree = os.path.join(work, "tree")
    run_apt(["dpkg-deb", "-x", archive, tree])
    return tree


def with_dependencies(arch, packages):
    """The names of the packages and of all that they need, as apt would install them on an empty
    system; said by apt once, and kept."""
    for name in packages:
        if not re.fullmatch("[a-z0-9][a-z0-9+.-]+", name):
            raise TernError(f"{name} is no name of a Debian package")
    folder = os.path.join(BUILD, "pkg", arch, ".sets")
    kept = os.path.join(folder, ",".join(sorted(packages)))
    os.makedirs(folder, exist_ok=True)
    with only_one():
        if not os.path.exists(kept):
            said = run_apt([*fetching_apt(arch, packages), "install", "-s", "-y",
                            "--no-install-recommends", *packages])
            write_text(kept + ".new", "".join(name + "\n" for name in installed_names(said)))
            os.rename(kept + ".new", kept)
        with open(kept, encoding="utf-8") as file:
            return file.read().split()


def installed_names(said):
    """The packages of a simulated installation, in the order in which apt would unpack them."""
    return re.findall(r"^Inst ([^ :]+)", said, re.MULTILINE)
