"""Modules with init and an archive, for tests of services: a manifest and the programs in it."""
import io

from tern import archive, system

CHANNELS = """
program vconsole
  device virtio console
  provides console
  restart always
program channels
  uses console
  give console
  end system
"""
# On a machine without the device: nobody waits for it.
LONELY = CHANNELS.replace("  uses console", "  arg lonely\n  uses console")


def module(text, arch, build):
    out = io.BytesIO()
    archive.finish(out, system.begin_module(out, arch, build, text.encode()))
    return out.getvalue()


def channels_module(arch, build):
    return module(CHANNELS, arch, build)


def lonely_module(arch, build):
    return module(LONELY, arch, build)
