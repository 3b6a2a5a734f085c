/* What the fast path asks of the scheduler: handing over, going around, parameters that change. */
#include "sched_model.h"
#include "unit.h"

static void go_to(struct thread *thread)
{
    boot_cpu.current = thread;
    arch_space_switch(&boot_cpu, &thread->process->space.arch);
    arch_thread_switch(&boot_cpu, thread);
}

/* As the fast path does: the one that is left is ready, and the other's slice begins. */
TEST(sched_hands_over_and_rotates)
{
    struct thread *threads[3];
    model_start(1);
    for (uint32_t i = 0; i < 3; i++) {
        threads[i] = model_thread();
        model_set(threads[i], SCHED_high, 40 + i / 2, 0, 0, 0);
        sched_ready(threads[i]);
    }
    EXPECT(sched_claim(threads[2]) && model_leave(0) == threads[0]);
    model_run(MS);
    thread_set_status(threads[2], THREAD_RUNNING);
    sched_hand_over(&boot_cpu, threads[2]);
    EXPECT(threads[2]->sched.put_on == boot_cpu.accounted && model_used_ms(threads[0]) == 1);
    go_to(threads[2]);
    EXPECT(model_leave(0) == threads[2] && model_wait(0) == threads[2]);
    EXPECT(model_leave(0) == threads[0]); /* before its equals */
    model_run(MS);
    EXPECT(sched_may_rotate(&boot_cpu) && sched_rotate(&boot_cpu) == threads[1]);
    EXPECT(boot_cpu.current == threads[1] && thread_status(threads[0]) == THREAD_READY);
    EXPECT(threads[1]->sched.put_on == boot_cpu.accounted && model_used_ms(threads[0]) == 2);
    model_call(threads[2], threads[1]);
    EXPECT(!sched_may_rotate(&boot_cpu)); /* lent to: that is worked out again */
}

/* The fast path resumes it without looking at parameters, but at its attention. */
TEST(sched_parameters_of_one_that_waits)
{
    model_start(1);
    struct thread *thread = model_thread();
    sched_ready(thread);
    EXPECT(model_leave(0) == thread && model_wait(0) == thread);
    thread_set_status(thread, THREAD_RECEIVE);
    EXPECT(model_set(thread, SCHED_low, 2, 0, 0, 0) == OK);
    EXPECT((thread->attention & ATTENTION_LEND) != 0);
    go_to(thread);
    thread_set_status(thread, THREAD_RUNNING);
    sched_lend_changed(&boot_cpu, thread);
    EXPECT(boot_cpu.reschedule && model_leave(0) == thread && thread->effective == 2);
}
