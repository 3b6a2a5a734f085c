/*
 * ACPI's FADT and the one object of the DSDT that switching off needs.
 *
 * Rules: the FADT is read as the newest revision, with zeros where it is shorter. The wide
 * registers (X_) win over the old port numbers where they name anything. No AML is run: \_S5 is
 * found by its encoding.
 */
#include "boot/acpi.h"
#include "lib/string.h"

/* 5.2.9 */
struct acpi_fadt {
    struct acpi_header header;
    uint32_t facs, dsdt;
    uint8_t reserved, profile;
    uint16_t sci;
    uint32_t smi_command;
    uint8_t acpi_enable, acpi_disable, s4_request, pstate_control;
    uint32_t pm1a_event, pm1b_event, pm1a_control, pm1b_control, pm2_control, pm_timer;
    uint32_t gpe0, gpe1;
    uint8_t pm1_event_size, pm1_control_size, pm2_control_size, pm_timer_size;
    uint8_t gpe0_size, gpe1_size, gpe1_base, cstate_control;
    uint16_t c2_latency, c3_latency, flush_size, flush_stride;
    uint8_t duty_offset, duty_width, day_alarm, month_alarm, century;
    uint16_t boot_flags_pc;
    uint8_t reserved2;
    uint32_t flags;
    struct acpi_address reset;
    uint8_t reset_value;
    uint16_t boot_flags_psci;
    uint8_t minor;
    uint64_t x_facs, x_dsdt;
    struct acpi_address x_pm1a_event, x_pm1b_event, x_pm1a_control, x_pm1b_control;
    struct acpi_address x_pm2_control, x_pm_timer, x_gpe0, x_gpe1;
    struct acpi_address sleep_control, sleep_status;
} __attribute__((packed));

_Static_assert(offsetof(struct acpi_fadt, flags) == 112, "ACPI 5.2.9");
_Static_assert(offsetof(struct acpi_fadt, x_dsdt) == 140, "ACPI 5.2.9");
_Static_assert(offsetof(struct acpi_fadt, sleep_control) == 244, "ACPI 5.2.9");

enum fadt_flags {
    FADT_TIMER_32BIT = 1 << 8,
    FADT_RESET = 1 << 10,
    FADT_HARDWARE_REDUCED = 1 << 20,
};

enum fadt_psci_flags {
    FADT_PSCI = 1 << 0,
    FADT_PSCI_HVC = 1 << 1,
};

/* 19.6 and 20.2: the opcodes in and around \_S5. */
enum aml_opcode {
    AML_ZERO = 0x00,
    AML_ONE = 0x01,
    AML_NAME = 0x08,
    AML_BYTE = 0x0a,
    AML_WORD = 0x0b,
    AML_DWORD = 0x0c,
    AML_PACKAGE = 0x12,
};

#define SLEEP_TYPE 7u /* SLP_TYP has three bits */

/* A place in AML. */
struct aml_cursor {
    const uint8_t *at, *end;
};

static bool aml_byte(struct aml_cursor *cursor, uint8_t *byte)
{
    if (cursor->at == cursor->end)
        return false;
    *byte = *cursor->at++;
    return true;
}

/* 20.2.3: an integer; of the longer ones the low byte is enough for a sleep type. */
static bool aml_sleep_type(struct aml_cursor *cursor, uint8_t *type)
{
    uint8_t opcode = 0, value = 0;
    if (!aml_byte(cursor, &opcode))
        return false;
    if (opcode == AML_ZERO || opcode == AML_ONE) {
        *type = opcode;
        return true;
    }
    if (opcode < AML_BYTE || opcode > AML_DWORD || !aml_byte(cursor, &value))
        return false;
    *type = value & SLEEP_TYPE;
    size_t more = opcode == AML_BYTE ? 0 : opcode == AML_WORD ? 1 : 3;
    if ((size_t)(cursor->end - cursor->at) < more)
        return false;
    cursor->at += more;
    return true;
}

/* 20.2.5.4: a package's head: opcode, length in 1 to 4 bytes, number of elements. */
static bool aml_package(struct aml_cursor *cursor, uint8_t *count)
{
    uint8_t opcode = 0, lead = 0;
    if (!aml_byte(cursor, &opcode) || opcode != AML_PACKAGE || !aml_byte(cursor, &lead))
        return false;
    for (uint8_t follow = lead >> 6; follow > 0; follow--) {
        if (!aml_byte(cursor, count))
            return false;
    }
    return aml_byte(cursor, count);
}

/* Reads the package behind the name at `cursor`; 7.4.2 says what its elements are. */
static bool aml_read_s5(struct machine *machine, struct aml_cursor cursor)
{
    uint8_t count = 0, a = 0, b = 0;
    if (!aml_package(&cursor, &count) || count == 0 || !aml_sleep_type(&cursor, &a))
        return false;
    if (count >= 2 && !aml_sleep_type(&cursor, &b))
        return false;
    machine->s5_type_a = a;
    machine->s5_type_b = b;
    machine->has_s5 = true;
    return true;
}

/* True if the name at `at` is being defined: Name(_S5_, or Name(\_S5_, */
static bool aml_is_definition(const uint8_t *start, const uint8_t *at)
{
    size_t before = (size_t)(at - start);
    return (before >= 1 && at[-1] == AML_NAME) ||
           (before >= 2 && at[-1] == '\\' && at[-2] == AML_NAME);
}

static void read_s5(struct machine *machine, const struct acpi_table *dsdt)
{
    static const char name[4] = "_S5_";
    const uint8_t *start = dsdt->bytes + sizeof(struct acpi_header);
    const uint8_t *end = dsdt->bytes + dsdt->size;
    for (const uint8_t *at = start; (size_t)(end - at) >= sizeof(name); at++) {
        if (at[0] != '_' || memcmp(at, name, sizeof(name)) != 0 || !aml_is_definition(start, at))
            continue;
        if (aml_read_s5(machine, (struct aml_cursor){at + sizeof(name), end}))
            return;
        machine_fault(machine, "DSDT: \\_S5", ERR_malformed);
    }
}

/* The wide form of a register, or else the old form, a port number. */
static struct machine_register fadt_register(const struct acpi_address *wide, uint32_t port,
                                             uint8_t size)
{
    struct machine_register place = acpi_register(wide);
    if (place.space != SPACE_NONE || port == 0)
        return place;
    return (struct machine_register){SPACE_PORT, port, (uint8_t)(size * 8)};
}

static void read_pm_timer(struct machine *machine, const struct acpi_fadt *fadt)
{
    struct machine_register timer =
        fadt_register(&fadt->x_pm_timer, fadt->pm_timer, fadt->pm_timer_size);
    if (timer.space != SPACE_PORT || timer.address > UINT16_MAX)
        return;
    machine->pm_timer_port = (uint32_t)timer.address;
    machine->pm_timer_32bit = (fadt->flags & FADT_TIMER_32BIT) != 0;
}

static void read_reset(struct machine *machine, const struct acpi_fadt *fadt)
{
    if ((fadt->flags & FADT_RESET) == 0)
        return;
    machine->reset = acpi_register(&fadt->reset);
    machine->reset_value = fadt->reset_value;
}

/* 4.8.3 and 4.8.3.7: which registers take the sleep type. */
static void read_sleep(struct machine *machine, const struct acpi_fadt *fadt)
{
    if ((fadt->flags & FADT_HARDWARE_REDUCED) != 0) {
        machine->sleep_control = acpi_register(&fadt->sleep_control);
    } else {
        machine->pm1a_control =
            fadt_register(&fadt->x_pm1a_control, fadt->pm1a_control, fadt->pm1_control_size);
        machine->pm1b_control =
            fadt_register(&fadt->x_pm1b_control, fadt->pm1b_control, fadt->pm1_control_size);
        read_pm_timer(machine, fadt);
    }
    if (machine->sleep_control.space != SPACE_NONE || machine->pm1a_control.space != SPACE_NONE)
        machine->power = POWER_ACPI;
}

void acpi_read_power(struct machine *machine, const struct acpi_table *table)
{
    struct acpi_fadt fadt;
    struct acpi_table dsdt;
    acpi_copy(table, &fadt, sizeof(fadt));
    read_sleep(machine, &fadt);
    read_reset(machine, &fadt);
    if ((fadt.boot_flags_psci & FADT_PSCI) != 0)
        machine->power =
            (fadt.boot_flags_psci & FADT_PSCI_HVC) != 0 ? POWER_PSCI_HVC : POWER_PSCI_SMC;
    uint64_t place = fadt.x_dsdt != 0 ? fadt.x_dsdt : fadt.dsdt;
    if (acpi_open_as(machine, PHYS(place), "DSDT", &dsdt))
        read_s5(machine, &dsdt);
}
