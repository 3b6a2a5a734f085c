/*
 * Native test: a device on a PCI bus, QEMU's "edu" (docs/specs/edu.rst of QEMU): its interrupts
 * come by message (PCI Local Bus 3.0, 6.8), and it copies between its buffer and memory by DMA.
 *
 * The test is the driver: it finds the device by the bus's configuration window (bus.h), and holds
 * the capabilities for its registers and interrupts.
 */
#include "bus.h"
#include "sys/child.h"
#include <guest_arch.h>
#include <state.h>
#include <stdatomic.h>

#define BITS        UINT64_C(0x500)
#define EDU_VENDOR  0x1234
#define EDU_DEVICE  0x11e8
#define EDU_BYTES   UINT64_C(0x100000)
#define EDU_BUFFER  UINT64_C(0x40000) /* a page, as its DMA addresses it */
#define COPY_BYTES  UINT64_C(2048)    /* of one copy: not all, QEMU 7.2 takes the end for outside */
#define COPY_WORDS  (COPY_BYTES / 8)
#define EDU_MS      100 /* a copy begins so long after it was asked for */
#define ANY_MESSAGE UINT64_MAX
/* Words of its registers. */
enum { EDU_ALIVE = 1, EDU_RAISE = 24, EDU_ACK = 25, EDU_FROM = 32, EDU_TO = 34, EDU_COUNT = 36 };
enum { EDU_COMMAND = 38, EDU_RUN = 1, EDU_TO_MEMORY = 2, EDU_TELL = 4, EDU_DMA_DONE = 0x100 };

static slot_t edu, irq, port;
static uint64_t edu_identity;
static volatile uint32_t *registers;
static struct pci_device pci;
static struct pci_messages messages;

TEST(device_found)
{
    struct pci_function *found = NULL;
    REQUIRE(bus_open());
    found = bus_find(EDU_VENDOR, EDU_DEVICE, 0);
    REQUIRE(found != NULL && bus_take(found, &pci));
    edu = pci.device;
    edu_identity = bus_identity(found);
    volatile uint8_t *at = NULL;
    REQUIRE(pci_device_bar(&pci, 0, 0, EDU_BYTES, &at) == OK);
    EXPECT(pci_device_bar(&pci, 0, 1, EDU_BYTES, &at) == ERR_malformed);
    EXPECT(pci_device_bar(&pci, 1, 0, 1, &at) == ERR_malformed);
    EXPECT(pci_device_bar(&pci, PCI_BARS, 0, 1, &at) == ERR_malformed);
    registers = (volatile uint32_t *)pci.bars[0].at;
    registers[EDU_ALIVE] = 0x12345678;
    EXPECT(registers[EDU_ALIVE] == ~0x12345678u);
}

/* Tells the device where to write what. */
static void message_set(uint64_t address, uint64_t data)
{
    pci_messages_enable(&messages, false);
    EXPECT(pci_message_set(&messages, 0, address, data) == OK);
    pci_messages_enable(&messages, true);
}

static void edu_raise(void)
{
    registers[EDU_RAISE] = 1;
    registers[EDU_ACK] = 1;
}

TEST(message_of_the_device)
{
    uint64_t address = 0, data = 0;
    REQUIRE(registers != NULL && pci_messages_open(&messages, &pci) == OK);
    REQUIRE(sys_port_create(0, &port) == OK);
    REQUIRE(create(OBJECT_irq, edu, ANY_MESSAGE, &irq) == OK);
    EXPECT(tern_irq_bind(irq, port, BITS, &address, &data) == OK);
    EXPECT(address != 0);
    message_set(address, data);
    for (unsigned i = 0; i < 20; i++) {
        EXPECT(bits_until(port, DEADLINE_POLL) == 0);
        edu_raise();
        EXPECT(bits_within(port, LONG_MS) == BITS);
        EXPECT(tern_irq_acknowledge(irq) == OK);
    }
}

/* Those that come before the acknowledgement are told by it, once. */
TEST(messages_not_acknowledged)
{
    REQUIRE(irq.value != 0);
    edu_raise();
    EXPECT(bits_within(port, LONG_MS) == BITS);
    for (unsigned i = 0; i < 10; i++)
        edu_raise();
    EXPECT(bits_within(port, 3) == 0);
    EXPECT(tern_irq_acknowledge(irq) == OK);
    EXPECT(bits_within(port, LONG_MS) == BITS);
    EXPECT(tern_irq_acknowledge(irq) == OK);
    (void)bits_within(port, 3); /* a controller may keep one while the line is masked */
    EXPECT(tern_irq_acknowledge(irq) == OK);
    EXPECT(bits_within(port, 3) == 0);
}

/* Two lines of one device; what names neither raises neither. */
TEST(messages_of_two_lines)
{
    uint64_t address[2] = {0}, data[2] = {0};
    slot_t other = {0};
    REQUIRE(irq.value != 0);
    REQUIRE(create(OBJECT_irq, edu, ANY_MESSAGE, &other) == OK);
    EXPECT(tern_irq_bind(irq, port, 1, &address[0], &data[0]) == OK);
    EXPECT(tern_irq_bind(other, port, 2, &address[1], &data[1]) == OK);
    EXPECT(address[0] != address[1] || data[0] != data[1]);
    for (unsigned i = 0; i < 10; i++) {
        message_set(address[i % 2], data[i % 2]);
        edu_raise();
        EXPECT(bits_within(port, LONG_MS) == 1u + i % 2);
        EXPECT(tern_irq_acknowledge(i % 2 == 0 ? irq : other) == OK);
    }
    drop(other);
    for (unsigned i = 0; i < 100; i++)
        (void)tern_yield(); /* the reaper's work */
    edu_raise();
    EXPECT(bits_within(port, 3) == 0);
    message_set(address[0], data[0]);
    edu_raise();
    EXPECT(bits_within(port, LONG_MS) == 1);
    EXPECT(tern_irq_acknowledge(irq) == OK);
}

/* --- which CPU a message goes to --- */

/* A thread that is bound to a CPU, and waits for the messages there. */
struct listener {
    slot_t thread;
    bool binds;
    _Atomic(uint64_t) ready, heard;
};
static struct listener listeners[2];

static uint64_t listen(void *argument, void *page)
{
    struct listener *self = argument;
    struct message message = {0};
    uint64_t address = 0, data = 0;
    (void)page;
    if (self->binds) {
        EXPECT(tern_irq_bind(irq, port, BITS, &address, &data) == OK);
        message_set(address, data);
    }
    atomic_store(&self->ready, 1);
    while (tern_port_receive(port, NO_SLOT, &message, DEADLINE_NEVER) == OK)
        atomic_fetch_add(&self->heard, message.word[0] == BITS);
    return 0;
}

/* It runs nowhere before it is bound. The first binds in the first round, the second in the next.
 */
static void listener_start(unsigned n, unsigned round)
{
    struct listener *self = &listeners[n];
    struct state_thread_basic *basic = sys_page;
    *self = (struct listener){.binds = n == round};
    unsigned number = 1 + n + 2 * round; /* 0 stays free for children */
    REQUIRE(sys_child_thread_make(JOB, self_process(), number, listen, self, &self->thread) == OK);
    *basic = (struct state_thread_basic){.affinity0 = UINT64_C(1) << n};
    EXPECT(tern_object_set(self->thread, STATE_thread_basic, STATE_BIT(thread, basic, affinity0),
                           sizeof(*basic), NO_SLOT) == OK);
    EXPECT(sys_child_start(self->thread, number) == OK);
    while (atomic_load(&self->ready) == 0)
        (void)tern_yield();
}

static uint64_t cpu_count(void)
{
    uint64_t size, next;
    EXPECT(tern_object_info(JOB, STATE_job_basic, 0, &size, &next) == OK);
    return ((const struct state_job_basic *)sys_page)->cpu_share / 1000;
}

/* A port wakes a receiver of the CPU on which it is signalled, if there is one; so the other thread
 * hears only what comes before the first waits again. */
TEST(message_to_the_cpu_that_binds)
{
    enum { COUNT = 20 };
    slot_t own = {0};
    REQUIRE(irq.value != 0 && sys_port_create(0, &own) == OK);
    for (unsigned binder = 0; binder < 2; binder++) {
        for (unsigned n = 0; n < 2; n++)
            listener_start(n, binder);
        for (unsigned i = 0; i < COUNT; i++) {
            uint64_t end = clock_now() + LONG_MS * MS;
            (void)bits_within(own, 1);
            edu_raise();
            while (atomic_load(&listeners[0].heard) + atomic_load(&listeners[1].heard) <= i &&
                   clock_now() < end)
                (void)tern_yield();
            EXPECT(tern_irq_acknowledge(irq) == OK);
        }
        EXPECT(listeners[0].heard + listeners[1].heard == COUNT);
        EXPECT(cpu_count() == 1 || listeners[binder].heard > COUNT / 2);
        for (unsigned n = 0; n < 2; n++) {
            EXPECT(tern_object_kill(listeners[n].thread) == OK);
            drop(listeners[n].thread);
        }
    }
    drop(own);
}

/* What is no message, has no device. */
TEST(message_arguments)
{
    slot_t made = {0}, weak = derive(edu, RIGHTS_ALL & ~(uint64_t)RIGHT_drive);
    EXPECT(create(OBJECT_irq, edu, 1, &made) == ERR_bad_argument);
    EXPECT(create(OBJECT_irq, weak, ANY_MESSAGE, &made) == ERR_denied);
    EXPECT(create(OBJECT_irq, port, ANY_MESSAGE, &made) == ERR_denied);
    drop(weak);
}

/* --- DMA --- */

/* A copy between the device's buffer and `address`, when the device gets to it. */
static void edu_copy(uint64_t from, uint64_t to, uint32_t how)
{
    volatile uint64_t *wide = (volatile uint64_t *)registers;
    wide[EDU_FROM / 2] = from;
    wide[EDU_TO / 2] = to;
    wide[EDU_COUNT / 2] = COPY_BYTES;
    wide[EDU_COMMAND / 2] = EDU_RUN | EDU_TELL | how;
}

static bool edu_copied(void)
{
    uint64_t bits = bits_within(port, LONG_MS);
    registers[EDU_ACK] = EDU_DMA_DONE;
    EXPECT(tern_irq_acknowledge(irq) == OK);
    return bits != 0;
}

static void fill(volatile uint64_t *words, uint64_t first)
{
    for (unsigned i = 0; i < COPY_WORDS; i++)
        words[i] = first + i;
}

/* How many words of a copy are as `fill` left them. */
static unsigned filled(const volatile uint64_t *words, uint64_t first)
{
    unsigned same = 0;
    for (unsigned i = 0; i < COPY_WORDS; i++)
        same += words[i] == first + i;
    return same;
}

#define WINDOW AREA(1)

/* The first page through the device into the third. */
TEST(dma_both_ways)
{
    const uint64_t *addresses = sys_page;
    slot_t memory = memory_make(3);
    REQUIRE(irq.value != 0 && map(memory, 0, WINDOW, 3, RW) == OK);
    volatile uint64_t *words = word_at(WINDOW);
    fill(words, 7);
    EXPECT(tern_dma_map(edu, memory, 0, 3 * PAGE) == OK);
    uint64_t first = addresses[0], third = addresses[2], bits = 0, round = 0;
    edu_copy(first, EDU_BUFFER, 0);
    EXPECT(edu_copied());
    fill(words, 0);
    EXPECT(tern_memory_dirty(memory, 0, 0, 3, (uaddr_t){(uintptr_t)&bits}, &round) == OK);
    edu_copy(EDU_BUFFER, third, EDU_TO_MEMORY);
    EXPECT(edu_copied());
    EXPECT(filled(words + 2 * PAGE / 8, 7) == COPY_WORDS && filled(words, 0) == COPY_WORDS);
    /* Nobody saw the device write: all that it may have written counts. */
    bits = 0;
    EXPECT(tern_memory_dirty(memory, round, 0, 3, (uaddr_t){(uintptr_t)&bits}, &round) == OK);
    EXPECT(bits == 7);
    EXPECT(tern_dma_unmap(edu, memory, 0, 3 * PAGE) == OK);
    (void)tern_memory_dirty(memory, round, 0, 3, (uaddr_t){(uintptr_t)&bits}, &round);
    EXPECT(tern_memory_dirty(memory, round, 0, 3, (uaddr_t){(uintptr_t)&bits}, &round) == OK);
    EXPECT(bits == 0);
    EXPECT(unmap(WINDOW, 3) == OK);
    drop(memory);
}

/* What a device may write to stays where it is, whatever is done to the object. */
TEST(dma_pages_stay)
{
    const uint64_t *addresses = sys_page;
    slot_t memory = memory_make(4), copy = memory_make(4);
    REQUIRE(irq.value != 0 && map(memory, 0, WINDOW, 4, RW) == OK);
    fill(word_at(WINDOW + 2 * PAGE), 9);
    EXPECT(tern_dma_map(edu, memory, 2 * PAGE, PAGE) == OK);
    uint64_t address = addresses[0];
    EXPECT(commit(memory, 2, 1, COMMIT_ZERO) == ERR_busy);
    EXPECT(commit(memory, 2, 1, COMMIT_ABSENT) == ERR_busy);
    EXPECT(tern_memory_resize(memory, PAGE) == ERR_busy);
    EXPECT(tern_memory_resize(memory, 3 * PAGE) == OK);
    EXPECT(clone(memory, 2, copy, 2, 1) ==
           OK); /* a copy at once: the device writes to ours alone */
    EXPECT(unmap(WINDOW, 4) == OK);
    edu_copy(address, EDU_BUFFER, 0);
    EXPECT(edu_copied());
    EXPECT(put(memory, 2, 1) == OK); /* also the kernel's writes go to that page */
    edu_copy(EDU_BUFFER, address, EDU_TO_MEMORY);
    EXPECT(edu_copied());
    EXPECT(get(memory, 2) == 9 && get(copy, 2) == 9);
    EXPECT(put(memory, 2, 1) == OK && get(copy, 2) == 9);
    EXPECT(tern_dma_unmap(edu, memory, 2 * PAGE, PAGE) == OK);
    EXPECT(commit(memory, 2, 1, COMMIT_ZERO) == OK && get(memory, 2) == 0);
    drop(memory);
    drop(copy);
}

/* --- a driver that dies --- */

enum { DRIVER_DEVICE = 1, DRIVER_MEMORY = 2 };
#define DRIVER_PAGES 4
#define SHARED_VA    AREA(2)

static uint64_t driver(void *argument, void *page)
{
    volatile uint64_t *told = word_at(SHARED_VA);
    const uint64_t *addresses = page;
    (void)argument;
    told[1] = (uint64_t)tern_dma_map(sys_child_slot(DRIVER_DEVICE), sys_child_slot(DRIVER_MEMORY),
                                     0, DRIVER_PAGES * PAGE);
    told[2] = addresses[0];
    told[0] = 1;
    for (;;)
        (void)tern_yield();
}

/* Starts it with all that it has in a job of its own; the page's address. */
static uint64_t driver_start(slot_t *job)
{
    slot_t process = {0}, thread = {0}, memory = {0}, shared = memory_make(1);
    EXPECT(create(OBJECT_job, NO_SLOT, 0, job) == OK);
    EXPECT(sys_child_create(*job, &process) == OK);
    EXPECT(tern_object_create(*job, OBJECT_memory, NO_SLOT, DRIVER_PAGES * PAGE, &memory) == OK);
    EXPECT(map(shared, 0, SHARED_VA, 1, RW) == OK);
    EXPECT(tern_space_map(process, shared, 0, (uaddr_t){SHARED_VA}, PAGE, RW) == OK);
    EXPECT(sys_child_give(process, DRIVER_DEVICE, edu, RIGHT_drive, 0) == OK);
    EXPECT(sys_child_give(process, DRIVER_MEMORY, memory, RIGHTS_ALL, 0) == OK);
    EXPECT(sys_child_thread(*job, process, 0, driver, NULL, &thread) == OK);
    EXPECT(word_becomes(word_at(SHARED_VA), 1) && word_at(SHARED_VA)[1] == OK);
    uint64_t address = word_at(SHARED_VA)[2];
    EXPECT(unmap(SHARED_VA, 1) == OK);
    EXPECT(tern_object_kill(*job) == OK);
    drop(memory);
    drop(shared);
    drop(thread);
    drop(process);
    return address;
}

static uint64_t memory_used(slot_t job)
{
    uint64_t size, next;
    EXPECT(tern_object_info(job, STATE_job_basic, 0, &size, &next) == OK);
    return ((const struct state_job_basic *)sys_page)->memory_used;
}

/* Until the job uses at most so much: what it has left. */
static uint64_t used_falls_to(slot_t job, uint64_t most)
{
    uint64_t used = memory_used(job), end = clock_now() + LONG_MS * MS;
    while (used > most && clock_now() < end) {
        (void)tern_yield();
        used = memory_used(job);
    }
    return used;
}

/*
 * The driver dies while the device has its pages, then writes to them: they are nobody else's, and
 * still the dead job's charge, until the device was reset.
 */
TEST(dma_after_the_drivers_death)
{
    enum { PAGES = 512 };
    slot_t job = {0}, memory = memory_make(PAGES);
    REQUIRE(irq.value != 0 && map(memory, 0, WINDOW, PAGES, RW) == OK);
    uint64_t address = driver_start(&job);
    EXPECT(used_falls_to(job, (DRIVER_PAGES + 4) * PAGE) >= DRIVER_PAGES * PAGE);
    for (unsigned i = 0; i < PAGES; i++)
        fill(word_at(WINDOW + i * PAGE), i);
    edu_copy(EDU_BUFFER, address, EDU_TO_MEMORY);
    EXPECT(edu_copied());
    unsigned same = 0;
    for (unsigned i = 0; i < PAGES; i++)
        same += filled(word_at(WINDOW + i * PAGE), i) == COPY_WORDS;
    EXPECT(same == PAGES);
    EXPECT(memory_used(job) >= DRIVER_PAGES * PAGE);
    EXPECT(tern_device_reset(edu) == OK);
    EXPECT(used_falls_to(job, 0) == 0);
    EXPECT(unmap(WINDOW, PAGES) == OK);
    drop(job);
    drop(memory);
}

/* The line and the device go; the device can be had again. */
TEST(device_ends)
{
    slot_t again = {0};
    const struct abi_device_range none[2] = {{0}};
    REQUIRE(irq.value != 0);
    EXPECT(device_create(edu_identity, none, &again) == ERR_exists);
    drop(irq);
    drop(edu);
    EXPECT(device_create(edu_identity, none, &again) == OK);
    EXPECT(create(OBJECT_irq, again, ANY_MESSAGE, &irq) == OK);
    drop(irq);
    drop(again);
}
