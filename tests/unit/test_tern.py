#!/usr/bin/env python3
"""Unit tests of the host side: tern's options, refusals and statuses, and the boot matrix.

    python3 tests/unit/test_tern.py [-v]      ends with `N passed, N failed`
"""
import contextlib
import importlib.machinery
import importlib.util
import io
import itertools
import os
import sys
import tempfile
import unittest

ROOT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "../..")
for folder in ("tools", "tests/boot"):
    sys.path.insert(0, os.path.join(ROOT, folder))

import cases  # noqa: E402
import counted  # noqa: E402
import matrix  # noqa: E402
import pairs  # noqa: E402
import screen  # noqa: E402
from tern import apt, cli, machine, media, paths, qemu, run  # noqa: E402
import count_tests  # noqa: E402


def given(*words):
    """The machine for these arguments of `tern boot`, with no environment in the way."""
    own, extra = cli.split_extra(["boot", "--arch", "x86_64", "--limine", "", "--dry-run", *words])
    return cli.machine_of(cli.build_parser().parse_args(own), extra)


def line_of(*words):
    return qemu.command(given(*words), "KERNEL", "CD.iso")


def following(line, option):
    """Every argument that follows `option` in a command line."""
    return [b for a, b in itertools.pairwise(line) if a == option]


class Refusals(unittest.TestCase):
    """One row per refusal: the arguments, and a word of the sentence."""

    ROWS = (
        ("--machine virt", "does not exist for x86_64"),
        ("--arch aarch64 --machine q35", "does not exist for aarch64"),
        ("--arch aarch64 --via multiboot2", "protocol of x86"),
        ("--via limine", "LIMINE_DIR"),
        ("--arch aarch64 --via limine --limine D --firmware bios", "no BIOS"),
        ("--via kernel --firmware uefi", "PVH"),
        ("--arch aarch64 --firmware uefi", "without firmware"),
        ("--arch aarch64 --firmware bios", "without firmware"),
        ("--machine microvm --via multiboot2", "microvm has no disk"),
        ("--machine microvm --via limine --limine D", "microvm has no disk"),
        ("--machine microvm --firmware uefi", "PVH"),
        ("--machine microvm --numa 2 --smp 2", "no NUMA"),
        ("--gic 2", "interrupt controller of aarch64"),
        ("--el 2", "exception level of aarch64"),
        ("--arch aarch64 --gic 2 --smp 9", "at most 8 CPUs"),
        ("--smp 0", "at least one CPU"),
        ("--numa 0", "at least one node"),
        ("--numa 2", "needs at least one CPU"),
        ("--numa 3 --smp 4 --memory 512M", "cannot be divided"),
        ("--arch aarch64 --via limine --limine D --numa 2 --smp 2 --memory 128M", "first node"),
        ("--smp 256", "reach 255 CPUs"),
        ("--arch aarch64 --smp 513", "at most 512 CPUs"),
        ("--cpu qemu32", "has 32 bits"),
        ("--arch aarch64 --cpu cortex-a15", "has 32 bits"),
        ("--memory 2M", "too little"),
        ("--memory 99T", "16 TiB"),
        ("--memory 0", "no size"),
        ("--memory much", "no size"),
        ("--icount --smp 2", "instructions of one CPU"),
        ("--icount --accel kvm", "mode of TCG"),
        ("--plugin x.so --accel kvm", "loaded by TCG"),
        ("--arch aarch64 --el 2 --accel kvm", "emulated by TCG"),
    )

    def test_each_row(self):
        for words, sentence in self.ROWS:
            with self.subTest(words):
                with self.assertRaises(paths.TernError) as caught:
                    given(*words.split())
                self.assertIn(sentence, str(caught.exception))
                self.assertEqual(len(str(caught.exception).splitlines()), 1)

    def test_every_refusal_has_a_row(self):
        used = {self.refusal_of(words) for words, _ in self.ROWS} - {None}
        used |= {self.number_of(machine.Machine(arch="vax"))}
        used |= {self.number_of(machine.Machine(via="multiboot2", append="a\nb"))}
        self.assertEqual(used, set(range(len(machine.REFUSALS))))

    def refusal_of(self, words):
        """The number of the refusal that these words meet; None: refused before the list."""
        options = cli.build_parser().parse_args(["boot", "--arch", "x86_64", "--limine", "",
                                                 *words.split()])
        known = machine.Machine.__dataclass_fields__
        fields = {name: value for name, value in vars(options).items() if name in known}
        return self.number_of(machine.Machine(**fields))

    def number_of(self, wanted):
        try:
            return next((number for number, (applies, _) in enumerate(machine.REFUSALS)
                         if applies(wanted)), None)
        except paths.TernError:
            return None  # the size itself was refused

    def test_unknown_arch_from_the_environment(self):
        with self.assertRaisesRegex(paths.TernError, "not on vax"):
            machine.check(machine.Machine(arch="vax"))

    def test_control_characters_only_where_a_file_carries_them(self):
        machine.check(machine.Machine(append="a\nb"))
        with self.assertRaisesRegex(paths.TernError, "control character"):
            machine.check(machine.Machine(via="multiboot2", append="a\nb"))

    def test_wrong_option_is_not_a_panic(self):
        with contextlib.redirect_stderr(io.StringIO()), self.assertRaises(SystemExit) as caught:
            cli.main(["boot", "--no-such-option"])
        self.assertEqual(caught.exception.code, run.TERN_FAILED)


class CommandLine(unittest.TestCase):
    def test_x86_defaults(self):
        line = line_of()
        self.assertEqual(line[0], "qemu-system-x86_64")
        self.assertEqual(following(line, "-machine"), ["q35,memory-backend=ram0"])
        self.assertEqual(following(line, "-cpu"), ["max"])
        self.assertEqual(following(line, "-kernel"), ["KERNEL"])
        self.assertIn("-no-reboot", line)
        self.assertEqual(following(line, "-nic"), ["none"])
        self.assertNotIn("isa-debug-exit,iobase=0xf4,iosize=0x04", line)

    def test_aarch64_defaults(self):
        line = line_of("--arch", "aarch64")
        self.assertEqual(following(line, "-machine"), ["virt,gic-version=2,memory-backend=ram0"])
        self.assertEqual(following(line, "-cpu"), ["cortex-a57"])

    def test_el2_and_many_cpus(self):
        line = line_of("--arch", "aarch64", "--el", "2", "--smp", "9")
        self.assertIn("virt,gic-version=3,virtualization=on,memory-backend=ram0", line)

    def test_memory_is_never_reserved(self):
        for words in ([], ["--numa", "2", "--smp", "4"]):
            objects = following(line_of(*words), "-object")
            self.assertTrue(objects)
            self.assertTrue(all("reserve=off" in each for each in objects))

    def test_numa_divides_evenly(self):
        line = line_of("--numa", "2", "--smp", "5", "--memory", "1G")
        self.assertEqual(following(line, "-numa"),
                         ["node,nodeid=0,memdev=ram0,cpus=0-1",
                          "node,nodeid=1,memdev=ram1,cpus=2-4", "dist,src=0,dst=1,val=20"])
        self.assertEqual(following(line, "-object")[1],
                         "memory-backend-ram,id=ram1,size=512M,reserve=off")
        self.assertEqual(following(line, "-machine"), ["q35"])

    def test_test_boot(self):
        x86 = line_of("--test", "--append", "log=debug")
        self.assertEqual(following(x86, "-append"), ["exit=debug log=debug"])
        self.assertIn("isa-debug-exit,iobase=0xf4,iosize=0x04", x86)
        arm = line_of("--test", "--arch", "aarch64")
        self.assertEqual(following(arm, "-semihosting-config"), ["enable=on,target=native"])

    def test_loader_boots_from_the_medium(self):
        line = line_of("--via", "multiboot2", "--firmware", "uefi")
        self.assertNotIn("-kernel", line)
        self.assertTrue(any("file=CD.iso" in word for word in line))
        self.assertTrue(any("snapshot=on" in word and "VARS" in word for word in line))

    def test_icount_repeats(self):
        line = line_of("--icount")
        self.assertEqual(following(line, "-icount"), ["shift=0,sleep=off"])
        self.assertEqual(following(line, "-seed"), ["1"])
        self.assertEqual(following(line, "-rtc"), ["base=2024-01-01T00:00:00,clock=vm"])

    def test_arguments_for_qemu_come_last(self):
        self.assertEqual(line_of("--", "-d", "int")[-2:], ["-d", "int"])

    def test_gdb_reboot_plugin_display(self):
        line = line_of("--gdb", "1234", "--reboot", "--plugin", "a,b.so", "--display")
        self.assertEqual(following(line, "-gdb"), ["tcp:127.0.0.1:1234"])
        self.assertIn("-S", line)
        self.assertNotIn("-no-reboot", line)
        self.assertEqual(following(line, "-plugin"), ["a,,b.so"])
        self.assertEqual(following(line, "-display"), [])

    def test_terminal(self):
        self.assertIn("mon:stdio", qemu.command(given(), "K", interactive=True))
        self.assertIn("stdio", qemu.command(given(), "K"))

    def test_memory_sizes(self):
        self.assertEqual(machine.parse_memory("512"), 512 << 20)
        self.assertEqual(machine.parse_memory("4g"), 4 << 30)


class Messages(unittest.TestCase):
    def test_missing_kernel_names_the_make_command(self):
        with self.assertRaisesRegex(paths.TernError, "make ARCH=aarch64 BUILD=release"):
            paths.require_kernel("/no/such/Image", "aarch64", "release")

    def test_old_qemu(self):
        with self.assertRaisesRegex(paths.TernError, "version 6.2, and Tern needs 7.2"):
            qemu.check_version("q", "QEMU emulator version 6.2.0")
        qemu.check_version("q", "QEMU emulator version 10.0.1")

    def test_unreadable_qemu_version(self):
        with self.assertRaises(paths.TernError):
            qemu.check_version("q", "")


class Status(unittest.TestCase):
    """decode(QEMU's status, test boot, reset)."""

    def test_debug_exit(self):
        for status in (0, 1, 2, 9):
            self.assertEqual(run.decode(0x41 + 2 * status, True, False)[0], status)

    def test_power_off(self):
        self.assertEqual(run.decode(0, True, False), (0, None))
        self.assertEqual(run.decode(0, False, False), (0, None))

    def test_reset(self):
        self.assertEqual(run.decode(0, True, True)[0], run.GUEST_RESET)
        self.assertEqual(run.decode(0, False, True)[0], 0)

    def test_failures_of_qemu(self):
        for code in (1, 3, 0x40, 0x42, -6):
            self.assertEqual(run.decode(code, True, False)[0], run.TERN_FAILED)
        self.assertEqual(run.decode(0x41, False, False)[0], run.TERN_FAILED)


ONE_MODULE = media.Module("m", "m words", b"")


class Media(unittest.TestCase):
    def test_module_stands_behind_the_root_program(self):
        with tempfile.NamedTemporaryFile() as root, tempfile.NamedTemporaryFile() as module:
            root.write(b"r" * 5000)
            root.flush()
            module.write(b"module")
            module.flush()
            alone = machine.Machine(module=module.name)
            self.assertEqual(media.initrd(alone), module.name)
            both = machine.Machine(root=root.name, module=module.name)
            with open(media.initrd(both), "rb") as file:
                self.assertEqual(file.read(), b"r" * 5000 + bytes(2 * 4096 - 5000) + b"module")

    def test_root_comes_first_and_by_its_name(self):
        with tempfile.NamedTemporaryFile() as file:
            both = media.modules_of(machine.Machine(root=file.name, module=file.name))
        self.assertEqual(both[0].command, "root")
        self.assertEqual(both[1].command, media.MODULE_COMMAND)
        self.assertIn("module2 /boot/root root\nmodule2 ", media.grub_config("", both))
        self.assertIn("module_cmdline: root\n", media.limine_config("", both))

    def test_grub_words_are_quoted(self):
        text = media.grub_config("a=$b  it's;", [ONE_MODULE])
        self.assertIn("multiboot2 /boot/tern.elf 'a=$b' 'it'\\''s;'\n", text)

    def test_limine_config(self):
        text = media.limine_config("x y", [ONE_MODULE])
        self.assertIn("cmdline: x y\n", text)
        self.assertIn("module_path: boot():/boot/m\n", text)

    def test_key_follows_its_inputs(self):
        with tempfile.NamedTemporaryFile() as file:
            keys = set()
            for text, append in ((b"1", "a"), (b"2", "a"), (b"2", "b")):
                file.seek(0)
                file.write(text)
                file.flush()
                one = machine.Machine(append=append)
                keys.add(media.media_key(one, [file.name], [ONE_MODULE]))
                self.assertIn(media.media_key(one, [file.name], [ONE_MODULE]), keys)
        self.assertEqual(len(keys), 3)

    def test_limine_directory_without_its_files(self):
        with self.assertRaisesRegex(paths.TernError, "Limine 8"):
            media.limine_files(machine.Machine(via="limine", limine="/no/such"))


class Pairs(unittest.TestCase):
    AXES = {"a": (1, 2, 3), "b": (1, 2), "c": (1, 2, 3, 4)}

    def every_pair(self, rows):
        return set().union(*map(pairs.pairs_of, rows))

    def test_every_pair_of_a_free_product(self):
        rows = pairs.product(self.AXES, lambda row: True)
        chosen = pairs.cover(rows)
        self.assertEqual(self.every_pair(chosen), self.every_pair(rows))
        self.assertEqual(len(self.every_pair(rows)), 3 * 2 + 3 * 4 + 2 * 4)
        self.assertLess(len(chosen), 16)

    def test_constraints_hold_and_reachable_pairs_are_covered(self):
        rows = pairs.product(self.AXES, lambda row: row["a"] != 1 or row["c"] < 3)
        chosen = pairs.cover(rows)
        self.assertTrue(all(row in rows for row in chosen))
        self.assertEqual(self.every_pair(chosen), self.every_pair(rows))

    def test_same_choice_every_time(self):
        rows = pairs.product(self.AXES, lambda row: True)
        self.assertEqual(pairs.cover(rows), pairs.cover(rows))

    def test_nothing_to_cover(self):
        self.assertEqual(pairs.cover([]), [])

    def test_matrix_covers_all_pairs_and_needs_no_limine_for_its_own(self):
        for arch in machine.ARCHES:
            every = matrix.rows(arch, whole=True)
            chosen = matrix.rows(arch, whole=False)
            self.assertEqual(self.every_pair(chosen), self.every_pair(every))
            plain = [row for row in every if row["way"] != "limine"]
            self.assertEqual(self.every_pair([r for r in chosen if r["way"] != "limine"]),
                             self.every_pair(plain))

    def test_every_way_in_is_there(self):
        ways = {(row["way"], row["firmware"]) for row in matrix.rows("x86_64", False)}
        self.assertEqual(ways, {("kernel", "none"), ("microvm", "none"), ("multiboot2", "bios"),
                                ("multiboot2", "uefi"), ("limine", "bios"), ("limine", "uefi")})


SCREEN = """\
\x1b[2JTern 0.1.0, x86_64, debug build\r
  protocol     pvh\r
  command      exit=debug run=inventory,poweroff
  firmware     acpi
  cpus         4 online of 4 found, AuthenticAMD QEMU TCG CPU version 2.5+
  memory       509 MiB usable in 3 ranges, 2 nodes, 4 MiB touched
  node 0       254 MiB usable, cpus 0-1, distances 10 20
  node 1       255 MiB usable, cpus 2-3, distances 20 10
  modules      0
  interrupts   lapic, ioapic 1
  clock        tsc 2495.0 MHz by hpet
  console      uart16550 at port 0x3f8
  power        acpi
  faults       0
  boot         12.3 ms, 0.5 ms waited
tern> """


class Screen(unittest.TestCase):
    def complaints(self, text):
        return screen.compare(screen.read_screen(text), given("--smp", "4", "--numa", "2"),
                              "debug", cases.LEAVE)

    def test_a_right_screen(self):
        self.assertEqual(self.complaints(SCREEN), [])

    def test_each_wrong_value_is_noticed(self):
        for old, new in (("pvh", "multiboot2"), ("firmware     acpi", "firmware     none"),
                         ("4 online of", "3 online of"), ("509 MiB", "400 MiB"),
                         ("509 MiB", "600 MiB"), ("4 MiB touched", "60 MiB touched"),
                         ("2 nodes", "1 nodes"), ("cpus 2-3", "cpus 3"), ("20 10", "10 10"),
                         ("254 MiB", "154 MiB"), ("modules      0", "modules      1: a (2 bytes)"),
                         ("faults       0", "faults       1"),
                         ("lapic", "pic"), ("by hpet", ""), ("0x3f8", "0x2f8"),
                         ("power        acpi", "power        none"), ("12.3 ms", "?"),
                         ("x86_64", "aarch64"), ("exit=debug", "exit=")):
            with self.subTest(new):
                self.assertIn(old, SCREEN)
                self.assertTrue(self.complaints(SCREEN.replace(old, new)))

    def test_no_screen(self):
        self.assertEqual(self.complaints("SeaBIOS\n"), ["no closing screen"])

    def test_every_case_is_a_machine_that_can_be(self):
        for arch in machine.ARCHES:
            for case in cases.all_cases(arch, True):
                case.machine(arch, "debug")

    def test_case_names_are_unique(self):
        for arch in machine.ARCHES:
            names = [case.name for case in cases.all_cases(arch, True)]
            self.assertEqual(len(names), len(set(names)))


def load_deps():
    """tools/deps is a command, so its name has no ending that `import` would find."""
    loader = importlib.machinery.SourceFileLoader("deps", os.path.join(ROOT, "tools/deps"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("deps", loader))
    loader.exec_module(module)
    return module


class Deps(unittest.TestCase):
    deps = load_deps()

    def test_stanzas_of_this_release_only(self):
        text = ("Types: deb\n# a note\nURIs: u\nSuites: bookworm bookworm-updates\n"
                "Components: main\nArchitectures: amd64\n\nTypes: deb\nURIs: v\nSuites: other\n"
                "\nTypes: deb\nURIs: w\nSuites: bookworm\nEnabled: no\n")
        self.assertEqual(apt.from_stanzas(text, "bookworm"),
                         ["Types: deb deb-src\nURIs: u\nSuites: bookworm bookworm-updates\n"
                          "Components: main\n"])

    def test_lines(self):
        text = ("# deb x bookworm main\ndeb [arch=amd64 signed-by=/k] u bookworm-updates main c\n"
                "deb-src u bookworm main\ndeb v cloud-bookworm main\n")
        self.assertEqual(apt.from_lines(text, "bookworm"),
                         ["Types: deb deb-src\nURIs: u\nSuites: bookworm-updates\n"
                          "Components: main c\nSigned-By: /k\n"])

    def test_versions(self):
        self.deps.check_version("clang-19", (19,), "Debian clang version 19.1.7 (3~deb12u1)")
        self.deps.check_version("ld.lld-19", (19,), "Debian LLD 19.1.7 (compatible)")
        with self.assertRaisesRegex(paths.TernError, "version 7.1, and Tern needs 7.2"):
            self.deps.check_version("q", (7, 2), "QEMU emulator version 7.1.0")
        with self.assertRaisesRegex(paths.TernError, "unknown"):
            self.deps.check_version("q", (7, 2), "")

    def test_unknown_package_is_named(self):
        said = "E: Unable to locate package zork\n"
        self.assertIn("no package zork", apt.apt_failure(said, "apt-get install zork"))

    def test_unknown_group(self):
        with self.assertRaisesRegex(paths.TernError, "no group zork"):
            self.deps.packages_of(["zork"])


class Counting(unittest.TestCase):
    def test_lines_are_added(self):
        text = ["3 passed, 0 failed\n", "noise 9 passed, 9 failed\n",
                "4 passed, 1 failed, 2 skipped"]
        self.assertEqual(count_tests.add_up(text), (7, 1, 2))

    def test_total_line(self):
        self.assertEqual(count_tests.total_line(7, 1, 0), "7 passed, 1 failed")
        self.assertEqual(count_tests.total_line(7, 1, 2), "7 passed, 1 failed, 2 skipped")


if __name__ == "__main__":
    sys.exit(counted.main())
