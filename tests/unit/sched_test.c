/* Decisions: priorities, fairness, preemption, feedback, realtime, shares, payers, placement. */
#include "host.h"
#include "sched/class.h"
#include "sched/place.h"
#include "sched/throttle.h"
#include "sched_model.h"
#include "unit.h"

TEST(sched_runs_by_priority_and_keeps_what_runs)
{
    model_start(1);
    struct thread *low = model_thread(), *high = model_thread();
    model_set(low, SCHED_low, 3, 0, 0, 0);
    model_set(high, SCHED_high, 40, 0, 0, 0);
    sched_ready(low);
    EXPECT(model_leave(0) == low && model_leave(0) == low);
    EXPECT(boot_cpu.slice_end == 0 && boot_cpu.timer_at == 0); /* alone: no tick */
    sched_ready(high);
    EXPECT(boot_cpu.reschedule && model_leave(0) == high);
    EXPECT(thread_status(low) == THREAD_READY && low->sched.where == SCHED_QUEUED);
    EXPECT(model_wait(0) == high && model_leave(0) == low);
    EXPECT(metric_total(METRIC_switches) == 3);
}

TEST(sched_pass_goes_around)
{
    struct thread *threads[4];
    model_start(1);
    for (uint32_t i = 0; i < 4; i++) {
        threads[i] = model_thread();
        sched_ready(threads[i]);
    }
    for (uint32_t i = 0; i < 20; i++) {
        EXPECT(model_leave(0) == threads[i % 4]);
        sched_pass(&boot_cpu);
    }
    struct thread *lesser = model_thread();
    model_set(lesser, SCHED_low, 1, 0, 0, 0);
    struct thread *alone = model_leave(0);
    for (uint32_t i = 0; i < 4; i++)
        EXPECT(sched_claim(threads[i]) == (threads[i] != alone));
    sched_ready(lesser);
    sched_pass(&boot_cpu);
    EXPECT(!boot_cpu.reschedule && model_leave(0) == alone);
}

TEST(sched_shares_time_among_equals)
{
    struct thread *threads[3];
    model_start(1);
    for (uint32_t i = 0; i < 3; i++) {
        threads[i] = model_thread();
        model_set(threads[i], SCHED_high, 35, 0, 0, 0);
        sched_ready(threads[i]);
    }
    (void)model_leave(0);
    model_run(300 * MS);
    for (uint32_t i = 0; i < 3; i++)
        EXPECT(model_used_ms(threads[i]) >= 95 && model_used_ms(threads[i]) <= 105);
    EXPECT(metric_total(METRIC_switches) < 80); /* a round each 5 ms */
}

TEST(sched_feedback_sinks_and_rises)
{
    model_start(1);
    struct thread *works = model_thread(), *waits = model_thread();
    sched_ready(works);
    sched_ready(waits);
    EXPECT(model_leave(0) == works);
    model_run(20 * MS);
    EXPECT(works->sched.level >= 1 && works->priority == works->sched.base - works->sched.level);
    while (boot_cpu.current != waits)
        model_run(MS);
    model_wait(0);
    EXPECT(model_leave(0) == works);
    model_run(300 * MS); /* alone: it does not sink, for nobody else wants to run */
    uint32_t level = waits->sched.level;
    EXPECT(level >= 1);
    sched_ready(waits);
    EXPECT(waits->sched.level == level - 1);
    EXPECT(model_leave(0) == waits); /* works used up its slice, and is lower */
    EXPECT(works->priority < waits->priority);
}

TEST(sched_feedback_lets_nobody_starve)
{
    model_start(1);
    struct thread *busy[3], *poor = model_thread();
    model_set(poor, SCHED_normal, 17, 0, 0, 0);
    for (uint32_t i = 0; i < 3; i++) {
        busy[i] = model_thread();
        model_set(busy[i], SCHED_normal, 31, 0, 0, 0);
        sched_ready(busy[i]);
    }
    sched_ready(poor);
    (void)model_leave(0);
    model_run(4000 * MS);
    EXPECT(model_used_ms(poor) > 20);
    for (uint32_t i = 0; i < 3; i++)
        EXPECT(model_used_ms(busy[i]) > 900 && model_used_ms(busy[i]) < 1500);
}

TEST(sched_epoch_lets_what_waits_rise)
{
    model_start(1);
    struct thread *sunk = model_thread(), *other = model_thread();
    sched_ready(sunk);
    sched_ready(other);
    (void)model_leave(0);
    model_run(400 * MS);
    EXPECT(sunk->sched.level > 4 && other->sched.level > 4);
    model_run(700 * MS);
    EXPECT(sunk->sched.level + other->sched.level < 12);
}

TEST(sched_refuses_wrong_parameters)
{
    model_start(1);
    struct thread *thread = model_thread();
    EXPECT(model_set(thread, SCHED_CLASSES, 20, 0, 0, 0) == ERR_bad_argument);
    EXPECT(model_set(thread, SCHED_normal, 15, 0, 0, 0) == ERR_bad_argument);
    EXPECT(model_set(thread, SCHED_normal, 32, 0, 0, 0) == ERR_bad_argument);
    EXPECT(model_set(thread, SCHED_normal, 20, 1, 10, 0) == ERR_bad_argument);
    EXPECT(model_set(thread, SCHED_realtime, 50, 0, 10, 0) == ERR_bad_argument);
    EXPECT(model_set(thread, SCHED_realtime, 50, 11, 10, 0) == ERR_bad_argument);
    EXPECT(model_set(thread, SCHED_realtime, 50, 1, 10001, 0) == ERR_bad_argument);
    struct sched_params params;
    sched_get(thread, &params);
    EXPECT(params.policy.class == SCHED_normal && params.policy.priority == 24);
    EXPECT(model_set(thread, SCHED_realtime, 50, 2, 10, 1) == OK);
    sched_get(thread, &params);
    EXPECT(params.policy.class == SCHED_realtime && params.policy.priority == 50);
    EXPECT(params.policy.budget_ns == 2 * MS && params.policy.period_ns == 10 * MS);
    EXPECT(params.affinity[0] == 1);
}

TEST(sched_realtime_admission)
{
    struct thread *threads[5];
    model_start(2);
    for (uint32_t i = 0; i < 5; i++)
        threads[i] = model_thread();
    EXPECT(model_set(threads[0], SCHED_realtime, 50, 6, 10, 0) == OK);
    EXPECT(model_set(threads[1], SCHED_realtime, 50, 6, 10, 0) == OK);
    EXPECT(threads[0]->sched.home != threads[1]->sched.home);
    EXPECT(model_set(threads[2], SCHED_realtime, 50, 4, 10, 0) == ERR_full);
    EXPECT(model_set(threads[2], SCHED_realtime, 50, 3, 10, 0) == OK);
    EXPECT(model_set(threads[3], SCHED_realtime, 50, 1, 1000,
                     (uint64_t)1 << threads[2]->sched.home) == ERR_full);
    EXPECT(model_set(threads[3], SCHED_realtime, 50, 3, 10, 0) == OK);
    EXPECT(model_set(threads[4], SCHED_realtime, 50, 1, 10, 0) == ERR_full);
    /* One that asks for more and does not get it keeps what it has; one that ends gives it back. */
    EXPECT(model_set(threads[0], SCHED_realtime, 50, 7, 10, 0) == ERR_full);
    sched_thread_end(threads[0]);
    EXPECT(model_set(threads[4], SCHED_realtime, 50, 6, 10, 0) == OK);
    EXPECT(model_set(threads[1], SCHED_high, 40, 0, 0, 0) == OK);
    EXPECT(model_set(threads[0], SCHED_realtime, 50, 6, 10, 0) == OK);
}

TEST(sched_realtime_has_its_budget_and_no_more)
{
    model_start(1);
    struct thread *strict = model_thread(), *other = model_thread();
    EXPECT(model_set(strict, SCHED_realtime, 55, 3, 10, 0) == OK);
    model_set(other, SCHED_high, 47, 0, 0, 0);
    sched_ready(other);
    sched_ready(strict);
    EXPECT(model_leave(0) == strict);
    model_run(1000 * MS);
    EXPECT(model_used_ms(strict) >= 299 && model_used_ms(strict) <= 304);
    EXPECT(model_used_ms(other) >= 695 && model_used_ms(other) <= 701);
    EXPECT(metric_total(METRIC_throttles) >= 99);
}

TEST(sched_realtime_throttled_can_be_claimed)
{
    model_start(1);
    struct thread *strict = model_thread(), *other = model_thread();
    EXPECT(model_set(strict, SCHED_realtime, 55, 3, 10, 0) == OK);
    sched_ready(other);
    sched_ready(strict);
    (void)model_leave(0);
    model_run(4 * MS);
    EXPECT(strict->sched.where == SCHED_THROTTLED && thread_status(strict) == THREAD_READY);
    EXPECT(sched_claim(strict) && thread_status(strict) == THREAD_CLAIMED && !sched_claim(strict));
    EXPECT(!atomic_load(&strict->sched.refill.queued));
    model_run(20 * MS);
    EXPECT(boot_cpu.current == other);
    sched_ready(strict);
    EXPECT(model_leave(0) == strict);
}

/* Setting parameters again and again brings no more budget. */
TEST(sched_realtime_budget_is_not_renewed_by_asking)
{
    model_start(1);
    struct thread *greedy = model_thread(), *other = model_thread();
    EXPECT(model_set(greedy, SCHED_realtime, 55, 3, 10, 0) == OK);
    sched_ready(other);
    sched_ready(greedy);
    (void)model_leave(0);
    for (uint32_t i = 0; i < 100; i++) {
        model_run(MS);
        model_set(greedy, i % 2 == 0 ? SCHED_low : SCHED_realtime, i % 2 == 0 ? 1 : 55,
                  i % 2 == 0 ? 0 : 3, i % 2 == 0 ? 0 : 10, 0);
    }
    EXPECT(model_used_ms(greedy) <= 36);
}

/* --- lending --- */

TEST(sched_three_deep_chain_pays_and_lends)
{
    model_start(1);
    struct thread *client = model_thread(), *middle = model_thread(), *last = model_thread();
    model_set(client, SCHED_high, 45, 0, 0, 0);
    struct thread *third = model_thread();
    sched_ready(last);
    EXPECT(model_leave(0) == last);
    class_take_params(client);
    model_call(client, middle);
    model_call(middle, last);
    model_call(last, third); /* not on the way up */
    last->serving = middle->reply;
    sched_lend_changed(&boot_cpu, last);
    EXPECT(last->effective == 45 && last->priority == 24);
    EXPECT(sched_payer(last, 0) == client);
    uint64_t job_before = model_job.cpu_time;
    model_run(7 * MS);
    EXPECT(model_used_ms(client) == 7 && model_used_ms(middle) == 0 && model_used_ms(last) == 0);
    EXPECT(model_job.cpu_time - job_before == 7 * MS);
    /* The client leaves: the next of the chain pays. */
    client->reply->word = REPLY_FREE;
    sched_lend_changed(&boot_cpu, last);
    EXPECT(last->effective == 24 && sched_payer(last, 0) == middle);
    model_run(2 * MS);
    EXPECT(model_used_ms(client) == 7 && model_used_ms(middle) == 2);
}

TEST(sched_server_goes_on_with_its_own_when_the_lent_budget_ends)
{
    model_start(1);
    struct thread *client = model_thread(), *server = model_thread(), *other = model_thread();
    EXPECT(model_set(client, SCHED_realtime, 60, 3, 10, 0) == OK);
    model_set(other, SCHED_high, 40, 0, 0, 0);
    sched_ready(client);
    EXPECT(model_leave(0) == client);
    model_wait(0);
    model_call(client, server);
    sched_ready(server);
    sched_lend_changed(&boot_cpu, server);
    EXPECT(model_leave(0) == server);
    sched_lend_changed(&boot_cpu, server);
    sched_ready(other);
    EXPECT(model_leave(0) == server && server->effective == 60);
    model_run(9 * MS);
    EXPECT(model_used_ms(client) == 3 && model_used_ms(server) == 0);
    EXPECT(boot_cpu.current == other && server->effective == 24);
    model_wait(0);
    EXPECT(model_leave(0) == server);
}

/*
 * What a server does uses up the slice of its client: a third one of the same priority has its
 * turns, also if the client itself never runs when a slice ends; and all sink alike.
 */
TEST(sched_server_leaves_the_cpu_when_its_client_s_slice_ends)
{
    model_start(1);
    struct thread *client = model_thread(), *server = model_thread(), *other = model_thread();
    sched_ready(client);
    EXPECT(model_leave(0) == client);
    model_wait(0);
    model_call(client, server);
    sched_ready(server);
    sched_ready(other);
    EXPECT(model_leave(0) == server);
    model_run(900 * MS);
    EXPECT(model_used_ms(server) == 0);
    EXPECT(model_used_ms(client) > 400 && model_used_ms(client) < 500);
    EXPECT(model_used_ms(other) > 400 && model_used_ms(other) < 500);
    EXPECT(client->sched.level > 4 && server->sched.level > 4 && other->sched.level > 4);
    model_run(3000 * MS);
    EXPECT(model_used_ms(client) > 1800 && model_used_ms(other) > 1800);
}

/* A chain that leads in a circle ends after some steps. */
TEST(sched_lending_in_a_circle_ends)
{
    model_start(1);
    struct thread *a = model_thread(), *b = model_thread();
    model_call(a, b);
    model_call(b, a);
    EXPECT(sched_payer(a, 0) != NULL);
    sched_lend_again(b);
    EXPECT(b->effective == 24);
}

/* --- shares --- */

TEST(sched_share_of_a_job_and_of_its_parent)
{
    model_start(1);
    struct job parent = {0}, child = {.parent = &parent};
    throttle_share_set(&parent, 500);
    throttle_share_set(&child, 200);
    struct thread *inner = model_thread_of(&child), *outer = model_thread_of(&parent);
    struct thread *free = model_thread();
    model_set(inner, SCHED_high, 47, 0, 0, 0);
    model_set(outer, SCHED_high, 46, 0, 0, 0);
    model_set(free, SCHED_low, 1, 0, 0, 0);
    sched_ready(free);
    sched_ready(inner);
    sched_ready(outer);
    (void)model_leave(0);
    model_run(1000 * MS);
    EXPECT(model_used_ms(inner) >= 195 && model_used_ms(inner) <= 221);
    EXPECT(model_used_ms(outer) >= 280 && model_used_ms(outer) <= 331);
    EXPECT(model_used_ms(free) >= 480 && model_used_ms(free) <= 520);
    EXPECT(parent.cpu_time / MS >= 480 && parent.cpu_time / MS <= 551);
}

TEST(sched_share_ends_one_that_is_alone_too)
{
    model_start(1);
    struct job job = {0};
    throttle_share_set(&job, 300);
    struct thread *alone = model_thread_of(&job), *filler = model_thread();
    model_set(filler, SCHED_idle, 0, 0, 0, 0);
    sched_ready(filler);
    sched_ready(alone);
    EXPECT(model_leave(0) == alone);
    model_run(1000 * MS);
    EXPECT(model_used_ms(alone) >= 295 && model_used_ms(alone) <= 331);
}

/* --- several CPUs --- */

TEST(sched_wakes_where_it_ran_or_where_nobody_does)
{
    model_start(4);
    struct thread *a = model_thread(), *b = model_thread();
    a->cpu = 2;
    place_idle_begin(cpu_table[2]);
    place_idle_begin(cpu_table[3]);
    place_idle_begin(cpu_table[1]);
    sched_ready(a);
    EXPECT(a->cpu == 2 && (cpu_table[2]->requests & CPU_REQUEST_LOOK) != 0);
    EXPECT(model_leave(2) == a);
    model_be(0);
    b->cpu = 2; /* busy: an idle one of the same node */
    sched_ready(b);
    EXPECT(b->cpu == 3 && model_leave(3) == b);
    struct thread *c = model_thread();
    model_be(0);
    c->cpu = 2; /* none left there */
    sched_ready(c);
    EXPECT(c->cpu == 1 && model_leave(1) == c);
    struct thread *d = model_thread();
    model_be(0);
    d->cpu = 2;
    sched_ready(d);
    EXPECT(d->cpu == 2 && cpu_table[2]->queue->count == 1);
}

TEST(sched_affinity_folds)
{
    model_start(3);
    EXPECT(place_fold(0) == 0 && place_fold(7) == 1 && place_fold(511) == 1);
    struct thread *thread = model_thread();
    EXPECT(model_set(thread, SCHED_normal, 20, 0, 0, (uint64_t)1 << 7) == OK);
    for (uint32_t i = 0; i < 3; i++)
        EXPECT(place_allows(thread, cpu_table[i]) == (i == 1));
    EXPECT(model_set(thread, SCHED_normal, 20, 0, 0, (uint64_t)1 << 5 | 1) == OK);
    for (uint32_t i = 0; i < 3; i++)
        EXPECT(place_allows(thread, cpu_table[i]) == (i != 1));
    uint64_t far[SCHED_AFFINITY_WORDS] = {[7] = (uint64_t)1 << 63}; /* 511 */
    for (uint32_t i = 0; i < 3; i++)
        EXPECT(place_mask_allows(far, i) == (i == 1));
}

TEST(sched_affinity_moves_one_that_runs_or_waits_its_turn)
{
    model_start(2);
    struct thread *runs = model_thread(), *queued = model_thread(), *other = model_thread();
    sched_ready(runs);
    EXPECT(model_leave(0) == runs);
    sched_ready(queued);
    sched_ready(other);
    EXPECT(model_set(queued, SCHED_normal, 24, 0, 0, 2) == OK);
    EXPECT(queued->cpu == 1 && model_leave(1) == queued);
    model_be(1);
    EXPECT(model_set(runs, SCHED_normal, 24, 0, 0, 2) == OK);
    EXPECT((cpu_table[0]->requests & CPU_REQUEST_LOOK) != 0);
    EXPECT(model_leave(0) == other && runs->cpu == 1 && runs->sched.where == SCHED_QUEUED);
    model_wait(1);
    EXPECT(model_leave(1) == runs);
}

TEST(sched_idle_cpu_steals_near_first)
{
    struct thread *threads[6];
    model_start(4);
    for (uint32_t i = 0; i < 6; i++)
        threads[i] = model_thread();
    model_set(threads[1], SCHED_normal, 30, 0, 0, 1); /* may not go away */
    for (uint32_t i = 0; i < 4; i++)
        sched_ready(threads[i]);
    model_be(2);
    threads[4]->cpu = threads[5]->cpu = 2;
    sched_ready(threads[4]);
    sched_ready(threads[5]);
    EXPECT(cpu_table[0]->queue->count == 4 && cpu_table[2]->queue->count == 2);
    EXPECT(model_leave(1) == threads[0]);
    EXPECT(model_leave(3) == threads[4]); /* its own node, though the other queue is longer */
    EXPECT(metric_total(METRIC_steals) == 2);
    model_wait(3);
    EXPECT(model_leave(3) == threads[5]);
    model_wait(3);
    EXPECT(model_leave(3) == threads[2]);
    EXPECT(model_leave(0) == threads[1]);
}

TEST(sched_batch_work_gives_way_to_what_waits_elsewhere)
{
    model_start(2);
    struct thread *batch = model_thread(), *runs = model_thread(), *waits = model_thread();
    model_set(batch, SCHED_low, 5, 0, 0, 2);
    sched_ready(batch);
    EXPECT(model_leave(1) == batch);
    model_be(0);
    sched_ready(runs);
    sched_ready(waits);
    EXPECT(model_leave(0) == runs);
    sched_poke(cpu_table[1]);
    EXPECT(model_leave(1) == waits && batch->sched.where == SCHED_QUEUED);
}

TEST(sched_pokes_only_when_needed)
{
    model_start(2);
    struct thread *runs = model_thread(), *a = model_thread(), *b = model_thread();
    runs->cpu = a->cpu = b->cpu = 1;
    sched_ready(runs);
    EXPECT(model_leave(1) == runs);
    model_be(0);
    cpu_table[1]->requests = 0;
    sched_ready(a); /* its slice needs an end */
    EXPECT((cpu_table[1]->requests & CPU_REQUEST_LOOK) != 0);
    EXPECT(model_leave(1) == runs && cpu_table[1]->slice_end != 0);
    model_be(0);
    cpu_table[1]->requests = 0;
    sched_ready(b);
    EXPECT(cpu_table[1]->requests == 0);
    struct thread *urgent = model_thread();
    urgent->cpu = 1;
    model_set(urgent, SCHED_high, 40, 0, 0, 0);
    sched_ready(urgent);
    EXPECT((cpu_table[1]->requests & CPU_REQUEST_LOOK) != 0 && model_leave(1) == urgent);
}

TEST(sched_attention_parks_on_the_way)
{
    model_start(1);
    struct thread *stopped = model_thread(), *other = model_thread();
    stopped->attention = ATTENTION_SUSPEND;
    sched_ready(stopped);
    EXPECT(thread_status(stopped) == THREAD_PARKED && boot_cpu.ready_top == 0);
    stopped->attention = 0;
    sched_ready(stopped);
    sched_ready(other);
    stopped->attention = ATTENTION_FREEZE;
    EXPECT(model_leave(0) == other && thread_status(stopped) == THREAD_PARKED);
}

/* --- idling --- */

static struct thread *idle_gives;

static void give_when_idle(struct deadline *deadline)
{
    (void)deadline;
    sched_ready(idle_gives);
}

TEST(sched_idles_until_something_is_ready)
{
    model_start(1);
    idle_gives = model_thread();
    idle_gives->resume = RESUME_CALL;
    struct deadline deadline;
    deadline_init(&deadline, give_when_idle);
    sched_idle(&boot_cpu);
    EXPECT(metric_total(METRIC_idles) == 1);
    give_when_idle(&deadline);
    sched_idle(&boot_cpu); /* it does not halt with something ready */
    EXPECT(metric_total(METRIC_idles) == 1);
    EXPECT(model_leave(0) == idle_gives && idle_gives->resume == RESUME_USER);
}
