/*
 * x86-64: numbers of calls, registers, signal frames (System V ABI, AMD64 supplement; the frame is
 * struct rt_sigframe of Linux, as unwinders and sigreturn know it).
 */
#include "../../server_arch.h"
#include "../../frame.h"
#include "../../mm.h"
#include "../../user.h"
#include "rt/state.h"
#include <space.h>

#define NO       -1
#define RED_ZONE 128
#define SYSCALL  2 /* bytes of the instruction */

const char arch_platform[] = "x86_64";
const uint32_t arch_trampoline[] = {0};
const uint64_t arch_trampoline_size = 0;

const int16_t arch_call_numbers[LINUX_CALLS] = {
#define CALL(name, first, second, ...) [LINUX_##name] = (first),
#include "../../call.def"
#undef CALL
};

/* CPUID leaf 1, EDX. */
uint64_t arch_hwcap(void)
{
    uint32_t eax = 1, ebx, ecx = 0, edx;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    return edx;
}

void arch_result_set(struct abi_registers *registers, uint64_t result)
{
    registers->rax = result;
}

void arch_call_back(struct abi_registers *registers)
{
    registers->rip -= SYSCALL;
}

void arch_call_again(struct abi_registers *registers, const struct call *call)
{
    (void)call; /* rax still is the call's number */
    arch_call_back(registers);
}

void arch_clone_arguments(uint64_t fourth, uint64_t fifth, uint64_t *tls, uint64_t *child_tid)
{
    *child_tid = fourth;
    *tls = fifth;
}

void arch_child(struct abi_registers *registers, uint64_t stack)
{
    registers->rax = 0;
    registers->entry = ABI_ENTRY_NONE;
    if (stack != 0)
        registers->rsp = stack;
}

void arch_thread_pointer_set(struct abi_registers *registers, uint64_t value)
{
    registers->fs_base = value;
}

/* --- frames --- */

struct saved_context {
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15, di, si, bp, bx, dx, ax, cx, sp, ip, flags;
    uint16_t cs, gs, fs, ss;
    uint64_t error, trap, old_mask, cr2, fpu;
    uint64_t reserved[8];
};

struct frame {
    uint64_t restorer;
    uint64_t context_flags, link;
    stack_t stack;
    struct saved_context context;
    uint64_t mask;
    siginfo_t info;
};
_Static_assert(sizeof(struct saved_context) == 256 && sizeof(siginfo_t) == 128 &&
                   sizeof(stack_t) == 24,
               "as Linux has them");

#define CONTEXT_FLAGS 7 /* XSTATE in the frame, SS saved and to be restored strictly */
#define USER_CS       0x33
#define USER_SS       0x2b

/* Behind the FPU state: where its extended part ends (bytes 464 to 511 of an FXSAVE area are free).
 */
#define FPU_MAGIC1   UINT32_C(0x46505853)
#define FPU_MAGIC2   UINT32_C(0x46505845)
#define FPU_SOFTWARE 464
#define FPU_LEGACY   512

struct fpu_software {
    uint32_t magic1, extended_size;
    uint64_t features;
    uint32_t size, padding[7];
};

/* The kernel's names and the frame's. */
#define CONTEXT(X)                                                                                 \
    X(r8, r8)                                                                                      \
    X(r9, r9)                                                                                      \
    X(r10, r10)                                                                                    \
    X(r11, r11)                                                                                    \
    X(r12, r12)                                                                                    \
    X(r13, r13)                                                                                    \
    X(r14, r14)                                                                                    \
    X(r15, r15)                                                                                    \
    X(rdi, di)                                                                                     \
    X(rsi, si)                                                                                     \
    X(rbp, bp)                                                                                     \
    X(rbx, bx)                                                                                     \
    X(rdx, dx)                                                                                     \
    X(rax, ax)                                                                                     \
    X(rcx, cx)                                                                                     \
    X(rsp, sp)                                                                                     \
    X(rip, ip)                                                                                     \
    X(rflags, flags)

static void context_save(struct saved_context *to, const struct abi_registers *from)
{
    *to = (struct saved_context){.cs = USER_CS, .ss = USER_SS};
#define SAVE(ours, theirs) to->theirs = from->ours;
    CONTEXT(SAVE)
}

/* The bases stay: they are no part of a frame. */
static void context_load(struct abi_registers *to, const struct saved_context *from)
{
    to->entry = ABI_ENTRY_NONE;
#define LOAD(ours, theirs) to->ours = from->theirs;
    CONTEXT(LOAD)
}

/* The FPU state with what says its size, at `at`. */
static int64_t fpu_save(struct worker *worker, struct task *task, uint64_t at, uint8_t *state,
                        uint64_t size)
{
    const uint32_t magic2 = FPU_MAGIC2;
    (void)worker;
    if (size > FPU_LEGACY) {
        const struct fpu_software software = {.magic1 = FPU_MAGIC1,
                                              .extended_size = (uint32_t)size + sizeof(magic2),
                                              .features = *(uint64_t *)(void *)(state + FPU_LEGACY),
                                              .size = (uint32_t)size};
        memcpy(state + FPU_SOFTWARE, &software, sizeof(software));
        memcpy(state + size, &magic2, sizeof(magic2));
        size += sizeof(magic2);
    }
    return user_write(task, (uaddr_t){at}, state, size);
}

int64_t arch_frame(struct worker *worker, struct task *task, struct abi_registers *registers,
                   const struct signal_action *action, const struct signal_info *info,
                   uint64_t mask)
{
    static uint8_t fpu[FPU_MOST + 8] __attribute__((aligned(16)));
    struct frame frame;
    uint64_t size = 0;
    int64_t error = frame_fpu_get(worker, task, fpu, &size);
    if (error != 0 || (action->flags & SA_RESTORER) == 0)
        return -EFAULT;
    uint64_t top = frame_top(task, action, registers->rsp);
    top = top == registers->rsp ? top - RED_ZONE : top;
    uint64_t fpu_at = (top - size - 8) & ~UINT64_C(63);
    uint64_t at = ((fpu_at - sizeof(frame)) & ~UINT64_C(15)) - 8;
    memset(&frame, 0, sizeof(frame));
    frame.restorer = action->restorer;
    frame.context_flags = CONTEXT_FLAGS;
    frame_stack(&frame.stack, task);
    context_save(&frame.context, registers);
    frame.context.fpu = fpu_at;
    frame.context.cr2 = info->address;
    frame.context.old_mask = frame.mask = mask;
    frame_info(&frame.info, info);
    error = fpu_save(worker, task, fpu_at, fpu, size);
    if (error == 0)
        error = user_write(task, (uaddr_t){at}, &frame, sizeof(frame));
    if (error != 0)
        return -EFAULT;
    registers->rdi = (uint64_t)info->number;
    registers->rsi = at + offsetof(struct frame, info);
    registers->rdx = at + offsetof(struct frame, context_flags);
    registers->rax = 0;
    registers->rsp = at;
    registers->rip = action->handler;
    registers->rflags &= ~UINT64_C(0x10500); /* TF, DF, RF */
    registers->entry = ABI_ENTRY_NONE;
    return 0;
}

int64_t arch_frame_end(struct worker *worker, struct task *task, struct abi_registers *registers,
                       uint64_t *mask)
{
    static uint8_t fpu[FPU_MOST] __attribute__((aligned(16)));
    struct frame frame;
    uint64_t size = 0;
    /* The handler's return took the restorer's address off. */
    uint64_t at = registers->rsp - sizeof(frame.restorer);
    int64_t error = user_read(task, &frame, (uaddr_t){at}, sizeof(frame));
    if (error == 0)
        error = frame_fpu_get(worker, task, fpu, &size); /* how large it is */
    if (error == 0 && frame.context.fpu != 0)
        error = user_read(task, fpu, (uaddr_t){frame.context.fpu}, size);
    if (error == 0 && frame.context.fpu != 0) {
        memset(fpu + FPU_SOFTWARE, 0, FPU_LEGACY - FPU_SOFTWARE);
        error = frame_fpu_set(worker, task, fpu, size);
    }
    if (error != 0)
        return -EFAULT;
    context_load(registers, &frame.context);
    *mask = frame.mask;
    return 0;
}

/* --- arch_prctl(2) --- */

enum { ARCH_SET_GS = 0x1001, ARCH_SET_FS, ARCH_GET_FS, ARCH_GET_GS };

int64_t arch_prctl_do(struct call *call, int what, uint64_t value)
{
    struct abi_registers registers;
    struct task *task = call->task;
    void *page = call->worker->page;
    error_t error =
        rt_get(page, task->reply, STATE_thread_registers, 0, &registers, sizeof(registers));
    if (error != OK)
        return -EINVAL;
    switch (what) {
    case ARCH_GET_FS:
        return user_write(task, (uaddr_t){value}, &registers.fs_base, sizeof(uint64_t));
    case ARCH_GET_GS:
        return user_write(task, (uaddr_t){value}, &registers.gs_base, sizeof(uint64_t));
    case ARCH_SET_FS:
        registers.fs_base = value;
        break;
    case ARCH_SET_GS:
        registers.gs_base = value;
        break;
    default:
        return -EINVAL;
    }
    if (value >= SPACE_END)
        return -EPERM;
    arch_result_set(&registers, 0);
    error = rt_set(page, task->reply, STATE_thread_registers, 1, &registers, sizeof(registers),
                   (slot_t){0});
    return error == OK ? 0 : -EPERM;
}
