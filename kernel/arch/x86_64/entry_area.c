/* x86-64: the entry areas, and the upper half of ring 3's roots (entry_area.h). */
#include "entry_area.h"
#include "arch/space.h"
#include "arch_layout.h"
#include "lib/assert.h"
#include "lib/string.h"
#include "mem/frame.h"
#include "mem/vmap.h"
#include "mitigations.h"
#include "registers.h"
#include "trace/panic.h"

#define LAYOUT(field, offset)                                                                      \
    _Static_assert(offsetof(struct entry_area, field) == (offset), "arch_layout.h");
LAYOUT(self, CPU_SELF)
LAYOUT(stack, CPU_STACK)
LAYOUT(scratch, CPU_SCRATCH)
LAYOUT(rax, AREA_RAX)
LAYOUT(kernel_cr3, AREA_KERNEL_CR3)
LAYOUT(user_cr3, AREA_USER_CR3)
LAYOUT(keep, AREA_KEEP)
LAYOUT(guards, AREA_GUARDS)
LAYOUT(selector, AREA_SELECTOR)
LAYOUT(iret_sp, AREA_IRET_SP)
LAYOUT(iret, AREA_IRET)
_Static_assert(sizeof(struct entry_area) <= PAGE_SIZE, "one page is shown");
_Static_assert(offsetof(struct entry_area, gdt) % 16 == 0, "the CPU aligns its stack pointer");
_Static_assert(offsetof(struct entry_area, tss.stack) % 8 == 0, "the CPU reads it at each entry");
_Static_assert(offsetof(struct entry_stack, big) == FRAME_SIZE, "guarded.S");

extern const char __guarded_start[], __guarded_end[]; /* guarded.S, by whole pages */

static struct ptab entry_half; /* the boot CPU's; constant once all CPUs were made */

static error_t table_alloc(struct ptab *ptab, phys_t *table)
{
    (void)ptab;
    return frame_alloc(0, 0, FRAME_ZERO, table);
}

static error_t show(uintptr_t va, uint32_t flags)
{
    phys_t page;
    uint32_t mapped;
    uint64_t size;
    bool found = vmap_lookup(va, &page, &mapped, &size);
    assert(found && is_aligned(va, PAGE_SIZE));
    return ptab_map(&entry_half, va, page, PAGE_SIZE, flags, 0);
}

void entry_show(const void *page, uint32_t flags)
{
    error_t error = show((uintptr_t)page, flags);
    if (error != OK)
        panic("no memory for the entry tables: %s", error_text(error));
}

static void half_make(void)
{
    entry_half.table_alloc = table_alloc;
    if (table_alloc(&entry_half, &entry_half.root) != OK)
        panic("no memory for the entry tables");
    for (const char *page = __guarded_start; page < __guarded_end; page += PAGE_SIZE)
        entry_show(page, MAP_EXECUTE);
    entry_show(idt_page(), 0);
}

phys_t entry_root(void)
{
    return mitigated(REMEDY_pti) ? entry_half.root : vmap_root();
}

static void area_fill(struct entry_area *area, struct cpu *cpu)
{
    memset(area, 0, PAGE_SIZE);
    area->self = cpu;
    area->kernel_cr3 = vmap_root().pa;
    area->keep = features.pcid ? CR3_KEEP : 0;
    area->kernel_cr3 |= area->keep;
    area->guards = (mitigated(REMEDY_pti) ? GUARD_PTI : 0) |
                   (mitigated(REMEDY_ibrs) ? GUARD_IBRS : 0) |
                   (mitigated(REMEDY_verw) ? GUARD_VERW : 0);
    area->selector = SELECTOR_KERNEL_DATA;
    area->iret_sp = (uint64_t)(uintptr_t)area->iret;
    area->tss.stack[0] = (uint64_t)(uintptr_t)area->gdt;
    for (uint32_t i = 0; i < COUNT_OF(area->stacks); i++) {
        area->stacks[i].big = cpu->arch.tss.ist[i];
        area->tss.ist[i] = (uint64_t)(uintptr_t)&area->stacks[i].big;
    }
}

error_t entry_area_make(struct cpu *cpu)
{
    uintptr_t low, high;
    if (!mitigated(REMEDIES_GUARDED))
        return OK;
    if (mitigated(REMEDY_pti) && entry_half.root.pa == 0)
        half_make();
    error_t error = vmap_stack(PAGE_SIZE, cpu->node, &low, &high);
    if (error != OK)
        return error;
    cpu->arch.area = (struct entry_area *)low;
    area_fill(cpu->arch.area, cpu);
    return mitigated(REMEDY_pti) ? show(low, MAP_WRITE) : OK;
}

bool arch_isolated(void)
{
    return mitigated(REMEDY_pti);
}

phys_t arch_user_root(const struct arch_space *space)
{
    return PHYS(space->cr3 & PTE_ADDRESS);
}

bool arch_user_shows(uintptr_t va)
{
    uintptr_t idt = (uintptr_t)idt_page();
    bool shown = (va >= (uintptr_t)__guarded_start && va < (uintptr_t)__guarded_end) || va == idt;
    for (uint32_t i = 0; i < cpu_count; i++)
        shown |= va == (uintptr_t)cpu_table[i]->arch.area;
    return shown;
}
