/*
 * Native test: a job (checkpoint_job.h) is saved, destroyed and built again from the stream, at
 * random instants. Its programs check themselves, and must not notice: every call is served once,
 * every message comes once and in order, every count and the clock go on. What it sends to a port
 * outside comes once and in order, too, over all restores.
 *
 * Words of the command line: `rounds=N` as often instead of 10 times, `seed=N` for instants and
 * orders; `export` in the end the stream leaves by the console (tests/boot/checkpoints.py takes
 * it); `import` it is a boot module, and `out=N` messages came out before; `refused` it is damaged.
 */
#include "sys/checkpoint.h"
#include "checkpoint_job.h"
#include "sys/print.h"
#include "test.h"

#define STREAM_VA    UINT64_C(0x7f0000000000)
#define MODULE_VA    UINT64_C(0x7e0000000000)
#define STREAM_BYTES (UINT64_C(16) << 20)
#define OUT_DEPTH    64
#define SENDERS      6

static char words[1024]; /* the command line */
static struct checkpoint checkpoint;
static struct shared seen;
static slot_t outside;    /* the port that the job sends to */
static uint64_t out_seen; /* messages that came there */

/* --- the command line, chance --- */

/* The number behind NAME=, or `otherwise`; 1 for the bare word. */
static uint64_t option(const char *name, uint64_t otherwise)
{
    size_t size = strlen(name);
    for (const char *at = words; *at != 0; at++) {
        bool begins = at == words || at[-1] == ' ';
        if (!begins || memcmp(at, name, size) != 0)
            continue;
        if (at[size] != '=')
            return 1;
        uint64_t value = 0;
        for (at += size + 1; *at >= '0' && *at <= '9'; at++)
            value = value * 10 + (uint64_t)(*at - '0');
        return value;
    }
    return otherwise;
}

static uint64_t random_state;

static uint64_t random_below(uint64_t limit)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (random_state >> 33) % limit;
}

/* --- looking at it from outside --- */

/* What came out, until there is no more: one after the other. */
static void drain(void)
{
    struct message message;
    while (tern_port_receive(outside, (slot_t){0}, &message, DEADLINE_POLL) == OK) {
        out_seen++;
        EXPECT(message.kind == MESSAGE_send && message.word[0] == out_seen);
    }
}

static error_t look(slot_t process)
{
    uint64_t done;
    const struct space_range range = {{SHARED_VA}, sizeof(seen)};
    error_t error = tern_space_read(process, (uaddr_t){(uintptr_t)&range}, 1,
                                    (uaddr_t){(uintptr_t)&seen}, &done);
    drain();
    if (error != OK)
        sys_print("looking: %s\n", error_text(error));
    return error;
}

/* Each thread does another step. */
static bool all_step(slot_t process)
{
    uint64_t before[T_COUNT], until = now() + 20000 * MS;
    if (look(process) != OK)
        return false;
    memcpy(before, (const void *)seen.progress, sizeof(before));
    for (;;) {
        unsigned stuck = T_COUNT;
        (void)tern_yield();
        if (look(process) != OK)
            return false;
        for (unsigned i = 0; i < T_COUNT; i++)
            if (seen.progress[i] == before[i])
                stuck = i;
        if (stuck == T_COUNT)
            return true;
        if (now() > until) {
            sys_print("thread %u stands at %lu\n", stuck, before[stuck]);
            return false;
        }
    }
}

static slot_t first_process(slot_t job)
{
    slot_t process = {0};
    uint64_t next;
    EXPECT(tern_object_open(job, LINK_job_process, 0, &process, &next) == OK);
    return process;
}

static uint64_t identity(slot_t slot)
{
    uint64_t size, next;
    EXPECT(tern_object_info(slot, STATE_memory_basic, 0, &size, &next) == OK);
    (void)tern_cap_delete(slot);
    return ((const struct state_memory_basic *)sys_page)->identity;
}

/* What it holds and what it sees as the clock page is that of its job. */
static bool clock_is_connected(slot_t job, slot_t process)
{
    slot_t page = {0}, held = {0}, shown = {0};
    uint64_t next;
    EXPECT(tern_object_open(job, LINK_job_clock, 0, &page, &next) == OK);
    EXPECT(tern_object_open(process, LINK_process_capability, H_CLOCK, &held, &next) == OK);
    EXPECT(tern_object_open(process, LINK_process_mapping, CLOCK_VA, &shown, &next) == OK);
    uint64_t right = identity(page);
    return identity(held) == right && identity(shown) == right;
}

static bool goes_on(slot_t job)
{
    slot_t process = first_process(job);
    EXPECT(clock_is_connected(job, process));
    bool all = all_step(process);
    (void)tern_cap_delete(process);
    return all;
}

/* --- there and back --- */

static error_t save(slot_t job)
{
    checkpoint.stream = (uint8_t *)STREAM_VA;
    checkpoint.size = STREAM_BYTES;
    checkpoint.outside[0] = outside;
    checkpoint.outside_count = 1;
    error_t error = checkpoint_save(&checkpoint, job);
    if (error != OK)
        sys_print("saving: %s; kind %lu, handle %lx\n", error_text(error), checkpoint.refused.kind,
                  checkpoint.refused.handle.value);
    return error;
}

static error_t restore(uint8_t *stream, uint64_t size, slot_t *job)
{
    checkpoint.stream = stream;
    checkpoint.size = size;
    checkpoint.outside[0] = outside;
    checkpoint.outside_count = 1;
    checkpoint.seed = random_below(UINT64_MAX);
    error_t error = checkpoint_restore(&checkpoint, root_slot(ROOT_SLOT_JOB), job);
    if (error != OK)
        sys_print("restoring: %s at %lu, record %u\n", error_text(error), checkpoint.at,
                  *(const uint32_t *)(const void *)(stream + checkpoint.at));
    checkpoint_forget(&checkpoint);
    return error;
}

/* Where freezes met the threads, and the pages that were asked for: over all rounds. */
static struct {
    uint64_t waits[WAIT_RECORDS], turns, filling;
} met;

static void meet_thread(slot_t slot)
{
    uint64_t size, next;
    EXPECT(tern_object_info(slot, STATE_thread_basic, 0, &size, &next) == OK);
    const struct state_thread_basic *state = sys_page;
    met.waits[state->wait % WAIT_RECORDS]++;
    met.turns += state->order != 0;
}

static void meet_pages(slot_t slot)
{
    uint64_t size, next = 0;
    while (tern_object_info(slot, STATE_memory_page, next, &size, &next) == OK)
        met.filling +=
            size != 0 && ((const struct state_memory_page *)sys_page)->state == STATE_PAGE_FILLING;
}

static void meet_all(void)
{
    for (uint32_t i = 0; i < checkpoint.count; i++)
        if (checkpoint.objects[i].kind == OBJECT_thread)
            meet_thread(checkpoint.objects[i].slot);
        else if (checkpoint.objects[i].kind == OBJECT_memory)
            meet_pages(checkpoint.objects[i].slot);
}

/* One time. The old job is gone before the new one is made. */
static error_t round_trip(slot_t *job)
{
    error_t error = save(*job);
    if (error == OK)
        meet_all();
    if (error == OK)
        error = checkpoint_destroy(&checkpoint);
    if (error == OK)
        error = restore((uint8_t *)STREAM_VA, STREAM_BYTES, job);
    return error == OK ? tern_job_thaw(*job, 0, 0, 0) : error;
}

/* --- out of the machine, and in --- */

#define LINE_BYTES 180 /* of the stream in a line of the console: 240 characters */

static void line_write(const uint8_t *bytes, uint64_t count)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char text[LINE_BYTES / 3 * 4 + 2] = "@";
    uint64_t used = 1;
    for (uint64_t i = 0; i < count; i += 3) {
        uint32_t three = 0;
        for (uint64_t j = i; j < i + 3; j++)
            three = three << 8 | (j < count ? bytes[j] : 0u);
        for (unsigned j = 0; j < 4; j++)
            text[used++] = letters[three >> (18 - 6 * j) & 63];
    }
    text[used++] = '\n';
    (void)tern_debug_write((uaddr_t){(uintptr_t)text}, used);
}

static void stream_write_out(void)
{
    const uint8_t *stream = (const uint8_t *)STREAM_VA;
    sys_print("stream begins: %lu bytes\n", checkpoint.used);
    for (uint64_t at = 0; at < checkpoint.used; at += LINE_BYTES)
        line_write(stream + at,
                   checkpoint.used - at < LINE_BYTES ? checkpoint.used - at : LINE_BYTES);
    sys_print("stream ends: out=%lu\n", out_seen);
}

static error_t stream_read_in(slot_t *job)
{
    slot_t module = root_slot(ROOT_SLOT_MODULE);
    uint64_t size, next;
    error_t error = tern_object_info(module, STATE_memory_basic, 0, &size, &next);
    size = ((const struct state_memory_basic *)sys_page)->size;
    if (error == OK && size > STREAM_BYTES)
        error = ERR_full;
    if (error == OK)
        error = tern_space_map(root_slot(ROOT_SLOT_PROCESS), module, 0, (uaddr_t){MODULE_VA}, size,
                               SPACE_READ);
    if (error != OK)
        return error;
    /* Into memory of ours: from a module, which is physical memory, the kernel takes nothing. */
    memcpy((void *)STREAM_VA, (const void *)MODULE_VA, size);
    return restore((uint8_t *)STREAM_VA, size, job);
}

/* --- tests --- */

static bool begin(void)
{
    slot_t stream = {0};
    memcpy(words, sys_page, sizeof(words) - 1);
    random_state = option("seed", 1);
    out_seen = option("out", 0);
    EXPECT(tern_object_create(root_slot(ROOT_SLOT_JOB), OBJECT_memory, (slot_t){0}, STREAM_BYTES,
                              &stream) == OK);
    EXPECT(sys_port_create(OUT_DEPTH, &outside) == OK);
    return tern_space_map(root_slot(ROOT_SLOT_PROCESS), stream, 0, (uaddr_t){STREAM_VA},
                          STREAM_BYTES, SPACE_READ | SPACE_WRITE | SPACE_OMIT) == OK;
}

/*
 * Nothing lost, nothing twice: in a job that stands still, what one side counted is what the other
 * did, but for what is stored, and for one that has acted and not counted yet.
 */
static void expect_counts(slot_t job)
{
    static const unsigned callers[] = {T_CALLER, T_SLOW_CALLER, T_NEXT_CALLER, T_INNER_CALLER,
                                       T_FOREIGN};
    const _Atomic(uint64_t) *did = seen.progress;
    slot_t process = first_process(job);
    EXPECT(tern_job_freeze(job, 0, 0, 0) == OK && look(process) == OK);
    for (unsigned i = 0; i < COUNT_OF(callers); i++)
        EXPECT(seen.served[callers[i]] - did[callers[i]] <= 1);
    EXPECT(did[T_ONE_SENDER] + 1 - did[T_ONE_RECEIVER] <= 1 + 2);
    EXPECT(did[T_MANY_SENDER] + 1 - did[T_MANY_RECEIVER] <= 16 + 2);
    EXPECT(did[T_PAGER] + 1 - did[T_PAGED] <= 2);
    EXPECT(out_seen - did[T_OUT] <= 1);
    EXPECT((seen.bits_seen & ~seen.bits_sent) == 0);
    EXPECT(seen.errors == 0);
    EXPECT(tern_job_thaw(job, 0, 0, 0) == OK && tern_cap_delete(process) == OK);
}

/* At any instant; two of three times when that thread has just taken a request. */
static void instant(slot_t job, uint64_t round)
{
    static const unsigned servers[] = {T_COUNT, T_PAGER, T_OS};
    unsigned server = servers[round % COUNT_OF(servers)];
    slot_t process = first_process(job);
    uint64_t until = now() + 1000 * MS;
    pause_ns(random_below(4 * MS));
    while (server != T_COUNT && look(process) == OK && !seen.serves[server] && now() < until)
        (void)tern_yield();
    (void)tern_cap_delete(process);
}

static void run_rounds(slot_t *job)
{
    uint64_t rounds = option("rounds", 10);
    REQUIRE(goes_on(*job));
    for (uint64_t i = 0; i < rounds; i++) {
        instant(*job, i);
        REQUIRE(round_trip(job) == OK);
        if (i % 10 == 9 || i < 3)
            REQUIRE(goes_on(*job));
    }
    REQUIRE(goes_on(*job));
    sys_print("%lu times; calls %lu, messages %lu, ticks %lu, pages %lu, out %lu, clock %lu (%lu "
              "stopped in "
              "the middle), error at line %lu\n",
              rounds, seen.progress[T_CALLER], seen.progress[T_MANY_RECEIVER],
              seen.progress[T_TICKS], seen.progress[T_PAGED], out_seen, seen.progress[T_CLOCK],
              seen.moved, seen.errors);
    sys_print("frozen: %lu running, %lu in issue (%lu in a queue), %lu in reply, %lu in fault, %lu "
              "pages filling\n",
              met.waits[WAIT_RUNNING], met.waits[WAIT_ISSUE], met.turns, met.waits[WAIT_REPLY],
              met.waits[WAIT_FAULT], met.filling);
    if (rounds >= 10) /* else chance may leave one out */
        EXPECT(met.waits[WAIT_RUNNING] != 0 && met.waits[WAIT_ISSUE] != 0 && met.turns != 0 &&
               met.waits[WAIT_REPLY] != 0 && met.waits[WAIT_FAULT] != 0 && met.filling != 0 &&
               seen.moved != 0);
    expect_counts(*job);
}

TEST(checkpoint_is_not_noticed)
{
    slot_t job;
    REQUIRE(begin());
    if (option("refused", 0) != 0) {
        EXPECT(stream_read_in(&job) == ERR_bad_checksum);
        return;
    }
    REQUIRE((option("import", 0) != 0 ? stream_read_in(&job) : job_make(outside, &job)) == OK);
    if (option("import", 0) != 0)
        REQUIRE(tern_job_thaw(job, 0, 0, 0) == OK);
    run_rounds(&job);
    if (option("export", 0) != 0) {
        pause_ns(random_below(4 * MS));
        REQUIRE(save(job) == OK);
        drain(); /* what it had sent when it was frozen */
        stream_write_out();
        checkpoint_forget(&checkpoint);
    }
    EXPECT(tern_object_kill(job) == OK && tern_cap_delete(job) == OK);
}
