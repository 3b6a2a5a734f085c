# Tern's one Makefile. `make help` says what there is.
#
# Everything is built under build/: build/<arch>/<debug|release>/ for the kernel, build/host/ for
# what runs on this machine. No recursion, apart from targets that build the other CPU as well.

ARCH  ?= x86_64
BUILD ?= debug
V     ?= 0

ARCHES := x86_64 aarch64
ifeq ($(filter $(ARCH),$(ARCHES)),)
$(error ARCH is "$(ARCH)"; it can be: $(ARCHES))
endif
ifeq ($(filter $(BUILD),debug release),)
$(error BUILD is "$(BUILD)"; it can be: debug release)
endif

CC      := clang-19
LD      := ld.lld-19
NM      := llvm-nm-19
OBJCOPY := llvm-objcopy-19
AR      := llvm-ar-19
FORMAT  := clang-format-19
TIDY    := clang-tidy-19
Q       := $(if $(filter 1,$(V)),,@)

OUT  := build/$(ARCH)/$(BUILD)
HOST := build/host

WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Wmissing-prototypes -Wstrict-prototypes \
            -Wundef -Wvla -Wimplicit-fallthrough -Werror
CFLAGS_x86_64  := --target=x86_64-unknown-none-elf -mno-red-zone -mcmodel=kernel
CFLAGS_aarch64 := --target=aarch64-unknown-none-elf -mcmodel=small -mno-outline-atomics
CFLAGS_debug   := -O1 -DTERN_DEBUG
CFLAGS_release := -O2
INCLUDES := -Iabi -Ikernel -Ikernel/arch/include
ABI_ARCH := -Iabi/arch/$(ARCH)
CFLAGS := -std=c11 -ffreestanding -fno-pic -fno-stack-protector -fno-omit-frame-pointer \
          -momit-leaf-frame-pointer -g -mgeneral-regs-only -ffunction-sections -fno-common $(WARNINGS) \
          $(CFLAGS_$(ARCH)) $(CFLAGS_$(BUILD)) $(INCLUDES) $(ABI_ARCH) \
          -Ikernel/arch/$(ARCH)/include -Ikernel/arch/$(ARCH)

# --- the kernel ---------------------------------------------------------------------------------

PORTABLE := $(sort $(wildcard $(addsuffix /*.c,$(addprefix kernel/,boot cap chip ipc lib mem \
            monitor obj sched selftest selftest/check sync syscall trace))))
KERNEL_SOURCES := $(PORTABLE) $(sort $(wildcard kernel/arch/$(ARCH)/*.c kernel/arch/$(ARCH)/*.S \
                  kernel/selftest/arch/$(ARCH)/*.c))
KERNEL_OBJECTS := $(patsubst %,$(OUT)/%.o,$(KERNEL_SOURCES) build/font.c)
KERNEL_SCRIPT  := kernel/arch/$(ARCH)/kernel.ld
KERNEL := $(OUT)/tern.elf
IMAGES_x86_64  := $(KERNEL)
IMAGES_aarch64 := $(KERNEL) $(OUT)/Image
LDFLAGS := -T $(KERNEL_SCRIPT) -nostdlib -static --gc-sections -z max-page-size=4096 \
           -z noexecstack --build-id=sha1

.DEFAULT_GOAL := all
.PHONY: all kernel
all: kernel
kernel: $(IMAGES_$(ARCH)) user

# Where each instruction counts, a frame pointer is not kept; a backtrace leaves these out.
HOT := $(patsubst %,$(OUT)/%.o,kernel/sync/spinlock.c kernel/lib/tree.c \
       $(filter $(patsubst %,kernel/%/%,cap ipc mem obj sched syscall),$(PORTABLE)) \
       $(wildcard $(addprefix kernel/arch/$(ARCH)/,irq.c user_trap.c user.c)))
$(HOT): HOT_FLAGS := -fomit-frame-pointer

$(OUT)/%.c.o: %.c $(OUT)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(HOT_FLAGS) -MMD -MP -c $< -o $@

$(OUT)/%.S.o: %.S $(OUT)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

# The framebuffer's letters, made from a Debian package (tools/font.py).
build/font.c: tools/font.py
	@mkdir -p $(@D)
	$(Q)python3 tools/font.py $@

# Changed flags rebuild everything.
$(OUT)/flags: force
	@mkdir -p $(@D)
	@echo '$(CFLAGS) $(HOT)' | cmp -s - $@ || echo '$(CFLAGS) $(HOT)' > $@

# So does a file that is gone or new.
$(OUT)/objects: force
	@mkdir -p $(@D)
	@echo '$(KERNEL_OBJECTS)' | cmp -s - $@ || echo '$(KERNEL_OBJECTS)' > $@
$(HOST)/objects: force
	@mkdir -p $(@D)
	@echo '$(HOST_CORE) $(UNIT_SOURCES)' | cmp -s - $@ || echo '$(HOST_CORE) $(UNIT_SOURCES)' > $@

# Linked twice: the symbol table is made from the first link and lies behind all code, so that
# no function moves.
$(OUT)/first.elf: $(KERNEL_OBJECTS) $(KERNEL_SCRIPT) $(OUT)/objects
	$(Q)$(LD) $(LDFLAGS) $(KERNEL_OBJECTS) -o $@

$(OUT)/symbols.S: $(OUT)/first.elf tools/symbols.py
	$(Q)$(NM) --defined-only --numeric-sort $< | python3 tools/symbols.py > $@.new && mv $@.new $@

$(OUT)/symbols.o: $(OUT)/symbols.S
	$(Q)$(CC) $(CFLAGS) -c $< -o $@

$(KERNEL): $(KERNEL_OBJECTS) $(OUT)/symbols.o $(KERNEL_SCRIPT)
	$(Q)$(LD) $(LDFLAGS) $(KERNEL_OBJECTS) $(OUT)/symbols.o -o $@.new && mv $@.new $@
	@echo "built $@"

$(OUT)/Image: $(KERNEL)
	$(Q)$(OBJCOPY) -O binary $< $@

.PHONY: force
force:

# --- programs -----------------------------------------------------------------------------------

# apps/NAME/, servers/NAME/, drivers/NAME/ and tests/native/NAME/ are one program each, of all their files
# and those below arch/ for the CPU; tests/guest/NAME.c is one with the frame test.c, or by itself if its name begins
# with bench. All link what they use of lib/*/src and of the kernel/lib files that have no state.
USER_FLAGS_x86_64  := --target=x86_64-unknown-none-elf
USER_FLAGS_aarch64 := --target=aarch64-unknown-none-elf -mno-outline-atomics
USER_FLAGS_debug   := -O1
USER_FLAGS_release := -O2
USER_FLAGS := -std=c11 -D_GNU_SOURCE -ffreestanding -fno-pic -fno-stack-protector -g -mgeneral-regs-only \
              -ffunction-sections -fno-common $(WARNINGS) $(USER_FLAGS_$(ARCH)) \
              $(USER_FLAGS_$(BUILD)) -Iabi $(ABI_ARCH) -Ikernel \
              $(addprefix -I,$(sort $(wildcard lib/*/include lib/*/include/arch/$(ARCH)))) \
              -Itests/guest/arch/$(ARCH)
USER := $(OUT)/user
USER_SCRIPT := lib/sys/user.ld
USER_LDFLAGS := -T $(USER_SCRIPT) -nostdlib -static --gc-sections -z max-page-size=4096 \
                -z noexecstack --build-id=sha1
LIB_SOURCES := $(sort $(wildcard lib/*/src/*.c lib/*/src/arch/$(ARCH)/*.[cS])) \
               $(addprefix kernel/lib/,elf.c error.c fnv1a.c print.c string.c text.c) \
               kernel/arch/$(ARCH)/memory.S
PROGRAM_FOLDERS := apps servers drivers tests/native
FOLDERS := $(patsubst %/main.c,%,$(sort $(wildcard $(addsuffix /*/main.c,$(PROGRAM_FOLDERS)))))
APPS  := $(notdir $(FOLDERS))
GUEST := $(filter-out test,$(patsubst tests/guest/%.c,%,$(sort $(wildcard tests/guest/*.c))))
GUEST_TESTS := $(filter-out bench%,$(GUEST))
PROGRAMS := $(patsubst %,$(USER)/%.elf,$(APPS) $(GUEST))
folder_sources = $(sort $(wildcard $(1)/*.c $(1)/arch/$(ARCH)/*.[cS]))
USER_SOURCES := $(LIB_SOURCES) $(foreach folder,$(FOLDERS),$(call folder_sources,$(folder))) \
                $(sort $(wildcard tests/guest/*.c))
user_objects = $(patsubst %,$(USER)/%.o,$(1))

.PHONY: user
user: $(PROGRAMS) ## the native programs and tests

$(USER)/%.c.o: %.c $(USER)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(USER_FLAGS) $(USES_FLAGS) -MMD -MP -c $< -o $@
$(USER)/%.S.o: %.S $(USER)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(USER_FLAGS) -MMD -MP -c $< -o $@
$(USER)/flags: force
	@mkdir -p $(@D)
	@echo '$(USER_FLAGS) $(USER_SOURCES)' | cmp -s - $@ || echo '$(USER_FLAGS) $(USER_SOURCES)' > $@

.SECONDEXPANSION:
$(patsubst %,$(USER)/%.elf,$(APPS)): $(USER)/%.elf: \
    $$(call user_objects,$$(call folder_sources,$$(firstword $$(wildcard $$(addsuffix /$$*,$$(PROGRAM_FOLDERS))))))
$(patsubst %,$(USER)/%.elf,$(GUEST)): $(USER)/%.elf: $(USER)/tests/guest/%.c.o
$(patsubst %,$(USER)/%.elf,$(GUEST_TESTS)): $(USER)/tests/guest/test.c.o
$(PROGRAMS): $(USER)/lib.a $(USER_SCRIPT)
	$(Q)$(LD) $(USER_LDFLAGS) $(filter %.o %.a,$^) -o $@
$(USER)/lib.a: $(call user_objects,$(LIB_SOURCES)) $(USER)/flags
	$(Q)rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)

-include $(patsubst %.o,%.d,$(call user_objects,$(USER_SOURCES)))

# --- the C library (docs/decisions/0023-c-library.md) -------------------------------------------

# A program has it that says so in a file `uses` in its folder, or NAME.uses beside a test's NAME.c:
# the word c. It is the part of Debian's musl that musl.list names; lib/c/src is below it.
MUSL := build/src/musl
C    := $(OUT)/c
C_TARGET  := -ffreestanding -fno-pic -fno-stack-protector -g -mgeneral-regs-only \
             -ffunction-sections -fno-common $(USER_FLAGS_$(ARCH)) $(USER_FLAGS_$(BUILD))
C_HEADERS := $(C)/include/bits/alltypes.h $(C)/include/bits/syscall.h
C_FLAGS   := -D_GNU_SOURCE $(addprefix -isystem ,$(C)/include $(MUSL)/arch/$(ARCH) \
             $(MUSL)/arch/generic $(MUSL)/include)
# Its own headers come first, but ours before them; warnings are its makers' business.
MUSL_FLAGS := -std=c99 -nostdlibinc -D_XOPEN_SOURCE=700 -fdata-sections -w $(C_TARGET) \
              $(addprefix -I,lib/c/internal lib/c/src $(MUSL)/arch/$(ARCH) $(MUSL)/arch/generic \
              $(MUSL)/src/include $(MUSL)/src/internal $(C)/include $(MUSL)/include)
MUSL_NAMES := $(shell sed 's/\#.*//; s/ARCH/$(ARCH)/' lib/c/musl.list | \
                awk '{for (i = 2; i <= NF; i++) print $$1 "/" $$i ($$i ~ /[.]/ ? "" : ".c")}')
MUSL_OBJECTS := $(patsubst %,$(C)/%.o,$(MUSL_NAMES) $(notdir $(wildcard lib/c/internal/*.c)))
C_LIB := $(C)/libc.a

C_FOLDERS := $(patsubst %/uses,%,$(shell grep -lw c /dev/null $(wildcard $(addsuffix /*/uses,apps servers drivers))))
C_TESTS   := $(patsubst %.uses,%.c,$(shell grep -lw c /dev/null $(wildcard tests/guest/*.uses)))
C_SOURCES := $(C_TESTS) $(filter $(addsuffix /%,$(C_FOLDERS)),$(USER_SOURCES))
C_PROGRAMS := $(patsubst %,$(USER)/%.elf,$(notdir $(C_FOLDERS) $(C_TESTS:.c=)))

$(call user_objects,$(C_SOURCES)): USES_FLAGS := $(C_FLAGS)
$(call user_objects,$(C_SOURCES)): | $(C_HEADERS)
$(C_PROGRAMS): $(C_LIB)

$(MUSL)/VERSION:
	$(Q)tools/deps source musl
$(C)/flags: force
	@mkdir -p $(@D)
	@echo '$(MUSL_FLAGS) $(MUSL_NAMES)' | cmp -s - $@ || echo '$(MUSL_FLAGS) $(MUSL_NAMES)' > $@

# As musl's own Makefile makes them.
$(C)/include/bits/alltypes.h: $(MUSL)/VERSION
	@mkdir -p $(@D)
	$(Q)sed -f $(MUSL)/tools/mkalltypes.sed $(MUSL)/arch/$(ARCH)/bits/alltypes.h.in \
	    $(MUSL)/include/alltypes.h.in > $@
$(C)/include/bits/syscall.h: $(MUSL)/VERSION
	@mkdir -p $(@D)
	$(Q)sed -e p -e 's/__NR_/SYS_/' $(MUSL)/arch/$(ARCH)/bits/syscall.h.in > $@

$(MUSL_OBJECTS): $(C)/flags $(C_HEADERS) $(wildcard lib/c/internal/*.h) lib/c/src/heap.h
$(C)/malloc/mallocng/%.o: MUSL_FLAGS += -include heap_glue.h
$(C)/setjmp/%.o: MUSL_FLAGS := $(filter-out -mgeneral-regs-only,$(MUSL_FLAGS))
$(C)/%.o: lib/c/internal/%
	@mkdir -p $(@D)
	$(Q)$(CC) $(MUSL_FLAGS) -c $< -o $@
$(C)/%.o: $(MUSL)/VERSION
	@mkdir -p $(@D)
	$(Q)$(CC) $(MUSL_FLAGS) -c $(MUSL)/src/$* -o $@
$(C)/stdio/vfprintf.c: lib/c/no_float.sed $(MUSL)/VERSION
	@mkdir -p $(@D)
	$(Q)sed -f $< $(MUSL)/src/stdio/vfprintf.c > $@.new
	$(Q)! grep -nE '= L?DBL|fmt_fp|long double [a-z]' $@.new && mv $@.new $@
$(C)/stdio/vfprintf.c.o: $(C)/stdio/vfprintf.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(MUSL_FLAGS) -c $< -o $@

$(C_LIB): $(MUSL_OBJECTS)
	$(Q)rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)

# --- on this machine: the portable core under sanitizers ----------------------------------------

# What only makes sense in a booted kernel: start, page tables live, devices, other CPUs.
HOST_LEFT_OUT := kernel/boot/main.c \
                 kernel/lib/string.c kernel/mem/image.c kernel/mem/vmap.c \
                 kernel/sched/smp.c kernel/trace/log.c kernel/trace/panic.c \
                 kernel/trace/symbol.c $(wildcard kernel/selftest/*.c)
HOST_CORE := $(filter-out $(HOST_LEFT_OUT),$(PORTABLE)) $(sort $(wildcard kernel/arch/host/*.c)) \
             build/font.c
HOST_FLAGS := -std=c11 -D_GNU_SOURCE -DTERN_DEBUG -g -O1 -fno-omit-frame-pointer -pthread \
              $(WARNINGS) $(INCLUDES) -Ikernel/arch/host/include -Ikernel/arch/host -Itests/unit
# The model of system calls is told of each that the kernel makes again (tests/unit/calls_machine.c).
HOST_WRAP := -Wl,--wrap=syscall_again
ASAN := -fsanitize=address,undefined -fno-sanitize-recover=all
TSAN := -fsanitize=thread
FUZZ := -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all

UNIT_SHARED  := $(sort $(filter-out tests/unit/unit_main.c %_test.c,$(wildcard tests/unit/*.c)))
UNIT_TESTS   := $(sort $(wildcard tests/unit/*_test.c))
# Drivers register themselves, so nothing names them; nor the services that power needs.
UNIT_SOURCES := tests/unit/unit_main.c kernel/boot/service_core.c $(UNIT_SHARED) $(UNIT_TESTS) $(wildcard kernel/chip/*.c)
TSAN_SOURCES := tests/unit/unit_main.c $(UNIT_SHARED) \
                $(addprefix tests/unit/,spinlock_test.c cpu_test.c metric_test.c \
                  revoke_test.c reclaim_test.c job_test.c object_test.c derive_test.c \
                  space_cpus_test.c sched_test.c timer_test.c deadline_test.c ports_cpus_test.c \
                  clock_page_test.c)
# These stand alone: in the other tests a fake or the host's own takes the place of what they test.
ALONE_SOURCES := tests/unit/unit_main.c $(sort $(wildcard tests/unit/alone/*_test.c)) \
                 kernel/trace/log.c kernel/trace/panic.c kernel/trace/symbol.c
# The file half of the Linux personality, on a fake of the rest (tests/unit/linux/fake.h).
LINUX_FILE_PARTS := call_attr call_copy call_fd call_folder call_message call_name call_open call_poll \
                    call_read call_socket call_sockopt call_stat console control dev entry epoll \
                    eventfd file files folder fs ldisc lock mask node packet path pipe polling proc \
                    proc_fd proc_process proc_system pty random ranges regular rights socket \
                    socket_name stream tmpfs transfer tree tty tty_ioctl tty_session unix_datagram \
                    unix_stream wait
LINUX_TEST_SOURCES := tests/unit/unit_main.c $(sort $(wildcard tests/unit/linux/*.c)) \
                      $(LINUX_FILE_PARTS:%=servers/linux/%.c) lib/rt/src/tar.c kernel/lib/text.c
LINUX_TEST_FLAGS := -D__error_t_defined -Ilib/rt/include -iquote servers/linux -iquote tests/unit/linux
FUZZ_SHARED  := $(UNIT_SHARED) tests/fuzz/fuzz.c
FUZZERS      := $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))

# $(call host_objects,variant,sources)
host_objects = $(patsubst %.c,$(HOST)/$(1)/%.o,$(2))

$(HOST)/asan/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(Q)$(CC) $(HOST_FLAGS) $(ASAN) -MMD -MP -c $< -o $@
$(HOST)/tsan/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(Q)$(CC) $(HOST_FLAGS) $(TSAN) -MMD -MP -c $< -o $@
$(HOST)/fuzz/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(Q)$(CC) $(HOST_FLAGS) $(FUZZ) -MMD -MP -c $< -o $@

# As libraries, so that a test links only the parts that it names.
$(HOST)/asan/core.a: $(call host_objects,asan,$(HOST_CORE)) $(HOST)/objects
$(HOST)/tsan/core.a: $(call host_objects,tsan,$(HOST_CORE)) $(HOST)/objects
$(HOST)/fuzz/core.a: $(call host_objects,fuzz,$(HOST_CORE) $(FUZZ_SHARED)) $(HOST)/objects
$(HOST)/%/core.a:
	$(Q)rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)

$(HOST)/unit: $(call host_objects,asan,$(UNIT_SOURCES)) $(HOST)/asan/core.a
	$(Q)$(CC) $(HOST_FLAGS) $(ASAN) $^ $(HOST_WRAP) -o $@
$(HOST)/unit-alone: $(call host_objects,asan,$(ALONE_SOURCES)) $(HOST)/asan/core.a
	$(Q)$(CC) $(HOST_FLAGS) $(ASAN) $^ -o $@
$(call host_objects,asan,$(LINUX_TEST_SOURCES)): HOST_FLAGS += $(LINUX_TEST_FLAGS)
$(HOST)/unit-linux: $(call host_objects,asan,$(LINUX_TEST_SOURCES))
	$(Q)$(CC) $(HOST_FLAGS) $(ASAN) $^ $(foreach name,malloc calloc realloc,-Wl,--wrap=$(name)) -o $@
$(HOST)/unit-tsan: $(call host_objects,tsan,$(TSAN_SOURCES)) $(HOST)/tsan/core.a
	$(Q)$(CC) $(HOST_FLAGS) $(TSAN) $^ $(HOST_WRAP) -o $@
$(HOST)/fuzz-%: $(HOST)/fuzz/tests/fuzz/fuzz_%.o $(HOST)/fuzz/core.a
	$(Q)$(CC) $(HOST_FLAGS) $(FUZZ) $^ $(HOST_WRAP) -o $@
.PRECIOUS: $(HOST)/fuzz/%.o

-include $(patsubst %.o,%.d,$(call host_objects,asan,$(UNIT_SOURCES) $(ALONE_SOURCES) $(LINUX_TEST_SOURCES) $(HOST_CORE)) \
           $(call host_objects,tsan,$(TSAN_SOURCES) $(HOST_CORE)) \
           $(call host_objects,fuzz,$(FUZZ_SHARED) $(HOST_CORE) $(wildcard tests/fuzz/fuzz_*.c)) \
           $(call host_objects,asan,tests/fuzz/seeds.c))

# Pages of docs/abi/, from the lists of abi/.
ABI_PAGES := syscalls errors objects rights messages state ipc
$(HOST)/abi_docs: tools/abi_docs.c $(wildcard abi/*.def abi/ipc/*.def abi/*.h)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=c11 $(WARNINGS) -Iabi $< -o $@

# --- what to do with it -------------------------------------------------------------------------

.PHONY: help run demo test test-all unit fuzz fuzz-short boot-test soak bench check format docs deps clean
help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo 'ARCH=x86_64|aarch64 (now $(ARCH))   BUILD=debug|release (now $(BUILD))   V=1 shows commands'

ROOT ?= demo
run: ## install what is missing, build, boot to a shell of Linux programs (exit ends it)
	$(Q)tools/deps build run
	$(Q)$(MAKE) --no-print-directory kernel
	$(Q)./tern shell --arch $(ARCH) --build $(BUILD) --smp 4 $(RUN_ARGS)

demo: ## the same, but native programs that call each other, then the monitor (Ctrl-A x quits)
	$(Q)tools/deps build run
	$(Q)$(MAKE) --no-print-directory kernel
	$(Q)./tern boot --arch $(ARCH) --build $(BUILD) --smp 4 \
	    --root $(USER)/$(ROOT).elf --append run=metrics $(RUN_ARGS)

LOG := build/test-$(ARCH).log
test: ## install what is missing, build, run every test
	$(Q)tools/deps build run test
	$(Q)mkdir -p build; set -o pipefail; $(MAKE) --no-print-directory -k test-all 2>&1 | tee $(LOG); \
	    made=$$?; printf 'total: '; python3 tools/count_tests.py $(LOG) && exit $$made
test: SHELL := /bin/bash
test-all: unit model fuzz-short boot-test

.PHONY: model
model: ## SPIN models of the protocols, each also with its seeded bugs
	$(Q)python3 tests/model/run.py

unit: $(HOST)/unit $(HOST)/unit-alone $(HOST)/unit-linux $(HOST)/unit-tsan ## unit tests on this machine, under ASan, UBSan and TSan
	$(Q)$(HOST)/unit
	$(Q)$(HOST)/unit-alone
	$(Q)$(HOST)/unit-linux
	$(Q)$(HOST)/unit-tsan
	$(Q)failed=0; for test in tests/unit/test_*.py; do python3 $$test || failed=1; done; exit $$failed

FUZZ_SECONDS ?= 600
FUZZ_CALLS ?= 10000000
fuzz: ## fuzz each parser and allocator for FUZZ_SECONDS, the system calls with FUZZ_CALLS
	$(Q)python3 tests/fuzz/run.py --seconds $(FUZZ_SECONDS) $(FUZZERS)
	$(Q)./tern boot --arch $(ARCH) --smp 4 --test --timeout 14400 --append calls=$(FUZZ_CALLS) \
	    --root build/$(ARCH)/debug/user/fuzz.elf
fuzz: fuzz-built kernel
fuzz-short: fuzz-built
	$(Q)python3 tests/fuzz/run.py --seconds 5 $(FUZZERS)

# Seeds for the parsers, from the same blobs that the unit tests use.
.PHONY: fuzz-built
fuzz-built: $(addprefix $(HOST)/fuzz-,$(FUZZERS)) $(HOST)/seeds
	$(Q)$(HOST)/seeds build/fuzz
$(HOST)/seeds: $(call host_objects,asan,tests/fuzz/seeds.c) \
               $(call host_objects,asan,$(filter tests/unit/blobs%,$(UNIT_SHARED))) $(HOST)/asan/core.a
	$(Q)$(CC) $(HOST_FLAGS) $(ASAN) $^ -o $@

boot-test: ## boot tests of ARCH
	$(Q)$(MAKE) --no-print-directory kernel BUILD=debug
	$(Q)$(MAKE) --no-print-directory kernel BUILD=release
	$(Q)python3 tests/boot/run.py --arch $(ARCH); debug=$$?; \
	    python3 tests/boot/run.py --arch $(ARCH) --build release selftest monitor power command guest; \
	    release=$$?; python3 tests/boot/terminal.py --arch $(ARCH); terminal=$$?; \
	    python3 tests/boot/checkpoints.py --arch $(ARCH); checkpoints=$$?; \
	    python3 tests/linux/run.py --arch $(ARCH); linux=$$?; \
	    python3 tests/linux/run.py --arch $(ARCH) --build release || linux=$$?; \
	    python3 tests/linux/shell.py --arch $(ARCH) || linux=$$?; \
	    bochs=0; [ $(ARCH) != x86_64 ] || python3 tests/boot/bochs.py || bochs=$$?; \
	    python3 tests/bench/run.py --arch $(ARCH) --check; bench=$$?; \
	    exit $$((debug | release | terminal | checkpoints | linux | bochs | bench))

soak: ## the whole boot matrix, 1000 checkpoints, long fuzzing (LIMINE_DIR for Limine's rows)
	$(Q)tools/deps build run test
	$(Q)$(MAKE) --no-print-directory kernel BUILD=debug
	$(Q)$(MAKE) --no-print-directory kernel BUILD=release
	$(Q)python3 tests/boot/run.py --arch $(ARCH) --soak; debug=$$?; \
	    python3 tests/boot/run.py --arch $(ARCH) --soak --build release smp8; release=$$?; \
	    $(MAKE) --no-print-directory soak-checkpoints; checkpoints=$$?; \
	    $(MAKE) --no-print-directory fuzz; fuzz=$$?; exit $$((debug | release | checkpoints | fuzz))

# 909 times within a boot, 100 times into a fresh one, on the CPU of ARCH.
.PHONY: soak-checkpoints
soak-checkpoints:
	$(Q)python3 tests/boot/checkpoints.py --arch $(ARCH) --boots 101 --rounds 9

bench: ## figures as JSON lines (BENCH=pattern for a part)
	$(Q)tools/deps build run
	$(Q)for arch in $(ARCHES); do \
	    $(MAKE) --no-print-directory kernel BUILD=release ARCH=$$arch >&2 || exit 1; done
	$(Q)python3 tests/bench/run.py '$(BENCH)'

docs: $(HOST)/abi_docs ## docs/abi from the lists
	$(Q)mkdir -p docs/abi
	$(Q)set -e; for page in $(ABI_PAGES); do $< $$page > docs/abi/$$page.md; done

CHECKED_C := $(shell git ls-files '*.c' '*.h')
check: $(HOST)/abi_docs ## format, static analysis, layers, claims, sizes, docs, mutations
	$(Q)tools/deps build test check
	$(Q)$(FORMAT) --dry-run -Werror $(CHECKED_C)
	$(Q)python3 tools/check/layers.py
	$(Q)python3 tools/check/sizes.py
	$(Q)python3 tools/check/claims.py
	$(Q)for page in $(ABI_PAGES); do $(HOST)/abi_docs $$page | cmp - docs/abi/$$page.md || \
	    { echo "docs/abi/$$page.md is stale: make docs"; exit 1; }; done
	$(Q)$(MAKE) --no-print-directory tidy ARCH=x86_64
	$(Q)$(MAKE) --no-print-directory tidy ARCH=aarch64
	$(Q)python3 tests/mutation/run.py

.PHONY: tidy
tidy: $(C_HEADERS)
	$(Q)printf '%s\n' $(filter %.c,$(KERNEL_SOURCES)) | \
	    xargs -P 2 -n 4 sh -c '$(TIDY) --quiet "$$@" -- $(CFLAGS)' tidy
	$(Q)printf '%s\n' $(filter-out kernel/% $(C_SOURCES),$(filter %.c,$(USER_SOURCES))) | \
	    xargs -P 2 -n 4 sh -c '$(TIDY) --quiet "$$@" -- $(USER_FLAGS)' tidy
	$(Q)printf '%s\n' $(filter %.c,$(C_SOURCES)) | \
	    xargs -P 2 -n 4 sh -c '$(TIDY) --quiet "$$@" -- $(USER_FLAGS) $(C_FLAGS)' tidy

format: ## put every C file into form
	$(Q)$(FORMAT) -i $(CHECKED_C)

deps: ## install everything that any target needs
	$(Q)tools/deps

clean: ## remove what was built
	$(Q)rm -rf build

-include $(KERNEL_OBJECTS:.o=.d)
