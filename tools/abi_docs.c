/*
 * Prints the pages of docs/abi/ from the lists of abi/: `abi_docs PAGE`, where PAGE is one of
 * syscalls, errors, objects, rights, messages, state, ipc. A host program, built and run by `make
 * docs`.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <syscall.h>

static const char generated[] = "Made from `%s` by `make docs`; not to be edited.\n\n";

static void heading(const char *title, const char *list)
{
    printf("# %s\n\n", title);
    printf(generated, list);
}

/* --- system calls --- */

struct parameter {
    const char *way, *type, *name; /* way NULL: the last */
};

struct call {
    int number;
    const char *name, *manner, *right, *text, *errors;
    bool raw;
    struct parameter parameters[1 + SYSCALL_WORDS_IN + SYSCALL_WORDS_OUT];
};

#define SHOW(way, type, name)     SHOW_##way(#way, #type, #name) SYSCALL_GO_##way(SHOW_ON)
#define SHOW_ON(way, type, name)  SHOW_##way(#way, #type, #name) SYSCALL_GO_##way(SHOW)
#define SHOW_ONE(way, type, name) {way, type, name},
#define SHOW_on(way, type, name)  SHOW_ONE(way, type, name)
#define SHOW_in(way, type, name)  SHOW_ONE(way, type, name)
#define SHOW_out(way, type, name) SHOW_ONE(way, type, name)
#define SHOW_at1(way, type, name) SHOW_ONE(way, type, name)
#define SHOW_at2(way, type, name) SHOW_ONE(way, type, name)
#define SHOW_at3(way, type, name) SHOW_ONE(way, type, name)
#define SHOW_end(way, type, name) {NULL, NULL, NULL},
#define E(name)                   " " #name
static const struct call calls[] = {
#define SYSCALL(number, name, manner, right, text, parameters, errors)                             \
    {number, #name, #manner, #right, text, "" errors, false, {SHOW parameters(end, , )}},
#define RAW_SYSCALL(number, name, manner, right, text, parameters, errors)                         \
    {number, #name, #manner, #right, text, "" errors, true, {SHOW parameters(end, , )}},
#include <syscall.def>
#undef SYSCALL
#undef RAW_SYSCALL
};
#undef E

/* The register of a parameter in words; `in` and `out` count. */
static void print_place(const struct parameter *parameter, int *in, int *out)
{
    if (strcmp(parameter->way, "on") == 0)
        printf("operand 0");
    else if (strncmp(parameter->way, "at", 2) == 0)
        printf("operand %s", parameter->way + 2);
    else if (strcmp(parameter->way, "out") == 0)
        printf("result, word %d", (*out)++);
    else if (*in < MESSAGE_WORDS)
        printf("word %d", (*in)++);
    else
        printf("operand %d", (*in)++ - MESSAGE_WORDS + 1);
}

static void print_parameters(const struct call *call)
{
    int in = 0, out = 0;
    if (call->parameters[0].way == NULL)
        return;
    printf("| parameter | type | place |\n|---|---|---|\n");
    for (const struct parameter *one = call->parameters; one->way != NULL; one++) {
        printf("| %s | %s | ", one->name, one->type);
        print_place(one, &in, &out);
        printf(" |\n");
    }
    printf("\n");
}

static void print_call(const struct call *call)
{
    static const struct {
        const char *name, *text;
    } manners[] = {
        {"ATOMIC", "atomic"}, {"WAITS", "may wait"}, {"LONG", "in steps, issued again until done"}};
    printf("## %d %s\n\n%s\n\n", call->number, call->name, call->text);
    for (size_t i = 0; i < sizeof(manners) / sizeof(manners[0]); i++)
        if (strcmp(manners[i].name, call->manner) == 0)
            printf("Manner: %s.", manners[i].text);
    if (call->raw)
        printf(" Label and words are the message's.");
    if (strcmp(call->right, "none") != 0)
        printf(" Right: %s.", call->right);
    printf(" Errors:%s.\n\n", call->errors[0] != 0 ? call->errors : " none");
    print_parameters(call);
}

static void page_syscalls(void)
{
    heading("System calls", "abi/syscall.def");
    printf("Operands, label and words: `abi/abi.h`; registers: `abi/arch/`. The control word takes "
           "the number and\nbrings the status. A number that is not here returns no_call.\n\n");
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        print_call(&calls[i]);
}

/* --- the small lists --- */

static void page_errors(void)
{
    heading("Errors", "abi/error.def");
    printf("| number | name | meaning |\n|---|---|---|\n");
#define ERROR(number, name, text) printf("| %d | %s | %s |\n", number, #name, text);
#include <error.def>
#undef ERROR
}

static void page_objects(void)
{
    heading("Kinds of objects", "abi/object.def");
    printf("A job that holds something that does not travel cannot be moved.\n\n");
    printf("| number | kind | travels | what it is |\n|---|---|---|---|\n");
#define OBJECT(number, name, exportable, text)                                                     \
    printf("| %d | %s | %s | %s |\n", number, #name, (exportable) ? "yes" : "no", text);
#include <object.def>
#undef OBJECT
}

static void page_rights(void)
{
    heading("Rights", "abi/right.def");
    printf("| bit | name | kinds | what it allows |\n|---|---|---|---|\n");
#define RIGHT(bit, name, kinds, text) printf("| %d | %s | %s | %s |\n", bit, #name, #kinds, text);
#include <right.def>
#undef RIGHT
}

static void page_messages(void)
{
    heading("Kinds of messages", "abi/message.def`, `fault.def` and `exit.def");
    printf("What a receive brings, in bits 8 to 15 of the control word. Held: the thread that it "
           "comes from stays as\nit is until it is answered.\n\n");
    printf("| number | kind | what it is |\n|---|---|---|\n");
#define MESSAGE(number, name, text) printf("| %d | %s | %s |\n", number, #name, text);
#include <message.def>
#undef MESSAGE
    printf("\n## Faults\n\n| number | class | what happened |\n|---|---|---|\n");
#define FAULT(number, name, text) printf("| %d | %s | %s |\n", number, #name, text);
#include <fault.def>
#undef FAULT
    printf("\n## Ends of threads\n\n| number | reason | what happened |\n|---|---|---|\n");
#define EXIT(number, name, text) printf("| %d | %s | %s |\n", number, #name, text);
#include <exit.def>
#undef EXIT
}

static void page_state(void)
{
    heading("State of objects", "abi/state.def");
    printf("What object_info reads and object_set sets. read: only read; set: can be set; import: "
           "can be set by who also\nhas control of a job that the object is in. A field of type "
           "object_t shows another object's identity, and is set\nto a capability of the caller's. "
           "Besides: `registers` (1) and `fpu` (2) of a thread, `bytes` (2) of a port.\n");
#define STATE(kind, part, number, text)                                                            \
    printf("\n## %s, %s (%d)\n\n%s.\n\n", #kind, #part, number, text);                             \
    printf("| field | type | | what it is |\n|---|---|---|---|\n");
#define FIELD(how, type, name, text) printf("| %s | %s | %s | %s |\n", #name, #type, #how, text);
#define END(kind, part)
#define LINK(kind, number, name, right, text)
#include <state.def>
#undef STATE
#undef FIELD
#undef LINK
    printf("\n## Links\n\nWhat object_open opens, and the right that it needs.\n\n");
    printf("| kind | number | link | right | what it gives |\n|---|---|---|---|---|\n");
#define STATE(kind, part, number, text)
#define FIELD(how, type, name, text)
#define LINK(kind, number, name, right, text)                                                      \
    printf("| %s | %d | %s | %s | %s |\n", #kind, number, #name, #right, text);
#include <state.def>
#undef STATE
#undef FIELD
#undef END
#undef LINK
}

/* --- protocols of services --- */

#define ROW(way, type, name)      ROW_##way(#way, #type, #name) ROW_GO_##way(ROW_ON)
#define ROW_ON(way, type, name)   ROW_##way(#way, #type, #name) ROW_GO_##way(ROW)
#define ROW_ONE(way, type, name)  printf("| %s | %s | %s |\n", name, type, way);
#define ROW_in(way, type, name)   ROW_ONE("word", type, name)
#define ROW_out(way, type, name)  ROW_ONE("word of the answer", type, name)
#define ROW_text(way, type, name) ROW_ONE("string in the message page", type, name)
#define ROW_give(way, type, name) ROW_ONE("capability", type, name)
#define ROW_take(way, type, name) ROW_ONE("capability of the answer", type, name)
#define ROW_end(way, type, name)
#define ROW_GO_in(next)   next
#define ROW_GO_out(next)  next
#define ROW_GO_text(next) next
#define ROW_GO_give(next) next
#define ROW_GO_take(next) next
#define ROW_GO_end(next)

#define CALL(number, name, manner, text, parameters)                                               \
    printf("\n### %d %s\n\n%s Manner: %s.\n\n", number, #name, text, #manner);                     \
    printf("| parameter | type | place |\n|---|---|---|\n");                                       \
    ROW parameters(end, , )

static void page_ipc(void)
{
    heading("Protocols of services", "abi/ipc/*.def");
    printf("Calls of a service's port (`lib/rt/include/rt/ipc.h`). The label is the call's number, "
           "word 0 of an answer its error\n(errors.md), other words and capabilities come in "
           "their order. REPEATABLE calls may be made again when it is not\nknown whether they "
           "were taken, ONCE ones may not.\n");
    printf("\n## locator\n");
#include <ipc/locator.def>
    printf("\n## console\n");
#include <ipc/console.def>
}
#undef CALL

static const struct {
    const char *name;
    void (*print)(void);
} pages[] = {{"syscalls", page_syscalls},
             {"errors", page_errors},
             {"objects", page_objects},
             {"rights", page_rights},
             {"messages", page_messages},
             {"state", page_state},
             {"ipc", page_ipc}};

int main(int count, char **words)
{
    for (size_t i = 0; count == 2 && i < sizeof(pages) / sizeof(pages[0]); i++)
        if (strcmp(pages[i].name, words[1]) == 0) {
            pages[i].print();
            return ferror(stdout) || fflush(stdout) != 0;
        }
    fprintf(stderr, "abi_docs: syscalls, errors, objects, rights, messages, state or ipc\n");
    return 2;
}
