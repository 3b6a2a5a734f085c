/* The sentences of the error list. */
#include "lib/error.h"

static const char *const error_texts[ERR_COUNT] = {
#define ERROR(number, name, text) [number] = (text),
#include <error.def>
#undef ERROR
};

const char *error_text(error_t error)
{
    return (unsigned)error < ERR_COUNT ? error_texts[error] : "an unknown error";
}
