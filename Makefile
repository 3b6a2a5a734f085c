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
CFLAGS := -std=c11 -ffreestanding -fno-pic -fno-stack-protector -fno-omit-frame-pointer -g \
          -mgeneral-regs-only -ffunction-sections -fno-common $(WARNINGS) \
          $(CFLAGS_$(ARCH)) $(CFLAGS_$(BUILD)) $(INCLUDES) -Ikernel/arch/$(ARCH)/include \
          -Ikernel/arch/$(ARCH)

# --- the kernel ---------------------------------------------------------------------------------

PORTABLE := $(sort $(wildcard kernel/boot/*.c kernel/chip/*.c kernel/lib/*.c kernel/mem/*.c \
            kernel/monitor/*.c kernel/sched/*.c kernel/selftest/*.c kernel/sync/*.c \
            kernel/trace/*.c))
KERNEL_SOURCES := $(PORTABLE) $(sort $(wildcard kernel/arch/$(ARCH)/*.c kernel/arch/$(ARCH)/*.S))
KERNEL_OBJECTS := $(patsubst %,$(OUT)/%.o,$(KERNEL_SOURCES)) $(OUT)/font.o
KERNEL_SCRIPT  := kernel/arch/$(ARCH)/kernel.ld
KERNEL := $(OUT)/tern.elf
IMAGES_x86_64  := $(KERNEL)
IMAGES_aarch64 := $(KERNEL) $(OUT)/Image
LDFLAGS := -T $(KERNEL_SCRIPT) -nostdlib -static --gc-sections -z max-page-size=4096 \
           -z noexecstack --build-id=sha1

.DEFAULT_GOAL := all
.PHONY: all kernel
all: kernel
kernel: $(IMAGES_$(ARCH))

$(OUT)/%.c.o: %.c $(OUT)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

$(OUT)/%.S.o: %.S $(OUT)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

$(OUT)/font.c: tools/font.py
	@mkdir -p $(@D)
	$(Q)python3 tools/font.py $@

$(OUT)/font.o: $(OUT)/font.c $(OUT)/flags
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

# Changed flags rebuild everything.
$(OUT)/flags: force
	@mkdir -p $(@D)
	@echo '$(CFLAGS)' | cmp -s - $@ || echo '$(CFLAGS)' > $@

# Linked twice: the symbol table is made from the first link and lies behind all code, so that
# no function moves.
$(OUT)/first.elf: $(KERNEL_OBJECTS) $(KERNEL_SCRIPT)
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

-include $(KERNEL_OBJECTS:.o=.d)
