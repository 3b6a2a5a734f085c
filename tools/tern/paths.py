"""Where things are in the repository, and the one error that ends a `tern` command."""
import os

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
BUILD = os.path.join(ROOT, "build")


class TernError(Exception):
    """Something the user can mend; the text is one sentence for the terminal."""


def kernel_elf(arch, build):
    """The kernel with its symbols; on x86-64 the file that every loader takes."""
    return os.path.join(BUILD, arch, build, "tern.elf")


def kernel_image(arch, build):
    """The file for QEMU's -kernel."""
    if arch == "aarch64":
        return os.path.join(BUILD, arch, build, "Image")
    return kernel_elf(arch, build)


def require_kernel(path, arch, build):
    """Says which command builds a kernel that is not there yet."""
    if not os.path.exists(path):
        raise TernError(f"there is no {os.path.relpath(path, ROOT)}: "
                        f"build it with `make ARCH={arch} BUILD={build}`")
    return path


def kernel_of(machine):
    """The kernel file that boots on this machine."""
    find = kernel_image if machine.via == "kernel" else kernel_elf
    return machine.kernel or require_kernel(find(machine.arch, machine.build), machine.arch,
                                            machine.build)


def require_files(paths):
    for path in filter(None, paths):
        if not os.path.exists(path):
            raise TernError(f"there is no file {path}")
