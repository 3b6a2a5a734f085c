/* Fuzzes the deadline queue with sequences of operations, against the model of the unit tests. */
#include "deadline_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    deadline_model_run(data, size);
    return 0;
}
