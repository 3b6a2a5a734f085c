"""The boots outside the matrix: faults, power, many starts, hard command lines, odd machines.

A Case is one boot: arguments for `tern boot`, the status it must end with, texts that must (or
must not) appear, and whether the closing screen must fit the machine asked for.
"""
import os
import re
from dataclasses import dataclass, field

import devices
import faults
import matrix
import native
from screen import compare, plain_text, read_screen
from tern import cli
from tern.paths import ROOT

RESET = "the guest reset itself"
LEAVE = "run=inventory,poweroff"
GUEST_CPUS = {"test": (1, 4), "soak": (1, 2, 4, 8)}
RESTARTED = {False: r"restarts: \d+ points", True: r"restarts: \d+ points, 0 not covered"}
SMP_RUNS = {"test": 5, "soak": 100}
WHOLE_SCREEN_TIMEOUT = 60
NATIVE_TIMEOUT = 90
NATIVE_MORE = {"x86_64": (), "aarch64": (("gic3", ["--smp", "2", "--gic", "3"]),)}
UEFI_TIMEOUT = 120


@dataclass
class Case:
    name: str
    options: list
    status: int = 0
    append: str = LEAVE
    texts: list = field(default_factory=list)  # regular expressions that the output must have
    absent: list = field(default_factory=list)
    screen: bool = False  # the closing screen must fit the machine
    test: bool = True  # a test boot: leaves through the debug-exit device
    typed: list = field(default_factory=list)  # lines for the monitor's prompt
    timeout: int = WHOLE_SCREEN_TIMEOUT
    needs_limine: bool = False
    root: str = ""  # a native program to start, or the path of a module
    # Name: content, or what makes it of (arch, build); in the folder {files} of `options`.
    files: dict = field(default_factory=dict)
    files_left: dict = field(default_factory=dict)  # as they must be afterwards

    def arguments(self, arch, build):
        words = ["--arch", arch, "--build", build] + (["--test"] if self.test else [])
        words += ["--append", self.append] if self.append else []
        root = f"build/{arch}/{build}/user/{self.root}.elf"
        words += ["--root", self.root if "/" in self.root else root] if self.root else []
        return words + self.options  # last: they may end in `-- QEMU ARGUMENTS`

    def complaints(self, arch, build, result):
        """Sentences on what is wrong with the result; none: the case passed."""
        wrong = []
        if result.status != self.status:
            wrong.append(f"status {result.status}, wanted {self.status}")
        output = plain_text(result.output)
        wrong += [f"missing: {text}" for text in self.texts if not re.search(text, output)]
        wrong += [f"not expected: {text}" for text in self.absent if re.search(text, output)]
        if self.screen:
            wrong += compare(read_screen(output), self.machine(arch, build), build, self.append)
        return wrong

    def compare_files(self, folder):
        """Sentences on files that are not as the boot should have left them."""
        wrong = []
        for name, content in self.files_left.items():
            path = os.path.join(folder, name)
            if not os.path.exists(path):
                wrong.append(f"file {name} is missing")
                continue
            with open(path, "rb") as file:
                found = file.read()
            at = next((i for i, (a, b) in enumerate(zip(found, content)) if a != b),
                      min(len(found), len(content)))
            if found != content:
                wrong.append(f"file {name}: {len(found)} bytes, wanted {len(content)}; differs "
                             f"at byte {at}: {found[at:at + 16]!r}, wanted {content[at:at + 16]!r}")
        return wrong

    def machine(self, arch, build):
        """The machine as tern itself understands the arguments."""
        own, extra = cli.split_extra(self.arguments(arch, build))
        words = ["boot", "--limine", "given", *own]  # the directory does not matter here
        return cli.machine_of(cli.build_parser().parse_args(words), extra)


def matrix_cases(arch, soak):
    return [Case("matrix " + matrix.name_of(row), matrix.options_of(arch, row), screen=True,
                 timeout=UEFI_TIMEOUT if row["firmware"] == "uefi" else WHOLE_SCREEN_TIMEOUT,
                 needs_limine=row["way"] == "limine")
            for row in matrix.rows(arch, soak)]


def fault_cases(arch):
    table = faults.table(arch)
    cases = [Case(f"fault {name}", faults.OPTIONS.get((arch, name), []), status=2,
                  append=f"test=fault:{name}", texts=texts + faults.common(name),
                  absent=faults.absent(arch, name))
             for name, texts in table.items()]
    # The kernel's own list and ours name the same faults, so that none goes untested.
    known = "|".join(map(re.escape, table))
    cases.append(Case("fault list", [], append="test=list",
                      texts=[rf"(?m)^fault {re.escape(name)} " for name in table],
                      absent=[rf"(?m)^fault (?!(?:{known}) )"]))
    return cases


def power_cases(arch):
    """Without the debug-exit device: the firmware's own way off, and its reset."""
    if arch == "x86_64":
        machines = {"q35": [], "pc": ["--machine", "pc"], "microvm": ["--machine", "microvm"],
                    "uefi": ["--via", "multiboot2", "--firmware", "uefi"]}
    else:
        machines = {"el1": ["--el", "1"], "el2": ["--el", "2"], "smp4": ["--smp", "4"]}
    cases = []
    for name, options in machines.items():
        cases.append(Case(f"poweroff {name}", options, append="run=poweroff", test=False,
                          absent=[RESET]))
        cases.append(Case(f"reboot {name}", options, append="run=reboot", test=False,
                          texts=[RESET]))
    return cases


def smp_cases(soak):
    count = SMP_RUNS["soak" if soak else "test"]
    return [Case(f"smp8 {number}", ["--smp", "8"], screen=True, absent=["(?i)panic"])
            for number in range(1, count + 1)]


def monitor_cases():
    commands = ["help", "mem", "cpus", "subsystems", "metrics", "log", "inventory"]
    # Each is seen at a prompt, and `help` names each of them at the beginning of a line.
    seen = [rf"tern> {command}\b" for command in commands + ["poweroff"]]
    helped = [rf"(?m)^ *{command} +\S" for command in commands + ["panic", "reboot", "poweroff"]]
    return [
        Case("monitor typed", ["--smp", "2"], append="", typed=commands + ["poweroff"],
             texts=seen + helped),
        Case("monitor run words", [], append="run=" + ",".join(commands + ["poweroff"]),
             texts=seen + helped),
        Case("monitor panic", [], status=2, append="run=panic", texts=faults.EVERY_PANIC),
        Case("monitor panic smp4", ["--smp", "4"], status=2, append="run=panic",
             texts=faults.EVERY_PANIC),
        Case("panic early", [], status=2, append="panic=early",
             texts=faults.EVERY_PANIC + [r"(?m)^  0x[0-9a-f]{16} (panic_if_asked|kernel_main)\+0x"]),
        Case("monitor unknown command", [], append="", typed=["no-such-command", "", "poweroff"],
             texts=["no-such-command"], absent=["(?i)panic"]),
    ]


def command_line_cases():
    """Nothing in a command line can keep the kernel from its prompt."""
    long_tail = " ".join(f"word{number}=value" for number in range(100))
    lines = {"empty values": f"{LEAVE} log= = == =x", "bad level": f"log=deafening {LEAVE}",
             "unknown words": f"foo bar=baz --x loud=yes {LEAVE}",
             "commas": "run=,,inventory,,,poweroff,", "long": f"{LEAVE} {long_tail}",
             "not ascii": f"caf\u00e9=\u00fc {LEAVE}", "spaces": f"   {LEAVE}    x  "}
    return [Case(f"command line {name}", [], append=words,
                 texts=[r"cpus +1 online of 1 found"], absent=["(?i)panic"])
            for name, words in lines.items()]


def module_cases():
    module = ["--module", "LICENSE"]
    return [Case("module by kernel", module, texts=[r"modules +1: .*\(\d{4} bytes\)"]),
            Case("log debug", ["--smp", "2"], append=f"log=debug {LEAVE}",
                 texts=[r"\] debug boot: memory at 0x", r"\] info  smp: 2 of 2"]),
            Case("log plain", ["--smp", "2"], texts=[r"\] info  smp: 2 of 2"],
                 absent=[r"\] debug"]),
            Case("log error", ["--smp", "2"], append=f"log=error {LEAVE}",
                 absent=[r"\] (debug|info|warn)"])]


def machine_cases(arch):
    """Machines that lack or break something."""
    if arch == "aarch64":
        models = {name: ["--cpu", name] for name in ("cortex-a72", "neoverse-n1", "max")}
        models["24 cpus"] = ["--gic", "3", "--smp", "24"]
        models["its off"] = ["--gic", "3", "--", "-machine", "its=off"]
        models["highmem off"] = ["--", "-machine", "highmem=off"]
        return [Case(f"machine {name}", options, screen=True) for name, options in models.items()]
    whole = {"pc": ["--machine", "pc"], "qemu64": ["--cpu", "qemu64"],
             "nehalem": ["--cpu", "Nehalem"], "no nx": ["--cpu", "max,-nx", "--smp", "2"],
             "24 cpus": ["--smp", "24"], "no hpet": ["--", "-machine", "hpet=off"],
             "two sockets": ["--smp", "4", "--", "-smp", "4,sockets=2"],
             "bench cpu": ["--cpu", "max,-erms,-fsrm", "--icount"]}
    cases = [Case(f"machine {name}", options, screen=True) for name, options in whole.items()]
    cases.append(Case("machine no acpi", ["--machine", "microvm", "--", "-machine", "acpi=off"],
                      texts=[r"firmware +none", r"cpus +1 online"]))
    # One more table of the kind, which ends where its header ends; the checksum is right.
    for table in ("SRAT", "SLIT", "HPET", "APIC", "MCFG", "FACP"):
        cases.append(Case(f"truncated {table}",
                          ["--", "-acpitable", f"sig={table},data=/dev/null"],
                          texts=[r"cpus +1 online of 1 found", r"(?m)^  faults +[1-9]",
                                 rf"warn +machine: {table}"], absent=["(?i)panic"]))
    return cases


# Who tells which pages were written.
DIRTY_MARKS = {"x86_64": {"qemu64": "hardware"},
               "aarch64": {"cortex-a57": "write protection", "neoverse-n1": "hardware"}}


def selftest_cases(arch):
    # With counted instructions the clock does not depend on how busy the host is.
    return [Case("selftest all smp4", ["--smp", "4"], append="test=all"),
            Case("selftest all icount", ["--icount"], append="test=all"),
            *[Case(f"selftest dirty_marks {cpu}", ["--cpu", cpu], append="test=dirty_marks",
                   texts=[f"dirty_marks: by {way}", "self test dirty_marks: ok"])
              for cpu, way in DIRTY_MARKS[arch].items()],
            Case("selftest unknown", [], status=1, append="test=no-such-test",
                 texts=["no-such-test"])]


def guest_programs():
    """The native test programs, by the same rule as the Makefile's."""
    names = sorted(os.listdir(os.path.join(ROOT, "tests", "guest")))
    return [name[:-2] for name in names
            if name.endswith(".c") and name != "test.c" and not name.startswith("bench")]


def guest_case(label, name, arch, *options, machine=None, texts=(), absent=(), **fields):
    """A native test program, with the devices that it drives; `options` are tern's."""
    kind = machine or devices.USUAL[arch]
    chosen = ["--machine", machine] if machine else []
    return Case(label.format(name), [*chosen, *options, *devices.options(name, kind)],
                root=name, texts=[r"(?m)^[1-9]\d* passed, 0 failed", *devices.texts(name, kind),
                                  *texts],
                absent=["(?i)panic", *absent], files=devices.files(devices.FILES, name, kind),
                files_left=devices.files(devices.FILES_LEFT, name, kind),
                **{"append": "", **fields})


def guest_cases(arch, soak):
    """Native test programs, and a program that comes by each way in."""
    counts = GUEST_CPUS["soak" if soak else "test"]
    cases = [guest_case(f"guest {{}} smp{cpus}", name, arch, "--smp", str(cpus))
             for name in guest_programs() for cpus in counts]
    cases += [guest_case("guest {} restarted", name, arch, "--smp", "2", append="restart=all",
                         texts=[RESTARTED[name == "restart"]]) for name in guest_programs()]
    if arch == "x86_64":  # without a PCI bus
        cases += [guest_case(f"guest {{}} microvm smp{cpus}", name, arch, "--smp", str(cpus),
                             machine="microvm")
                  for name in devices.VIRTIO for cpus in counts]
    if arch == "aarch64":  # a CPU that marks written pages, which the usual one does not
        cases += [guest_case(f"guest {{}} neoverse-n1 smp{cpus}", name, arch, "--smp", str(cpus),
                             "--cpu", "neoverse-n1")
                  for name in ("memory", "space", "large") for cpus in counts]
    if arch == "aarch64":  # the other interrupt controller than what follows from so few CPUs
        cases += [guest_case(f"guest {{}} gic3 smp{cpus}", name, arch, "--smp", str(cpus),
                             "--gic", "3", absent=[r"warn +its"])
                  for name in ("irq", "pci", *devices.VIRTIO) for cpus in counts]
        # By UEFI, ACPI tells of the ITS, and the bus has addresses.
        cases.append(guest_case("guest {} gic3 by limine", "pci", arch, "--smp", "2", "--gic", "3",
                                "--via", "limine", timeout=UEFI_TIMEOUT, needs_limine=True))
    ways = {"kernel": [], "limine": ["--via", "limine"]}
    if arch == "x86_64":
        ways["multiboot2"] = ["--via", "multiboot2"]
    # What `make run` shows: processes that pass messages between CPUs, their budget, the counters.
    cases += [Case(f"guest demo smp{cpus}", ["--smp", str(cpus)], root="demo", test=False,
                   append="run=metrics,poweroff",
                   texts=[r"process 1: the sum is 500500 \(done\)", r"of 8192 KiB",
                          r"process 2: the sum is 500500 \(done\)", r"(?m)^ *messages +\d"])
              for cpus in (1, 4)]
    cases += [Case(f"guest hello by {way}", options, append="word=value", root="hello",
                   texts=[r'hello from user mode, command line "exit=debug word=value"'],
                   timeout=UEFI_TIMEOUT if options and arch == "aarch64" else WHOLE_SCREEN_TIMEOUT,
                   needs_limine=way == "limine") for way, options in ways.items()]
    cases += [Case(f"guest hello and module by {way}", [*ways[way], "--module", "LICENSE"],
                   root="hello", texts=['a module of 1 pages: "MIT License'])
              for way in ways if way != "limine"]
    return cases


# With `mitigations=on`: the line of the inventory by CPU model, and faults by the second entry set.
MITIGATED = {
    "x86_64": ({"max": "pti, swapgs-fence, verw, eager-fpu; left open: spectre-v2, .*"},
               ["user-undefined", "user-read", "user-privileged", "double-fault", "nmi", "debug",
                "not-present", "stack-guard", "page-read", "panic-deaf"]),
    "aarch64": ({"cortex-a57": "isolation, bhb-loop; left open: spectre-v2",
                 "max": "e0pd, bhb-loop; left open: spectre-v2"},
                ["user-undefined", "user-read", "user-write", "user-execute", "user32-svc",
                 "stack-overflow", "sp0-irq", "read", "pan", "pxn"]),
}
# What user code sees of the kernel's text then: nothing.
ISOLATED = {
    "x86_64": {"user-read": [r"read of 0xffffffff80200000 by user code: the page is not mapped"]},
    "aarch64": {name: [rf"translation fault, level \d, {what} 0xf[0-9a-f]+ by the user"]
                for name, what in {"user-read": "read of", "user-execute": "execution of"}.items()},
}


def mitigation_cases(arch, soak):
    """Mitigations of CPU vulnerabilities: all of them, none, and what is chosen by itself."""
    lines, names = MITIGATED[arch]
    on = "mitigations=on"
    cases = [Case(f"mitigations on {cpu}", ["--cpu", cpu], append=f"{LEAVE} {on}",
                  texts=[rf"(?m)^  mitigations +{text}\r?$"]) for cpu, text in lines.items()]
    cases += [Case(f"mitigations {word}", [], append=f"{LEAVE} mitigations={word}",
                   texts=[rf"(?m)^  mitigations +{text}\r?$"])
              for word, text in {"off": "off", "auto": "none.*", "nonsense": "none.*"}.items()]
    cases.append(Case("mitigations on selftest smp4", ["--smp", "4"], append=f"test=all {on}",
                      texts=["self test isolation: ok"]))
    cases += [guest_case(f"mitigations on guest {{}} smp{cpus}", name, arch, "--smp", str(cpus),
                         append=on) for name in guest_programs() for cpus in (1, 4)]
    for name in names:
        texts = ISOLATED[arch].get(name, faults.table(arch)[name])
        cases.append(Case(f"mitigations on fault {name}", faults.OPTIONS.get((arch, name), []),
                          status=2, append=f"test=fault:{name} {on}",
                          texts=texts + faults.common(name), absent=faults.absent(arch, name)))
    return cases


def native_cases(arch):
    """Services: programs that init starts from an archive with a manifest of the test's own."""
    options = devices.options("channels", devices.USUAL[arch])
    # The test makes the driver fault once.
    ran = [r"channels: restart ok", r"init: vconsole"]
    cases = [Case(f"native channels {name}", [*words, *options], append="", texts=ran,
                  root="{files}/module", timeout=NATIVE_TIMEOUT,
                  files={"module": native.channels_module, **devices.FILES["channels"]},
                  files_left=devices.FILES_LEFT["channels"])
             for name, words in (("smp1", ["--smp", "1"]), ("smp4", ["--smp", "4"]),
                                 *NATIVE_MORE[arch])]
    cases.append(Case("native channels without a device", ["--smp", "1"], append="",
                      texts=["init: this machine has no device for vconsole"],
                      root="{files}/module", files={"module": native.lonely_module}))
    return cases


def all_cases(arch, soak):
    """Long boots first, so that two workers end together."""
    cases = (matrix_cases(arch, soak) + smp_cases(soak) + power_cases(arch) + selftest_cases(arch)
             + monitor_cases() + command_line_cases() + module_cases() + machine_cases(arch)
             + fault_cases(arch) + guest_cases(arch, soak) + mitigation_cases(arch, soak)
             + native_cases(arch))
    return sorted(cases, key=lambda case: -case.timeout)
