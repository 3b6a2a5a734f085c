/* Services: typed lookup by privilege. */
#include "boot/service.h"
#include "lib/string.h"
#include "unit.h"

static const struct power_service power = {0}, other_power = {0};
static const struct interrupt_service interrupt = {0};

TEST(service_before_it_is_provided)
{
    error_t error = OK;
    EXPECT(service_power(PRIVILEGE_CORE, &error) == NULL);
    EXPECT(error == ERR_not_found);
}

TEST(service_provided_once)
{
    error_t error = ERR_timeout;
    EXPECT(service_provide_power(&power) == OK);
    EXPECT(service_provide_power(&other_power) == ERR_exists);
    EXPECT(service_power(PRIVILEGE_TOOL, &error) == &power);
    EXPECT(error == OK);
    EXPECT(service_memory(PRIVILEGE_TOOL, &error) == NULL && error == ERR_not_found);
}

/* Interrupt lines are for drivers: a tool may not even learn whether they are there. */
TEST(service_denied_to_low_privilege)
{
    error_t error = OK;
    EXPECT(service_interrupt(PRIVILEGE_TOOL, &error) == NULL && error == ERR_denied);
    EXPECT(service_provide_interrupt(&interrupt) == OK);
    EXPECT(service_interrupt(PRIVILEGE_TOOL, &error) == NULL && error == ERR_denied);
    EXPECT(service_interrupt(PRIVILEGE_DRIVER, &error) == &interrupt && error == OK);
    EXPECT(service_interrupt(PRIVILEGE_CORE, &error) == &interrupt && error == OK);
}

static uint32_t rows, provided;

static void row_check(const struct service_row *row)
{
    rows++;
    provided += row->provided;
    EXPECT(row->provided == (strcmp(row->name, "power") == 0));
    EXPECT(row->what[0] != 0);
}

TEST(service_each_lists_all)
{
    EXPECT(service_provide_power(&power) == OK);
    service_each(row_check);
    EXPECT(rows == 5 && provided == 1);
}

static void provide_nothing(void *context)
{
    (void)context;
    (void)service_provide_clock(NULL);
}

TEST(service_null_is_a_bug)
{
    EXPECT(unit_panics(provide_nothing, NULL));
}
