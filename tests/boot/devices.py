"""Machines with devices for native test programs, and the files of the host behind these.

A program of DEVICES has these of QEMU's arguments. Those of VIRTIO drive virtio devices: they have
them once over each transport that the machine has, and must say that they ran over each. In words,
{files} is the folder of the boot's files, {way} the transport, {qemu} QEMU's suffix for that.
"""
import contextlib
import os
import struct
import tempfile

# QEMU's own device for tests of drivers: with its registers, messages and DMA to all of memory.
EDU = "edu,dma_mask=0xffffffffffffffff"
WAYS = {"q35": ["pci"], "virt": ["pci", "mmio"], "microvm": ["mmio"]}
QEMU_SUFFIX = {"pci": "pci", "mmio": "device"}
MODERN = ["-global", "virtio-mmio.force-legacy=false"]  # QEMU gives version 1 by itself
USUAL = {"x86_64": "q35", "aarch64": "virt"}

DEVICES = {
    "pci": ["-device", EDU],
    "pci_tree": ["-device", "pcie-root-port,id=port1,chassis=1",
                 "-device", "pcie-root-port,id=port2,chassis=2",
                 "-device", "pcie-pci-bridge,id=bridge1,bus=port2",
                 "-device", f"{EDU},bus=bridge1,addr=2", "-device", "virtio-rng-pci,bus=port1"],
    "channels": [
        "-device", "virtio-serial-pci,id=serial",
        "-chardev", "pipe,id=in,path={files}/in", "-device", "virtserialport,chardev=in,name=t.in",
        "-chardev", "file,id=out,path={files}/out", "-device", "virtserialport,chardev=out,name=t.out",
        "-chardev", "socket,id=a,path={files}/loop,server=on,wait=off",
        "-device", "virtserialport,chardev=a,name=t.a",
        "-chardev", "socket,id=b,path={files}/loop", "-device", "virtserialport,chardev=b,name=t.b"],
}
VIRTIO = {
    "virtio_block": ["-drive", "if=none,id=disk-{way},format=raw,file={files}/disk-{way}",
                     "-device", "virtio-blk-{qemu},drive=disk-{way}"],
    "virtio_console": [
        "-device", "virtio-serial-{qemu},id=serial-{way}",
        # Read from one file to its end, written to another one, and two that lead to each other.
        "-chardev", "pipe,id=in-{way},path={files}/{way}",
        "-device", "virtserialport,bus=serial-{way}.0,chardev=in-{way},name={way}.in",
        "-chardev", "file,id=out-{way},path={files}/out-{way}",
        "-device", "virtserialport,bus=serial-{way}.0,chardev=out-{way},name={way}.out",
        "-chardev", "socket,id=a-{way},path={files}/loop-{way},server=on,wait=off",
        "-device", "virtserialport,bus=serial-{way}.0,chardev=a-{way},name={way}.a",
        "-chardev", "socket,id=b-{way},path={files}/loop-{way}",
        "-device", "virtserialport,bus=serial-{way}.0,chardev=b-{way},name={way}.b"],
    "virtio_entropy": ["-device", "virtio-rng-{qemu}"],
}

# An image for a disk: 64-bit words that count, and the second half of them as the test leaves it.
DISK_WORDS = 4096 * 512 // 8
DISK = struct.pack(f"<{DISK_WORDS}Q", *range(DISK_WORDS))
DISK_WRITTEN = DISK[:len(DISK) // 2] + bytes(byte ^ 0xff for byte in DISK[len(DISK) // 2:])
# What goes through a console, either way.
STREAM = bytes((i * 7 + i // 251) % 256 for i in range(100000))
# Files by name: before the boot, and as they must be afterwards.
FILES = {"channels": {"in.in": STREAM, "in.out": b""},
         "virtio_block": {"disk-{way}": DISK}, "virtio_console": {"{way}.in": STREAM, "{way}.out": b""}}
FILES_LEFT = {"channels": {"out": STREAM, "in.out": b""},
              "virtio_block": {"disk-{way}": DISK_WRITTEN},
              "virtio_console": {"out-{way}": STREAM, "{way}.out": b""}}


def options(name, machine):
    """QEMU's own arguments behind `--` for a program on a machine; none for most."""
    words = list(DEVICES.get(name, []))
    for way in WAYS[machine] if name in VIRTIO else []:
        words += [fill(word, way) for word in VIRTIO[name]]
    return ["--", *words, *(MODERN if name in VIRTIO else [])] if words else []


def fill(word, way):
    return word.replace("{way}", way).replace("{qemu}", QEMU_SUFFIX[way])


def texts(name, machine):
    """Regular expressions for what the program has to say of its devices."""
    return [rf" over {way}\b" for way in WAYS[machine]] if name in VIRTIO else []


def files(table, name, machine):
    """Those of a program, for each transport."""
    return {fill(path, way): content for path, content in table.get(name, {}).items()
            for way in WAYS[machine]}


@contextlib.contextmanager
def folder_with(contents):
    """A folder with these files, for one boot."""
    with tempfile.TemporaryDirectory(prefix="tern-") as folder:
        for name, content in contents.items():
            with open(os.path.join(folder, name), "wb") as file:
                file.write(content)
        yield folder


def placed(words, folder):
    return [word.replace("{files}", folder) for word in words]
