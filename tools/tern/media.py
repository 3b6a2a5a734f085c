"""Boot media for the loaders: an ISO image for GRUB (Multiboot2) or for Limine, or QEMU's initrd.

A medium is a function of its inputs (kernel, command line, module, loader), so its name carries
their hash and an image that exists is never built again. It is built in a directory of its own
and renamed into place, so that boots that run in parallel see whole images only. Images not used
for an hour are removed when a new one is made.
"""
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass

from .paths import BUILD, ROOT, TernError

MEDIA = os.path.join(BUILD, "media")
STALE_SECONDS = 3600
PAGE = 4096
MODULE_NAME = "tern-module"
MODULE_TEXT = b"A module of Tern's tests.\n"
MODULE_COMMAND = "tern-module words"  # the kernel calls a module by this
ROOT_NAME = "root"
LIMINE_FILES = {
    "x86_64": ("limine-bios-cd.bin", "limine-bios.sys", "limine-uefi-cd.bin"),
    "aarch64": ("limine-uefi-cd.bin",),
}
# Partition kinds too: the core image of UEFI asks for every one of them.
GRUB_MODULES = ("multiboot2 serial terminal test all_video iso9660 normal part_acorn part_amiga "
                "part_apple part_bsd part_dfly part_dvh part_gpt part_msdos part_plan part_sun "
                "part_sunpc")


def medium(machine, kernel):
    """The path of the image that boots `kernel` on this machine, built if it is not there."""
    modules = modules_of(machine)
    limine = limine_files(machine) if machine.via == "limine" else []
    key = media_key(machine, [kernel, *limine], modules)
    path = os.path.join(MEDIA, f"{machine.arch}-{machine.via}-{key}.iso")
    if os.path.exists(path):
        os.utime(path)
        return path
    os.makedirs(MEDIA, exist_ok=True)
    remove_stale()
    with tempfile.TemporaryDirectory(prefix="making-", dir=MEDIA) as work:
        tree = lay_out(work, kernel, modules)
        image = os.path.join(work, "image.iso")
        make = make_grub if machine.via == "multiboot2" else make_limine
        make(machine, tree, modules, image)
        os.replace(image, path)
    return path


def initrd(machine, dry_run=False):
    """The one file that QEMU's -kernel can hand over. The user's module stands behind the root
    program, from the next page on (abi/root.h)."""
    if machine.root is None or machine.module is None:
        return machine.root or machine.module
    if dry_run:
        return "ROOT+MODULE"
    root = read_file(machine.root)
    content = root + bytes(-len(root) % PAGE) + read_file(machine.module)
    os.makedirs(MEDIA, exist_ok=True)
    remove_stale()
    path = os.path.join(MEDIA, hashlib.sha256(content).hexdigest()[:16] + ".modules")
    with tempfile.NamedTemporaryFile(dir=MEDIA, delete=False) as file:
        file.write(content)
    os.replace(file.name, path)
    return path


@dataclass
class Module:
    name: str  # of its file on the medium
    command: str  # what the kernel calls it by
    content: bytes


def modules_of(machine):
    """The root program if there is one, then the user's file; a small text if there is neither."""
    modules = []
    if machine.root is not None:
        modules.append(Module(ROOT_NAME, ROOT_NAME, read_file(machine.root)))
    if machine.module is not None:
        name = os.path.basename(machine.module)
        modules.append(Module(name if name != ROOT_NAME else ROOT_NAME + "-module", MODULE_COMMAND,
                              read_file(machine.module)))
    return modules or [Module(MODULE_NAME, MODULE_COMMAND, MODULE_TEXT)]


def read_file(path):
    with open(path, "rb") as file:
        return file.read()


def media_key(machine, files, modules):
    digest = hashlib.sha256()
    parts = [part for module in modules for part in (module.name.encode(), module.content)]
    for part in (machine.command_line.encode(), own_text(), *parts):
        digest.update(len(part).to_bytes(8, "little") + part)
    for path in files:
        with open(path, "rb") as file:
            digest.update(hashlib.sha256(file.read()).digest())
    return digest.hexdigest()[:16]


def own_text():
    """This file decides the layout of an image, so a change of it makes new ones."""
    with open(os.path.realpath(__file__), "rb") as file:
        return file.read()


def remove_stale(folder=MEDIA, seconds=STALE_SECONDS):
    """Another boot may remove the same image, or be making one: what is gone is gone."""
    now = time.time()
    for entry in os.scandir(folder):
        try:
            if now - entry.stat().st_mtime < seconds:
                continue
            if entry.is_dir():
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                os.unlink(entry.path)
        except FileNotFoundError:
            pass


def lay_out(work, kernel, modules):
    """The files that every medium has, whichever loader reads it."""
    boot = os.path.join(work, "tree", "boot")
    os.makedirs(boot)
    # Debug information is most of the file, and a BIOS reads a CD slowly.
    run_tool(["llvm-strip-19", "--strip-debug", "-o", os.path.join(boot, "tern.elf"), kernel],
             "llvm-19")
    for module in modules:
        with open(os.path.join(boot, module.name), "wb") as file:
            file.write(module.content)
    return os.path.join(work, "tree")


def make_grub(machine, tree, modules, image):
    """One image for BIOS and UEFI."""
    os.makedirs(os.path.join(tree, "boot", "grub"))
    with open(os.path.join(tree, "boot", "grub", "grub.cfg"), "w", encoding="utf-8") as file:
        file.write(grub_config(machine.command_line, modules))
    run_tool(["grub-mkrescue", f"--install-modules={GRUB_MODULES}", "--fonts=", "--locales=",
              "--themes=", "--compress=no", "-o", image, tree, "--", "-volid", "TERN"],
             "grub-common grub-pc-bin grub-efi-amd64-bin xorriso mtools")


def grub_config(command_line, modules):
    # Each word is quoted by itself: GRUB hands words with spaces on in quotes of its own.
    words = "".join(" " + grub_quote(word) for word in command_line.split(" ") if word)
    return ("set timeout=0\n"
            # GRUB's own complaints; on UEFI the firmware sends them to the serial line already.
            'if [ "$grub_platform" = pc ]; then\n'
            "    serial --unit=0 --speed=115200\n"
            "    terminal_output serial\n"
            "fi\n"
            "insmod all_video\n"
            f"multiboot2 /boot/tern.elf{words}\n"
            # After that command, which sets it to the kernel's wish: any mode, so 24 bits too.
            "set gfxpayload=1024x768x32,auto\n"
            + "".join(f"module2 /boot/{m.name} {m.command}\n" for m in modules) + "boot\n")


def grub_quote(word):
    return "'" + word.replace("'", "'\\''") + "'"


def limine_files(machine):
    """The loader's own files, from the directory that the user named."""
    paths = [os.path.join(machine.limine, name) for name in LIMINE_FILES[machine.arch]]
    for path in paths:
        if not os.path.isfile(path):
            raise TernError(f"{path} is missing: --limine (or LIMINE_DIR) must name the directory "
                            "of a Limine 8 binary release")
    return paths


def make_limine(machine, tree, modules, image):
    boot = os.path.join(tree, "boot")
    for path in limine_files(machine):
        shutil.copy(path, boot)
    with open(os.path.join(boot, "limine.conf"), "w", encoding="utf-8") as file:
        file.write(limine_config(machine.command_line, modules))
    bios = []
    if machine.arch == "x86_64":
        bios = ["-b", "boot/limine-bios-cd.bin", "-no-emul-boot", "-boot-load-size", "4",
                "-boot-info-table"]
    run_tool(["xorriso", "-as", "mkisofs", "-quiet", "-R", "-J", "-V", "TERN", *bios,
              "--efi-boot", "boot/limine-uefi-cd.bin", "-efi-boot-part", "--efi-boot-image",
              "--protective-msdos-label", tree, "-o", image], "xorriso")


def limine_config(command_line, modules):
    return ("timeout: 0\n"
            "/Tern\n"
            "    protocol: limine\n"
            "    kernel_path: boot():/boot/tern.elf\n"
            f"    cmdline: {command_line}\n"
            + "".join(f"    module_path: boot():/boot/{m.name}\n"
                      f"    module_cmdline: {m.command}\n" for m in modules)
            + "    resolution: 1024x768x32\n")


def run_tool(line, packages):
    """Runs a tool to its end; what it said matters only if it failed."""
    if shutil.which(line[0]) is None:
        raise TernError(f"{line[0]} is not installed: `tools/deps run` installs {packages}")
    done = subprocess.run(line, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        tail = "\n".join(done.stdout.splitlines()[-5:])
        raise TernError(f"{line[0]} failed with status {done.returncode}:\n{tail}")
