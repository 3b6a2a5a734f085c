/* Native test: every call that there is, with nothing given and with wrong numbers. */
#include "lib/types.h"
#include "sys/call.h"
#include "sys/print.h"
#include "test.h"
#include <root.h>

#define NO_SLOT ((slot_t){UINT64_C(12345) << 32 | 999})

static const char *const names[SYSCALL_LIMIT] = {
#define SYSCALL(number, name, manner, right, text, parameters, errors) [number] = #name,
#define RAW_SYSCALL                                                    SYSCALL
#include <syscall.def>
#undef SYSCALL
#undef RAW_SYSCALL
};

#define E(name) | UINT64_C(1) << ERR_##name
static const uint64_t errors_of[SYSCALL_LIMIT] = {
#define SYSCALL(number, name, manner, right, text, parameters, errors)                             \
    [number] = UINT64_C(1) << ERR_ok errors,
#define RAW_SYSCALL SYSCALL
#include <syscall.def>
#undef SYSCALL
#undef RAW_SYSCALL
};
#undef E

static error_t issue(uint64_t number, uint64_t value)
{
    struct abi_call call = {.control = number};
    for (unsigned i = 0; i < COUNT_OF(call.operand); i++)
        call.operand[i] = value;
    for (unsigned i = 0; i < COUNT_OF(call.word); i++)
        call.word[i] = value;
    abi_call(&call);
    return abi_status(&call);
}

TEST(syscall_null)
{
    EXPECT(tern_null() == OK);
}

TEST(syscall_unknown_number)
{
    for (uint64_t number = 0; number < 256; number++)
        if (number >= SYSCALL_LIMIT || names[number] == NULL)
            EXPECT(issue(number, 0) == ERR_no_call);
}

/* Each call, its registers full of one value after another, returns only what its entry says. */
TEST(syscall_errors_as_listed)
{
    static const uint64_t values[] = {0,
                                      999,
                                      UINT64_MAX,
                                      UINT64_C(1) << 63,
                                      UINT64_C(0xffffffff80000000),
                                      UINT64_C(0x00007fffffffffff),
                                      UINT64_C(0x0000800000000000)};
    for (uint64_t number = 0; number < SYSCALL_LIMIT; number++) {
        if (names[number] == NULL || number == CALL_thread_exit)
            continue;
        for (unsigned i = 0; i < COUNT_OF(values); i++) {
            error_t error = issue(number, values[i]);
            if ((errors_of[number] >> error & 1) == 0)
                sys_print("%s: %s\n", names[number], error_text(error));
            EXPECT((errors_of[number] >> error & 1) != 0);
        }
    }
}

TEST(syscall_bad_slots)
{
    slot_t derived = {0};
    EXPECT(tern_cap_delete(NO_SLOT) == ERR_bad_slot);
    EXPECT(tern_cap_delete((slot_t){0}) == ERR_bad_slot);
    EXPECT(tern_cap_revoke(NO_SLOT) == ERR_bad_slot);
    EXPECT(tern_cap_derive(NO_SLOT, (rights_t){RIGHTS_ALL}, 0, &derived) == ERR_bad_slot);
    EXPECT(derived.value == 0);
    EXPECT(tern_object_create(NO_SLOT, OBJECT_port, (slot_t){0}, 0, &derived) == ERR_bad_slot);
    /* A capability of another kind lacks the right. */
    slot_t thread = root_slot(ROOT_SLOT_THREAD);
    EXPECT(tern_object_create(thread, OBJECT_port, (slot_t){0}, 0, &derived) == ERR_denied);
}

TEST(syscall_debug_write_addresses)
{
    static const char text[] = "text\n";
    EXPECT(tern_debug_write((uaddr_t){(uintptr_t)text}, sizeof(text) - 1) == OK);
    EXPECT(tern_debug_write((uaddr_t){(uintptr_t)text}, 0) == OK);
    EXPECT(tern_debug_write((uaddr_t){(uintptr_t)text}, DEBUG_WRITE_MAX + 1) == ERR_bad_argument);
    EXPECT(tern_debug_write((uaddr_t){0}, 1) == ERR_bad_address);
    EXPECT(tern_debug_write((uaddr_t){UINT64_C(0xffffffff80200000)}, 16) == ERR_bad_address);
    EXPECT(tern_debug_write((uaddr_t){UINT64_C(0xffff800000000000)}, 16) == ERR_bad_address);
    EXPECT(tern_debug_write((uaddr_t){UINT64_MAX}, 2) == ERR_bad_address);
}

TEST(syscall_clock_goes_on)
{
    uint64_t before = 0, after = 0;
    EXPECT(tern_clock_read(&before) == OK);
    EXPECT(tern_yield() == OK);
    EXPECT(tern_clock_read(&after) == OK);
    EXPECT(before > 0 && after >= before);
}
