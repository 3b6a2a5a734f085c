/* Processes and threads as they are made and end (obj/process.h). */
#include "caps_model.h"
#include "obj/process.h"
#include "obj/thread.h"
#include "sched/clock.h"
#include "sched/sched.h"
#include "unit.h"
#include "user_model.h"

/* Another CPU may end what is being made, as soon as it can be found in its job. */
TEST(process_and_thread_stay_their_makers_though_they_ended)
{
    struct process *process;
    struct thread *thread;
    user_start();
    REQUIRE(clock_init() == OK && sched_start() == OK);
    REQUIRE(process_create(job_root, &process) == OK);
    REQUIRE(thread_create(process, (uaddr_t){user_va(0)}, &thread) == OK);
    process_kill(process);
    caps_settle();
    EXPECT(process_ended(process) && thread_status(thread) == THREAD_DEAD);
    EXPECT(thread->object.references == 1 && process->object.references == 2);
    object_put(&thread->object);
    object_put(&process->object);
    caps_settle();
    EXPECT(job_memory_used(job_root) == 0);
}
