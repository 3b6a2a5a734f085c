/*
 * x86-64: what the files of this folder share.
 *
 * Vectors: 0 to 31 exceptions, VECTOR_LINE and on for I/O APIC lines, then the LAPIC's own.
 */
#pragma once

#include "arch/trap.h"
#include "lib/error.h"
#include "lib/types.h"

#define SELECTOR_KERNEL_CODE 0x08
#define SELECTOR_KERNEL_DATA 0x10
#define SELECTOR_USER_DATA   0x1b
#define SELECTOR_USER_CODE   0x23
#define SELECTOR_TSS         0x28

#define VECTOR_DEBUG      1
#define VECTOR_NMI        2
#define VECTOR_BREAKPOINT 3
#define VECTOR_NO_FPU     7
#define VECTOR_PAGE_FAULT 14
#define VECTOR_PIC        32 /* to 47: where the PIC was sent; nothing of ours */
#define VECTOR_LINE       48
#define VECTOR_SYSCALL    128 /* int 0x80; no line */
#define VECTOR_LINES      176 /* lines that can be attached */
#define VECTOR_TIMER      240
#define VECTOR_IPI        241
#define VECTOR_ERROR      254
#define VECTOR_SPURIOUS   255

enum ist { IST_NONE, IST_NMI, IST_DOUBLE_FAULT, IST_MACHINE_CHECK, IST_DEBUG, IST_COUNT };

/* What the CPU can do, found once on the boot CPU (features.c). */
struct features {
#define FEATURE(name, word, leaf, register, bit) bool name;
#include "feature.def"
#undef FEATURE
};
extern struct features features;
void features_init(void);
void features_enable(void); /* on each CPU */

struct cpu;
void gdt_load(struct cpu *cpu);
uint64_t *gdt_of(struct cpu *cpu); /* the one that is loaded */
void idt_load(void);
void trap_entry(struct trap_frame *frame);
extern const char trap_stubs_plain[], trap_stubs_guarded[];
const void *idt_page(void);

/* lapic.c */
error_t lapic_init(void);
void lapic_init_cpu(void);
void lapic_end(void);
bool lapic_end_stale(uint8_t vector);
bool lapic_x2(void);
bool lapic_reaches(uint64_t id);
void lapic_send(uint32_t destination, uint32_t command);
void lapic_timer_setup(uint32_t vector);
void lapic_timer_set(uint32_t count);
uint32_t lapic_timer_left(void);
void lapic_timer_deadline_mode(void);

#define LAPIC_FIXED 0x4000u /* assert */
#define LAPIC_NMI   0x4400u
#define LAPIC_INIT  0x4500u
#define LAPIC_SIPI  0x4600u

/* ioapic.c */
error_t ioapic_init(void);
error_t ioapic_route(uint32_t line, uint8_t vector, uint32_t destination);
void ioapic_mask(uint32_t line, bool masked);
uint32_t ioapic_count(void);
bool ioapic_has(uint32_t line);
bool ioapic_is_edge(uint32_t line);

/* Lines have the vectors from VECTOR_LINE on, without VECTOR_SYSCALL. */
static inline uint8_t line_vector(uint32_t line)
{
    uint32_t vector = VECTOR_LINE + line;
    return (uint8_t)(vector < VECTOR_SYSCALL ? vector : vector + 1);
}

static inline uint32_t vector_line(uint8_t vector)
{
    return vector - VECTOR_LINE - (vector > VECTOR_SYSCALL);
}

/* irq.c, timer.c, trap.c */
void irq_vector(uint8_t vector);
void timer_interrupt(void);

/* user_trap.c, user.c, fpu.c, entry.S: user mode */
struct arch_thread;
struct thread;
struct user_exit;
struct user_exit trap_entry_user(struct cpu *cpu, struct thread *thread);
void fpu_init_cpu(struct cpu *cpu);
void fpu_first_use(struct cpu *cpu, struct arch_thread *thread);
void fpu_switch(struct cpu *cpu, struct arch_thread *to);
extern const char syscall_plain[], syscall_guarded[];
extern bool entry_clears_ac, entry_guarded;

/* early_map.c: the tables of start.S, and the same for an image at any address. */
#define EARLY_CEILING (4 * GIB)
void early_map_image(phys_t image);
