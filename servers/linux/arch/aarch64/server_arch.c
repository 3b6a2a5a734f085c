/*
 * AArch64: numbers of calls, registers, signal frames (struct rt_sigframe of Linux, as unwinders
 * and sigreturn know it; records of its extended part: Documentation/arm64/sve.rst of Linux).
 */
#include "../../server_arch.h"
#include "../../frame.h"
#include "../../mm.h"
#include "../../user.h"

#define NO          -1
#define INSTRUCTION 4 /* bytes */

const char arch_platform[] = "aarch64";

/* mov x8, #139 (rt_sigreturn); svc #0 */
const uint32_t arch_trampoline[] = {0xd2801168, 0xd4000001};
const uint64_t arch_trampoline_size = sizeof(arch_trampoline);

const int16_t arch_call_numbers[LINUX_CALLS] = {
#define CALL(name, first, second, ...) [LINUX_##name] = (second),
#include "../../call.def"
#undef CALL
};

/* FP and Advanced SIMD: what the kernel keeps for programs. */
uint64_t arch_hwcap(void)
{
    return 3;
}

void arch_result_set(struct abi_registers *registers, uint64_t result)
{
    registers->x[0] = result;
}

void arch_call_back(struct abi_registers *registers)
{
    registers->pc -= INSTRUCTION;
}

void arch_call_again(struct abi_registers *registers, const struct call *call)
{
    registers->x[0] = call->arg[0];
    arch_call_back(registers);
}

void arch_clone_arguments(uint64_t fourth, uint64_t fifth, uint64_t *tls, uint64_t *child_tid)
{
    *tls = fourth;
    *child_tid = fifth;
}

void arch_child(struct abi_registers *registers, uint64_t stack)
{
    registers->x[0] = 0;
    if (stack != 0)
        registers->sp = stack;
}

void arch_thread_pointer_set(struct abi_registers *registers, uint64_t value)
{
    registers->thread_pointer = value;
}

/* --- frames --- */

#define FPSIMD_RECORD UINT32_C(0x46508001)

struct fpsimd {
    uint32_t magic, size, fpsr, fpcr;
    uint64_t q[32][2];
};
_Static_assert(sizeof(struct fpsimd) == 528, "as Linux has it");

struct frame {
    siginfo_t info;
    uint64_t flags, link;
    stack_t stack;
    uint64_t mask, mask_unused[15];
    uint64_t aligned;
    uint64_t fault_address, x[31], sp, pc, pstate, aligned_too;
    struct fpsimd fpsimd;
    uint64_t end[2]; /* a record of magic 0 */
    uint8_t unused[4096 - sizeof(struct fpsimd) - 16];
    uint64_t frame_pointer, link_register; /* for unwinders: the frame record of what was stopped */
};
_Static_assert(offsetof(struct frame, fault_address) == 128 + 176 &&
                   offsetof(struct frame, fpsimd) == 128 + 176 + 288,
               "as Linux has it");

static void registers_save(struct frame *frame, const struct abi_registers *registers)
{
    memcpy(frame->x, registers->x, sizeof(frame->x));
    frame->sp = registers->sp;
    frame->pc = registers->pc;
    frame->pstate = registers->pstate;
    frame->frame_pointer = registers->x[29];
    frame->link_register = registers->x[30];
}

static int64_t fpu_save(struct worker *worker, struct task *task, struct fpsimd *to)
{
    struct abi_fpu fpu;
    static uint8_t state[FPU_MOST];
    uint64_t size = 0;
    if (frame_fpu_get(worker, task, state, &size) != 0 || size != sizeof(fpu))
        return -EFAULT;
    memcpy(&fpu, state, sizeof(fpu));
    *to = (struct fpsimd){
        .magic = FPSIMD_RECORD, .size = sizeof(*to), .fpsr = fpu.fpsr, .fpcr = fpu.fpcr};
    memcpy(to->q, fpu.q, sizeof(to->q));
    return 0;
}

int64_t arch_frame(struct worker *worker, struct task *task, struct abi_registers *registers,
                   const struct signal_action *action, const struct signal_info *info,
                   uint64_t mask)
{
    static struct frame frame;
    memset(&frame, 0, sizeof(frame));
    uint64_t top = frame_top(task, action, registers->sp);
    uint64_t at = (top - sizeof(frame)) & ~UINT64_C(15);
    frame_info(&frame.info, info);
    frame_stack(&frame.stack, task);
    frame.mask = mask;
    frame.fault_address = info->address;
    registers_save(&frame, registers);
    int64_t error = fpu_save(worker, task, &frame.fpsimd);
    if (error == 0)
        error = user_write(task, (uaddr_t){at}, &frame, sizeof(frame));
    if (error != 0)
        return -EFAULT;
    bool restorer = (action->flags & SA_RESTORER) != 0;
    registers->x[0] = (uint64_t)info->number;
    registers->x[1] = at;
    registers->x[2] = at + offsetof(struct frame, flags);
    registers->x[29] = at + offsetof(struct frame, frame_pointer);
    registers->x[30] = restorer ? action->restorer : TRAMPOLINE_VA;
    registers->sp = at;
    registers->pc = action->handler;
    return 0;
}

int64_t arch_frame_end(struct worker *worker, struct task *task, struct abi_registers *registers,
                       uint64_t *mask)
{
    static struct frame frame;
    int64_t error = user_read(task, &frame, (uaddr_t){registers->sp}, sizeof(frame));
    if (error != 0 || frame.fpsimd.magic != FPSIMD_RECORD)
        return -EFAULT;
    struct abi_fpu fpu = {.fpsr = frame.fpsimd.fpsr, .fpcr = frame.fpsimd.fpcr};
    memcpy(fpu.q, frame.fpsimd.q, sizeof(fpu.q));
    if (frame_fpu_set(worker, task, &fpu, sizeof(fpu)) != 0)
        return -EFAULT;
    memcpy(registers->x, frame.x, sizeof(registers->x));
    registers->sp = frame.sp;
    registers->pc = frame.pc;
    registers->pstate = frame.pstate & UINT64_C(0xf0000000);
    *mask = frame.mask;
    return 0;
}

int64_t arch_prctl_do(struct call *call, int what, uint64_t value)
{
    (void)call, (void)what, (void)value;
    return -EINVAL;
}
