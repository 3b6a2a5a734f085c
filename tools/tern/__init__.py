"""The host command `tern`, one module per concern:

cli       the command line: what the commands accept, `tern boot`, `tern gdb`, `tern addr`
program   `tern run` and `tern shell`
session   one run of a guest's program, from QEMU's start to the exit status
ports     what carries its bytes
terminal  the user's terminal: raw, and as it was
system    what a run boots: init and the system archive
machine   the machine asked for, and the pairs that no machine can be
qemu      the QEMU command line for it, and the check of the installed QEMU
media     boot media for the loaders: GRUB and Limine ISO images, cached
run       one run of QEMU: time limit, how the guest left, exit status
debug     gdb and symbols
archive   the tar that stands behind init: the system archive
tree      what stands at which path of it
apt       Debian packages by name, through an apt of our own
packages  the Linux tree that a run begins with
paths     where things are in the repository
"""
